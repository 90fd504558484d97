"""Brown fat: hot fat on both sides, told from hot nodes in fat."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.brown_fat import BrownFat, brown_fat

SIZE, SPACING = (60, 100, 100), (4.0, 2.0, 2.0)
"""Of the CT; the PET has voxels of 5 x 4 x 4 mm."""
SIGMA = [6 / 2.355 / mm for mm in SPACING]
RIGHT, LEFT = (120.0, 100.0, 40.0), (126.0, 94.0, 160.0)
"""Centers z, y, x in mm, nearly mirror images."""
Ball = tuple[tuple[float, float, float], float, float]
"""Center, radius in mm, SUV."""


def found(*, fat: tuple[Ball, ...] = (), nodes: tuple[Ball, ...] = (), flip: bool = False) -> BrownFat | None:
    """Hot balls in a block of fat; those of nodes are soft tissue on CT."""
    z, y, x = np.meshgrid(*(np.arange(n) * mm for n, mm in zip(SIZE, SPACING, strict=True)), indexing="ij")
    hu, uptake = np.full(SIZE, -100, np.int16), np.full(SIZE, 0.5)
    for (center, radius, suv), is_node in [*((ball, False) for ball in fat), *((ball, True) for ball in nodes)]:
        inside = sum((axis - at) ** 2 for axis, at in zip((z, y, x), center, strict=True)) < radius**2
        uptake[inside] = suv
        hu[inside] = 40 if is_node else -100
    ct, sharp = sitk.GetImageFromArray(hu), sitk.GetImageFromArray(gaussian_filter(uptake, SIGMA).astype(np.float32))
    for image in (ct, sharp):
        image.SetSpacing(SPACING[::-1])
    pet = sitk.Resample(sharp, [48, 48, 46], sitk.Transform(), sitk.sitkLinear, (1.0, 1.0, 1.0), (4.0, 4.0, 5.0))
    if flip:
        pet = sitk.Flip(pet, [True, False, True])
    return brown_fat(ct, pet, lambda z_mm: 100.0)


@pytest.mark.parametrize("flip", [False, True])
def test_hot_fat_on_both_sides_is_brown_fat_however_the_pet_is_stored(flip: bool) -> None:
    fat = found(fat=((RIGHT, 9, 6), (LEFT, 9, 6)), flip=flip)
    assert fat is not None
    assert fat.volume_ml == pytest.approx(2 * 4 / 3 * np.pi * 0.9**3, rel=0.4)
    assert fat.suv_max == pytest.approx(6, abs=0.6)


def test_a_node_lies_in_it_where_half_of_it_does() -> None:
    fat = found(fat=((RIGHT, 9, 6), (LEFT, 9, 6)))
    assert fat is not None
    inside, outside = np.array([[40.0, 100.0, 120.0]]), np.array([[100.0, 100.0, 120.0]])
    assert fat.holds(inside)
    assert fat.holds(np.concatenate([inside, outside]))
    assert not fat.holds(np.concatenate([inside, outside, outside]))
    assert not fat.holds(np.array([[900.0, 0.0, 0.0]]))


@pytest.mark.parametrize("radius_mm", [4.0, 6.0, 9.0])
def test_fat_around_hot_nodes_is_none_even_where_nodes_lie_on_both_sides(radius_mm: float) -> None:
    assert found(nodes=((RIGHT, radius_mm, 12), (LEFT, radius_mm, 12))) is None


def test_hot_fat_of_one_side_or_far_apart_is_not_told_from_disease() -> None:
    assert found(fat=((RIGHT, 9, 6),)) is None
    assert found(fat=((RIGHT, 9, 6), ((40.0, 40.0, 160.0), 9, 6))) is None
    assert found(fat=((RIGHT, 9, 1.5), (LEFT, 9, 1.5))) is None
