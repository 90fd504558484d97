"""Growing and opening by shifts give the voxels that scipy and distances give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from LNStationLib.imaging.distances import depth_mm, within_mm
from LNStationLib.imaging.growing import close_by_disk, grow_by_faces, open_by_box, open_by_disk


def blobs(seed: int, share: float = 0.3, shape: tuple[int, int, int] = (17, 14, 19)) -> np.ndarray:
    """Pieces of all sizes, some of them at the edges of the array."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.2)
    return noise > np.quantile(noise, 1 - share)


def disk(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (y**2 + x**2 <= radius**2)[None]


@pytest.mark.parametrize("spacing_mm", [1.0, 1.5, 2.5, 3.3])
@pytest.mark.parametrize("voxels", [0.4, 1.0, 1.2, 1.5, 2.0, 2.45, 3.0, 4.3, 7.9, 9.0, 30.0])
def test_what_lies_within_a_reach_is_what_distances_say(voxels: float, spacing_mm: float) -> None:
    mask, spacing = blobs(round(10 * voxels), 0.02), (spacing_mm,) * 3
    reach_mm = voxels * spacing_mm
    expected = depth_mm(~mask, spacing) <= reach_mm + 1e-6
    assert np.array_equal(within_mm(mask, reach_mm, spacing), expected)


def test_a_grid_with_thick_slices_is_measured_in_millimeters() -> None:
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[4, 4, 4] = True
    grown = within_mm(mask, 3.0, (3.0, 1.0, 1.0))
    assert grown[:, 4, 4].nonzero()[0].tolist() == [3, 4, 5]
    assert grown[4, 4].nonzero()[0].tolist() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("reach_mm", [1.0, 3.0, 20.0])
def test_nothing_lies_near_an_empty_mask(reach_mm: float) -> None:
    assert not within_mm(np.zeros((5, 6, 7), dtype=bool), reach_mm, (1.0, 1.0, 1.0)).any()


@pytest.mark.parametrize("steps", [1, 2, 5, 40])
def test_growing_by_faces_is_scipys_dilation(steps: int) -> None:
    mask = blobs(3, 0.02)
    assert np.array_equal(grow_by_faces(mask, steps), ndimage.binary_dilation(mask, iterations=steps))
    assert np.array_equal(~grow_by_faces(~mask), ndimage.binary_erosion(mask, border_value=1))


@pytest.mark.parametrize("radius", [1, 2, 3, 6, 15])
def test_opening_and_closing_by_disks_are_scipys(radius: int) -> None:
    mask = blobs(radius, 0.6)
    assert np.array_equal(open_by_disk(mask, radius**2), ndimage.binary_opening(mask, disk(radius)))
    assert np.array_equal(close_by_disk(mask, radius**2), ndimage.binary_closing(mask, disk(radius)))


@pytest.mark.parametrize("lengths", [(1, 1, 1), (1, 2, 1), (1, 5, 1), (2, 2, 2), (3, 3, 3), (1, 1, 7), (1, 20, 1)])
def test_opening_by_a_box_is_scipys(lengths: tuple[int, int, int]) -> None:
    mask = blobs(5, 0.6)
    assert np.array_equal(open_by_box(mask, lengths), ndimage.binary_opening(mask, np.ones(lengths)))


def test_a_mask_smaller_than_the_reach_is_no_error() -> None:
    mask = np.ones((1, 2, 1), dtype=bool)
    assert within_mm(mask, 5.0, (1.0, 1.0, 1.0)).all()
    assert grow_by_faces(mask, 3).all()
    assert not open_by_disk(mask, 9).any()
