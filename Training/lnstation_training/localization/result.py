"""The results of all methods on all patients, as they are written and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.evaluation.localization import (
    LEVELS,
    Accepted,
    Gain,
    PlacedNode,
    PlacementFigures,
    gain,
    placement_figures,
)
from lnstation_training.localization.patient import MethodAnswer, PatientAnswers
from LNStationLib import __version__
from LNStationLib.state.settings import Settings
from LNStationLib.stations.registry import METHODS


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Seconds(_Frozen):
    """Of one part of the work: half of the cases, and all of them, took at most so long."""

    median: float
    highest: float


class Remark(_Frozen):
    """A warning that a method gave.

    Attributes:
        code: Its code.
        words: As it was given for the first patient.
        n_patients: How many patients it was given for.
    """

    code: str
    words: str
    n_patients: int


class MethodResult(_Frozen):
    """One method.

    Attributes:
        name: Registered name.
        title: For people.
        n_patients: That it gave an answer for.
        figures: ``None`` where no node could be placed.
        organ_seconds: For the organs, which all methods share, by the clock.
        organ_cpu_seconds: The same in processor time.
        station_seconds: For its own step by the clock; ``None`` where it gave no answer.
        station_cpu_seconds: The same in processor time.
        remarks: What it warned of, the most frequent first.
        trained_on: What the network learned from, where one drew the stations.
    """

    name: str
    title: str
    n_patients: int
    figures: PlacementFigures | None
    organ_seconds: Seconds | None
    organ_cpu_seconds: Seconds | None
    station_seconds: Seconds | None
    station_cpu_seconds: Seconds | None
    remarks: list[Remark]
    trained_on: str | None


class LeftOut(_Frozen):
    """What could not be evaluated: a patient, a method on a patient, or a node.

    Attributes:
        patient: Identifier.
        node: Its value; ``None`` for the whole patient.
        method: Name; ``None`` for all.
        reason: Why, in a sentence.
    """

    patient: str
    node: int | None = None
    method: str | None = None
    reason: str


class LocalizationResult(_Frozen):
    """All of it.

    Attributes:
        cohort: Title.
        synthetic: True where its patients are synthetic.
        version: Of LNStation.
        settings: Of each method.
        accepted: Which of a reader's stations count as right in groups and gains.
        methods: In the order in which they were asked for.
        gains: Each method against each later one.
        nodes: Every node that any method placed.
        left_out: All that was not evaluated.
    """

    cohort: str
    synthetic: bool
    version: str
    settings: dict[str, Settings]
    accepted: Accepted
    methods: list[MethodResult]
    gains: list[Gain]
    nodes: list[PlacedNode]
    left_out: list[LeftOut]


def localization_result(
    cohort: Sequence[CohortPatient],
    found: Mapping[str, PatientAnswers],
    settings: Mapping[str, Settings],
    title: str,
    synthetic: bool,
    accepted: Accepted = "first",
) -> LocalizationResult:
    """Put the answers of all patients together.

    Args:
        cohort: The patients.
        found: The answers by patient.
        settings: Of each method, by its name.
        title: Of the cohort.
        synthetic: Whether its patients are synthetic.
        accepted: Which of a reader's stations count as right in groups and gains; rates are given for both.
    """
    nodes = [node for patient in cohort for node in _nodes(patient, found[patient.patient])]
    pairs = [(first, second, level) for first, second in combinations(settings, 2) for level in LEVELS]
    gains = [gain(nodes, *pair, accepted) for pair in pairs]
    return LocalizationResult(
        cohort=title,
        synthetic=synthetic,
        version=__version__,
        settings=dict(settings),
        accepted=accepted,
        methods=[_method(name, nodes, found, accepted) for name in settings],
        gains=[one for one in gains if one is not None],
        nodes=nodes,
        left_out=[row for patient in cohort for row in _left_out(patient, found[patient.patient])],
    )


def _nodes(patient: CohortPatient, found: PatientAnswers) -> list[PlacedNode]:
    rows = []
    for node, station in sorted(patient.node_stations.items()):
        places = {name: answer.places[node] for name, answer in found.answers.items() if node in answer.places}
        if places:
            further = list(patient.node_further_stations.get(node, ()))
            rows.append(
                PlacedNode(patient=patient.patient, node=node, station=station, further=further, places=places)
            )
    return rows


def _left_out(patient: CohortPatient, found: PatientAnswers) -> list[LeftOut]:
    name = patient.patient
    if patient.nodes is None:
        return [LeftOut(patient=name, reason="this patient has no map of nodes in the table of patients.")]
    if not patient.node_stations:
        return [LeftOut(patient=name, reason="no node of this patient has a station in the table of nodes.")]
    rows = [LeftOut(patient=name, method=method or None, reason=why) for method, why in found.faults.items()]
    if not found.answers:
        return rows
    seen = {node for answer in found.answers.values() for node in answer.places}
    missing = sorted(set(patient.node_stations) - seen)
    why = "the map of nodes has no voxel of this value inside the CT."
    return rows + [LeftOut(patient=name, node=node, reason=why) for node in missing]


def _method(
    name: str, nodes: Sequence[PlacedNode], found: Mapping[str, PatientAnswers], accepted: Accepted
) -> MethodResult:
    answers = [each.answers[name] for each in found.values() if name in each.answers]
    return MethodResult(
        name=name,
        title=METHODS.named(name).title,
        n_patients=len(answers),
        figures=placement_figures(nodes, name, accepted) if any(name in node.places for node in nodes) else None,
        organ_seconds=_seconds([answer.organ_cost.seconds for answer in answers]),
        organ_cpu_seconds=_seconds([answer.organ_cost.cpu_seconds for answer in answers]),
        station_seconds=_seconds([answer.station_cost.seconds for answer in answers]),
        station_cpu_seconds=_seconds([answer.station_cost.cpu_seconds for answer in answers]),
        remarks=_remarks(answers),
        trained_on=next((answer.trained_on for answer in answers if answer.trained_on), None),
    )


def _seconds(values: Sequence[float]) -> Seconds | None:
    return Seconds(median=float(np.median(values)), highest=max(values)) if values else None


def _remarks(answers: Sequence[MethodAnswer]) -> list[Remark]:
    """Each code once, with the words of the first patient."""
    words: dict[str, str] = {}
    counts: dict[str, int] = {}
    for answer in answers:
        given = {one.code: text for one, text in zip(answer.warning_codes, answer.warnings, strict=True)}
        for code, text in given.items():
            words.setdefault(code, text)
            counts[code] = counts.get(code, 0) + 1
    order = sorted(counts, key=lambda code: -counts[code])
    return [Remark(code=code, words=words[code], n_patients=counts[code]) for code in order]
