"""Volumes and segments to the worker and back: every voxel stays where it is in the patient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import vtk  # noqa: E402
from LNStationSlicer.case import CaseExport  # noqa: E402
from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.exchange import SegmentMasks, VolumeExchange  # noqa: E402
from LNStationSlicer.exchange.PetExchange import exportPet  # noqa: E402
from module.mrml_cases import (  # noqa: E402
    GRIDS,
    SHAPE,
    Editor,
    geometry_of,
    lps_matrix,
    make_case,
    make_volume,
    node_array,
    rotation,
    station_array,
)

from LNStationLib.support.errors import GeometryError, InputError  # noqa: E402
from LNStationLib.worker.volume_files import read_volume  # noqa: E402

LIVER = (slice(3, 9), slice(5, 20), slice(4, 16))


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def put_under_transform(node: Any, matrix: np.ndarray) -> Any:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "registration")
    transform.SetMatrixTransformToParent(SegmentMasks.arrayToMatrix(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def rigid(degrees: float = 20.0, shift: tuple[float, float, float] = (7.0, -3.0, 11.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(degrees, 2) @ rotation(-8.0, 1)
    matrix[:3, 3] = shift
    return matrix


def world_point(node: Any, ijk: tuple[int, int, int]) -> np.ndarray:
    """World RAS of a voxel by Slicer's own means."""
    to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    local = to_ras.MultiplyPoint([*ijk, 1.0])[:3]
    world = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(local, world)
    return np.array(world)


def lps_point(geometry: Any, ijk: tuple[float, float, float]) -> np.ndarray:
    """The library's point of a voxel: origin + direction * spacing * index, as ITK defines it."""
    direction = np.reshape(geometry.direction, (3, 3))
    return np.asarray(geometry.origin_mm) + direction @ (np.asarray(geometry.spacing_mm) * ijk)


def make_segmentation(arrays: dict[str, np.ndarray], volume: Any) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name, array in arrays.items():
        segment_id = node.GetSegmentation().AddEmptySegment(name, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), node, segment_id, volume)
    return node


def block(box: tuple[slice, slice, slice] = LIVER, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    array = np.zeros(shape, dtype=bool)
    array[box] = True
    return array


# Geometry


@pytest.mark.parametrize("grid", GRIDS)
def test_a_voxels_physical_point_is_the_same_on_both_sides(grid: str, tmp_path: Path) -> None:
    node = make_volume(GRIDS[grid])
    array, geometry = read_volume(tmp_path, VolumeExchange.exportVolume(node, tmp_path, "ct"))
    assert (array == slicer.util.arrayFromVolume(node)).all()
    for ijk in ((0, 0, 0), (47, 0, 0), (0, 39, 0), (0, 0, 23), (11, 22, 13)):
        assert np.allclose(lps_point(geometry, ijk) * (-1, -1, 1), world_point(node, ijk), atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_volume_comes_back_as_it_went(grid: str, tmp_path: Path) -> None:
    node = make_volume(GRIDS[grid])
    array, geometry = read_volume(tmp_path, VolumeExchange.exportVolume(node, tmp_path, "ct"))
    back = make_volume(np.diag([1.0, 1, 1, 1]), np.zeros((2, 2, 2), dtype=np.int16), "back")
    VolumeExchange.importVolume(array, geometry, back)
    assert (slicer.util.arrayFromVolume(back) == slicer.util.arrayFromVolume(node)).all()
    assert np.allclose(VolumeExchange.gridMatrix(back), VolumeExchange.gridMatrix(node))


def test_left_of_the_patient_is_plus_x_for_the_worker() -> None:
    x, y, z = VolumeExchange.pointToRas((-10.0, 20.0, 30.0))
    assert (x, y, z) == (10.0, -20.0, 30.0)
    assert VolumeExchange.pointToRas((x, y, z)) == (-10.0, 20.0, 30.0)


def test_a_linear_transform_is_applied_to_the_copy_only(tmp_path: Path) -> None:
    node = make_volume(GRIDS["flipped along x"])
    own = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(own)
    transform = put_under_transform(node, rigid())
    _array, geometry = read_volume(tmp_path, VolumeExchange.exportVolume(node, tmp_path, "ct"))
    assert np.allclose(lps_point(geometry, (5, 6, 7)) * (-1, -1, 1), world_point(node, (5, 6, 7)))
    assert node.GetParentTransformNode() is transform
    after = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(after)
    assert np.allclose(SegmentMasks.matrixToArray(own), SegmentMasks.matrixToArray(after))


def test_transforms_of_transforms_are_applied_too() -> None:
    node = make_volume()
    put_under_transform(put_under_transform(node, rigid()), rigid(5.0))
    geometry = VolumeExchange.volumeGeometry(node)
    assert np.allclose(lps_point(geometry, (5, 6, 7)) * (-1, -1, 1), world_point(node, (5, 6, 7)))


def test_a_warping_transform_is_refused_by_name() -> None:
    node = make_volume()
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "breathing")
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match=r"'breathing'.*harden"):
        VolumeExchange.volumeGeometry(node)


def test_a_mirroring_transform_is_refused() -> None:
    node = make_volume()
    put_under_transform(node, np.diag([-1.0, 1.0, 1.0, 1.0]))
    with pytest.raises(GeometryError, match="mirrors left and right"):
        VolumeExchange.volumeGeometry(node)


@pytest.mark.parametrize("tilt", [0.01, 0.3])
def test_axes_that_are_not_at_right_angles_are_refused(tilt: float) -> None:
    shear = np.eye(3)
    shear[1, 2] = np.sin(tilt)
    shear[2, 2] = np.cos(tilt)
    node = make_volume()
    node.SetIJKToRASMatrix(SegmentMasks.arrayToMatrix(VolumeExchange.FLIP @ lps_matrix(axes=shear)))
    with pytest.raises(GeometryError, match=r"'CT'.*right angles"):
        VolumeExchange.volumeGeometry(node)


def test_axes_rounded_as_in_dicom_headers_are_taken() -> None:
    node = make_volume(lps_matrix(axes=np.round(rotation(17.0, 0) @ rotation(-11.0, 2), 4)))
    VolumeExchange.volumeGeometry(node)


# Voxels


def test_large_integers_and_fractions_travel_as_float32(tmp_path: Path) -> None:
    wide = np.zeros(SHAPE, dtype=np.int32)
    assert VolumeExchange.exportVolume(make_volume(array=wide), tmp_path, "a")["dtype"] == "int16"
    wide[0, 0, 0] = 40000
    assert VolumeExchange.exportVolume(make_volume(array=wide), tmp_path, "b")["dtype"] == "float32"
    assert VolumeExchange.exportVolume(make_volume(array=wide / 3), tmp_path, "c")["dtype"] == "float32"


def test_volumes_without_usable_voxels_are_refused(tmp_path: Path) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")
    with pytest.raises(InputError, match="'nothing' holds no three-dimensional image"):
        VolumeExchange.exportVolume(empty, tmp_path, "ct")
    color = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    color.SetAndObserveImageData(image)
    with pytest.raises(InputError, match="'photo' has several values"):
        VolumeExchange.exportVolume(color, tmp_path, "ct")


# Segments


@pytest.mark.parametrize("grid", GRIDS)
def test_a_segment_on_the_ct_grid_is_cut_exactly(grid: str, tmp_path: Path) -> None:
    ct = make_volume(GRIDS[grid])
    node = make_segmentation({"liver": block()}, ct)
    array, geometry = read_volume(tmp_path, VolumeExchange.exportSegments(node, ["liver"], ct, tmp_path, "liver"))
    assert array.shape == (6, 15, 12)
    assert (array == 1).all()
    assert np.allclose(lps_point(geometry, (0, 0, 0)), (GRIDS[grid] @ [4, 5, 3, 1])[:3], atol=1e-4)
    assert np.allclose(geometry.direction, geometry_of(GRIDS[grid]).direction, atol=1e-6)


def test_several_segments_are_united_and_instances_are_told_apart(tmp_path: Path) -> None:
    ct = make_volume()
    second = block((slice(10, 12), slice(5, 7), slice(4, 6)))
    node = make_segmentation({"a": block(), "b": second}, ct)
    union, _g = read_volume(tmp_path, VolumeExchange.exportSegments(node, ["a", "b"], ct, tmp_path, "u"))
    assert union.sum() == block().sum() + second.sum()
    instances, _g = read_volume(tmp_path, VolumeExchange.exportInstances(node, ["b", "a"], ct, tmp_path, "i"))
    assert instances.dtype == np.uint16
    assert ((instances == 1).sum(), (instances == 2).sum()) == (second.sum(), block().sum())


def whole_mask(reference: dict[str, Any], folder: Path, matrix: np.ndarray) -> np.ndarray:
    """The mask on the whole CT grid, placed by its own geometry."""
    array, geometry = read_volume(folder, reference)
    i, j, k = np.rint((np.linalg.inv(matrix) @ [*geometry.origin_mm, 1.0])[:3]).astype(int)
    whole = np.zeros(SHAPE, dtype=bool)
    whole[k : k + array.shape[0], j : j + array.shape[1], i : i + array.shape[2]] = array
    return whole


@pytest.mark.parametrize("other", GRIDS)
def test_a_segment_of_another_grid_lies_at_the_same_place_of_the_patient(other: str, tmp_path: Path) -> None:
    ct_matrix = lps_matrix((1.0, 1.0, 1.5), origin=(-25.0, -15.0, -35.0))
    ct = make_volume(ct_matrix)
    coarse = make_volume(GRIDS[other], name="coarse")
    inside = (slice(4, 12), slice(6, 20), slice(8, 24))
    node = make_segmentation({"liver": block(inside)}, coarse)
    cut = whole_mask(VolumeExchange.exportSegments(node, ["liver"], ct, tmp_path, "m"), tmp_path, ct_matrix)
    k, j, i = np.indices(SHAPE).reshape(3, -1)
    points = ct_matrix @ [i, j, k, np.ones_like(i)]
    index = np.rint((np.linalg.inv(GRIDS[other]) @ points)[:3]).astype(int)
    held = np.all(
        [(index[2 - a] >= part.start) & (index[2 - a] < part.stop) for a, part in enumerate(inside)], axis=0
    )
    expected = held.reshape(SHAPE)
    assert expected.sum() > 500
    # Voxels exactly on a border may fall on either side.
    assert (cut != expected).sum() <= 0.03 * expected.sum()
    assert np.argwhere(cut).mean(axis=0) == pytest.approx(np.argwhere(expected).mean(axis=0), abs=0.1)


def test_a_segmentation_under_a_transform_is_cut_where_it_is_shown(tmp_path: Path) -> None:
    ct = make_volume()
    node = make_segmentation({"liver": block()}, ct)
    shift = np.eye(4)
    shift[:3, 3] = (-3 * 1.5, -2 * 1.25, 4 * 3.0)
    transform = put_under_transform(node, shift)
    cut = whole_mask(VolumeExchange.exportSegments(node, ["liver"], ct, tmp_path, "m"), tmp_path, lps_matrix())
    moved = (slice(7, 13), slice(7, 22), slice(7, 19))
    assert (cut == block(moved)).all()
    assert node.GetParentTransformNode() is transform


def test_ct_and_segmentation_under_one_transform_stay_together(tmp_path: Path) -> None:
    ct = make_volume()
    node = make_segmentation({"liver": block()}, ct)
    transform = put_under_transform(ct, rigid())
    node.SetAndObserveTransformNodeID(transform.GetID())
    array, geometry = read_volume(tmp_path, VolumeExchange.exportSegments(node, ["liver"], ct, tmp_path, "m"))
    assert array.shape == (6, 15, 12)
    assert np.allclose(lps_point(geometry, (0, 0, 0)) * (-1, -1, 1), world_point(ct, (4, 5, 3)), atol=1e-4)


def test_a_segmentation_under_a_warp_is_refused_by_name(tmp_path: Path) -> None:
    ct = make_volume()
    node = make_segmentation({"liver": block()}, ct)
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "breathing")
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match="'organs' is under the warping transform 'breathing'"):
        VolumeExchange.exportSegments(node, ["liver"], ct, tmp_path, "m")


def test_a_segment_beside_the_ct_or_without_voxels_gives_nothing(tmp_path: Path) -> None:
    ct = make_volume()
    far = make_volume(lps_matrix(origin=(900.0, 0.0, 0.0)), name="far")
    assert VolumeExchange.exportSegments(make_segmentation({"a": block()}, far), ["a"], ct, tmp_path, "m") is None
    node = make_segmentation({"a": np.zeros(SHAPE, dtype=bool)}, ct)
    assert VolumeExchange.exportSegments(node, ["a", "not there"], ct, tmp_path, "m") is None


def test_a_segment_that_leaves_the_ct_is_cut_at_its_border(tmp_path: Path) -> None:
    ct = make_volume()
    shifted = make_volume(lps_matrix(origin=(-30.0 + 40 * 1.5, -20.0, -40.0)), name="shifted")
    node = make_segmentation({"a": block()}, shifted)
    array, _g = read_volume(tmp_path, VolumeExchange.exportSegments(node, ["a"], ct, tmp_path, "m"))
    assert array.shape == (6, 15, 4)


def test_a_surface_without_label_map_is_filled_on_a_copy(tmp_path: Path) -> None:
    ct = make_volume()
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(-6.0, -5.0, -6.0)
    sphere.SetRadius(12.0)
    sphere.SetThetaResolution(60)
    sphere.SetPhiResolution(60)
    sphere.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surfaces")
    node.GetSegmentation().SetSourceRepresentationName(SegmentMasks.SURFACE)
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "heart", [1, 0, 0], "heart")
    shift = np.eye(4)
    shift[0, 3] = 9.0
    put_under_transform(node, shift)
    reference = VolumeExchange.exportSegments(node, ["heart"], ct, tmp_path, "m")
    cut = whole_mask(reference, tmp_path, lps_matrix())
    assert cut.sum() * 1.5 * 1.25 * 3 == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.08)
    center = (lps_matrix() @ [*np.argwhere(cut).mean(axis=0)[::-1], 1.0])[:3]
    assert center == pytest.approx((-3.0, 5.0, -6.0), abs=0.4)
    assert not node.GetSegmentation().ContainsRepresentation(SegmentMasks.BINARY)


# Whole maps


@pytest.mark.parametrize("grid", GRIDS)
def test_station_and_node_maps_go_back_as_they_came(grid: str, tmp_path: Path) -> None:
    case = make_case(GRIDS[grid])
    stations, geometry = read_volume(tmp_path, CaseExport.exportStationMap(case, tmp_path, "stations"))
    assert (stations == station_array()).all()
    assert np.allclose(geometry.origin_mm, geometry_of(GRIDS[grid]).origin_mm, atol=1e-4)
    nodes, _g = read_volume(tmp_path, CaseExport.exportNodeMap(case, tmp_path, "nodes"))
    assert (nodes == node_array()).all()


def test_an_edited_map_has_the_edit(tmp_path: Path) -> None:
    case = make_case()
    Editor(case.stationsNode(), case.ctNode()).erase("4R", (slice(0, 24), slice(0, 40), slice(0, 10)))
    stations, _g = read_volume(tmp_path, CaseExport.exportStationMap(case, tmp_path, "stations"))
    expected = station_array()
    expected[:, :, :10] = 0
    assert (stations == expected).all()


def test_a_case_without_stations_or_ct_says_so(tmp_path: Path) -> None:
    case = make_case()
    slicer.mrmlScene.RemoveNode(case.ctNode())
    with pytest.raises(InputError, match="CT of this case is no longer in the scene"):
        CaseExport.exportStations(case, ["4R"], tmp_path)
    other = CaseScene.create(slicer.mrmlScene, make_volume())
    with pytest.raises(InputError, match="no stations yet"):
        CaseExport.exportStationMap(other, tmp_path, "m")


# PET


class Database:
    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def fileForInstance(self, uid: str) -> str:
        return self.files.get(uid, "")


def test_a_pet_in_suv_travels_as_voxels_and_a_raw_one_as_its_dicom_files(tmp_path: Path) -> None:
    pet = make_volume(array=np.ones(SHAPE, dtype=np.float32), name="PET")
    assert exportPet(pet, tmp_path, "pet")[1] is None
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / name).write_bytes(b"x")
    pet.SetAttribute("DICOM.instanceUIDs", "1.1 1.2")
    database = Database({"1.1": str(tmp_path / "1.dcm"), "1.2": str(tmp_path / "2.dcm")})
    reference, unit = exportPet(pet, tmp_path, "pet", database)
    assert reference == {"dicom_files": [str(tmp_path / "1.dcm"), str(tmp_path / "2.dcm")]}
    assert unit is None
    assert exportPet(pet, tmp_path, "pet", Database({"1.1": str(tmp_path / "1.dcm")}))[0]["dtype"] == "float32"
    put_under_transform(pet, rigid())
    assert exportPet(pet, tmp_path, "pet", database)[0]["dtype"] == "float32"
    units = slicer.vtkCodedEntry()
    units.SetValueSchemeMeaning("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight")
    pet.SetVoxelValueUnits(units)
    assert exportPet(pet, tmp_path, "pet", database)[1] == "SUVbw"
