"""A CT and a PET as DICOM series, and on the CT a segmentation, a structure set and a structured report."""

from __future__ import annotations

import shutil
from pathlib import Path

import SimpleITK as sitk
from export.cases import Frame, Options, make_result
from export.dicom.results import STUDY, review
from imaging.samples import pet_tags, write_series

from LNStationLib.export.dicom.export import ExportRequest, export_dicom
from LNStationLib.export.dicom.results import Results

FRAME = Frame(spacing=(6.0, 6.0, 9.0))
"""Voxels of which lungs, body and stations can just be told, in as few files as make a series."""
_PLACES = {"seg": "nodes_seg.dcm", "rtstruct": "structures_rtstruct.dcm", "sr": "report_sr.dcm"}
_UPTAKE_BQML = 5000.0


def write_study(originals: Path) -> None:
    """Each part in a folder of its own: ``ct``, ``pet``, ``seg``, ``rtstruct``, ``sr``."""
    made = make_result(Options(frame=FRAME, pet=True))
    ct = made.case.ct
    write_series(originals / "ct", ct, tags=STUDY)
    uptake = sitk.Cast(ct > -300, sitk.sitkFloat32) * _UPTAKE_BQML
    write_series(originals / "pet", uptake, "PT", tags=STUDY | pet_tags(), intercept=0.0)
    results = Results(made.assessment, made.stations, made.nodes, review(), None)
    export_dicom(results, ExportRequest(originals / "ct", originals / "all"), lambda warning: None)
    for folder, name in _PLACES.items():
        (originals / folder).mkdir()
        shutil.move(originals / "all" / name, originals / folder / name)
    shutil.rmtree(originals / "all")
