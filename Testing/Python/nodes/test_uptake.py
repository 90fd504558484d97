"""SUVmax, SUVmean and SUVpeak on PET grids unlike the CT's."""

import numpy as np
import pytest
import SimpleITK as sitk
from nodes.shapes import AXIAL, ORIENTATIONS, ellipsoid, like, points, rotation, volume

from LNStationLib.nodes.uptake import PEAK_RADIUS_MM, measure_uptake, sample_pet, suv_peak

CT = volume((60, 60, 60), (0.9, 0.9, 3.0))


def pet(spacing=(4.0, 4.0, 3.27), direction=AXIAL, center=(1.3, -0.7, 2.1), size=(90, 90, 90)):
    return volume(size, spacing, direction, center, sitk.sitkFloat32)


def uptake(pet_image, mask, ct=CT):
    return measure_uptake(pet_image, ct, np.argwhere(mask))


def voxel_of(image, point):
    """Array index of the voxel that holds a point, by an exhaustive search."""
    return np.unravel_index(((points(image) - np.array(point)) ** 2).sum(-1).argmin(), points(image).shape[:3])


@pytest.mark.parametrize("direction", [*ORIENTATIONS.values(), rotation(20, 1)], ids=[*ORIENTATIONS, "oblique"])
def test_suv_max_is_the_hottest_pet_voxel_inside_uninterpolated(direction):
    image = pet(direction=direction)
    suv = np.full(image.GetSize()[::-1], 1.0, np.float32)
    suv[voxel_of(image, (2.0, 3.0, -4.0))] = 9.5
    found = uptake(like(suv, image), ellipsoid(CT, (2.0, 3.0, -4.0), (14.0, 14.0, 14.0)))

    assert found.suv_max == 9.5
    assert 1.0 < found.suv_mean < 2.0


def test_a_hot_voxel_outside_the_node_does_not_count():
    image = pet()
    suv = np.full(image.GetSize()[::-1], 1.0, np.float32)
    suv[voxel_of(image, (25.0, 3.0, -4.0))] = 9.5

    assert uptake(like(suv, image), ellipsoid(CT, (2.0, 3.0, -4.0), (14.0, 14.0, 14.0))).suv_max == 1.0


def test_pet_finer_than_ct_loses_no_voxel():
    thick = volume((40, 40, 60), (2.0, 2.0, 6.0))
    image = pet((1.0, 1.0, 1.0), center=(0.2, 0.2, 0.2), size=(50, 50, 70))
    mask = ellipsoid(thick, (0, 0, 0), (20.0, 20.0, 30.0))
    inside = np.argwhere(ellipsoid(image, (0, 0, 0), (14.0, 14.0, 18.0)))
    for z, y, x in inside[:: len(inside) // 25]:
        suv = np.full(image.GetSize()[::-1], 1.0, np.float32)
        suv[z, y, x] = 7.0
        assert uptake(like(suv, image), mask, thick).suv_max == 7.0


def test_pet_beside_the_node_gives_none_and_never_zero():
    mask = ellipsoid(CT, (0, 0, 0), (14.0, 14.0, 14.0))
    far = pet(center=(200, 0, 0))
    half = pet(center=(45, 0, 0))

    for image in (far, half):
        found = uptake(image + 5.0, mask)
        assert (found.suv_max, found.suv_mean, found.suv_peak) == (None, None, None)
        assert found.covered_fraction < 0.99
    assert uptake(far + 5.0, mask).covered_fraction == 0
    assert sample_pet(far, CT, np.argwhere(mask)).hottest() is None


def test_pet_covering_the_node_up_to_its_last_voxel_counts():
    ct = volume((20, 20, 20), (1.0, 1.0, 1.0))
    mask = np.ones((20, 20, 20), bool)

    assert uptake(volume((20, 20, 20), (1, 1, 1), pixel=sitk.sitkFloat32) + 3.0, mask, ct).suv_max == 3.0


def test_uniform_uptake_is_max_mean_and_peak():
    found = uptake(pet() + 3.5, ellipsoid(CT, (0, 0, 0), (10.0, 10.0, 10.0)))

    assert (found.suv_max, found.suv_mean, found.suv_peak) == pytest.approx((3.5, 3.5, 3.5), rel=1e-5)


def test_suv_peak_is_the_mean_over_the_sphere():
    image = pet((3.0, 3.0, 3.0), center=(0.7, -0.4, 1.2), size=(100, 100, 100))
    blur = 8.0
    gaussian = np.exp(-(points(image) ** 2).sum(-1) / (2 * blur**2)).astype(np.float32)
    radii = np.linspace(0, PEAK_RADIUS_MM, 2001)
    expected = 3 / PEAK_RADIUS_MM**3 * np.trapezoid(radii**2 * np.exp(-(radii**2) / (2 * blur**2)), radii)

    assert 4 / 3 * np.pi * PEAK_RADIUS_MM**3 == pytest.approx(1000)
    assert suv_peak(like(gaussian, image), np.zeros((1, 3))) == pytest.approx(expected, rel=0.04)


def test_a_hot_spot_far_smaller_than_the_sphere_is_diluted():
    image = pet((1.0, 1.0, 1.0), center=(0, 0, 0), size=(60, 60, 60))
    spot = ellipsoid(image, (0, 0, 0), (PEAK_RADIUS_MM,) * 3)

    found = suv_peak(like(8.0 * spot.astype(np.float32), image), np.zeros((1, 3)))

    assert found == pytest.approx(8.0 * spot.sum() / 1000, rel=0.02)


def test_suv_peak_is_centered_inside_the_node_where_it_is_highest():
    image = pet((2.0, 2.0, 2.0), center=(0, 0, 0), size=(80, 80, 80))
    gradient = like((points(image)[..., 0] + 50).astype(np.float32), image)
    mask = ellipsoid(CT, (0, 0, 0), (20.0, 10.0, 12.0))
    highest_x = points(CT)[mask][:, 0].max()

    assert uptake(gradient, mask).suv_peak == pytest.approx(50 + highest_x, abs=0.1)


def test_suv_peak_needs_its_whole_sphere_inside_the_pet():
    image = pet((1.0, 1.0, 1.0), center=(0, 0, 0), size=(10, 10, 10))
    found = uptake(image + 2.0, ellipsoid(CT, (0, 0, 0), (5.0, 5.0, 5.0)))

    assert found.suv_max == 2.0
    assert found.suv_peak is None
