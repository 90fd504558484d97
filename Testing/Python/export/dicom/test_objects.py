"""What goes out in DICOM is read back by other libraries as the same voxels and the same numbers."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from export.dicom.results import FRAMES, STUDY, exported, results, write_ct
from highdicom.sr import srread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from LNStationLib import anatomy
from LNStationLib.export.dicom.objects import FILE_NAMES, dicom_objects
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.segmentation import segmentation
from LNStationLib.export.dicom.segments import node_structures, station_structures
from LNStationLib.export.dicom.source import SourceSeries, read_source
from LNStationLib.export.dicom.structure_set import outlined, structure_set
from LNStationLib.export.wording import SYNTHETIC_MODEL
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.contours import contours_mask
from LNStationLib.state.assessment import RESEARCH_USE
from LNStationLib.support.progress import silent

_DRAWN = "1.2.826.0.1.3680043.10.511.3."
"""How identifiers begin that highdicom draws at random."""


@pytest.fixture(scope="module")
def found() -> Results:
    return results(attention=True, trained_on_synthetic=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def objects(folder: Path, found: Results) -> dict[str, Dataset]:
    return exported(folder, found)


def groups(report: hd.sr.MeasurementReport, label: str) -> list[object]:
    volumes = report.get_volumetric_roi_measurement_groups()
    every = [*volumes, *report.get_image_measurement_groups()]
    return [group for group in every if group.tracking_identifier == label]


@pytest.fixture(scope="module")
def report(folder: Path, objects: dict[str, Dataset]) -> hd.sr.MeasurementReport:
    return srread(folder / "dicom" / "report_sr.dcm").content


# Whose they are


def test_every_object_joins_the_study_of_the_ct(objects: dict[str, Dataset]) -> None:
    assert tuple(objects) == FILE_NAMES
    for made in objects.values():
        assert made.StudyInstanceUID == STUDY["StudyInstanceUID"]
        assert (made.PatientID, str(made.PatientName)) == ("SECRET-1", "Müller^Jürgen")
        assert (made.StudyDate, made.StudyTime, made.PatientBirthDate) == ("20240102", "081500", "19610203")
        assert made.AccessionNumber == "A-1"
    assert len({made.SeriesInstanceUID for made in objects.values()}) == len(objects)
    assert all("research use only" in made.SeriesDescription for made in objects.values())


def test_the_same_results_give_the_same_identifiers_and_others_give_others(
    found: Results, objects: dict[str, Dataset], folder: Path, tmp_path: Path
) -> None:
    uid = read_source(folder / "ct", print).study.SeriesInstanceUID
    assert objects["report_sr.dcm"].SOPInstanceUID == found.identity(uid).uid("report")
    unread = results(with_review=False, attention=True, trained_on_synthetic=True)
    assert unread.identity(uid).uid("report") != objects["report_sr.dcm"].SOPInstanceUID


def test_no_identifier_is_drawn(objects: dict[str, Dataset]) -> None:
    drawn = []
    for made in objects.values():
        elements = [element for element in made.iterall() if element.VR == "UI" and not element.is_empty]
        drawn += [one.keyword for one in elements if str(one.value).startswith(_DRAWN)]
    assert drawn == []


# Voxels


@pytest.mark.parametrize("frame", FRAMES)
def test_segmentations_and_contours_hold_the_same_voxels(frame: str, tmp_path: Path) -> None:
    found = results(frame, with_review=False)
    source = read_source(write_ct(tmp_path / "ct", found), print).holding(found.stations, "stations")
    identity = found.identity("1.2.3")
    for labels, structures in (
        (found.stations, station_structures(found, identity)),
        (found.nodes, node_structures(found, identity)),
    ):
        values = array_view(labels)
        made, numbers = segmentation(labels, structures, source, identity, "any", 1, "any")
        np.testing.assert_array_equal(segmented(made, source, values.shape), renumbered(values, numbers))
        contours = structure_set(outlined(labels, structures), source, identity, 1, "any")
        for value, mask in contoured(contours, source, values.shape).items():
            np.testing.assert_array_equal(mask, values == value)


def renumbered(values: np.ndarray, numbers: dict[int, int]) -> np.ndarray:
    return np.vectorize(lambda value: numbers.get(value, 0))(values)


def segmented(made: hd.seg.Segmentation, source: SourceSeries, shape: tuple[int, ...]) -> np.ndarray:
    """Segment numbers on the CT's grid, each slice found by the image that its frame refers to."""
    found = np.zeros(shape, int)
    uids = [str(one.SOPInstanceUID) for one in source.slices]
    used = {str(item[2]) for item in made.get_source_image_uids()}
    for z, uid in ((z, uid) for z, uid in enumerate(uids) if uid in used):
        found[z] = made.get_pixels_by_source_instance([uid], combine_segments=True)[0]
    return found


def contoured(made: Dataset, source: SourceSeries, shape: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Masks of the structure set by label value, filled from its points in millimeters."""
    masks = {}
    for region, drawn in zip(made.StructureSetROISequence, made.ROIContourSequence, strict=True):
        kind, name, *_ = region.ROIName.split()
        mask = np.zeros(shape, bool)
        for contour in drawn.ContourSequence:
            points = np.reshape([float(value) for value in contour.ContourData], (-1, 3))
            index = np.array([source.grid.TransformPhysicalPointToContinuousIndex(point) for point in points])
            z = round(float(index[0, 2]))
            assert np.abs(index[:, 2] - z).max() < 1e-3
            assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == source.slices[z].SOPInstanceUID
            mask[z] ^= contours_mask([index[:, :2]], shape[1:])
        masks[anatomy.station(name).label_value if kind == "Station" else int(name)] = mask
    return masks


def test_segments_are_named_coded_sided_and_tracked(folder: Path, objects: dict[str, Dataset]) -> None:
    read = hd.seg.segread(folder / "dicom" / "stations_seg.dcm")
    (number,) = read.get_segment_numbers(segment_label="Station 4R")
    segment = read.get_segment_description(number)
    entry = anatomy.station("4R")
    kind = segment.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == (entry.code.value, entry.code.scheme)
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Right"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert "iaslc_rules" in segment.SegmentAlgorithmName
    nodes = hd.seg.segread(folder / "dicom" / "nodes_seg.dcm")
    first = nodes.get_segment_description(1)
    assert first.SegmentAlgorithmType == "SEMIAUTOMATIC", "who drew a supplied mask is not known"
    assert first.AnatomicRegionSequence[0].CodeValue == entry.code.value
    assert first.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeMeaning == "Right"


# Numbers


def test_the_report_holds_every_number_of_every_node(found: Results, report: hd.sr.MeasurementReport) -> None:
    for row in found.assessment.nodes:
        (group,) = groups(report, f"Node {row.node_id} (station {row.station})")
        read = {
            (one.name.meaning, one.derivation and one.derivation.meaning): one.value
            for one in group.get_measurements()
        }
        assert read[codes.SCT.ShortAxis.meaning, None] == row.short_axis_mm
        assert read[codes.SCT.LongAxis.meaning, None] == row.long_axis_mm
        assert read[codes.SCT.Volume.meaning, None] == pytest.approx(row.volume_mm3)
        assert read[codes.DCM.AttenuationCoefficient.meaning, "Mean"] == row.mean_hu
        assert read[codes.DCM.Suvbw.meaning, "Maximum"] == row.suv_max
        assert read[codes.DCM.Suvbw.meaning, "Mean"] == row.suv_mean
        assert read[codes.DCM.Suvbw.meaning, "Peak Value Within ROI"] == row.suv_peak


def test_model_and_reader_stand_side_by_side(report: hd.sr.MeasurementReport) -> None:
    model, reader = groups(report, "Station 4R")
    assert model.tracking_uid == reader.tracking_uid
    assert [one.get_qualitative_evaluations()[0].value for one in (model, reader)] == [
        codes.SCT.Positive,
        codes.SCT.Negative,
    ]
    named = [one for one in model[0].ContentSequence if one.name == codes.DCM.AlgorithmName]
    assert named, "the model's call names its algorithm"
    assert not [one for one in reader[0].ContentSequence if one.name == codes.DCM.AlgorithmName]
    (probability,) = model.get_measurements(codes.DCM.ProbabilityOfCancer)
    assert (probability.value, probability.unit) == (pytest.approx(83.0), codes.UCUM.Percent)


def test_not_assessed_is_neither_negative_nor_left_out(report: hd.sr.MeasurementReport) -> None:
    (group,) = groups(report, "Station 1R")
    assert group.get_qualitative_evaluations()[0].value == codes.SCT.NotEvaluated
    assert group.get_measurements() == []


def test_a_station_without_a_side_takes_that_of_its_evidence(report: hd.sr.MeasurementReport) -> None:
    (group,) = groups(report, "Station 7")
    assert [site.laterality.meaning for site in group.finding_sites] == ["Right"]


def test_the_category_is_that_of_model_and_reader(report: hd.sr.MeasurementReport) -> None:
    values = [one.get_qualitative_evaluations()[0].value for one in groups(report, "N category")]
    assert [value.meaning for value in values] == ["N2", "N2"]
    assert {value.scheme_designator for value in values} == {anatomy.PRIVATE_SCHEME}


def test_the_report_refers_to_segments_and_images(
    objects: dict[str, Dataset], report: hd.sr.MeasurementReport
) -> None:
    group = groups(report, "Station 4R")[0]
    segment = group.referenced_segment
    assert segment.referenced_sop_instance_uid == objects["stations_seg.dcm"].SOPInstanceUID
    evidence = objects["report_sr.dcm"].CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert {objects["stations_seg.dcm"].SeriesInstanceUID, objects["nodes_seg.dcm"].SeriesInstanceUID} <= {
        item.SeriesInstanceUID for item in evidence
    }


def test_research_use_and_synthetic_training_are_said(report: hd.sr.MeasurementReport) -> None:
    (words,) = [one.value for one in report[0].ContentSequence if one.name == codes.DCM.Comment]
    assert RESEARCH_USE in words
    assert SYNTHETIC_MODEL in words
    told = [one.value for one in groups(report, "Station 7")[0][0].ContentSequence if one.name.value == "111002"]
    assert "trained on: synthetic patients" in told


def test_unsigned_results_say_that_they_are(objects: dict[str, Dataset]) -> None:
    report, structures = objects["report_sr.dcm"], objects["structures_rtstruct.dcm"]
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert structures.ApprovalStatus == "UNAPPROVED"


def test_the_document_is_the_report(objects: dict[str, Dataset]) -> None:
    made = objects["report_pdf.dcm"]
    assert made.EncapsulatedDocument[: made.EncapsulatedDocumentLength] == b"%PDF-1.7 x"
    assert made.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_a_case_without_nodes_has_no_segmentation_of_them(folder: Path, objects: dict[str, Dataset]) -> None:
    empty = results(findings=False, with_review=False, pdf=None)
    made = dicom_objects(empty, read_source(folder / "ct", print), silent)
    assert list(made) == ["stations_seg.dcm", "structures_rtstruct.dcm", "report_sr.dcm"]
