"""``export_dicom``: the objects of a case in the study that its CT came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from LNStationLib.imaging.reading import Warn
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion

if TYPE_CHECKING:
    from LNStationLib.worker.params import ExportDicom


def export_from_files(assessed: AssessedCase, given: ExportDicom, warn: Warn, progress: Progress) -> list[Path]:
    """Write the objects of a case into a folder of their own.

    Args:
        assessed: The case.
        given: Files of the CT series, folder, and what goes beside the assessment.
        warn: Told what is odd about the series.
        progress: Told the running step.

    Returns:
        The files.

    Raises:
        InputError: A path is not whole, or the files are not the series that was assessed.
        OutputError: The folder cannot take them.
    """
    # Imported here because highdicom takes a second, which the worker's start must not.
    from LNStationLib.export.dicom.objects import dicom_objects
    from LNStationLib.export.dicom.results import Results
    from LNStationLib.export.dicom.source import source_of
    from LNStationLib.export.dicom.writer import write_objects
    from LNStationLib.imaging.dicom_series import series_grid

    folder, *files = (_whole(name) for name in (given.folder, *given.ct_files))
    progress("reading the CT's headers", 0.0)
    source = source_of(series_grid(files, "CT", "CT", warn))
    pdf = None if given.report is None else _whole(given.report).read_bytes()
    results = Results(assessed.assessment, assessed.stations, assessed.nodes, given.review, pdf)
    objects = dicom_objects(results, source, portion(progress, 0.2, 0.9))
    return write_objects(objects, folder, overwrite=False, progress=portion(progress, 0.9, 1.0))


def _whole(name: str) -> Path:
    path = Path(name)
    if not path.is_absolute():
        raise InputError("files and folder need their whole paths: choose them again.")
    return path
