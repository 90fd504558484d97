"""A reader's review from a file, to be continued on a new assessment."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from LNStationLib.assessment.review import Review, evidence_sides, stage_reader_calls
from LNStationLib.export.json_files import read_model
from LNStationLib.imaging.dicom_files import HEAD_BYTES, files_under, image_header, is_dicom
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.support.errors import InputError


def read_review(path: Path, ct: Path | None) -> Review:
    """Read ``review.json`` or a DICOM structured report.

    Args:
        path: The file.
        ct: Where the CT lies that is read now; a DICOM folder tells whose report it must be.

    Returns:
        Calls and notes. Edits of outlines are not taken on: they were made on other outlines.

    Raises:
        InputError: It cannot be read, or is another patient's.
    """
    if not path.is_file():
        raise InputError(f"review: there is no file {path}; check the path.")
    with path.open("rb") as file:
        is_report = is_dicom(file.read(HEAD_BYTES))
    if not is_report:
        return read_model(path, Review, "review").model_copy(update={"edits": []})
    from LNStationLib.export.dicom.report_reading import review_from_report

    return review_from_report(path, None if ct is None or not ct.is_dir() else _any_header(ct))


def continued(review: Review, assessed: AssessedCase) -> Review:
    """A review on an assessment: its N category follows from its calls and the facts of this case."""
    calls = {station: given.call for station, given in review.calls.items() if given.call is not None}
    # A blind read must not take its sides from the model.
    sides = evidence_sides(None if review.blind else assessed.assessment)
    staging = stage_reader_calls(assessed.case.facts, calls, assessed.state.settings, sides)
    return review.model_copy(update={"n_category": staging})


def _any_header(folder: Path) -> Dataset | None:
    return next((header for path in files_under(folder) if (header := image_header(path)) is not None), None)
