"""Results of a case as DICOM objects of the study that its CT belongs to."""

from __future__ import annotations

from pathlib import Path

from LNStationLib.batch.sources import Loaded
from LNStationLib.export.dicom.objects import dicom_objects
from LNStationLib.export.dicom.results import Results
from LNStationLib.export.dicom.source import SourceSeries, source_of
from LNStationLib.export.dicom.writer import DICOM_FOLDER, write_objects
from LNStationLib.imaging.dicom_series import series_grid
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import silent


def study_of(loaded: Loaded) -> SourceSeries:
    """The series that the objects of a case refer to; asked before the case is assessed.

    Raises:
        InputError: The CT is no DICOM series, or its headers do not say what objects must repeat.
    """
    if not loaded.ct_files:
        raise InputError(
            "CT: it is not a DICOM series, so there is no study to put DICOM objects into: give its DICOM folder, or "
            "leave out --dicom."
        )
    # What is odd about the series was said when it was read.
    return source_of(series_grid(loaded.ct_files, "CT", "CT", lambda warning: None))


def write_in_study(assessed: AssessedCase, series: SourceSeries, folder: Path) -> list[Path]:
    """Write the objects into a folder of the results.

    Args:
        assessed: The results.
        series: Of :func:`study_of`.
        folder: Of the results; a report in it becomes a document of the study.

    Returns:
        The files.
    """
    report = folder / "report.pdf"
    pdf = report.read_bytes() if report.exists() else None
    results = Results(assessed.assessment, assessed.stations, assessed.nodes, report_pdf=pdf)
    return write_objects(dicom_objects(results, series, silent), folder / DICOM_FOLDER, overwrite=False)
