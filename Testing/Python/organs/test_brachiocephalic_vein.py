"""Where the left brachiocephalic vein crosses the trachea, which parts 2R from 4R."""

from __future__ import annotations

import numpy as np
import pytest
from organs.organ_cases import CROSSING_Z, Thorax, dice, found_in_thorax, make_thorax

from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.brachiocephalic import find_brachiocephalic_vein_left
from LNStationLib.organs.vessel_paths import Surroundings
from LNStationLib.state.organ_set import OrganSet

NAME = "left_brachiocephalic_vein_crossing"
GRID = Grid((70, 50, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
NOTCH, TRACHEA_X, TRACHEA_Y, LEFT_X = 50, 25, 40, 42
FAT_HU, SOFT_HU = -100, 45


def upper_mediastinum(*, trunk_z: float | None, arch_z: float | None) -> Surroundings:
    """Soft tissue everywhere before the trachea, as thymus, arteries and veins look without contrast."""
    trachea = np.zeros(GRID.shape, bool)
    trachea[:, TRACHEA_Y : TRACHEA_Y + 6, TRACHEA_X - 4 : TRACHEA_X + 5] = True
    hu = np.full(GRID.shape, SOFT_HU, np.int16)
    scan = Scan(hu, np.ones(GRID.shape, bool), GRID)
    carina = (8.0, TRACHEA_Y + 3.0, float(TRACHEA_X))
    nothing = np.zeros(GRID.shape, bool)
    return Surroundings(scan, carina, trachea, None, trachea, nothing, None, float(NOTCH), trunk_z, arch_z)


def crossing_below_notch_mm(around: Surroundings) -> float:
    """Depth of the crossing below the jugular notch, with a cava and right vein that go on to the neck."""
    cava = np.zeros(GRID.shape, bool)
    cava[:, 32:38, 10:17] = True
    soft = ~around.trachea & ~cava
    found = find_brachiocephalic_vein_left(around, soft, cava, float(LEFT_X))
    (mark,) = found.landmarks
    return (NOTCH - GRID.index(mark.point_mm)[0]) * GRID.spacing_mm[0]


def test_an_unseen_vein_crosses_behind_the_upper_half_of_the_manubrium_not_at_the_notch() -> None:
    assert crossing_below_notch_mm(upper_mediastinum(trunk_z=None, arch_z=None)) == pytest.approx(25.0, abs=6.0)


@pytest.mark.parametrize("below_notch_mm", [10.0, 30.0, 44.0])
def test_it_crosses_where_the_brachiocephalic_trunk_leaves_the_arch(below_notch_mm: float) -> None:
    around = upper_mediastinum(trunk_z=NOTCH - below_notch_mm / 2.0, arch_z=None)
    assert crossing_below_notch_mm(around) == pytest.approx(below_notch_mm, abs=6.0)


def test_arch_and_manubrium_count_alike_where_the_trunk_is_not_known() -> None:
    around = upper_mediastinum(trunk_z=None, arch_z=NOTCH - 45.0 / 2.0)
    assert crossing_below_notch_mm(around) == pytest.approx(35.0, abs=6.0)


def check_vein(organs: OrganSet, thorax: Thorax) -> None:
    assert abs(organs.landmarks[NAME].point_mm[2] - CROSSING_Z) <= 6.0
    assert dice(organs["brachiocephalic_vein_left"].mask, thorax.masks["brachiocephalic_vein_left"]) > 0.55


def test_the_vein_is_found_beside_enhanced_arteries(image_organs: OrganSet, thorax: Thorax) -> None:
    check_vein(image_organs, thorax)


def test_the_vein_is_found_without_contrast() -> None:
    check_vein(found_in_thorax(contrast_hu=42.0), make_thorax(42.0))


def test_the_surrogate_without_any_mask_lies_near_that_with_masks(
    real_organs: OrganSet, real_image_organs: OrganSet
) -> None:
    levels = [organs.landmarks[NAME].point_mm[2] for organs in (real_organs, real_image_organs)]
    assert abs(levels[0] - levels[1]) <= 10.0
