"""Everything measured on a node but its axial diameters."""

from dataclasses import replace

import numpy as np
import pytest
from nodes.shapes import AXIAL, FLIPPED, ORIENTATIONS, ellipsoid, left_of_zero, like, points, rotation, volume

from LNStationLib import anatomy
from LNStationLib.imaging.brown_fat import BrownFat
from LNStationLib.nodes.measurement import Scene, measure_nodes
from LNStationLib.state.node_result import NodeSearch

CENTER = np.array([30.0, -120.0, 640.0])
ANY_DIRECTION = {**ORIENTATIONS, "oblique": rotation(30, 2) @ rotation(25, 0)}


def measured(mask, image, pet=None, station=None, hu=None):
    """Measure one node; ``station`` is a label array, all 4R by default."""
    ct = image if hu is None else like(hu.astype(np.int16), image)
    labels = like(mask.astype(np.uint16), image)
    where = np.full(mask.shape, anatomy.station("4R").label_value) if station is None else station
    (found,) = measure_nodes(labels, scene(ct, like(where.astype(np.uint8), image), pet))
    return found


def scene(ct, stations, pet=None):
    return Scene(ct, stations, pet, NodeSearch("supplied"), left_of_zero)


@pytest.mark.parametrize("direction", ANY_DIRECTION.values(), ids=ANY_DIRECTION)
def test_size_and_place_are_the_patients_in_any_orientation(direction):
    image = volume((60, 60, 60), (0.9, 1.1, 1.3), direction, CENTER)
    center, size = CENTER + np.array([2.0, -3.0, 4.0]), np.array([20.0, 12.0, 16.0])
    found = measured(ellipsoid(image, center, size), image)

    assert found.centroid_mm == pytest.approx(center, abs=0.3)
    assert found.volume_mm3 == pytest.approx(np.pi / 6 * size.prod(), rel=0.04)
    assert found.extent_mm == pytest.approx(size, abs=1.3)
    low, high = np.array(found.bounding_box_mm)
    assert low == pytest.approx(center - size / 2, abs=1.0)
    assert high == pytest.approx(center + size / 2, abs=1.0)
    assert (found.long_axis_mm, found.short_axis_mm) == pytest.approx((20, 12), abs=1.1)


def test_a_node_in_the_mirrored_patient_changes_side_and_nothing_else():
    image = volume((60, 60, 40), (0.8, 0.8, 2.5))
    mask = ellipsoid(image, (15, 3, 1), (14.0, 9.0, 12.0), rotation(25, 2))
    found, mirrored = measured(mask, image), measured(mask[:, :, ::-1], image)

    assert (found.side, mirrored.side) == ("L", "R")
    assert mirrored.centroid_mm == pytest.approx(np.array(found.centroid_mm) * [-1, 1, 1], abs=1e-6)
    assert mirrored.short_axis_mm == pytest.approx(found.short_axis_mm, abs=1e-6)
    assert mirrored.long_axis_mm == pytest.approx(found.long_axis_mm, abs=1e-6)
    assert mirrored.extent_mm == pytest.approx(found.extent_mm)


def test_the_same_patient_stored_flipped_measures_the_same():
    plain, flipped = (volume((60, 60, 40), (0.8, 0.8, 2.5), direction) for direction in (AXIAL, FLIPPED))
    found = [measured(ellipsoid(image, (15, 3, 1), (14.0, 9.0, 12.0)), image) for image in (plain, flipped)]

    assert found[0].centroid_mm == pytest.approx(found[1].centroid_mm, abs=1e-4)
    assert found[0].side == found[1].side == "L"
    assert found[0].short_axis_mm == pytest.approx(found[1].short_axis_mm, abs=1e-4)


def test_station_is_the_one_of_largest_overlap_with_its_share_of_the_whole_node():
    image = volume((20, 20, 20), (1.0, 1.0, 1.0))
    mask = np.zeros((20, 20, 20), bool)
    mask[8:12, 8:12, 5:15] = True
    station = np.zeros(mask.shape)
    station[:, :, 5:7] = anatomy.station("4L").label_value
    station[:, :, 7:10] = anatomy.station("5").label_value
    found = measured(mask, image, station=station)

    assert (found.station, found.station_fraction) == ("5", pytest.approx(0.3))
    assert not found.warnings


def test_a_node_outside_all_stations_is_kept_without_one():
    image = volume((20, 20, 20), (1.0, 1.0, 1.0))
    mask = ellipsoid(image, (0, 0, 0), (8.0, 8.0, 8.0))
    found = measured(mask, image, station=np.zeros(mask.shape))

    assert (found.station, found.station_fraction) == (None, None)
    assert found.warnings == ["The node lies outside all parsed stations."]


def test_mean_hu_is_of_the_node_alone():
    image = volume((20, 20, 20), (1.0, 1.0, 1.0))
    mask = ellipsoid(image, (0, 0, 0), (8.0, 8.0, 8.0))
    found = measured(mask, image, hu=np.where(mask, 37, -950))

    assert found.mean_hu == pytest.approx(37)
    assert (found.suv_max, found.suv_mean, found.suv_peak) == (None, None, None)
    assert (found.call, found.reason) == (None, "not assessed yet")


def test_nodes_keep_their_label_values_and_empty_maps_have_no_findings():
    image = volume((40, 20, 20), (1.0, 1.0, 1.0))
    labels = np.zeros((20, 20, 40), np.uint16)
    labels[5:8, 5:8, 5:8], labels[5:8, 5:8, 30:33] = 7, 300
    stations = like(np.zeros(labels.shape, np.uint8), image)
    values = [found.node_id for found in measure_nodes(like(labels, image), scene(image, stations))]

    assert values == [7, 300]
    assert measure_nodes(like(labels * 0, image), scene(image, stations)) == []


def test_a_single_voxel_is_measured():
    image = volume((20, 20, 20), (0.8, 0.8, 5.0), center=CENTER)
    mask = np.zeros(image.GetSize()[::-1], bool)
    mask[1, 10, 12] = True
    found = measured(mask, image)

    assert found.volume_mm3 == pytest.approx(0.8 * 0.8 * 5)
    assert found.extent_mm == pytest.approx((0.8, 0.8, 5))
    assert found.centroid_mm == pytest.approx(points(image)[1, 10, 12])
    assert 0 < found.short_axis_mm <= found.long_axis_mm < 1.2


def test_a_node_in_hot_brown_fat_says_so():
    image = volume((40, 40, 40), (1.0, 1.0, 1.0))
    mask = ellipsoid(image, (0, 0, 0), (8.0, 8.0, 8.0))
    around = like(ellipsoid(image, (0, 0, 0), (14.0, 14.0, 14.0)).astype(np.uint8), image)
    where = like(np.full(mask.shape, anatomy.station("4R").label_value, np.uint8), image)
    plain = scene(image, where)
    for fat, codes in ((None, []), (BrownFat(around, 2.0, 5.0), ["node_in_brown_fat"])):
        (found,) = measure_nodes(like(mask.astype(np.uint16), image), replace(plain, brown_fat=fat))
        assert [warning.code for warning in found.warning_codes] == codes
