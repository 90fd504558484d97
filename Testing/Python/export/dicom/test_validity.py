"""What programs of others say of the objects; skipped where they are not installed (``python3 run.py test`` does)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import SimpleITK as sitk
from dicom_tools import program
from export.cases import make_result
from export.dicom.results import exported, results, write_ct
from imaging.enhanced_samples import Layout, write_enhanced_ct

from LNStationLib.export.dicom.export import ExportRequest, export_dicom
from LNStationLib.export.dicom.results import Results
from LNStationLib.imaging.reading import read_image

BALL_MM, NODE_MM = 14.0, 6.0


@pytest.fixture(scope="module", params=["synthetic", "enhanced", "chest_ct_01"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("valid")
    if request.param == "synthetic":
        exported(folder, results("oblique", attention=True, trained_on_synthetic=True))
        return sorted((folder / "dicom").iterdir())
    if request.param == "enhanced":
        found = results("oblique", attention=True, trained_on_synthetic=True)
        slices = sorted(write_ct(folder / "slices", found).iterdir())
        write_enhanced_ct(folder / "ct", slices, Layout(parts=2))
        return export_dicom(found, ExportRequest(folder / "ct", folder / "dicom"), lambda warning: None)
    ct = request.getfixturevalue("real_ct_folder") / "ct.nii.gz"
    found = on_image(read_image(ct, "CT", lambda warning: None))
    return export_dicom(found, ExportRequest(ct, folder / "dicom", with_images=True), lambda warning: None)


def on_image(ct: sitk.Image) -> Results:
    """Stations and nodes as balls in the middle of a CT."""
    middle = ct.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in ct.GetSize()])
    balls = [ball(ct, middle, radius) for radius in (BALL_MM, NODE_MM)]
    made = make_result()
    return Results(made.assessment, balls[0] * 7, sitk.Cast(balls[1], sitk.sitkUInt16) * 2, report_pdf=b"%PDF-1.7 x")


def ball(ct: sitk.Image, middle: tuple[float, ...], radius_mm: float) -> sitk.Image:
    source = sitk.GaussianSource(
        sitk.sitkFloat32,
        ct.GetSize(),
        [radius_mm] * 3,
        middle,
        1.0,
        ct.GetOrigin(),
        ct.GetSpacing(),
        ct.GetDirection(),
    )
    return sitk.Cast(source > 0.6065, sitk.sitkUInt8)  # exp(-1/2): the radius is one standard deviation


def said(name: str, path: Path, *options: str) -> str:
    found = program(name)
    if found is None:
        pytest.skip(f"{name} is not installed: python3 run.py test installs it where it can")
    done = subprocess.run([found, *options, str(path)], capture_output=True, text=True, check=False, errors="replace")
    return done.stdout + done.stderr


def test_dciodvfy_finds_no_error(files: list[Path]) -> None:
    kinds = [path for path in files if path.parent.name != "ct"] + [
        path for path in files if path.parent.name == "ct"
    ][:1]
    errors = {path.name: [line for line in said("dciodvfy", path).splitlines() if "Error" in line] for path in kinds}
    assert {name: lines for name, lines in errors.items() if lines} == {}


def test_dcmdump_and_dsrdump_read_them(files: list[Path]) -> None:
    for path in files[-5:]:
        dumped = said("dcmdump", path, "-q")
        assert "SOPClassUID" in dumped
        assert "E: " not in dumped
    (report,) = [path for path in files if path.name == "report_sr.dcm"]
    dumped = said("dsrdump", report)
    assert "Comprehensive SR Document" in dumped
    assert "Tracking Identifier" in dumped
    assert [line for line in dumped.splitlines() if line.startswith("E: ") or "violates" in line] == []
