from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from hypothesis import given
from hypothesis import strategies as st
from imaging.samples import box_mask, chest, oblique, wrapped

from LNStationLib.imaging import checks
from LNStationLib.support.errors import GeometryError, InputError


def cube(n: int = 20, spacing: float = 5.0, origin: tuple[float, float, float] = (0, 0, 0)) -> sitk.Image:
    return wrapped(np.arange(n**3, dtype=np.int16).reshape(n, n, n), (spacing,) * 3, origin)


@pytest.mark.parametrize("spacing", [(0.05, 1, 1), (1, 1, 25)])
def test_an_absurd_spacing_is_refused(spacing: tuple[float, float, float]) -> None:
    with pytest.raises(GeometryError, match="implausible voxel spacing"):
        checks.check_spacing(wrapped(np.zeros((3, 3, 3), np.uint8), spacing), "CT", [].append)


def test_thick_slices_are_warned_of() -> None:
    said = Heard()
    checks.check_spacing(wrapped(np.zeros((3, 3, 3), np.uint8), (1, 1, 10)), "CT", said.append)
    assert said == []
    checks.check_spacing(wrapped(np.zeros((3, 3, 3), np.uint8), (1, 1, 12)), "CT", said.append)
    assert "12.0 mm apart" in said[0]


def test_images_too_small_for_a_mediastinum_are_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        checks.check_extent(cube(10, 2.0), "CT", voxels=10, mm=80)
    with pytest.raises(InputError, match="too small"):
        checks.check_extent(cube(9, 10.0), "CT", voxels=10, mm=80)
    checks.check_extent(cube(20, 5.0), "CT", voxels=10, mm=80)


def test_few_values_that_are_not_numbers_are_replaced_and_many_refused() -> None:
    values = np.ones((10, 10, 10), np.float32)
    values[0, 0, :2] = np.nan, 5
    values[0, 0, 2] = np.inf
    said = Heard()
    mended = checks.finite_values(wrapped(values), "CT", -1024, said.append)
    assert mended[0, 0, 0] == mended[0, 0, 2] == -1024
    assert "2 voxels" in said[0]
    values[:5] = np.nan
    with pytest.raises(InputError, match="50 % of the voxels"):
        checks.finite_values(wrapped(values), "CT", -1024, said.append)


def test_an_image_of_one_value_is_empty() -> None:
    with pytest.raises(InputError, match="empty, every voxel is -1024"):
        checks.finite_values(wrapped(np.full((5, 5, 5), -1024, np.int16)), "CT", 0, [].append)


@given(st.floats(-90, 90))
def test_a_rotation_with_noise_is_made_orthonormal_and_hardly_moved(degrees: float) -> None:
    noisy = oblique(degrees) + np.random.default_rng(1).normal(0, 1e-4, (3, 3))
    mended = checks.orthonormal_direction(noisy, "CT")
    assert np.abs(mended.T @ mended - np.eye(3)).max() < 1e-12
    assert np.abs(mended - noisy).max() < 1e-3


def test_a_mirrored_direction_stays_mirrored() -> None:
    assert np.linalg.det(checks.orthonormal_direction(np.diag([-1.0, 1, 1]), "CT")) == pytest.approx(-1)


def test_a_shear_is_refused_with_its_angle() -> None:
    shear = np.eye(3)
    shear[:, 2] = 0, np.sin(np.radians(10)), np.cos(np.radians(10))
    with pytest.raises(GeometryError, match=r"10\.0 degrees"):
        checks.orthonormal_direction(shear, "CT")


def test_coverage_distance_and_overlap() -> None:
    ct, half, far = cube(), cube(origin=(50, 0, 0)), cube(origin=(0, 0, 1100))
    assert checks.covered_fraction(ct, ct) == 1
    assert checks.covered_fraction(ct, half) == pytest.approx(0.5, abs=0.05)
    assert checks.distance_mm(ct, far) == pytest.approx(1000)
    checks.check_overlap(half, ct, "PET")
    with pytest.raises(GeometryError, match="1000 mm apart"):
        checks.check_overlap(far, ct, "PET")


def test_a_small_mask_within_a_large_ct_overlaps_it() -> None:
    small = wrapped(np.ones((3, 3, 3), np.uint8), (1, 1, 1), (41.3, 43.7, 38.9))
    checks.check_overlap(small, cube(), "mask")


def test_partial_cover_is_warned_of() -> None:
    said = Heard()
    checks.warn_if_partial(cube(origin=(5, 0, 0)), cube(), "PET", said.append)
    assert said == []
    checks.warn_if_partial(cube(origin=(50, 0, 0)), cube(), "PET", said.append)
    assert "of the CT" in said[0]


def test_grids_that_differ_by_noise_are_the_same() -> None:
    assert checks.same_grid(cube(), cube(origin=(0.01, 0, 0)))
    assert not checks.same_grid(cube(), cube(origin=(0.5, 0, 0)))
    assert not checks.same_grid(chest(), sitk.Flip(chest(), [True, False, False]))
    assert checks.same_grid(chest(), box_mask(chest(), (1, 1, 1), (3, 3, 3)))
