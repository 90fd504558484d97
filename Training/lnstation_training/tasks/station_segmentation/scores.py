"""Stations of patients held to the truth, and means over patients: what evaluations and tables are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.values import Evaluation
from lnstation_training.evaluation.segmentation import (
    MeanEstimate,
    SpacingMm,
    StructureScore,
    ZoneCount,
    accuracy_estimate,
    label_scores,
    mean_estimate,
    mean_score,
    nodes_in_zone,
)
from lnstation_training.tasks.station_segmentation.organ_search import RankedOrgan
from LNStationLib import anatomy
from LNStationLib.support.types import LabelArray


class PatientScores(BaseModel):
    """The stations of one patient.

    Attributes:
        patient: Identifier.
        stations: By station name.
        nodes: Nodes that truly lie in a zone of the paper; ``None`` where no node map was given.
        nodes_in_zone: Of these, in the same zone by the found stations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    stations: dict[str, StructureScore]
    nodes: int | None = None
    nodes_in_zone: int | None = None


class StationEvaluation(Evaluation):
    """One run of station parsing, evaluated.

    Attributes:
        stations: Stations that the network draws, in order.
        organs: Organs that it was given, in order.
        organ_source: Where their channels came from.
        organ_dice: Mean Dice of every organ's segmentation on the evaluated patients, hard; empty where the channels
            are the truth.
        ranking: Organs by the weight that a search gave them; empty without a search.
        patients: Their scores.
        comparators: Scores of the same patients by methods without training, by title.
    """

    stations: list[str]
    organs: list[str]
    organ_source: str
    organ_dice: dict[str, float]
    ranking: list[RankedOrgan]
    patients: list[PatientScores]
    comparators: dict[str, list[PatientScores]]

    def headline(self) -> str:
        """Mean Dice over stations and patients."""
        dice = over_patients(self.patients, "dice", n_resamples=0).value
        return "no Dice" if dice is None else f"{self.part} Dice {dice:.3f}"


def patient_scores(
    patient: str,
    found: LabelArray,
    truth: LabelArray,
    stations: Sequence[str],
    spacing_mm: SpacingMm,
    nodes: LabelArray | None = None,
) -> PatientScores:
    """Hold the stations of one patient to the truth.

    Args:
        patient: Identifier.
        found: Station label map ``[z, y, x]``.
        truth: The true one, on the same grid.
        stations: Those that are scored.
        spacing_mm: Voxel size along z, y, x.
        nodes: Instance map of the nodes on that grid, if known.
    """
    values = {name: anatomy.station(name).label_value for name in stations}
    count = None if nodes is None else nodes_in_zone(found, truth, nodes)
    return PatientScores(
        patient=patient,
        stations=label_scores(found, truth, values, spacing_mm),
        nodes=None if count is None else count.nodes,
        nodes_in_zone=None if count is None else count.right,
    )


def over_patients(patients: Sequence[PatientScores], measure: str, n_resamples: int = 1000) -> MeanEstimate:
    """Mean of a measure over stations, then over patients."""
    return mean_estimate([mean_score(each.stations.values(), measure) for each in patients], n_resamples)


def of_station(
    patients: Sequence[PatientScores], station: str, measure: str, n_resamples: int = 1000
) -> MeanEstimate:
    """Mean of one station's measure over patients."""
    scores = (each.stations.get(station) for each in patients)
    return mean_estimate([None if score is None else getattr(score, measure) for score in scores], n_resamples)


def zone_accuracy(patients: Sequence[PatientScores], n_resamples: int = 1000) -> MeanEstimate:
    """Part of all nodes in the right zone."""
    counts = [
        ZoneCount(each.nodes_in_zone, each.nodes)
        for each in patients
        if each.nodes is not None and each.nodes_in_zone is not None
    ]
    return accuracy_estimate(counts, n_resamples)


def missed_and_invented(patients: Sequence[PatientScores]) -> tuple[int, int]:
    """Stations that were not found at all, and stations found where the truth has none, over all patients."""
    scores = [score for each in patients for score in each.stations.values()]
    missed = sum(score.true_ml > 0 and score.found_ml == 0 for score in scores)
    return missed, sum(score.true_ml == 0 and score.found_ml > 0 for score in scores)


def stations_of(patients: Sequence[PatientScores]) -> list[str]:
    """Names of all scored stations, in the order of the station table."""
    scored = {name for each in patients for name in each.stations}
    return [row.name for row in anatomy.stations() if row.name in scored]


def by_title(comparators: Sequence[Mapping[str, Sequence[PatientScores]]]) -> dict[str, list[PatientScores]]:
    """Comparators of several folds together; a patient that was tested in two counts once."""
    joined: dict[str, dict[str, PatientScores]] = {}
    for fold in comparators:
        for title, patients in fold.items():
            joined.setdefault(title, {}).update({each.patient: each for each in patients})
    return {title: list(patients.values()) for title, patients in joined.items()}


def by_patient(patients: Sequence[PatientScores]) -> dict[str, PatientScores]:
    """Scores by the patient's identifier; a patient is tested in one fold."""
    return {each.patient: each for each in patients}


def gains(base: Mapping[str, PatientScores], other: Mapping[str, PatientScores], measure: str) -> list[float | None]:
    """Of each patient that both have: the mean over stations that both have of ``other`` less ``base``.

    Args:
        base: Scores that are compared with, by patient.
        other: Scores that are compared.
        measure: ``dice``, ``hd_mm``, ``hd95_mm`` or ``asd_mm``; a station without it in one of them does not count.

    Returns:
        Below 0 where ``other`` is lower; ``None`` for a patient without a common station.
    """
    return [_gain(base[name], other[name], measure) for name in base if name in other]


def _gain(base: PatientScores, other: PatientScores, measure: str) -> float | None:
    pairs = [
        (getattr(score, measure), getattr(other.stations[name], measure))
        for name, score in base.stations.items()
        if name in other.stations
    ]
    known = [after - before for before, after in pairs if before is not None and after is not None]
    return sum(known) / len(known) if known else None
