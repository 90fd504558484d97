from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from imaging.samples import oblique, points_mm, wrapped

from LNStationLib.imaging.grid import Grid, labels_to_image_grid, resample_to_grid, working_grid

spacings = st.floats(0.3, 8.0)
coordinates = st.floats(-2000.0, 2000.0)
triples = st.tuples(coordinates, coordinates, coordinates)
grids = st.builds(
    Grid,
    st.tuples(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50)),
    st.tuples(spacings, spacings, spacings),
    triples,
)


@st.composite
def images(draw: st.DrawFn) -> sitk.Image:
    """Small images of any rotation, mirrored or not, any spacing and origin."""
    turn = np.linalg.qr(
        np.array(draw(st.lists(st.floats(-1, 1), min_size=9, max_size=9))).reshape(3, 3) + 3 * oblique()
    )[0]
    size = draw(st.tuples(*[st.integers(2, 12)] * 3))
    return wrapped(np.zeros(size, np.int16), draw(st.tuples(*[spacings] * 3)), draw(triples), turn)


@given(grids, st.tuples(*[st.floats(-100, 100)] * 3))
def test_the_index_of_a_point_is_the_index_it_was_made_from(grid: Grid, index: tuple[float, float, float]) -> None:
    assert grid.index(grid.point_mm(index)) == pytest.approx(index, abs=1e-6)


@given(grids)
def test_an_image_of_a_grid_has_the_voxels_where_the_grid_says(grid: Grid) -> None:
    image = grid.image(np.zeros(grid.shape, bool))
    last = tuple(n - 1 for n in grid.shape)
    assert image.GetPixelID() == sitk.sitkUInt8
    assert image.TransformIndexToPhysicalPoint(last[::-1]) == pytest.approx(grid.point_mm(last))
    assert [grid.coordinates_mm(axis)[-1] for axis in (2, 1, 0)] == pytest.approx(grid.point_mm(last))


@settings(deadline=None)
@given(images(), st.floats(0.5, 4.0))
def test_the_working_grid_covers_an_image_of_any_rotation(image: sitk.Image, spacing: float) -> None:
    grid = working_grid(image, spacing)
    points = points_mm(image).reshape(-1, 3)
    for axis in range(3):
        low = grid.origin_mm[axis] - spacing / 2
        high = low + spacing * grid.shape[axis]
        # Rounding the extent to whole voxels may cut up to half a working voxel off the outermost voxels' faces.
        assert low - spacing / 4 - 1e-6 <= points[:, 2 - axis].min() + min(image.GetSpacing()) / 2
        assert points[:, 2 - axis].max() - min(image.GetSpacing()) / 2 <= high + spacing / 4 + 1e-6


@settings(deadline=None, max_examples=25)
@given(st.integers(-180, 180), st.tuples(*[st.floats(1.0, 4.0)] * 3), st.booleans())
def test_a_linear_ramp_resampled_reproduces_the_patients_coordinates(
    degrees: int, spacing: tuple[float, float, float], mirrored: bool
) -> None:
    direction = oblique(degrees) @ np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    image = wrapped(np.zeros((16, 17, 18), np.float32), spacing, (-20, 30, 500), direction)
    grid = working_grid(image, 2.0)
    # ITK repeats the outermost voxel over its outer half, so the ramp is judged within the voxel centers only.
    centers = np.pad(np.ones((14, 15, 16), np.float32), 1)
    inside = resample_to_grid(wrapped_like(image, centers), grid, labels=False) > 0.999
    assert inside.sum() > 50
    for axis, name in enumerate("xyz"):
        ramp = wrapped_like(image, points_mm(image)[..., axis].astype(np.float32))
        moved = resample_to_grid(ramp, grid, labels=False)
        expected = np.meshgrid(*(grid.coordinates_mm(a) for a in range(3)), indexing="ij")[2 - axis]
        assert np.abs(moved - expected)[inside].max() < 1e-2, name


def test_a_structure_on_the_patients_left_stays_left_however_the_image_is_stored() -> None:
    plain = np.zeros((10, 10, 10), np.uint8)
    plain[4:6, 4:6, 7:9] = 1
    image = wrapped(plain, (2, 2, 2), (-9, -9, -9))
    flipped = sitk.Flip(image, [True, False, True])
    for stored in (image, flipped, sitk.PermuteAxes(image, [2, 0, 1])):
        grid = working_grid(stored, 2.0)
        labels = resample_to_grid(stored, grid, labels=True)
        x = grid.coordinates_mm(2)[np.nonzero(labels)[2]]
        assert x.min() > 0


def test_labels_come_back_to_the_grid_of_an_oblique_image() -> None:
    image = wrapped(np.zeros((20, 20, 20), np.uint8), (2, 2, 3), (10, -30, 100), oblique())
    center = points_mm(image).reshape(-1, 3).mean(axis=0)
    ball = (np.linalg.norm(points_mm(image) - center, axis=-1) < 12).astype(np.uint8)
    grid = working_grid(image, 1.0)
    back = labels_to_image_grid(resample_to_grid(wrapped_like(image, ball), grid, labels=True), grid, image)
    assert np.mean(sitk.GetArrayFromImage(back) == ball) > 0.999


def test_a_grid_refuses_arrays_of_another_shape_and_spacings_that_are_not_positive() -> None:
    with pytest.raises(ValueError, match="shape"):
        Grid((2, 2, 2), (1, 1, 1), (0, 0, 0)).image(np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="positive"):
        working_grid(wrapped(np.zeros((3, 3, 3), np.uint8)), 0.0)


def test_the_volume_of_a_voxel_is_in_ml() -> None:
    assert Grid((2, 2, 2), (2.0, 5.0, 10.0), (0, 0, 0)).voxel_volume_ml == pytest.approx(0.1)


@given(grids, st.integers(0, 2), st.floats(-200, 200), st.floats(-300, 300), st.floats(-300, 300))
def test_a_window_made_from_mm_never_leaves_the_array(
    grid: Grid, axis: int, center: float, before_mm: float, after_mm: float
) -> None:
    window = grid.window(axis, center, before_mm, after_mm)
    assert 0 <= window.start <= window.stop <= grid.shape[axis]
    assert len(np.arange(grid.shape[axis])[window]) == window.stop - window.start


def test_a_window_holds_both_its_ends_and_is_empty_beyond_the_array() -> None:
    grid = Grid((10, 20, 30), (1.0, 2.0, 0.5), (0, 0, 0))
    assert grid.window(1, 10.0, 4.0, 6.0) == slice(8, 14)
    assert grid.window(0, 2.0, 5.0, 1.0) == slice(0, 4)
    for center in (-40.0, 40.0):
        empty = grid.window(0, center, 5.0, 5.0)
        assert empty.start == empty.stop


def wrapped_like(image: sitk.Image, array: np.ndarray) -> sitk.Image:
    result = sitk.GetImageFromArray(array)
    result.CopyInformation(image)
    return result
