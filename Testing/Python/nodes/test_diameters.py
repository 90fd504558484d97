"""Long and short axis of discretized bodies of known size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nodes.shapes import AXIAL, CORONAL, ORIENTATIONS, SAGITTAL, ellipsoid, rotation, volume

from LNStationLib.nodes.diameters import axial_diameters
from LNStationLib.nodes.measurement import measure_diameters

RNG = np.random.default_rng(20240611)


def ellipse(long_mm, short_mm, spacing, angle, offset):
    """One axial slice ``[1, y, x]`` of an ellipse at ``angle`` with its center ``offset`` voxels off the grid."""
    half = [int(long_mm / step) + 3 for step in spacing]
    y, x = np.meshgrid(*[np.arange(-n, n + 1) * step for n, step in zip(half, spacing, strict=True)], indexing="ij")
    y, x = y - offset[0] * spacing[0], x - offset[1] * spacing[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return ((along / (long_mm / 2)) ** 2 + (across / (short_mm / 2)) ** 2 <= 1)[None]


@pytest.mark.parametrize("spacing", [(0.7, 0.7), (1.0, 1.0), (1.5, 1.5), (0.7, 1.4)])
@pytest.mark.parametrize("size", [(8, 6), (10, 10), (15, 12), (20, 10), (30, 20)])
def test_ellipses_are_measured_without_bias(spacing, size):
    errors = []
    for _ in range(25):
        mask = ellipse(*size, spacing, RNG.uniform(0, np.pi), RNG.uniform(-0.5, 0.5, 2))
        found = axial_diameters(mask, (1.0, *spacing))
        errors.append((found.long_mm - size[0], found.short_mm - size[1]))
    mean = np.abs(np.mean(errors, axis=0))
    worst = np.abs(errors).max(axis=0)

    voxel = max(spacing)
    assert mean[0] < (0.5 if size[0] == size[1] else 0.35) * voxel
    assert mean[1] < 0.3 * voxel
    assert worst.max() < 1.1 * voxel


def test_over_many_ellipses_the_short_axis_is_neither_long_nor_short():
    errors = []
    for _ in range(150):
        size = np.sort(RNG.uniform(6, 25, 2))[::-1]
        mask = ellipse(*size, (1.0, 1.0), RNG.uniform(0, np.pi), RNG.uniform(-0.5, 0.5, 2))
        found = axial_diameters(mask, (1.0, 1.0, 1.0))
        errors.append((found.long_mm - size[0], found.short_mm - size[1]))

    assert np.abs(np.mean(errors, axis=0)).max() < 0.2
    assert np.std(errors, axis=0).max() < 0.35


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 1.0), (0.8, 0.8, 2.5), (1.2, 1.2, 3.0)])
@pytest.mark.parametrize("diameter", [8.0, 12.0, 20.0])
def test_spheres_have_their_diameter_in_thick_slices_too(spacing, diameter):
    image = volume((40, 40, 40), spacing)
    found = [measure_diameters(ellipsoid(image, RNG.uniform(-1, 1, 3), (diameter,) * 3), image) for _ in range(6)]

    assert np.mean([one.long_mm for one in found]) == pytest.approx(diameter, abs=0.6)
    assert np.mean([one.short_mm for one in found]) == pytest.approx(diameter, abs=0.6)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_axial_plane_is_the_patients_whatever_the_acquisition(orientation):
    image = volume((60, 60, 60), (1.0, 1.0, 1.5), ORIENTATIONS[orientation])
    found = measure_diameters(ellipsoid(image, (0.3, -0.2, 0.1), (18.0, 10.0, 30.0)), image)

    assert found.long_mm == pytest.approx(18, abs=0.8)
    assert found.short_mm == pytest.approx(10, abs=0.8)


@pytest.mark.parametrize(
    "direction",
    [rotation(40, 0), rotation(25, 1) @ rotation(35, 0), SAGITTAL @ rotation(20, 1), CORONAL @ rotation(30, 0)],
)
def test_oblique_acquisitions_are_measured_in_the_patients_axial_plane(direction):
    image = volume((70, 70, 70), (0.9, 0.9, 2.0), direction)
    found = measure_diameters(ellipsoid(image, (0.0, 0.0, 0.0), (18.0, 10.0, 34.0)), image)

    assert found.long_mm == pytest.approx(18, abs=1.0)
    assert found.short_mm == pytest.approx(10, abs=1.0)


@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 135])
def test_turning_a_node_in_the_axial_plane_keeps_its_axes(degrees):
    image = volume((40, 40, 20), (0.8, 0.8, 2.0))
    found = measure_diameters(ellipsoid(image, (0.2, 0.1, 0), (20.0, 12.0, 12.0), rotation(degrees, 2)), image)

    assert found.long_mm == pytest.approx(20, abs=0.8)
    assert found.short_mm == pytest.approx(12, abs=0.6)


@given(st.sampled_from([(0.7, 0.7), (1.0, 1.0), (0.8, 2.0)]), st.integers(2, 9), st.booleans())
def test_a_line_of_voxels_is_as_long_as_its_voxels_and_one_voxel_wide(spacing, n, along_x):
    mask = np.ones((1, 1, n) if along_x else (1, n, 1), bool)
    found = axial_diameters(mask, (3.0, *spacing))
    length, width = (n * spacing[1], spacing[0]) if along_x else (n * spacing[0], spacing[1])

    assert found.long_mm == pytest.approx(max(length, width), abs=0.6 * max(spacing))
    assert 0 < found.short_mm < min(length, width) + 0.6 * max(spacing)


@given(hnp.arrays(bool, st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 6))).filter(np.any))
@settings(deadline=None)
def test_any_mask_has_diameters_that_fit_its_box(mask):
    found = axial_diameters(mask, (3.0, 0.8, 1.1))
    box = np.hypot(0.8 * (mask.shape[1] + 0.5), 1.1 * (mask.shape[2] + 0.5))

    assert 0 < found.short_mm <= found.long_mm + 1e-6 < box


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_slivers_left_by_resampling_have_diameters_too(first, second):
    found = axial_diameters(np.array([[[first, second, first]]]), (1.0, 1.0, 1.0))

    assert 0 < found.short_mm <= found.long_mm < 4


@pytest.mark.parametrize("spacing", [(0.7, 0.7), (1.0, 1.0), (0.8, 1.6)])
def test_a_single_voxel_measures_about_one_voxel(spacing):
    found = axial_diameters(np.ones((1, 1, 1), bool), (5.0, *spacing))

    assert 0.7 * min(spacing) < found.short_mm <= found.long_mm < 1.3 * max(spacing)


def test_a_single_voxel_of_an_oblique_image_has_diameters_too():
    image = volume((4, 4, 4), (1.0, 1.0, 1.0), rotation(40, 0))
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = True
    found = measure_diameters(mask, image)

    assert 0.3 < found.short_mm <= found.long_mm < 2.5


def test_the_short_axis_of_a_bent_node_stays_within_the_node():
    y, x = np.meshgrid(np.arange(-25, 26), np.arange(-25, 26), indexing="ij")
    radius = np.hypot(y, x)
    banana = ((radius > 13) & (radius < 20) & (y > 0))[None]
    found = axial_diameters(banana, (1.0, 1.0, 1.0))

    assert found.long_mm == pytest.approx(39, abs=1.0)
    assert found.short_mm < 16


def test_the_slice_with_the_longest_diameter_decides():
    image = volume((40, 40, 30), (1.0, 1.0, 3.0), AXIAL)
    mask = ellipsoid(image, (0, 0, 0), (12.0, 12.0, 12.0)) | ellipsoid(image, (0, 0, 7.5), (20.0, 6.0, 5.0))
    found = measure_diameters(mask, image)

    assert found.long_mm == pytest.approx(20, abs=1)
    assert found.short_mm == pytest.approx(6, abs=1)
    assert found.slice_index == 7


def test_an_empty_node_has_no_diameters():
    with pytest.raises(ValueError, match="without voxels"):
        axial_diameters(np.zeros((2, 3, 3)), (1.0, 1.0, 1.0))
