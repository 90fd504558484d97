"""Marked patients: no identifier of theirs in anything that is written or said without being asked for.

Every attribute that DICOM's basic profile of confidentiality takes away (PS3.15, table E.1-1) and that CT and PET
headers carry holds a mark, and so do private elements, headers of NIfTI and NRRD, folders and file names as archives
make them. The commands run in processes of their own, which keep a copy of every temporary file before it goes.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import chest, pet_tags, write_series
from pydicom import dcmread

ROOT = Path(__file__).resolve().parents[3]
MARK = "ZQXJ"
"""In no word of any language, and in nothing that compresses."""
BORN, STUDIED = "19330307", "20110923"
UID = "1.2.826.0.1.3680043.8.498.987654321987654321"
NAMES = (
    "PatientName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "PatientMotherBirthName",
)
TEXTS = (
    "PatientID", "OtherPatientIDs", "PatientAddress", "PatientTelephoneNumbers", "PatientComments", "AccessionNumber",
    "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "StudyID", "MedicalAlerts",
    "DeviceSerialNumber", "StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "Occupation",
    "AdditionalPatientHistory", "RequestedProcedureDescription", "AdmissionID", "EthnicGroup", "MilitaryRank",
    "Allergies", "AcquisitionComments", "DerivationDescription",
)  # fmt: skip
DATES = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")

WATCHING = """
import os, pathlib, shutil, sys
kept = pathlib.Path(sys.argv.pop(1))
def keep(event, arguments):
    if event not in ("shutil.rmtree", "os.remove") or keep.busy:
        return
    keep.busy = True
    try:
        gone = pathlib.Path(os.fsdecode(arguments[0]))
        for path in [gone, *(gone.rglob("*") if gone.is_dir() else ())]:
            if path.is_file() and kept not in path.parents:
                keep.number += 1
                shutil.copyfile(path, kept / f"{keep.number}-{path.name}")
    except OSError:
        pass
    keep.busy = False
keep.busy, keep.number = False, 0
sys.addaudithook(keep)
from LNStationLib.cli.app import main
main()
"""


def marked_tags() -> dict[str, Any]:
    """Attributes with marks; dates are marks themselves."""
    tags: dict[str, Any] = dict.fromkeys(NAMES, f"{MARK}^Jane")
    tags |= {name: f"{MARK}{number}" for number, name in enumerate(TEXTS)}
    return (
        tags
        | {"PatientBirthDate": BORN, "StudyInstanceUID": UID, "StudyID": MARK, "PatientAge": "078Y"}
        | dict.fromkeys(DATES[1:], STUDIED)
    )


def write_marked(folder: Path, image: sitk.Image, modality: str, **more: Any) -> Path:
    """A marked series in a folder and under file names of an archive."""
    place = folder / f"{MARK}^JANE_{BORN}" / f"{modality}_{STUDIED}"
    tags = {**more, **marked_tags()}
    for number, path in enumerate(write_series(place, image, modality, tags=tags)):
        header = dcmread(path)
        block = header.private_block(0x0011, MARK, create=True)
        block.add_new(1, "LO", f"{MARK} private")
        header.save_as(place / f"{MARK}_{number:04d}.dcm")
        path.unlink()
    return place


@dataclass(frozen=True)
class Said:
    """What a command left behind.

    Attributes:
        code: Exit code.
        text: Standard output and error.
        files: Every file that it wrote, temporary ones among them.
    """

    code: int
    text: str
    files: list[Path]


def run(folder: Path, *arguments: str) -> Said:
    """Run a command with folders of its own for results, home and temporary files."""
    for name in ("home", "tmp", "kept", "work"):
        (folder / name).mkdir(parents=True)
    variables = {**os.environ, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WATCHING, str(folder / "kept"), *arguments]
    done = subprocess.run(
        command, cwd=folder / "work", env=variables, capture_output=True, text=True, check=False, timeout=600
    )
    written = [path for part in folder.iterdir() for path in part.rglob("*") if path.is_file()]
    return Said(done.returncode, done.stdout + done.stderr, written)


def unpacked(content: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them as gzip files, zips, PDFs and PNGs pack."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    for start in (b"stream\n", b"stream\r\n", b"tEXt", b"iTXt", b"zTXt"):
        for piece in content.split(start)[1:]:
            try:
                yield zlib.decompressobj().decompress(piece)
            except zlib.error:
                yield piece[:300]


def marks_in(content: bytes) -> list[str]:
    """Marks found, whatever the encoding."""
    marks = [MARK, BORN, STUDIED, "1933-03-07", "2011-09-23", "07.03.1933", UID]
    coded = {mark: [mark.encode(), mark.encode("utf-16-le"), mark.lower().encode()] for mark in marks}
    return sorted(
        {m for m, forms in coded.items() for part in unpacked(content) if any(form in part for form in forms)}
    )


def check(said: Said, folder: Path) -> None:
    """Nothing of the patient was written or said."""
    text = said.text.replace(str(folder), "")
    assert marks_in(text.encode()) == [], said.text
    found = {path.name: marks_in(path.name.encode() + path.read_bytes()) for path in said.files}
    assert {name: marks for name, marks in found.items() if marks} == {}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a marked CT and PET lie."""
    folder = tmp_path_factory.mktemp("archive")
    ct = sitk.Shrink(chest(), (3, 3, 3))
    write_marked(folder, ct, "CT")
    dated = dict.fromkeys(("SeriesDate", "AcquisitionDate"), STUDIED)
    write_marked(folder, sitk.Cast(ct > -300, sitk.sitkFloat32) * 5000, "PT", **pet_tags(**dated))
    return folder / f"{MARK}^JANE_{BORN}"


def test_an_assessment_of_dicom_tells_nothing_of_the_patient(patient: Path, tmp_path: Path) -> None:
    series = [str(patient / f"{modality}_{STUDIED}") for modality in ("CT", "PT")]
    options = ["--working-spacing", "4", "--cancer", "lung", "--out", str(tmp_path / "run" / "out")]
    said = run(tmp_path / "run", "assess", "--ct", series[0], "--pet", series[1], *options)
    assert said.code == 0, said.text
    assert {"report.pdf", "report.html", "assessment.json", "stations.nii.gz"} <= {path.name for path in said.files}
    assert len([path for path in said.files if path.parent.name == "kept"]) > 3, "temporary files are no longer seen"
    check(said, tmp_path)


def two_series(folder: Path, patient: Path) -> list[str]:
    """A CT that cannot be chosen: the sentence lists what there is."""
    write_marked(folder / "a", sitk.Shrink(chest(), (3, 3, 3)), "CT")
    write_marked(folder / "b", sitk.Shrink(chest(seed=1), (3, 3, 3)), "CT")
    return ["--ct", str(folder)]


def bad_dose(folder: Path, patient: Path) -> list[str]:
    """A PET whose headers lack what SUV needs."""
    place = write_marked(folder, sitk.Shrink(chest(), (3, 3, 3)) * 0 + 5, "PT", **pet_tags(PatientWeight=None))
    return ["--ct", str(patient / f"CT_{STUDIED}"), "--pet", str(place)]


def no_pixels(folder: Path, patient: Path) -> list[str]:
    """Slices that end early, with attributes that the standard does not allow."""
    place = write_marked(folder, sitk.Shrink(chest(), (3, 3, 3)), "CT")
    for path in place.iterdir():
        path.write_bytes(path.read_bytes()[:-400].replace(STUDIED.encode(), b"ZQXJ____"))
    return ["--ct", str(place)]


def nifti(folder: Path, patient: Path) -> list[str]:
    """A NIfTI file with marks in its header, and a grid that is refused."""
    file = nib.Nifti1Image(np.zeros((9, 9, 9), np.int16), np.eye(4))
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        file.header[name] = MARK.encode()
    file.header.extensions.append(nib.nifti1.Nifti1Extension("comment", f"{MARK} {BORN}".encode()))
    folder.mkdir()
    (folder / "ct.nii").write_bytes(file.to_bytes())
    return ["--ct", str(folder / "ct.nii")]


def nrrd(folder: Path, patient: Path) -> list[str]:
    """An NRRD file with marks in its comments, keys and segments."""
    folder.mkdir()
    image = sitk.Shrink(chest(), (3, 3, 3))
    for key in ("content", "PatientName", "Segment0_Name", "DICOM.PatientID"):
        image.SetMetaData(key, f"{MARK} {BORN}")
    sitk.WriteImage(image * 0, str(folder / "ct.nrrd"))
    return ["--ct", str(folder / "ct.nrrd")]


@pytest.mark.parametrize("make", [two_series, bad_dose, no_pixels, nifti, nrrd])
def test_a_refusal_tells_nothing_of_the_patient(
    make: Any, patient: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from typer.testing import CliRunner

    from LNStationLib.cli.app import app

    arguments = make(tmp_path / "given", patient)
    result = CliRunner().invoke(app, ["--debug", "assess", *arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2, result.output
    captured = capfd.readouterr()
    told = [result.output, result.stderr, captured.out, captured.err, caplog.text]
    assert marks_in("".join(told).replace(str(tmp_path), "").encode()) == [], told
    assert list((tmp_path / "out").iterdir()) == []


def test_the_search_finds_marks_however_they_are_packed(tmp_path: Path) -> None:
    packed = io.BytesIO()
    image = sitk.GetImageFromArray(np.zeros((4, 4), np.uint8))
    sitk.WriteImage(image, str(tmp_path / "a.png"))
    packed.write(b"%PDF stream\n" + zlib.compress(f"({MARK})".encode()) + b"endstream")
    for content in (MARK.encode(), gzip.compress(MARK.encode()), packed.getvalue(), MARK.encode("utf-16")):
        assert marks_in(content) == [MARK]
    assert marks_in((tmp_path / "a.png").read_bytes()) == []
