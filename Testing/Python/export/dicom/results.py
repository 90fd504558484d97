"""A tiny assessed case with its CT as a DICOM series, and what was exported from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import SimpleITK as sitk
from export.cases import Frame, Options, make_result
from imaging.samples import write_series
from pydicom import dcmread
from pydicom.dataset import Dataset

from LNStationLib.assessment.review import ReaderCall, Review
from LNStationLib.export.dicom.export import ExportRequest, export_dicom
from LNStationLib.export.dicom.results import Results

COARSE_MM = (4.0, 4.0, 6.0)
FRAMES = {
    "axial": Frame(spacing=COARSE_MM),
    "feet first": Frame((-1, 0, 0, 0, 1, 0, 0, 0, -1), COARSE_MM),
    "mirrored": Frame((1, 0, 0, 0, 1, 0, 0, 0, -1), COARSE_MM),
    "oblique": Frame((0.8, 0, 0.6, 0, 1, 0, -0.6, 0, 0.8), (4.0, 5.0, 6.0)),
}
"""Grids that results can have. DICOM slices lie along a right-handed normal; files may count them the other way."""
STUDY = {
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.77",
    "StudyTime": "081500",
    "StudyID": "S7",
    "AccessionNumber": "A-1",
    "PatientName": "Müller^Jürgen",
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientBirthDate": "19610203",
    "ReferringPhysicianName": "",
}
WHEN = "2026-05-04T09:30:00+00:00"


def review() -> Review:
    """A blind read: one call against the model, one on a station that was not parsed, one note without a call."""
    return Review(
        reader="Doe, Jane",
        blind=True,
        calls={
            "4R": ReaderCall(call="negative", note="fatty hilum", when=WHEN),
            "9": ReaderCall(call="positive", when=WHEN),
            "10L": ReaderCall(call=None, note="see next scan", when=WHEN),
        },
        n_category=make_result().assessment.staging.model_copy(update={"category": "N2"}),
    )


def results(
    frame: str = "axial", *, with_review: bool = True, pdf: bytes | None = b"%PDF-1.7 x", **options: Any
) -> Results:
    """Results on one of the grids."""
    made = make_result(Options(frame=FRAMES[frame], pet=True, **options))
    return Results(made.assessment, made.stations, made.nodes, review() if with_review else None, pdf)


def ct_of(found: Results) -> sitk.Image:
    """Any CT on the grid of results."""
    return sitk.Cast(found.stations, sitk.sitkFloat32)


def write_ct(folder: Path, found: Results, **tags: Any) -> Path:
    """The CT of results as a series, its files in another order than its slices."""
    write_series(folder, ct_of(found), tags=STUDY | tags, reverse_names=True)
    return folder


def exported(folder: Path, found: Results, **tags: Any) -> dict[str, Dataset]:
    """Objects by file name, written and read back by pydicom."""
    ct = write_ct(folder / "ct", found, **tags)
    files = export_dicom(found, ExportRequest(ct, folder / "dicom"), lambda warning: None)
    return {path.name: dcmread(path) for path in files}
