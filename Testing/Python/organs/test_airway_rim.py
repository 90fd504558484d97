"""Airways of the image reach to their wall, however thick the slices, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.airway_rim import complete_rim
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

GRID = Grid((20, 40, 50), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
WALL_HU, RIM_HU, AIR_HU, LUNG_HU = 40, -650, -1000, -850


def disc(y: float, x: float, radius: float) -> BoolArray:
    """A bronchus that runs upright, as wide as so many voxels."""
    rows, columns = np.ogrid[:40, :50]
    section = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
    return np.repeat(section[None], GRID.shape[0], axis=0)


def completed(hu: np.ndarray, source: OrganSource = OrganSource.IMAGE, **masks: BoolArray) -> OrganSet:
    """Organs after completion; masks other than airways are supplied."""
    organs = OrganSet(GRID)
    for name, mask in masks.items():
        given = OrganSource.SUPPLIED if name == "esophagus" else source
        organs.add(Organ(name, mask, given, Reason("supplied_mask")))
    complete_rim(organs, Scan(hu.astype(np.int16), np.ones(GRID.shape, bool), GRID))
    return organs


@pytest.fixture
def blurred() -> np.ndarray:
    """A lumen with a rim of up to 3 mm that is half wall."""
    hu = np.full(GRID.shape, WALL_HU)
    hu[disc(20, 15, 4.5)], hu[disc(20, 15, 3)] = RIM_HU, AIR_HU
    return hu


def test_the_blurred_rim_belongs_to_the_lumen_and_the_wall_does_not(blurred: np.ndarray) -> None:
    found = completed(blurred, trachea=disc(20, 15, 3))["trachea"]
    assert np.array_equal(found.mask, disc(20, 15, 4.5))
    assert found.source is OrganSource.IMAGE


def test_lung_that_a_thin_wall_does_not_part_from_the_lumen_stays_lung() -> None:
    hu = np.full(GRID.shape, WALL_HU)
    hu[:, :, 18:] = LUNG_HU
    hu[disc(20, 15, 3)] = AIR_HU
    added = completed(hu, main_bronchus_left=disc(20, 15, 3))["main_bronchus_left"].mask & (hu == LUNG_HU)
    assert added.sum() <= 0.01 * (hu == LUNG_HU).sum()


def test_each_voxel_of_the_rim_goes_to_the_nearest_airway(blurred: np.ndarray) -> None:
    lumen = disc(20, 15, 3)
    upper, lower = lumen.copy(), lumen.copy()
    upper[:10], lower[10:] = False, False
    found = completed(blurred, trachea=upper, main_bronchus_right=lower)
    assert not (found["trachea"].mask & found["main_bronchus_right"].mask).any()
    assert np.array_equal(found["trachea"].mask | found["main_bronchus_right"].mask, disc(20, 15, 4.5))
    assert not found["trachea"].mask[:10].any()


def test_supplied_airways_and_what_a_supplied_organ_holds_stay_as_they_are(blurred: np.ndarray) -> None:
    lumen = disc(20, 15, 3)
    assert np.array_equal(completed(blurred, OrganSource.SUPPLIED, trachea=lumen)["trachea"].mask, lumen)
    beside = disc(20, 15, 4.5) & ~lumen
    assert np.array_equal(completed(blurred, trachea=lumen, esophagus=beside)["trachea"].mask, lumen)


def test_a_chest_without_airways_has_none_afterwards(blurred: np.ndarray) -> None:
    assert not completed(blurred).organs
