"""Interpolation axis by axis against SimpleITK's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.imaging.interpolation import interpolated

spacings = st.tuples(*[st.sampled_from((0.7, 1.0, 1.5, 2.0, 3.1))] * 3)
shapes = st.tuples(*[st.integers(1, 9)] * 3)
origins = st.tuples(*[st.floats(-4.0, 4.0)] * 3)
grids = st.builds(Grid, shapes, spacings, origins)


@settings(deadline=None)
@given(grids, grids, st.sampled_from((np.float16, np.float32)))
def test_values_are_those_of_simpleitk_within_and_beyond_the_grid(grid: Grid, target: Grid, kind: type) -> None:
    values = np.random.default_rng(0).uniform(1.0, 2.0, grid.shape).astype(kind)
    # Where a voxel lies on the border to rounding, either may have it outside.
    if any(np.isclose(edge, 0.5, atol=1e-6).any() for edge in _past_the_ends(grid, target)):
        return
    expected = resample_to_grid(grid.image(values.astype(np.float32)), target, labels=False)
    np.testing.assert_allclose(interpolated(values, grid, target), expected, atol=1e-5)


def _past_the_ends(grid: Grid, target: Grid) -> list[np.ndarray]:
    """How many voxels each target voxel lies beyond the outermost centers, along each axis."""
    found = []
    for axis in range(3):
        index = (target.coordinates_mm(axis) - grid.origin_mm[axis]) / grid.spacing_mm[axis]
        found += [-index, index - (grid.shape[axis] - 1)]
    return found
