"""Level of the inferior pulmonary veins on a drawn heart."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.pulmonary_veins import USUAL_BELOW_CARINA_MM, find_inferior_veins
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray

SPACING_MM = 1.5
GRID = Grid((80, 80, 110), (SPACING_MM,) * 3, (-120.0, -60.0, -82.5))
CARINA = (80.0, 50.0, 55.0)
CARINA_Z = -120.0 + 80 * SPACING_MM


def scan() -> Scan:
    return Scan(np.zeros(GRID.shape, np.int16), np.ones(GRID.shape, bool), GRID)


def heart() -> BoolArray:
    z, y, x = (GRID.coordinates_mm(axis) for axis in range(3))
    ball = (x[None, None] / 40) ** 2 + ((y[None, :, None] + 10) / 35) ** 2 + ((z[:, None, None] + 60) / 45) ** 2
    return np.asarray(ball <= 1)


def vein(low: float, high: float) -> BoolArray:
    """Veins of both sides, straight to the side from the rear of the heart."""
    z, y, x = (GRID.coordinates_mm(axis) for axis in range(3))
    level = (z >= low) & (z <= high)
    depth = (y >= 8) & (y <= 18)
    wide = np.abs(x) < 70
    return (level[:, None, None] & depth[None, :, None] & wide[None, None, :]) & ~heart()


@pytest.mark.parametrize("side", ["left", "right"])
def test_landmark_is_the_lowest_slice_in_which_the_vein_reaches_the_heart(side: str) -> None:
    found = find_inferior_veins(scan(), CARINA, heart(), vein(-66.0, -54.0) | vein(-44.0, -40.0))
    mark = next(mark for mark in found.landmarks if mark.name == f"inferior_pulmonary_vein_{side}")
    assert mark.source is OrganSource.IMAGE
    assert mark.point_mm[2] == pytest.approx(-66.0, abs=SPACING_MM)
    assert (mark.point_mm[0] > 0) == (side == "left")


def test_superior_veins_are_not_taken_for_inferior_ones() -> None:
    found = find_inferior_veins(scan(), CARINA, heart(), vein(-36.0, -24.0))
    for mark in found.landmarks:
        assert mark.source is OrganSource.SURROGATE
        assert mark.point_mm[2] == pytest.approx(CARINA_Z - USUAL_BELOW_CARINA_MM, abs=SPACING_MM)
    assert len(found.warnings) == 2
