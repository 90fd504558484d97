"""``assess --dicomweb``: fetch a study, assess it, store the objects."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LNStationLib.cli.assessing import Plan, load, run_assessment
from LNStationLib.support import console
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

if TYPE_CHECKING:
    from LNStationLib.case.case import Case
    from LNStationLib.export.dicom.archive import Archive, FetchedStudy
    from LNStationLib.state.settings import Settings


@dataclass(frozen=True)
class WantedStudy:
    """What the command line says of a study in an archive.

    Attributes:
        study: Study Instance UID.
        series: Of its CT, where the study has several.
        store: Store the objects in the archive.
        case_folder: Where one was given too, which is an error.
    """

    study: str | None
    series: str | None
    store: bool
    case_folder: Path | None


def assess_from_archive(
    archive: Archive, wanted: WantedStudy, given: dict[str, Any], settings: Settings, plan: Plan
) -> None:
    """Fetch a study into a folder that is removed afterwards, assess it, and store the objects where that is asked.

    Raises:
        InputError: No study or another CT was given, or the archive refuses, fails or breaks off.
    """
    study = _checked(wanted, given)
    with tempfile.TemporaryDirectory(prefix="lnstation-") as folder:
        plan = replace(plan, dicom=plan.dicom or wanted.store, ct=Path(folder) / "ct")

        def fetched(progress: Progress) -> Case:
            found = archive.fetch(study, Path(folder), _warn, wanted.series, portion(progress, 0.0, 0.7))
            return load(None, _completed(given, found, study), portion(progress, 0.7, 1.0))

        objects = run_assessment(fetched, settings, plan)
        if wanted.store:
            with console.shown_progress() as progress:
                archive.store(objects, progress)


def _checked(wanted: WantedStudy, given: dict[str, Any]) -> str:
    if wanted.study is None:
        raise InputError("--dicomweb needs the study to fetch: give --study UID.")
    if given["ct"] is not None or wanted.case_folder is not None:
        raise InputError("the CT comes from the archive: give no --ct and no case folder with --dicomweb.")
    return wanted.study


def _warn(warning: Reason) -> None:
    console.make_console(stderr=True).print(words(warning), style="yellow", soft_wrap=True, markup=False)


def _completed(given: dict[str, Any], found: FetchedStudy, study: str) -> dict[str, Any]:
    """The request with the fetched images; the case is named after the study without saying its identifier."""
    from LNStationLib.case.from_files import study_case_id

    name = study_case_id(study)
    return given | {"ct": found.ct, "pet": given["pet"] or found.pet, "case_id": given["case_id"] or name}
