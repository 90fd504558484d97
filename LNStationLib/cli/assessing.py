"""Load, assess, write and show a case: what ``assess`` and ``demo`` have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LNStationLib.support import console
from LNStationLib.support.errors import InputError
from LNStationLib.support.language import ENGLISH, check_language
from LNStationLib.support.progress import Progress, portion

if TYPE_CHECKING:
    from LNStationLib.assessment.review import Review
    from LNStationLib.case.case import Case
    from LNStationLib.state.assessed_case import AssessedCase
    from LNStationLib.state.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What to do with an assessment.

    Attributes:
        out: Folder for the results.
        overwrite: Write into one that is not empty.
        review: A review to continue, or ``None``.
        dicom: Write DICOM objects too.
        ct: Where the CT lies, as far as that is known before it is read.
        language: Of the reports.
    """

    out: Path
    overwrite: bool = False
    review: Path | None = None
    dicom: bool = False
    ct: Path | None = None
    language: str = ENGLISH


def load(case_folder: Path | None, given: dict[str, Any], progress: Progress) -> Case:
    """Load a case from a folder, or from files alone; what is given goes before what the folder says."""
    from LNStationLib.case.from_files import CaseRequest, load_case, load_case_folder

    if case_folder is not None:
        return load_case_folder(case_folder, progress, **given)
    return load_case(CaseRequest(**given), progress)


def run_assessment(loading: Callable[[Progress], Case], settings: Settings, plan: Plan) -> list[Path]:
    """Load, assess, write and show; a bad output folder, package or review fails before anything is computed.

    Returns:
        The DICOM objects, where there are any.
    """
    from LNStationLib.assessment.assess import assess as assess_case
    from LNStationLib.assessment.methods import check_models
    from LNStationLib.cli.summary import show_assessment
    from LNStationLib.export import prepare_output_folder, write_outputs

    check_language(plan.language)
    prepare_output_folder(plan.out, plan.overwrite)
    check_models(settings)
    _check_ct(plan)
    _review(plan)
    with console.shown_progress() as progress:
        case = loading(portion(progress, 0.0, 0.1))
        # Once more: only now is it known whose CT this is, where an archive has sent it.
        review = _review(plan)
        result = assess_case(case, settings, portion(progress, 0.1, 0.7))
        more: dict[str, Any] = {} if review is None else {"review": _continued(review, result)}
        more |= {} if plan.language == ENGLISH else {"language": plan.language}
        writing = portion(progress, 0.7, 0.9 if plan.dicom else 1.0)
        outputs = write_outputs(result, plan.out, overwrite=plan.overwrite, progress=writing, **more)
        objects = _dicom(plan, portion(progress, 0.9, 1.0)) if plan.dicom else []
        progress("done", 1.0)
    show_assessment(console.make_console(), result.assessment, [*outputs, *objects])
    return objects


def _check_ct(plan: Plan) -> None:
    if plan.dicom and (plan.ct is None or plan.ct.is_file()):
        raise InputError(
            "--dicom needs a CT that is a DICOM series; for any other run export --with-images on the results."
        )


def _review(plan: Plan) -> Review | None:
    if plan.review is None:
        return None
    from LNStationLib.export.review_file import read_review

    return read_review(plan.review, plan.ct)


def _continued(review: Review, result: AssessedCase) -> Review:
    from LNStationLib.export.review_file import continued

    return continued(review, result)


def _dicom(plan: Plan, progress: Progress) -> list[Path]:
    from LNStationLib.export.dicom.export import ExportRequest, export_dicom
    from LNStationLib.export.dicom.writer import DICOM_FOLDER
    from LNStationLib.export.results_folder import read_results

    request = ExportRequest(_known(plan.ct), plan.out / DICOM_FOLDER, overwrite=plan.overwrite)
    # What is odd about the CT was said when it was read.
    return export_dicom(read_results(plan.out), request, lambda warning: None, progress)


def _known(ct: Path | None) -> Path:
    if ct is None:
        raise ValueError("the plan does not say where the CT lies")
    return ct
