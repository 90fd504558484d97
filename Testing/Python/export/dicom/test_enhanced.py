"""Objects on an enhanced CT: the voxels and numbers that its classic slices give, with references to its frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk
from export.dicom.results import FRAMES, results, write_ct
from highdicom.sr import srread
from imaging.enhanced_samples import Layout, write_enhanced_ct
from imaging.samples import points_mm
from pydicom import dcmread
from pydicom.dataset import Dataset

from LNStationLib.case.lesion_masks import checked_nodes
from LNStationLib.case.mask_files import lesion_files
from LNStationLib.export.dicom.export import ExportRequest, export_dicom
from LNStationLib.export.dicom.objects import FILE_NAMES, dicom_objects
from LNStationLib.export.dicom.report_reading import review_from_report
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.segmentation import segmentation
from LNStationLib.export.dicom.segments import node_structures
from LNStationLib.export.dicom.source import read_source
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import silent

LAYOUTS = {
    "shuffled": Layout(seed=1),
    "descending": Layout(descending=True),
    "groups per frame": Layout(seed=2, per_frame=True),
    "concatenation": Layout(seed=3, parts=3),
}
SEGMENTATIONS = ("stations_seg.dcm", "nodes_seg.dcm")


@dataclass(frozen=True)
class Exported:
    """The same results on classic slices and on enhanced files of them."""

    found: Results
    files: list[Path]
    classic: dict[str, Dataset]
    enhanced: dict[str, Dataset]
    folder: Path

    def frames(self) -> dict[tuple[str, int], np.ndarray]:
        """Position of every frame by file and number."""
        made = {}
        for file in map(dcmread, self.files):
            for number, group in enumerate(file.PerFrameFunctionalGroupsSequence, start=1):
                at = group.PlanePositionSequence[0].ImagePositionPatient
                made[str(file.SOPInstanceUID), number] = np.array(at, float)
        return made


def export(found: Results, ct: Path, out: Path) -> dict[str, Dataset]:
    files = export_dicom(found, ExportRequest(ct, out), pytest.fail)
    return {path.name: dcmread(path) for path in files}


def both(folder: Path, frame: str, layout: Layout) -> Exported:
    found = results(frame, attention=True)
    slices = write_ct(folder / "classic", found)
    files = write_enhanced_ct(folder / "enhanced", sorted(slices.iterdir()), layout)
    classic, enhanced = (export(found, folder / kind, folder / f"{kind}_out") for kind in ("classic", "enhanced"))
    return Exported(found, files, classic, enhanced, folder / "enhanced_out")


@pytest.fixture(
    scope="module",
    params=[*((frame, "shuffled") for frame in FRAMES), *(("oblique", one) for one in list(LAYOUTS)[1:])],
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    frame, layout = request.param
    return both(tmp_path_factory.mktemp("enhanced"), frame, LAYOUTS[layout])


def drawn(made: Dataset) -> Iterator[tuple[int, np.ndarray, np.ndarray, Dataset]]:
    """Segment, position of the first pixel, mask and reference of every frame of a segmentation."""
    for group, mask in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        at = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        (reference,) = group.DerivationImageSequence[0].SourceImageSequence
        yield number, at, mask > 0, reference


def pixel_points(made: Dataset, at: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """LPS mm of the marked pixels of a frame (DICOM PS3.3, C.7.6.2.1.1)."""
    shared = made.SharedFunctionalGroupsSequence[0]
    along = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    row, column = np.nonzero(mask)
    return at + np.outer(column * between_columns, along[0]) + np.outer(row * between_rows, along[1])


def ordered(points: np.ndarray) -> np.ndarray:
    return np.unique(np.rint(points * 100).astype(int), axis=0)


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_every_voxel_lies_where_the_mask_has_it(name: str, exported: Exported) -> None:
    made, labels = exported.enhanced[name], getattr(exported.found, name.partition("_")[0])
    places: dict[int, list[np.ndarray]] = {}
    for number, at, mask, _ in drawn(made):
        places.setdefault(number, []).append(pixel_points(made, at, mask))
    values = array_view(labels)
    expected = {value: ordered(points_mm(labels)[values == value]) for value in np.unique(values[values > 0])}
    # Segments stand in the order of the table of stations, or of the nodes' numbers.
    assert len(places) == len(expected)
    for number, value in enumerate(sorted(expected), start=1):
        np.testing.assert_allclose(ordered(np.concatenate(places[number])), expected[value], atol=1)


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_segmentations_are_those_on_the_slices(name: str, exported: Exported) -> None:
    classic, enhanced = exported.classic[name], exported.enhanced[name]
    assert [one.SegmentLabel for one in classic.SegmentSequence] == [
        one.SegmentLabel for one in enhanced.SegmentSequence
    ]
    assert classic.PixelData == enhanced.PixelData
    for one, other in zip(drawn(classic), drawn(enhanced), strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_each_frame_refers_to_the_frame_that_lies_there(name: str, exported: Exported) -> None:
    frames, made = exported.frames(), exported.enhanced[name]
    used = set()
    for _, at, _, reference in drawn(made):
        used.add(str(reference.ReferencedSOPInstanceUID))
        lies = frames[str(reference.ReferencedSOPInstanceUID), int(reference.ReferencedFrameNumber)]
        np.testing.assert_allclose(at, lies, atol=1e-4)
        assert reference.SpatialLocationsPreserved == "YES"
    for items in (made.SourceImageSequence, made.ReferencedSeriesSequence[0].ReferencedInstanceSequence):
        named = [str(item.ReferencedSOPInstanceUID) for item in items]
        assert len(named) == len(set(named))
        assert used <= set(named) <= {uid for uid, _ in frames}
        assert {item.ReferencedSOPClassUID.name for item in items} == {"Enhanced CT Image Storage"}


def test_contours_are_those_on_the_slices_and_lie_in_the_plane_of_their_frame(exported: Exported) -> None:
    name, frames = "structures_rtstruct.dcm", exported.frames()
    direction = np.array(exported.found.stations.GetDirection()).reshape(3, 3)
    classic, enhanced = exported.classic[name], exported.enhanced[name]
    count = 0
    for one, other in zip(classic.ROIContourSequence, enhanced.ROIContourSequence, strict=True):
        for mine, contour in zip(one.ContourSequence, other.ContourSequence, strict=True):
            assert mine.ContourData == contour.ContourData
            (reference,) = contour.ContourImageSequence
            at = frames[str(reference.ReferencedSOPInstanceUID), int(reference.ReferencedFrameNumber)]
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            assert np.abs((points - at) @ direction[:, 2]).max() < 0.01
            count += 1
    assert count > 20
    (study,) = enhanced.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    images = study.RTReferencedSeriesSequence[0].ContourImageSequence
    assert {(str(one.ReferencedSOPInstanceUID), int(one.ReferencedFrameNumber)) for one in images} == set(frames)


def words(report: Dataset) -> list[str]:
    """Values of all content items but identifiers, in their order."""
    found = []
    for element in report.iterall():
        if element.keyword in ("TextValue", "NumericValue", "CodeMeaning", "PersonName", "CodeValue"):
            found.append(str(element.value))
    return found


def test_the_report_is_that_on_the_slices(exported: Exported) -> None:
    name = "report_sr.dcm"
    classic, enhanced = exported.classic[name], exported.enhanced[name]
    assert words(classic) == words(enhanced)
    assert len(words(enhanced)) > 500
    (series,) = [
        item
        for item in enhanced.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        if item.SeriesInstanceUID == dcmread(exported.files[0]).SeriesInstanceUID
    ]
    named = [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence]
    assert sorted(named) == sorted(str(dcmread(file).SOPInstanceUID) for file in exported.files), "each file once"
    group = srread(exported.folder / name).content.get_volumetric_roi_measurement_groups()[0]
    segments = {str(exported.enhanced[one].SOPInstanceUID) for one in SEGMENTATIONS}
    assert str(group.referenced_segment.referenced_sop_instance_uid) in segments


def test_nothing_refers_to_what_is_not_there(exported: Exported) -> None:
    """No identifier of a stand-in or of a classic slice stays."""
    there = {str(dcmread(file).SOPInstanceUID) for file in exported.files}
    there |= {str(made.SOPInstanceUID) for made in exported.enhanced.values()}
    # The study as a whole (C.8.8.5), in the structure set.
    there.add(str(exported.enhanced["report_sr.dcm"].StudyInstanceUID))
    for made in exported.enhanced.values():
        named = {str(one.value) for one in made.iterall() if one.keyword == "ReferencedSOPInstanceUID"}
        assert named <= there
    assert tuple(exported.enhanced) == FILE_NAMES


def test_highdicom_finds_segments_by_the_frames_of_the_source(exported: Exported) -> None:
    read = hd.seg.segread(exported.folder / "nodes_seg.dcm")
    labels, used = exported.found.nodes, 0
    for (uid, number), at in exported.frames().items():
        mask = array_view(labels)[labels.TransformPhysicalPointToIndex(at.tolist())[2]]
        if mask.any():
            pixels = read.get_pixels_by_source_frame(uid, [number], combine_segments=True)[0]
            np.testing.assert_array_equal(pixels, mask)
            used += 1
    assert used > 3


# Back again


@pytest.mark.parametrize("name", ["nodes_seg.dcm", "structures_rtstruct.dcm"])
def test_nodes_come_back_as_masks_of_the_enhanced_ct(name: str, exported: Exported) -> None:
    ct = read_series(exported.files[0].parent, "CT", "CT", pytest.fail)
    drawn_on = CtReference(ct.image, ct.headers[0])
    read = checked_nodes(lesion_files(exported.folder / name, "nodes", drawn_on, pytest.fail), ct.image, pytest.fail)
    assert read is not None
    values, labels = array_view(exported.found.nodes), exported.found.nodes
    came = sitk.Resample(read, labels, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert np.count_nonzero(array_view(came)) == np.count_nonzero(array_view(read)) == np.count_nonzero(values)
    for node in np.unique(values[values > 0]):
        (number,) = np.unique(array_view(came)[values == node])
        assert number > 0


def test_a_review_goes_on_from_the_report(exported: Exported) -> None:
    ct = read_series(exported.files[0].parent, "CT", "CT", pytest.fail)
    given, read = exported.found.review, review_from_report(exported.folder / "report_sr.dcm", ct.headers[0])
    assert given is not None
    assert {name: (one.call, one.note) for name, one in read.calls.items()} == {
        name: (one.call, one.note) for name, one in given.calls.items()
    }


# As highdicom itself does it


@pytest.mark.parametrize("layout", ["shuffled", "descending"])
def test_references_are_those_that_highdicom_writes_for_one_file(layout: str, tmp_path: Path) -> None:
    found = results("oblique")
    slices = write_ct(tmp_path / "classic", found)
    (file,) = write_enhanced_ct(tmp_path / "enhanced", sorted(slices.iterdir()), LAYOUTS[layout])
    source = read_source(tmp_path / "enhanced", pytest.fail).holding(found.nodes, "nodes")
    structures = node_structures(found, found.identity("1.2.3"))
    ours, numbers = segmentation(found.nodes, structures, source, found.identity("1.2.3"), "any", 1, "any")
    values = np.vectorize(lambda value: numbers.get(value, 0))(array_view(found.nodes)).astype(np.uint16)
    in_file = np.zeros_like(values)
    for z, number in enumerate(source.frames):
        in_file[number - 1] = values[z]
    theirs = hd.seg.Segmentation(
        [dcmread(file)], in_file, "BINARY", list(ours.SegmentSequence), "1.2.4", 1, "1.2.5", 1, "a", "b", "c", "d"
    )
    assert facts(ours) == facts(theirs)
    assert [str(one.ReferencedSOPInstanceUID) for one in ours.SourceImageSequence] == [
        str(one.ReferencedSOPInstanceUID) for one in theirs.SourceImageSequence
    ]


def facts(made: Dataset) -> set[tuple[object, ...]]:
    found = set()
    for number, at, mask, reference in drawn(made):
        rest = {one.keyword: str(one.value) for one in reference}
        found.add((number, tuple(np.round(at, 3)), mask.tobytes(), tuple(sorted(rest.items()))))
    return found


# What cannot be referred to


def test_frames_of_two_files_of_one_identifier_are_refused(tmp_path: Path) -> None:
    found = results("axial")
    slices = sorted(write_ct(tmp_path / "classic", found).iterdir())
    files = write_enhanced_ct(tmp_path / "enhanced", slices, Layout(parts=2))
    last = dcmread(files[1])
    last.SOPInstanceUID = dcmread(files[0]).SOPInstanceUID
    last.save_as(files[1])
    with pytest.raises(InputError, match=r"same SOP Instance UID \(0008,0018\)") as told:
        export(found, tmp_path / "enhanced", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert str(told.value).count(". ") == 0


def test_the_same_frames_of_several_files_give_the_same_objects_in_any_order(tmp_path: Path) -> None:
    found = results("axial")
    slices = sorted(write_ct(tmp_path / "classic", found).iterdir())
    files = write_enhanced_ct(tmp_path / "enhanced", slices, Layout(parts=3))
    first = dicom_objects(found, read_source(tmp_path / "enhanced", pytest.fail), silent)
    files[0].rename(files[0].with_name("z.dcm"))
    again = dicom_objects(found, read_source(tmp_path / "enhanced", pytest.fail), silent)
    assert facts(first["nodes_seg.dcm"]) == facts(again["nodes_seg.dcm"])
