"""A node from one point, and one cut in two, on spheres whose size is known."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from LNStationLib.imaging.boxes import points_mm
from LNStationLib.imaging.edited_masks import EditedMask, in_region, mask_at
from LNStationLib.nodes.grow import grown_node
from LNStationLib.nodes.split import halves
from LNStationLib.support.errors import InputError

FAT_HU, NODE_HU, VESSEL_HU = -100, 45, 260
GRIDS = {
    "isotropic": ((1.0, 1.0, 1.0), np.eye(3)),
    "thick slices": ((0.8, 0.8, 3.0), np.eye(3)),
    "flipped": ((1.0, 1.0, 2.0), np.diag([-1.0, 1.0, -1.0])),
    "axes permuted": ((1.2, 1.0, 1.5), np.eye(3)[:, [2, 0, 1]]),
    "oblique": ((1.0, 1.0, 1.5), np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])),
}


def image_of(grid: str = "isotropic", size_mm: float = 60.0) -> sitk.Image:
    """Fat, its middle at the origin."""
    spacing, axes = GRIDS[grid]
    image = sitk.Image([round(size_mm / width) for width in spacing], sitk.sitkInt16) + FAT_HU
    image.SetSpacing(spacing)
    image.SetDirection([float(one) for one in axes.ravel()])
    middle = np.array([(n - 1) / 2 for n in image.GetSize()])
    image.SetOrigin([float(-one) for one in axes @ (middle * spacing)])
    return image


def positions(image: sitk.Image) -> np.ndarray:
    """LPS mm of every voxel, ``[z, y, x, 3]``."""
    shape = image.GetSize()[::-1]
    return points_mm(image, np.argwhere(np.ones(shape, bool))).reshape(*shape, 3)


def drawn(image: sitk.Image, *balls: tuple[tuple[float, float, float], float, int]) -> tuple[sitk.Image, np.ndarray]:
    """Balls of a center, a radius and a density; and the voxels of the first."""
    array, where = sitk.GetArrayFromImage(image), positions(image)
    masks = [np.linalg.norm(where - center, axis=-1) <= radius for center, radius, _ in balls]
    for mask, (_, _, hu) in reversed(list(zip(masks, balls, strict=True))):
        array[mask] = hu
    noise = np.random.default_rng(0).normal(0.0, 12.0, array.shape)
    made = sitk.GetImageFromArray((array + noise).astype(np.int16))
    made.CopyInformation(image)
    return made, masks[0]


def whole(mask: EditedMask, image: sitk.Image) -> np.ndarray:
    z, y, x = (slice(0, n) for n in image.GetSize()[::-1])
    return in_region(mask, (z, y, x))


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("radius_mm", [4.0, 8.0])
def test_a_ball_in_fat_is_found_from_a_point_inside_it(grid: str, radius_mm: float) -> None:
    image, truth = drawn(image_of(grid), ((3.0, -4.0, 5.0), radius_mm, NODE_HU))
    for off in ((0.0, 0.0, 0.0), (radius_mm / 3, 0.0, 0.0)):
        mask = grown_node(image, (3.0 + off[0], -4.0 + off[1], 5.0 + off[2]))
        assert dice(whole(mask, image), truth) > 0.85


def test_a_neighbor_that_touches_and_a_vessel_are_left_out() -> None:
    balls = (((0.0, 0.0, 0.0), 6.0, NODE_HU), ((10.5, 0.0, 0.0), 5.5, NODE_HU), ((0.0, -12.0, 0.0), 7.0, VESSEL_HU))
    image, truth = drawn(image_of(), *balls)
    assert dice(whole(grown_node(image, (0.0, 0.0, 0.0)), image), truth) > 0.8


def test_what_is_blocked_is_not_taken() -> None:
    image, _truth = drawn(image_of(), ((0.0, 0.0, 0.0), 8.0, NODE_HU))
    blocked = sitk.GetImageFromArray((positions(image)[..., 0] > 2.0).astype(np.uint8))
    blocked.CopyInformation(image)
    grown = whole(grown_node(image, (-3.0, 0.0, 0.0), blocked), image)
    assert grown.any()
    assert not grown[sitk.GetArrayFromImage(blocked) > 0].any()
    with pytest.raises(InputError, match="organ or a vessel"):
        grown_node(image, (5.0, 0.0, 0.0), blocked)


def test_fat_and_the_outside_grow_nothing() -> None:
    image, _ = drawn(image_of(), ((0.0, 0.0, 0.0), 6.0, NODE_HU))
    with pytest.raises(InputError, match=r"no soft tissue at this point \(-\d+ HU\)"):
        grown_node(image, (15.0, 15.0, 15.0))
    with pytest.raises(InputError, match="outside the CT"):
        grown_node(image, (500.0, 0.0, 0.0))


@pytest.mark.parametrize("grid", GRIDS)
def test_two_balls_in_one_are_cut_between_them(grid: str) -> None:
    image = image_of(grid)
    where = positions(image)
    left = np.linalg.norm(where - (-7.0, 0.0, 0.0), axis=-1) <= 7.5
    right = np.linalg.norm(where - (6.0, 2.0, 0.0), axis=-1) <= 6.0
    both = (left | right).astype(np.uint16)
    mask = mask_at(both, 1, tuple(slice(0, n) for n in both.shape))
    assert mask is not None
    larger, smaller = (whole(part, image) for part in halves(mask, image))
    assert np.array_equal(larger | smaller, both > 0)
    assert not (larger & smaller).any()
    assert larger.sum() >= smaller.sum()
    assert dice(larger, left) > 0.9
    assert dice(smaller, right & ~left) > 0.85


def test_a_node_of_a_few_voxels_is_not_split() -> None:
    image = image_of()
    tiny = EditedMask((slice(0, 1), slice(0, 2), slice(0, 3)), np.ones((1, 2, 3), bool))
    with pytest.raises(InputError, match="6 voxels, too few to be split"):
        halves(tiny, image)
