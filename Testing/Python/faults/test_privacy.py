"""Marked patients: no identifier of theirs in anything that is written or said without being asked for.

Marks are those of ``Testing.Faults.marked``, and headers of NIfTI and NRRD. The commands run in processes of their
own, which keep a copy of every temporary file before it goes.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import chest, pet_tags

from Testing.Faults.marked import BORN, MARK, STUDIED, marks_in, write_marked

ROOT = Path(__file__).resolve().parents[3]
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
