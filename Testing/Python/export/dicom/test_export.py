"""Where results go and where they cannot: one sentence, and nothing half written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from export.cases import make_result
from export.dicom.results import results, write_ct
from imaging.samples import change, chest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from typer.testing import CliRunner

from LNStationLib.cli import app as cli
from LNStationLib.export import write_outputs
from LNStationLib.export.dicom.derived_ct import derived_series
from LNStationLib.export.dicom.export import ExportRequest, export_dicom
from LNStationLib.export.dicom.objects import FILE_NAMES, dicom_objects
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.source import read_source, study_header
from LNStationLib.export.dicom.writer import write_objects
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.imaging.grid import AIR_HU
from LNStationLib.support.errors import CancelledError, GeometryError, InputError, OutputError
from LNStationLib.support.progress import silent


def export(found: Results, ct: Path, out: Path, **options: bool) -> list[Path]:
    return export_dicom(found, ExportRequest(ct, out, **options), lambda warning: None)


def on_chest() -> tuple[sitk.Image, Results]:
    """A CT that passes for a chest, and results on its grid."""
    ct = chest()
    stations = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    stations.CopyInformation(ct)
    nodes = sitk.Cast(stations, sitk.sitkUInt16)
    stations[40:50, 30:40, 20:25] = 7
    return ct, Results(make_result().assessment, stations, nodes)


def test_a_ct_that_is_a_file_is_refused_or_converted(tmp_path: Path) -> None:
    ct, found = on_chest()
    sitk.WriteImage(ct, str(tmp_path / "ct.nii.gz"))
    with pytest.raises(InputError, match=r"not a DICOM series.*--with-images"):
        export(found, tmp_path / "ct.nii.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    files = export(found, tmp_path / "ct.nii.gz", tmp_path / "out", with_images=True)
    read = read_series(tmp_path / "out" / "ct", "CT", "CT", print)
    np.testing.assert_array_equal(array_view(read.image), np.maximum(array_view(ct), AIR_HU))
    np.testing.assert_allclose(read.image.GetOrigin(), ct.GetOrigin(), atol=1e-4)
    made = dcmread(files[-1])
    assert made.StudyInstanceUID == read.headers[0].StudyInstanceUID
    assert made.PatientID == found.assessment.case.case_id
    with pytest.raises(InputError, match="leave out --with-images"):
        export(found, tmp_path / "out" / "ct", tmp_path / "again", with_images=True)


def test_another_reconstruction_is_refused(tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results())
    with pytest.raises(GeometryError, match="not on the grid of the CT series"):
        export(results("oblique"), ct, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"FrameOfReferenceUID": ""}, r"Frame of Reference UID \(0020,0052\) is missing"),
        ({"StudyInstanceUID": ""}, "0020,000D"),
        ({"FrameOfReferenceUID": "1,2.3"}, "0020,0052"),
        ({"SOPClassUID": "1.2.999"}, r"SOP Class UID \(0008,0016\) is missing or damaged"),
    ],
)
def test_a_ct_that_cannot_be_referred_to_is_refused(tags: dict[str, str], words: str, tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results(), **tags)
    with pytest.raises(InputError, match=words):
        read_source(ct, print)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_a_ct_of_several_frames_of_reference_or_studies_is_refused(keyword: str, tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results())
    change(sorted(ct.iterdir())[3], **{keyword: "1.2.3"})
    with pytest.raises(InputError, match=r"its images differ in .*UID"):
        read_source(ct, print)
    for file in ct.iterdir():
        change(file, **{keyword: ["1.2.3", "1.2.4"]})
    with pytest.raises(InputError, match="missing or damaged"):
        read_source(ct, print)


def test_images_that_share_an_identifier_are_refused(tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results(), SOPInstanceUID="1.2.3")
    with pytest.raises(InputError, match="same SOP Instance UID"):
        read_source(ct, print)


def test_a_study_with_two_patients_is_refused(tmp_path: Path) -> None:
    ct = write_ct(tmp_path / "ct", results())
    change(sorted(ct.iterdir())[3], PatientID="SOMEBODY-ELSE")
    with pytest.raises(InputError, match="one study name several patients") as refused:
        read_source(ct, print)
    assert "SOMEBODY" not in str(refused.value)


def test_headers_that_the_standard_does_not_allow_are_left_empty() -> None:
    header = Dataset()
    header.PatientSex, header.StudyDate, header.PatientID = "W", "20241", None
    kept = study_header(header)
    assert (kept.PatientSex, kept.StudyDate, kept.PatientID, kept.StudyTime) == ("", "", "", "")


def test_no_value_of_a_header_is_told(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    ct, found = on_chest()
    source, _ = derived_series(ct, found.assessment.case, found.assessment.created)
    for one in source.slices:
        # One word is no person's name, which highdicom would say, quoting it.
        one.PatientName = "ONEWORD"
    write_objects(dicom_objects(found, source, silent), tmp_path, overwrite=False)
    told = [str(warning.message) for warning in recwarn] + caplog.messages
    assert [text for text in told if "ONEWORD" in text] == []


def objects(*names: str) -> dict[str, FileDataset]:
    """Small objects under the names of an export."""
    _, (first, *_) = derived_series(chest(), make_result().assessment.case, "2026-01-01T00:00:00Z")
    return dict.fromkeys(names, first)


def test_nothing_is_written_where_the_work_is_cancelled(tmp_path: Path) -> None:
    def cancel(step: str, fraction: float) -> None:
        if fraction > 0:
            raise CancelledError

    with pytest.raises(CancelledError):
        write_objects(objects(*FILE_NAMES), tmp_path / "out", overwrite=False, progress=cancel)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_earlier_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    write_objects(objects(*FILE_NAMES), tmp_path, overwrite=False)
    with pytest.raises(OutputError, match="not empty"):
        write_objects(objects(*FILE_NAMES), tmp_path, overwrite=False)
    (tmp_path / "mine.txt").write_text("kept")
    write_objects(objects("report_sr.dcm"), tmp_path, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "report_sr.dcm"}


def test_the_command_exports_what_assess_has_written(tmp_path: Path) -> None:
    made = make_result()
    write_outputs(made, tmp_path / "results", overwrite=False, formats=("json", "nifti"))
    ct = write_ct(tmp_path / "ct", Results(made.assessment, made.stations, made.nodes))
    command = ["export", str(tmp_path / "results"), "--ct", str(ct), "--dicom", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert "report_sr.dcm" in done.output
    again = CliRunner().invoke(cli.app, command)
    assert (again.exit_code, again.output.count("Error:")) == (2, 1)
    missing = CliRunner().invoke(cli.app, ["export", str(tmp_path), "--ct", str(ct), "--dicom", str(tmp_path / "o")])
    assert missing.exit_code == 2
    assert "assessment.json is missing" in missing.output
