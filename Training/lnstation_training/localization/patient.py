"""One patient's nodes placed by every method, each answer kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.evaluation.localization import Place
from lnstation_training.localization.cost import Cost, Stopwatch
from lnstation_training.localization.places import node_places
from LNStationLib import __version__
from LNStationLib.assessment.assess import found_organs, with_stations
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.state.assessment import ReasonCode
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.stations.parse import check_stations
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.paths import is_there


class MethodAnswer(BaseModel):
    """What one method makes of one patient's nodes.

    Attributes:
        digest: Of what decided it.
        places: By value of the node.
        organ_cost: Of the organs, which all methods of a run share.
        station_cost: Of the method's own step.
        warnings: Of that step.
        warning_codes: What each rests on.
        trained_on: What the network learned from, where one drew the stations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    places: dict[int, Place]
    organ_cost: Cost
    station_cost: Cost
    warnings: list[str]
    warning_codes: list[ReasonCode]
    trained_on: str | None


@dataclass(frozen=True)
class Question:
    """What is asked of every patient.

    Attributes:
        folder: Where answers are kept.
        settings: Of each method, by its name; those of the organs are the same in all.
    """

    folder: Path
    settings: Mapping[str, Settings]


@dataclass(frozen=True)
class PatientAnswers:
    """The answers for one patient.

    Attributes:
        patient: Identifier.
        answers: By method.
        faults: Why a method, or all of them (``""``), gave none.
    """

    patient: str
    answers: Mapping[str, MethodAnswer]
    faults: Mapping[str, str]


def answers_for(patient: CohortPatient, question: Question) -> PatientAnswers:
    """Place a patient's nodes by every method that has not done so yet.

    A fault of the input is part of the answer, so that it passes between processes and stops no other patient.

    Raises:
        OutputError: An answer cannot be written.
    """
    digests = {name: _digest(patient, settings) for name, settings in question.settings.items()}
    kept = {name: _kept(question.folder, patient.patient, name, digest) for name, digest in digests.items()}
    answers = {name: answer for name, answer in kept.items() if answer is not None}
    missing = [name for name in question.settings if name not in answers]
    faults: dict[str, str] = {}
    if missing:
        try:
            _answer(patient, question, {name: digests[name] for name in missing}, answers, faults)
        except OutputError:
            raise
        except InputError as error:
            faults[""] = str(error)
    return PatientAnswers(patient.patient, answers, faults)


def _answer(
    patient: CohortPatient,
    question: Question,
    missing: Mapping[str, str],
    answers: dict[str, MethodAnswer],
    faults: dict[str, str],
) -> None:
    """Load the patient, find organs once, and let each missing method draw its stations."""
    case = load_case(patient.case_request())
    watch = Stopwatch()
    state = found_organs(case, next(iter(question.settings.values())))
    organ_cost = watch.read()
    for name, digest in missing.items():
        try:
            check_stations(question.settings[name], case)
            answers[name] = _placed(state, question.settings[name], patient, digest, organ_cost)
        except InputError as error:
            faults[name] = str(error)
            continue
        _keep(question.folder, patient.patient, name, answers[name])


def _placed(
    state: PatientState, settings: Settings, patient: CohortPatient, digest: str, organ_cost: Cost
) -> MethodAnswer:
    watch = Stopwatch()
    drawn = with_stations(PatientState(state.case, settings, state.scan, state.organ_part))
    station_cost = watch.read()
    row = drawn.provenance[-1]
    return MethodAnswer(
        digest=digest,
        places=_places(state.case, drawn, patient),
        organ_cost=organ_cost,
        station_cost=station_cost,
        warnings=row.warnings,
        warning_codes=row.warning_codes,
        trained_on=row.trained_on,
    )


def _places(case: Case, drawn: PatientState, patient: CohortPatient) -> dict[int, Place]:
    return {} if case.nodes is None else node_places(case.nodes, drawn.stations, patient.node_stations)


def _path(folder: Path, patient: str, method: str) -> Path:
    return folder / "cases" / patient / f"{method}.json"


def _kept(folder: Path, patient: str, method: str, digest: str) -> MethodAnswer | None:
    """An earlier answer to the same question; ``None`` where there is none, or its file is damaged."""
    try:
        found = MethodAnswer.model_validate_json(_path(folder, patient, method).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.digest == digest else None


def _keep(folder: Path, patient: str, method: str, answer: MethodAnswer) -> None:
    path = _path(folder, patient, method)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, answer.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}; free space and run it again.") from error


def _digest(patient: CohortPatient, settings: Settings) -> str:
    """Changes with the version, the settings, and a patient's images and nodes."""
    parts = [__version__, settings.model_dump_json(), json.dumps(sorted(patient.node_stations))]
    for path in (patient.ct, patient.pet, patient.organs, patient.nodes, patient.tumor, *_named_files(settings)):
        parts += ["none"] if path is None else [_status(file) for file in _files(path)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _named_files(settings: Settings) -> list[Path]:
    """Model packages, atlases and the like that options name by their path."""
    values = [
        value
        for step in (settings.organs, settings.stations)
        for row in step.options.values()
        for value in row.values()
    ]
    return [Path(value) for value in values if isinstance(value, str) and is_there(Path(value))]


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*")) if path.is_dir() else [path]


def _status(path: Path) -> str:
    status = path.stat()
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"
