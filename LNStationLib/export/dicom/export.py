"""From results and a CT to DICOM files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from LNStationLib.export.dicom.derived_ct import derived_series
from LNStationLib.export.dicom.objects import dicom_objects
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.source import SourceSeries, read_source
from LNStationLib.export.dicom.writer import write_objects
from LNStationLib.imaging.ct import hounsfield_image
from LNStationLib.imaging.reading import Warn, read_image
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion, silent


@dataclass(frozen=True)
class ExportRequest:
    """What to export, and where.

    Attributes:
        ct: The CT that was assessed: a DICOM folder, or a file.
        out: Folder for the objects.
        with_images: Convert a CT that is a file into a series first.
        overwrite: Replace an earlier export.
    """

    ct: Path
    out: Path
    with_images: bool = False
    overwrite: bool = False


def export_dicom(results: Results, request: ExportRequest, warn: Warn, progress: Progress = silent) -> list[Path]:
    """Write an assessment as DICOM objects of the CT's study.

    Args:
        results: What to write.
        request: CT and folder.
        warn: Told what is odd about the CT.
        progress: Told the running step.

    Returns:
        The files.

    Raises:
        InputError: The CT gives no study to put them into, or is not the one that was assessed.
        OutputError: The folder cannot take them.
    """
    progress("reading the CT's headers", 0.0)
    source, images = _source(results, request, warn)
    objects = dicom_objects(results, source, portion(progress, 0.2, 0.8))
    written = write_objects(
        objects, request.out, overwrite=request.overwrite, images=images, progress=portion(progress, 0.8, 1.0)
    )
    progress("DICOM objects written", 1.0)
    return written


def _source(results: Results, request: ExportRequest, warn: Warn) -> tuple[SourceSeries, list[Dataset] | None]:
    if request.ct.is_dir():
        if request.with_images:
            raise InputError("the CT is a DICOM series already: leave out --with-images.")
        return read_source(request.ct, warn), None
    if not request.with_images:
        raise InputError(
            "the CT is not a DICOM series, so there is no study to put the results into: give the DICOM folder that "
            "it was made from, or --with-images to convert it into a series of its own."
        )
    name = f"CT {request.ct.name}"
    ct = hounsfield_image(read_image(request.ct, name, warn), name, warn)
    source, images = derived_series(ct, results.assessment.case, results.assessment.created)
    return source, list(images)
