"""DICOM Segmentations and RT Structure Sets as input: ours come back voxel by voxel, others' by label or code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from case.mask_loading import load_nodes, load_organs, load_tumor
from export.dicom.results import results, write_ct
from heard import Heard
from imaging.samples import box_mask, change
from pydicom import dcmread
from pydicom.dataset import Dataset

from LNStationLib import anatomy
from LNStationLib.case.lesion_masks import checked_nodes
from LNStationLib.case.mask_files import lesion_files
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.segmentation import segmentation
from LNStationLib.export.dicom.segments import Algorithm, Structure, node_structures, station_structures
from LNStationLib.export.dicom.source import SourceSeries, read_source
from LNStationLib.export.dicom.structure_set import outlined, structure_set
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.masks import mask_on
from LNStationLib.support.errors import GeometryError, InputError


@pytest.fixture(scope="module")
def found() -> Results:
    return results("oblique", with_review=False)


@pytest.fixture(scope="module")
def source(found: Results, tmp_path_factory: pytest.TempPathFactory) -> SourceSeries:
    return read_source(write_ct(tmp_path_factory.mktemp("ct"), found), print)


def organ(value: int, name: str, label: str) -> Structure:
    """An organ as others would write it: its own label, a code of the table."""
    entry = anatomy.organ(name)
    algorithm = Algorithm("other", "1")
    return Structure(value, label, entry.code, None, entry.side, entry.color, "AUTOMATIC", algorithm, f"1.2.{value}")  # type: ignore[arg-type]


def written(kind: str, labels: sitk.Image, structures: list[Structure], source: SourceSeries, path: Path) -> Path:
    identity = results(with_review=False).identity("1.2.3")
    if kind == "SEG":
        made, _ = segmentation(labels, structures, source, identity, "any", 1, "any")
    else:
        made = structure_set(outlined(labels, structures), source, identity, 1, "any")
    made.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(params=["SEG", "RTSTRUCT"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def nodes_on(path: Path, ct: sitk.Image, header: Dataset | None, warn: Callable[[str], None]) -> sitk.Image | None:
    return checked_nodes(lesion_files(path, "nodes", CtReference(ct, header), warn), ct, warn)


def test_nodes_come_back_as_they_went(kind: str, found: Results, source: SourceSeries, tmp_path: Path) -> None:
    structures = node_structures(found, found.identity("1.2.3"))
    path = written(kind, found.nodes, structures, source, tmp_path / "nodes.dcm")
    read = nodes_on(path, source.grid, source.study, pytest.fail)
    assert read is not None
    assert same_grid(read, found.nodes)
    np.testing.assert_array_equal(array_view(read), array_view(found.nodes))


def test_of_a_file_with_stations_and_nodes_only_the_nodes_are_nodes(
    found: Results, source: SourceSeries, tmp_path: Path
) -> None:
    identity = found.identity("1.2.3")
    marked = outlined(found.stations, station_structures(found, identity))
    marked += outlined(found.nodes, node_structures(found, identity))
    structure_set(marked, source, identity, 1, "any").save_as(tmp_path / "all.dcm", enforce_file_format=True)
    read = nodes_on(tmp_path / "all.dcm", source.grid, source.study, pytest.fail)
    assert read is not None
    assert mask_on(read, found.nodes).sum() == (array_view(found.nodes) > 0).sum()


def test_a_file_of_stations_holds_no_nodes(kind: str, found: Results, source: SourceSeries, tmp_path: Path) -> None:
    structures = station_structures(found, found.identity("1.2.3"))
    path = written(kind, found.stations, structures, source, tmp_path / "stations.dcm")
    with pytest.raises(InputError, match="holds no nodes, only stations"):
        nodes_on(path, source.grid, source.study, pytest.fail)


@pytest.mark.parametrize("label", ["Trachea", "Segment_1"])
def test_organs_are_known_by_label_or_code(label: str, kind: str, source: SourceSeries, tmp_path: Path) -> None:
    labels = sitk.Cast(box_mask(source.grid, (10, 8, 5), (16, 14, 12)), sitk.sitkUInt8)
    folder = tmp_path / "organs"
    folder.mkdir()
    written(kind, labels, [organ(1, "trachea", label)], source, folder / "organs.dcm")
    warnings = Heard()
    organs = load_organs(folder, source.grid, warnings.append)
    assert list(organs.masks) == ["trachea"]
    np.testing.assert_array_equal(mask_on(organs.masks["trachea"], labels), array_view(labels) > 0)
    assert organs.origins["trachea"] == f"organs.dcm: {label}"
    assert [text for text in warnings if "cannot be checked" in text], "the CT was given without its header"


def test_left_and_right_of_one_code_are_told_apart(source: SourceSeries, tmp_path: Path) -> None:
    labels = box_mask(source.grid, (30, 8, 5), (34, 14, 12), value=2)
    labels = labels + box_mask(source.grid, (10, 8, 5), (16, 14, 12))
    lungs = [organ(1, "lung_right", "a"), organ(2, "lung_left", "b")]
    path = written("SEG", labels, lungs, source, tmp_path / "lungs.dcm")
    organs = load_organs(path, source.grid, lambda warning: None)
    assert {name: int(mask_on(mask, labels).sum()) for name, mask in organs.masks.items()} == {
        "lung_right": 6 * 6 * 7,
        "lung_left": 4 * 6 * 7,
    }


def test_a_segment_on_one_slice_is_a_mask_too(source: SourceSeries, kind: str, tmp_path: Path) -> None:
    labels = box_mask(source.grid, (10, 8, 5), (16, 14, 6))
    path = written(kind, labels, [organ(1, "trachea", "tumor")], source, tmp_path / "tumor.dcm")
    read = load_tumor(path, source.grid, lambda warning: None)
    assert read is not None
    np.testing.assert_array_equal(mask_on(read, labels), array_view(labels) > 0)


def test_contours_on_every_second_slice_leave_no_gap(source: SourceSeries, tmp_path: Path) -> None:
    labels = box_mask(source.grid, (10, 8, 4), (16, 14, 13))
    path = written("RTSTRUCT", labels, [organ(1, "trachea", "tumor")], source, tmp_path / "tumor.dcm")
    made = dcmread(path)
    drawn = made.ROIContourSequence[0]
    drawn.ContourSequence = list(drawn.ContourSequence)[::2]
    made.save_as(path)
    read = load_tumor(path, source.grid, lambda warning: None)
    assert read is not None
    filled = mask_on(read, labels)
    assert filled[4:13, 8:14, 10:16].all()
    assert filled.sum() <= 6 * 6 * 10


def refused(path: Path, source: SourceSeries, header: Dataset, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as found:
        nodes_on(path, source.grid, header, lambda warning: None)
    assert str(found.value).count(". ") == 0, "one sentence"


def test_other_images_and_other_patients_are_refused(
    kind: str, found: Results, source: SourceSeries, tmp_path: Path
) -> None:
    path = written(kind, found.nodes, node_structures(found, found.identity("1")), source, tmp_path / "nodes.dcm")
    other = Dataset()
    other.FrameOfReferenceUID, other.PatientID = "1.2.3.4", source.study.PatientID
    refused(path, source, other, GeometryError, "another frame of reference than the CT")
    change(path, PatientID="SOMEBODY-ELSE")
    refused(path, source, source.study, InputError, "names another patient than the CT's")


@pytest.mark.parametrize(
    ("change_of_contour", "error", "words"),
    [
        ({"ContourGeometricType": "OPEN_PLANAR"}, InputError, "open contours"),
        ({"ContourGeometricType": "POINT"}, InputError, "open contours"),
        ({"ContourData": [0.0, 0, 0, 1, 0, 0]}, InputError, "too few points"),
        ({"ContourData": [0.0, 0, 0, 9, 0, 0, 0, 40, 60]}, GeometryError, "not lie in the plane"),
    ],
)
def test_contours_that_enclose_nothing_are_refused(
    change_of_contour: dict[str, Any],
    error: type[Exception],
    words: str,
    found: Results,
    source: SourceSeries,
    tmp_path: Path,
) -> None:
    structures = node_structures(found, found.identity("1"))
    path = written("RTSTRUCT", found.nodes, structures, source, tmp_path / "nodes.dcm")
    made = dcmread(path)
    for keyword, value in change_of_contour.items():
        setattr(made.ROIContourSequence[0].ContourSequence[0], keyword, value)
    made.save_as(path)
    refused(path, source, source.study, error, words)


def test_damaged_files_are_refused(kind: str, found: Results, source: SourceSeries, tmp_path: Path) -> None:
    path = written(kind, found.nodes, node_structures(found, found.identity("1")), source, tmp_path / "nodes.dcm")
    made = dcmread(path)
    del made[{"SEG": "PerFrameFunctionalGroupsSequence", "RTSTRUCT": "ROIContourSequence"}[kind]]
    made.save_as(path)
    refused(path, source, source.study, InputError, "export it again")


def test_without_a_header_of_the_ct_the_check_is_said_to_lack(
    found: Results, source: SourceSeries, tmp_path: Path
) -> None:
    path = written("SEG", found.nodes, node_structures(found, found.identity("1")), source, tmp_path / "nodes.dcm")
    warnings = Heard()
    assert load_nodes(path, source.grid, warnings.append) is not None
    assert [text for text in warnings if "cannot be checked" in text]


def test_a_segmentation_whose_frames_have_no_index_is_refused(
    found: Results, source: SourceSeries, tmp_path: Path
) -> None:
    path = written("SEG", found.nodes, node_structures(found, found.identity("1")), source, tmp_path / "nodes.dcm")
    change(path, DimensionIndexSequence=[])
    refused(path, source, source.study, InputError, "export it again")


def test_a_segmentation_with_two_values_where_one_belongs_is_refused(
    found: Results, source: SourceSeries, tmp_path: Path
) -> None:
    path = written("SEG", found.nodes, node_structures(found, found.identity("1")), source, tmp_path / "nodes.dcm")
    frames = dcmread(path).PerFrameFunctionalGroupsSequence
    frames[0].DerivationImageSequence[0].SourceImageSequence[0].SpatialLocationsPreserved = ["YES", "NO"]
    change(path, PerFrameFunctionalGroupsSequence=frames)
    refused(path, source, source.study, InputError, "export it again")
