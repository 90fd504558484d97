"""The region of a station that networks see."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk
from pydantic import ValidationError

from LNStationLib.imaging.arrays import array_view
from LNStationLib.sampling.station_region import RegionSpec, station_region, station_regions

SPEC = RegionSpec(size=(16, 48, 40), spacing_mm=(3.0, 1.0, 1.0))
CENTER = np.array([12.0, -20.0, 40.0])
NODE = CENTER + np.array([9.0, -6.0, 9.0])
FLIP_X_AND_Z = (-1, 0, 0, 0, 1, 0, 0, 0, -1)
AXES_PERMUTED = (0, 0, 1, 1, 0, 0, 0, 1, 0)
OBLIQUE = (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1)


def scene(direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1), spacing=(1.0, 1.0, 1.5)):
    """CT, stations (value 7: a ball of 15 mm) and nodes (a ball of 5 mm, bright on CT) in any orientation."""
    extent = np.array([80.0, 80.0, 80.0])
    axes = np.array(direction).reshape(3, 3)
    size = np.ceil(np.abs(axes.T @ extent) / spacing).astype(int)
    image = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    middle = axes @ (np.array(spacing) * (size - 1) / 2)
    image.SetOrigin(tuple(CENTER - middle))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), -1) * spacing
    points = index @ axes.T + np.array(image.GetOrigin())
    station = np.linalg.norm(points - CENTER, axis=-1) <= 15
    node = np.linalg.norm(points - NODE, axis=-1) <= 5
    hu = np.where(node, 100, -80)

    def wrap(array: np.ndarray) -> sitk.Image:
        wrapped = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
        wrapped.CopyInformation(image)
        return wrapped

    return wrap(hu.astype(np.int16)), wrap((station * 7).astype(np.uint8)), wrap(node.astype(np.uint16))


def centroid_mm(region, channel: np.ndarray) -> np.ndarray:
    index = np.argwhere(channel).mean(axis=0)
    return np.array(region.grid.point_mm(tuple(index)))


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), FLIP_X_AND_Z, AXES_PERMUTED, OBLIQUE])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.5), (0.7, 0.7, 4.0)])
def test_the_region_is_centered_at_the_station_whatever_the_orientation(direction, spacing) -> None:
    region = station_region(*scene(direction, spacing), 7, SPEC)
    assert region.ct.shape == (16, 48, 40)
    assert region.ct.dtype == np.float32
    # The part of the node that lies in the station: nearer to the center than the node's own.
    assert np.linalg.norm(centroid_mm(region, region.station) - CENTER) < 1.6
    inside = centroid_mm(region, region.nodes) - CENTER
    assert inside[0] > 4
    assert inside[1] < -2
    assert inside[2] > 3


def test_ct_outside_the_station_is_the_lower_end_of_the_window() -> None:
    region = station_region(*scene(), 7, SPEC)
    assert (region.ct[~region.station] == -1).all()
    fat = region.station & (region.nodes == 0)
    assert np.median(region.ct[fat]) == pytest.approx((-80 + 200) / 500 * 2 - 1, abs=1e-3)


def test_the_outside_may_be_kept() -> None:
    spec = SPEC.model_copy(update={"mask_outside": False})
    region = station_region(*scene(), 7, spec)
    assert np.median(region.ct[~region.station]) > -1


def test_nodes_outside_the_station_are_left_out() -> None:
    ct, stations, nodes = scene()
    region = station_region(ct, stations, nodes, 7, SPEC)
    assert not region.nodes[~region.station].any()
    assert region.has_node


def test_without_nodes_no_voxel_is_a_node() -> None:
    ct, stations, _ = scene()
    region = station_region(ct, stations, None, 7, SPEC)
    assert not region.has_node
    assert not region.nodes.any()


def test_a_station_without_voxels_has_no_region() -> None:
    assert station_region(*scene(), 4, SPEC) is None


def test_a_station_at_the_edge_of_the_image_gets_air_beyond_it() -> None:
    ct, stations, nodes = scene()
    half = [int(n) for n in np.array(ct.GetSize()) // [2, 1, 1]]
    cropped = [sitk.RegionOfInterest(image, half, [0, 0, 0]) for image in (ct, stations, nodes)]
    region = station_region(*cropped, 7, SPEC.model_copy(update={"mask_outside": False}))
    assert region.ct.shape == (16, 48, 40)
    assert (region.ct[:, :, -2:] == -1).all()


def test_thin_slices_are_averaged_before_they_are_resampled() -> None:
    ct, stations, nodes = scene(spacing=(1.0, 1.0, 0.75))
    noise = np.random.default_rng(0).normal(0, 60, array_view(ct).shape)
    noisy = sitk.GetImageFromArray((sitk.GetArrayFromImage(ct) + noise).astype(np.int16))
    noisy.CopyInformation(ct)
    region = station_region(noisy, stations, nodes, 7, SPEC.model_copy(update={"spacing_mm": (5.0, 1.0, 1.0)}))
    fat = region.station & (region.nodes == 0)
    assert region.ct[fat].std() * 250 < 45


@pytest.mark.parametrize("wrong", [{"size": (0, 96, 96)}, {"spacing_mm": (5, -1, 1)}, {"window_hu": (300, -200)}])
def test_impossible_regions_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        RegionSpec(**wrong)


def stacked(height: int, spacing_z: float = 2.0) -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """A station of so many slices with a node in its lowest and one in its highest ones."""
    shape = (height + 8, 40, 40)
    stations, nodes = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    stations[4:-4, 10:30, 10:30] = 7
    nodes[5:7, 18:22, 18:22], nodes[-7:-5, 18:22, 18:22] = 1, 2
    images = [sitk.GetImageFromArray(each) for each in (np.full(shape, -80, np.int16), stations, nodes)]
    for image in images:
        image.SetSpacing((1.0, 1.0, spacing_z))
    return images[0], images[1], images[2]


TALL = SPEC.model_copy(update={"size": (16, 48, 40), "spacing_mm": (3.0, 1.0, 1.0), "whole_station": True})


@pytest.mark.parametrize("height", [10, 23, 24, 25, 40, 70])
def test_regions_hold_the_whole_of_a_station_and_share_voxels(height: int) -> None:
    regions = station_regions(*stacked(height), 7, TALL)
    assert (len(regions) == 1) == (height <= 23)
    held = {int(node) for region in regions for node in np.unique(region.nodes)}
    assert held >= {1, 2}
    slices = sorted(
        {round(float(z), 3) for r in regions for z in r.grid.coordinates_mm(0)[r.station.any(axis=(1, 2))]}
    )
    # Every slice of the station once, on one lattice.
    assert np.allclose(np.diff(slices), 3.0)
    assert len(slices) == pytest.approx(height * 2 / 3, abs=1.1)
    for below, above in pairwise(regions):
        shared_mm = below.grid.origin_mm[0] + 48 - above.grid.origin_mm[0]
        assert shared_mm >= 18


def test_a_station_that_fits_has_the_one_region_at_its_middle() -> None:
    (region,) = station_regions(*scene(), 7, SPEC.model_copy(update={"whole_station": True}))
    one = station_region(*scene(), 7, SPEC)
    assert region.grid == one.grid
    assert np.array_equal(region.ct, one.ct)


def test_tiny_regions_do_not_grow_without_bound() -> None:
    spec = TALL.model_copy(update={"size": (1, 8, 8), "spacing_mm": (0.5, 1.0, 1.0)})
    assert len(station_regions(*stacked(60), 7, spec)) <= 8


def test_the_outside_can_be_told_from_fat_and_air() -> None:
    region = station_region(*scene(), 7, SPEC.model_copy(update={"outside": -2.0}))
    plain = station_region(*scene(), 7, SPEC)
    assert (region.ct[~region.station] == -2).all()
    assert np.array_equal(region.ct[region.station], plain.ct[region.station])


@pytest.mark.parametrize("wrong", [-0.5, -4.0])
def test_the_outside_lies_at_or_below_the_window(wrong: float) -> None:
    with pytest.raises(ValidationError, match="outside"):
        RegionSpec(outside=wrong)
