"""All patients of a cohort, placed by every method that was asked for; stopped runs resume."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.localization.patient import PatientAnswers, Question, answers_for
from LNStationLib.state.settings import Settings
from LNStationLib.stations.parse import check_ready
from LNStationLib.stations.registry import METHODS
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.processes import spread_or_serial
from LNStationLib.support.progress import Progress, silent


def method_settings(settings: Settings, names: Collection[str]) -> dict[str, Settings]:
    """Settings of each method by its name, checked.

    Args:
        settings: With the options of any of them.
        names: Of the methods; where there are none, the method that the settings name, else the first of all.

    Raises:
        InputError: There is no such method, or it cannot run here.
        PackageError: Its model package or atlas is missing or cannot be used.
    """
    wanted = list(dict.fromkeys(names)) or [settings.stations.method or next(iter(METHODS)).name]
    for name in wanted:
        method = METHODS.named(name)
        check_ready(method, METHODS.options(method, settings))
    steps = {name: settings.stations.model_copy(update={"method": name}) for name in wanted}
    return {name: settings.model_copy(update={"stations": step}) for name, step in steps.items()}


def place_cohort(
    cohort: Sequence[CohortPatient],
    settings: Mapping[str, Settings],
    folder: Path,
    workers: int = 1,
    progress: Progress = silent,
) -> dict[str, PatientAnswers]:
    """Place the nodes of all patients by all methods.

    Args:
        cohort: The patients; those without a map of nodes or a node of known station are passed over.
        settings: Of each method, by its name.
        folder: Where answers are kept; those of an earlier run with the same settings and images are taken from it.
        workers: Processes; never changes the result.
        progress: Told after each patient.

    Returns:
        The answers by patient.

    Raises:
        InputError: No patient has both.
        OutputError: The folder cannot be written.
    """
    asked = [patient for patient in cohort if patient.nodes is not None and patient.node_stations]
    if not asked:
        raise InputError(
            "no patient has a map of nodes and nodes with a station: fill the column nodes of the table of patients, "
            "and the column station of the table of nodes."
        )
    _make(folder)
    found = {patient.patient: PatientAnswers(patient.patient, {}, {}) for patient in cohort}
    progress(f"0 of {len(asked)} patients", 0.0)
    work = partial(answers_for, question=Question(folder, settings))
    for number, (patient, answers) in enumerate(spread_or_serial(work, asked, workers), start=1):
        found[patient.patient] = answers
        progress(f"{number} of {len(asked)} patients", number / len(asked))
    return found


def _make(folder: Path) -> None:
    """The folder for answers, before the long work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error
