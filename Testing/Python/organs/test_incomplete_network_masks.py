"""A network's mask with something hanging on it, or one that ends too high, moves no station."""

from __future__ import annotations

import numpy as np
import pytest
from organs.organ_cases import SPACING_MM, make_thorax
from states import said

from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.pulmonary_artery import upper_rim
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

GRID = Grid((50, 40, 40), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
WITHOUT_CONTRAST_HU = 42.0
CUT_Z = 150.0
SEEN = Reason("of_a_network")


def ball(z: int, y: int, x: int, radius_mm: float) -> BoolArray:
    index = np.indices(GRID.shape)
    return np.asarray(np.linalg.norm([index[0] - z, index[1] - y, index[2] - x], axis=0) * 1.5 <= radius_mm)


def rim_mm(artery: BoolArray) -> float:
    scan = Scan(np.zeros(GRID.shape, np.int16), np.ones(GRID.shape, bool), GRID)
    (mark,) = upper_rim(artery, scan).landmarks
    return mark.point_mm[2]


def test_a_piece_of_the_arch_that_hangs_on_the_pulmonary_artery_by_a_neck_is_not_its_rim() -> None:
    artery = ball(15, 20, 20, 14.0)
    hanging = artery | ball(36, 20, 26, 9.0)
    hanging[22:34, 18:21, 22:25] = True
    loose = artery | ball(38, 20, 26, 9.0)
    for mask in (hanging, loose):
        assert rim_mm(mask) == pytest.approx(rim_mm(artery), abs=1.5)


def test_a_slender_artery_keeps_its_rim() -> None:
    slender = np.zeros(GRID.shape, bool)
    slender[10:30, 18:21, 18:21] = True
    assert rim_mm(slender) == pytest.approx(29 * 1.5)


def test_blur_of_a_thick_slice_above_the_artery_is_not_its_rim() -> None:
    artery = np.zeros(GRID.shape, bool)
    artery[10:20, 10:30, 10:30] = True
    blurred = artery.copy()
    blurred[20, 14:24, 14:24] = blurred[21, 16:22, 16:22] = True
    assert rim_mm(blurred) == pytest.approx(20 * 1.5)
    assert rim_mm(artery) == pytest.approx(19 * 1.5)


def with_esophagus(source: OrganSource, lowest_mm: float) -> tuple[OrganSet, BoolArray]:
    """Organs of a chest without contrast of which an esophagus was given that ends at a height, and its true mask."""
    thorax = make_thorax(WITHOUT_CONTRAST_HU)
    truth = thorax.masks["esophagus"]
    cut = truth.copy()
    cut[: round((lowest_mm - thorax.grid.origin_mm[0]) / SPACING_MM)] = False
    given = [Organ("esophagus", cut, source, SEEN)]
    given += [Organ(name, thorax.masks[name], OrganSource.NETWORK, SEEN) for name in ("heart", "aorta")]
    scan = Scan(thorax.hu, np.ones(thorax.grid.shape, bool), thorax.grid)
    return find_organs(thorax.case(), scan, segmented=[Findings(given)]), truth


def test_an_esophagus_that_a_network_loses_behind_the_heart_is_completed_with_a_warning() -> None:
    organs, truth = with_esophagus(OrganSource.NETWORK, CUT_Z)
    mask = organs["esophagus"].mask
    below = slice(0, round(CUT_Z / SPACING_MM))
    lost = truth[below]
    assert (mask[below] & lost).sum() > 0.4 * lost.sum()
    assert organs["esophagus"].how.code == "lower_esophagus_on_path"
    assert any("lost the esophagus" in warning for warning in said(organs.warnings))


@pytest.mark.parametrize(("source", "lowest_mm"), [(OrganSource.SUPPLIED, CUT_Z), (OrganSource.NETWORK, 40.0)])
def test_a_mask_of_the_user_and_one_that_reaches_the_diaphragm_stay(source: OrganSource, lowest_mm: float) -> None:
    organs, truth = with_esophagus(source, lowest_mm)
    assert organs["esophagus"].how == SEEN
    assert not any("lost the esophagus" in warning for warning in said(organs.warnings))
    assert not (organs["esophagus"].mask & ~truth).any()
