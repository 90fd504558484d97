"""PET and the distance to the tumor as channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from LNStationLib.imaging.grid import Grid
from LNStationLib.sampling.pet_and_tumor import (
    NEAR_MM,
    pet_on_grid,
    scaled_distance,
    standardized_suv,
    tumor_distance_mm,
)
from LNStationLib.sampling.volume import OrganProbabilities, VolumeSpec, channels_of, outside_values

GRID = Grid((20, 30, 30), (4.0, 3.0, 3.0), (-40.0, -45.0, -45.0))


def ball(grid: Grid, center_zyx: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    axes = [grid.coordinates_mm(axis) - at for axis, at in enumerate(center_zyx)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 <= radius_mm**2


def test_the_distance_is_negative_inside_and_in_mm_outside() -> None:
    distance = tumor_distance_mm(GRID.image(ball(GRID, (0, 0, 0), 12.0)), GRID)
    z, y, x = (round(n) for n in GRID.index((0.0, 0.0, 0.0)))
    assert -12.5 < distance[z, y, x] < -6, "boundary voxels lie up to a voxel inside the surface"
    assert distance[z, y, x + 10] == pytest.approx(18, abs=4)
    assert distance[z + 8, y, x] == pytest.approx(20, abs=5)
    assert distance.dtype == np.float32
    assert distance.shape == GRID.shape


def test_a_tumor_beyond_the_grid_counts() -> None:
    far = replace(GRID, origin_mm=(100.0, -45.0, -45.0))
    distance = tumor_distance_mm(far.image(ball(far, (140.0, 0, 0), 10.0)), GRID)
    top, bottom = distance[-1, 15, 15], distance[0, 15, 15]
    assert top == pytest.approx(140 - 36 - 10, abs=5)
    assert bottom == pytest.approx(top + 76, abs=2)


def test_the_nearer_of_two_parts_counts_and_a_tumor_smaller_than_a_voxel_is_not_lost() -> None:
    both = ball(GRID, (0, -30, 0), 8.0) | ball(GRID, (0, 30, 0), 8.0)
    distance = tumor_distance_mm(GRID.image(both), GRID)
    assert np.allclose(distance[10, 5], distance[10, 25], atol=4)
    fine = Grid((9, 9, 9), (0.2, 0.2, 0.2), (1.1, 1.1, 1.1))
    tiny = tumor_distance_mm(fine.image(ball(fine, (1.9, 1.9, 1.9), 0.5)), GRID)
    assert tiny.min() <= 0
    assert tiny.max() > 40
    with pytest.raises(ValueError, match="empty mask"):
        tumor_distance_mm(GRID.image(np.zeros(GRID.shape, np.uint8)), GRID)


def test_a_mirrored_tumor_has_the_mirrored_distance() -> None:
    mask = ball(GRID, (10, -9, 15), 10.0)
    mirrored = Grid(GRID.shape, GRID.spacing_mm, (GRID.origin_mm[0], GRID.origin_mm[1], -42.0))
    straight = tumor_distance_mm(mirrored.image(mask), mirrored)
    turned = tumor_distance_mm(mirrored.image(np.ascontiguousarray(mask[..., ::-1])), mirrored)
    assert np.allclose(turned[..., ::-1], straight, atol=1e-4)


def test_pet_is_interpolated_and_nothing_beyond_it() -> None:
    coarse = Grid((5, 20, 20), (8.0, 6.0, 6.0), (-4.0, -57.0, -57.0))
    values = np.broadcast_to(coarse.coordinates_mm(0)[:, None, None], coarse.shape).astype(np.float32) + 10
    suv = pet_on_grid(coarse.image(values), GRID)
    assert np.isnan(suv[0]).all()
    inside = ~np.isnan(suv)
    heights = np.broadcast_to(GRID.coordinates_mm(0)[:, None, None], GRID.shape) + 10
    assert inside.any()
    assert np.allclose(suv[inside], np.clip(heights[inside], 6, 38), atol=0.01), "held at the outermost centers"


def test_channels_are_standardized_clipped_and_neutral_where_pet_is_missing() -> None:
    assert scaled_distance(np.array([-700.0, 0.0, NEAR_MM, 7000.0])).tolist() == [-1, 0, 1, 3]
    assert standardized_suv(np.array([np.nan, 1.0, 3.0, 1e6]), 1.0, 2.0).tolist() == [0, 0, 1, 20]
    spec = VolumeSpec(spacing_mm=GRID.spacing_mm, channels=("ct_soft", "pet", "tumor_distance"), pet_suv=(1.0, 2.0))
    suv = np.full(GRID.shape, 3.0, np.float32)
    suv[:5] = np.nan
    known = OrganProbabilities(GRID, {}, None, suv, np.full(GRID.shape, 140.0, np.float32))
    made = channels_of(np.zeros(GRID.shape, np.float32), GRID, spec, known)
    assert made[1, 0].max() == 0
    assert np.allclose(made[1, 5:], 1)
    assert np.allclose(made[2], 2)
    assert outside_values(spec)[1:] == [0.0, 3.0]
    assert not np.isnan(suv[5:]).any()
    assert np.isnan(suv[:5]).all(), "what was given is not changed"


def test_a_package_must_say_how_pet_is_standardized_and_pet_must_be_there() -> None:
    with pytest.raises(ValueError, match="pet_suv"):
        VolumeSpec(channels=("ct_soft", "pet"))
    with pytest.raises(ValueError, match="standard deviation above 0"):
        VolumeSpec(channels=("ct_soft", "pet"), pet_suv=(1.0, 0.0))
    spec = VolumeSpec(channels=("pet",), pet_suv=(1.0, 2.0))
    with pytest.raises(ValueError, match="on the network's grid"):
        channels_of(np.zeros(GRID.shape, np.float32), GRID, spec, OrganProbabilities(GRID, {}))


def test_an_oblique_pet_is_read_where_it_lies() -> None:
    pet = sitk.GetImageFromArray(np.full((40, 40, 40), 2.0, np.float32))
    pet.SetSpacing((4.0, 4.0, 4.0))
    turned = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    pet.SetDirection(turned.ravel().tolist())
    pet.SetOrigin(tuple(float(v) for v in turned @ np.array([-78.0, -78.0, -78.0])))
    suv = pet_on_grid(pet, GRID)
    assert np.allclose(suv, 2.0)
