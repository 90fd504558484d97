"""Per-slice profiles."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.stations import profiles

GRID = Grid((4, 6, 8), (2.0, 1.5, 1.0), (10.0, -3.0, 5.0))


def one_box() -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[1:3, 2:5, 3:6] = True
    return mask


def test_edges_are_voxel_faces_in_mm() -> None:
    mask = one_box()
    np.testing.assert_allclose(profiles.first_mm(mask, GRID, 2), [np.nan, 7.5, 7.5, np.nan])
    np.testing.assert_allclose(profiles.last_mm(mask, GRID, 2), [np.nan, 10.5, 10.5, np.nan])
    np.testing.assert_allclose(profiles.first_mm(mask, GRID, 1)[1], -3.0 + 1.5 * 1.5)
    np.testing.assert_allclose(profiles.last_mm(mask, GRID, 1)[1], -3.0 + 1.5 * 4.5)
    assert profiles.lowest_z_mm(mask, GRID) == 11.0
    assert profiles.highest_z_mm(mask, GRID) == 15.0


def test_center_is_the_centroid() -> None:
    np.testing.assert_allclose(profiles.center_mm(one_box(), GRID, 2)[1:3], 9.0)
    np.testing.assert_allclose(profiles.center_mm(one_box(), GRID, 1)[1:3], -3.0 + 1.5 * 3)


def test_gaps_are_interpolated_and_ends_keep_their_value() -> None:
    values = np.array([np.nan, 2.0, np.nan, 4.0, np.nan])
    np.testing.assert_allclose(profiles.filled(values, sigma=1e-6), [2, 2, 3, 4, 4])


def test_ends_continue_the_line_where_asked() -> None:
    values = np.array([np.nan, np.nan, 2.0, 3.0, 4.0, 5.0, np.nan, np.nan])
    np.testing.assert_allclose(profiles.filled(values, sigma=1e-6, slope_from=4), np.arange(8.0), atol=1e-9)


def test_nothing_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no slice"):
        profiles.filled(np.full(3, np.nan), sigma=1.0)
