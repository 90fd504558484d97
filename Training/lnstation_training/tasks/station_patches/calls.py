"""Ways from a patient's images to positive stations: the network, and the two baselines of Sec. 4.2."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.evaluation.staging import CallScores, binary_scores, multiclass_scores
from lnstation_training.tasks.station_patches.prediction import PatientPrediction, StationPrediction
from lnstation_training.tasks.station_patches.samples import PatientRecord
from LNStationLib.staging.rules import Rules

SUV_THRESHOLDS = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5)
"""Of which the training part chooses (Sec. 4.2)."""
OVERLAPS = (0.05, 0.1, 0.2)
"""Part of a lesion in the station from which the station is positive."""
Rule = Callable[[StationPrediction], bool]


def by_network(station: StationPrediction) -> bool:
    """Positive where the network holds it for likelier than not."""
    return station.logit > 0


def by_suv(threshold: float) -> Rule:
    """Positive above an SUVmax; a station without PET is negative."""
    return lambda station: station.suv_max is not None and station.suv_max > threshold


def by_lesions(overlap: float) -> Rule:
    """Positive where it holds more than so much of a lesion."""
    return lambda station: station.lesion_overlap > overlap


def chosen_threshold(training: Sequence[PatientRecord]) -> float:
    """The SUV with the best balanced accuracy on the training part, of several the lowest; 4 without labels."""
    stations = [each for record in training for each in record.stations if each.label is not None]
    labels = np.array([each.label for each in stations], int)
    suv = np.array([each.suv_max or 0.0 for each in stations])
    if len(set(labels.tolist())) < 2:
        return 4.0

    def balanced(threshold: float) -> float:
        return binary_scores(labels, (suv > threshold).astype(int)).balanced_accuracy or 0.0

    return max(SUV_THRESHOLDS, key=balanced)


class Calls(BaseModel):
    """What a way calls.

    Attributes:
        stations: Truth and call of every labeled station, in the order of patients and stations.
        patients_of_stations: Patient of each.
        stages: Truth and answer of every patient of known N category.
        patients: Of each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stations: list[tuple[int, int]]
    patients_of_stations: list[str]
    stages: list[tuple[int, int]]
    patients: list[str]

    def station_scores(self) -> CallScores:
        """Figures of stations."""
        truth, called = np.array(self.stations, int).reshape(-1, 2).T
        return binary_scores(truth, called)

    def stage_scores(self) -> CallScores:
        """Figures of N categories."""
        truth, called = np.array(self.stages, int).reshape(-1, 2).T
        return multiclass_scores(truth, called)


def calls_of(
    patients: Sequence[PatientPrediction], rule: Rule, rules: Rules, *, use_network_stage: bool = False
) -> Calls:
    """Stations by a way, and N categories from them by the rules.

    Args:
        patients: With all their stations.
        rule: The way.
        rules: Of the N category.
        use_network_stage: Take the network's own N category where it gave one.
    """
    stations = [(int(s.label), int(rule(s)), s.patient) for p in patients for s in p.stations if s.label is not None]
    staged = [p for p in patients if p.stage is not None]
    stages = []
    for patient in staged:
        found = patient.by_network if use_network_stage else None
        if found is None:
            found = patient.by_rules([each.station for each in patient.stations if rule(each)], rules)
        stages.append((int(patient.stage or 0), found))
    return Calls(
        stations=[(truth, called) for truth, called, _ in stations],
        patients_of_stations=[name for _, _, name in stations],
        stages=stages,
        patients=[each.patient for each in staged],
    )
