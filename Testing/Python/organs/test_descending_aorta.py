"""A descending aorta that a network outlined too thin or lost is completed by its width and density."""

from __future__ import annotations

import numpy as np
import pytest
from organs.organ_cases import Thorax, dice, make_thorax
from scipy import ndimage
from states import said

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import descending_aorta
from LNStationLib.organs.context import Context
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

NAME = "descending_aorta"
WITHOUT_CONTRAST_HU = 42.0


def true_part(thorax: Thorax) -> BoolArray:
    """The descending aorta of the thorax, below its arch."""
    y, z = np.arange(thorax.grid.shape[1]), np.arange(thorax.grid.shape[0])
    behind = (thorax.grid.origin_mm[1] + 2.0 * y > 10.0)[None, :, None]
    below = (thorax.grid.origin_mm[0] + 2.0 * z < 160.0)[:, None, None]
    return np.asarray(thorax.masks["aorta"] & behind & below)


def slices(thorax: Thorax, low_mm: float, high_mm: float) -> slice:
    """Slices between two levels."""
    low, high = ((level - thorax.grid.origin_mm[0]) / 2.0 for level in (low_mm, high_mm))
    return slice(round(low), round(high))


def completed(thorax: Thorax, seen: BoolArray, source: OrganSource = OrganSource.NETWORK) -> OrganSet:
    """Organs after what was seen of the aorta was completed."""
    organs = OrganSet(thorax.grid)
    for name in ("lung_left", "lung_right", "spine", "heart"):
        organs.add(Organ(name, thorax.masks[name], OrganSource.IMAGE, Reason("made")))
    for name in ("aorta", NAME):
        organs.add(Organ(name, seen, source, Reason("of_a_network")))
    scan = Scan(thorax.hu, np.ones(thorax.grid.shape, bool), thorax.grid)
    descending_aorta.complete(Context(scan, organs, np.asarray(thorax.hu > -300)))
    return organs


@pytest.mark.parametrize("contrast_hu", [WITHOUT_CONTRAST_HU, 300.0])
def test_an_aorta_that_ends_in_the_chest_is_followed_to_the_end_of_the_view(contrast_hu: float) -> None:
    thorax = make_thorax(contrast_hu)
    truth = true_part(thorax)
    cut = truth.copy()
    cut[slices(thorax, thorax.grid.origin_mm[0], 70.0)] = False
    organs = completed(thorax, cut)
    lost = truth & ~cut
    assert dice(organs[NAME].mask & ~cut, lost) > 0.8
    assert (organs["aorta"].mask & lost).sum() > 0.8 * lost.sum()


def test_thin_and_missing_sections_between_whole_ones_become_whole() -> None:
    thorax = make_thorax(WITHOUT_CONTRAST_HU)
    truth = true_part(thorax)
    thin = truth.copy()
    low, missing = slices(thorax, 50.0, 100.0), slices(thorax, 66.0, 80.0)
    thin[low] = ndimage.binary_erosion(truth, np.ones((1, 3, 3)), iterations=3)[low]
    thin[missing] = False
    assert dice(thin[low], truth[low]) < 0.5
    assert dice(completed(thorax, thin)[NAME].mask[low], truth[low]) > 0.85


def test_what_was_completed_is_said_and_nothing_where_nothing_was() -> None:
    thorax = make_thorax(WITHOUT_CONTRAST_HU)
    truth = true_part(thorax)
    whole = completed(thorax, truth)
    assert np.array_equal(whole[NAME].mask, truth)
    assert whole[NAME].how == Reason("of_a_network")
    assert not whole.warnings
    cut = truth.copy()
    cut[slices(thorax, thorax.grid.origin_mm[0], 70.0)] = False
    organs = completed(thorax, cut)
    assert organs[NAME].how.code == "descending_part_completed"
    assert sum("stations 8 and 9" in warning for warning in said(organs.warnings)) == 1


def test_an_aorta_that_truly_ends_is_not_continued_into_fat() -> None:
    thorax = make_thorax(WITHOUT_CONTRAST_HU)
    truth = true_part(thorax)
    ends = truth.copy()
    below = slices(thorax, thorax.grid.origin_mm[0], 70.0)
    ends[below] = False
    hu = thorax.hu.copy()
    hu[below] = np.where(truth[below] | thorax.masks["esophagus"][below], -90, hu[below])
    organs = completed(Thorax(hu, thorax.masks, thorax.grid), ends)
    assert (organs[NAME].mask & ~ends).sum() <= 0.05 * ends.sum()


def test_a_mask_of_the_user_stays_as_it_is() -> None:
    thorax = make_thorax(WITHOUT_CONTRAST_HU)
    cut = true_part(thorax)
    cut[slices(thorax, thorax.grid.origin_mm[0], 70.0)] = False
    assert np.array_equal(completed(thorax, cut, OrganSource.SUPPLIED)[NAME].mask, cut)
