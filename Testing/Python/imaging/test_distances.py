"""Distances within masks, against scipy's exact transform; holes of slices and squares against its morphology."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from LNStationLib.imaging import patient
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.support.types import BoolArray


def drawn(seed: int) -> BoolArray:
    """Smooth blobs, some of them with holes and some at the array's edge."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal(rng.integers(3, 24, 3)), rng.uniform(0, 1.5))
    return np.asarray(field > np.quantile(field, rng.uniform(0.2, 0.8)))


@pytest.mark.parametrize("seed", range(8))
def test_a_depth_is_the_distance_to_the_nearest_voxel_outside(seed: int) -> None:
    mask, spacing = drawn(seed), (2.5, 0.7, 1.1)
    assert depth_mm(mask, spacing) == pytest.approx(ndimage.distance_transform_edt(mask, spacing), abs=1e-4)
    framed = ndimage.distance_transform_edt(np.pad(mask, 1), spacing)[1:-1, 1:-1, 1:-1]
    assert depth_mm(mask, spacing, black_border=True) == pytest.approx(framed, abs=1e-4)


def test_where_nothing_lies_outside_the_depth_is_infinite() -> None:
    assert np.isinf(depth_mm(np.ones((3, 4, 5), bool), (1.0, 1.0, 1.0))).all()
    assert not depth_mm(np.zeros((3, 4, 5), bool), (1.0, 1.0, 1.0)).any()


@pytest.mark.parametrize("seed", range(8))
def test_every_slice_is_filled_by_itself(seed: int) -> None:
    mask = drawn(seed)
    assert np.array_equal(patient.fill_slices(mask), np.stack([ndimage.binary_fill_holes(part) for part in mask]))


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_row_after_a_column_is_a_square(size: int) -> None:
    mask, square = drawn(size), np.ones((1, size, size), bool)
    assert np.array_equal(patient._shrunken(mask, size), ndimage.binary_erosion(mask, square, border_value=1))
    assert np.array_equal(patient._grown(mask, size), ndimage.binary_dilation(mask, square))
