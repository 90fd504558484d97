"""Read back what an assessment has written: the folder of results."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from LNStationLib.assessment.review import Review
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.json_files import read_model
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.reading import read_image
from LNStationLib.state.assessment import Assessment
from LNStationLib.support.errors import GeometryError, InputError


def read_results(folder: Path) -> Results:
    """The results in a folder that ``assess`` or the panel has written.

    Raises:
        InputError: Not such a folder, or a file of it is missing or damaged.
        GeometryError: Its label maps do not belong together.
    """
    if not folder.is_dir():
        raise InputError(f"results: there is no folder {folder}; check the path.")
    assessment = read_model(folder / "assessment.json", Assessment, "results")
    stations, nodes = (_labels(folder / f"{name}.nii.gz") for name in ("stations", "nodes"))
    if not same_grid(stations, nodes):
        raise GeometryError("results: the maps of stations and nodes are on different grids; assess the case again.")
    review, report = folder / "review.json", folder / "report.pdf"
    return Results(
        assessment,
        sitk.Cast(stations, sitk.sitkUInt8),
        sitk.Cast(nodes, sitk.sitkUInt16),
        read_model(review, Review, "results") if review.exists() else None,
        report.read_bytes() if report.exists() else None,
    )


def _labels(path: Path) -> sitk.Image:
    if not path.exists():
        raise InputError(f"results: {path.name} is missing; assess the case again with all formats.")
    return read_image(path, path.name, lambda warning: None)
