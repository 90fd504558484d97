"""Read back what an assessment has written: the folder of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import SimpleITK as sitk
from pydantic import BaseModel, ValidationError

from LNStationLib.assessment.review import Review
from LNStationLib.export.dicom.results import Results
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.reading import read_image
from LNStationLib.state.assessment import Assessment
from LNStationLib.support.errors import GeometryError, InputError

Model = TypeVar("Model", bound=BaseModel)


def read_results(folder: Path) -> Results:
    """The results in a folder that ``assess`` or the panel has written.

    Raises:
        InputError: Not such a folder, or a file of it is missing or damaged.
        GeometryError: Its label maps do not belong together.
    """
    if not folder.is_dir():
        raise InputError(f"results: there is no folder {folder}; check the path.")
    assessment = _read(folder / "assessment.json", Assessment)
    stations, nodes = (_labels(folder / f"{name}.nii.gz") for name in ("stations", "nodes"))
    if not same_grid(stations, nodes):
        raise GeometryError("results: the maps of stations and nodes are on different grids; assess the case again.")
    review, report = folder / "review.json", folder / "report.pdf"
    return Results(
        assessment,
        sitk.Cast(stations, sitk.sitkUInt8),
        sitk.Cast(nodes, sitk.sitkUInt16),
        _read(review, Review) if review.exists() else None,
        report.read_bytes() if report.exists() else None,
    )


def _labels(path: Path) -> sitk.Image:
    if not path.exists():
        raise InputError(f"results: {path.name} is missing; assess the case again with all formats.")
    return read_image(path, path.name, lambda warning: None)


def _read(path: Path, model: type[Model]) -> Model:
    if not path.exists():
        raise InputError(f"results: {path.name} is missing; give a folder that assess has written.")
    try:
        return model.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"])) or "content"
        raise InputError(f"results: {path.name} is not valid at {where}; assess the case again.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"results: {path.name} cannot be read as JSON; assess the case again.") from error
