"""A run's figures for stations and N categories, beside those of the baselines on the same patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, Part
from lnstation_training.evaluation.calibration import fit_calibration
from lnstation_training.evaluation.staging import CallScores
from lnstation_training.tasks.station_patches.calls import (
    OVERLAPS,
    Calls,
    Rule,
    by_lesions,
    by_network,
    by_suv,
    calls_of,
    chosen_threshold,
)
from lnstation_training.tasks.station_patches.prediction import PatientPrediction
from lnstation_training.tasks.station_patches.samples import Target
from LNStationLib.models.package import Calibration
from LNStationLib.staging.rules import Rules

NETWORK, SUV, LESIONS = "network", "SUVmax", "lesions"
"""Ways to call stations; that of lesions is followed by its overlap."""
Predicting = Callable[[Any, Any, Part, str], list[PatientPrediction]]


class Figures(BaseModel):
    """Figures of stations or N categories; see ``evaluation.staging.CallScores``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accuracy: float | None
    balanced_accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    n: int


class StagingEvaluation(Evaluation):
    """One run, evaluated.

    Attributes:
        rules: Of the N category.
        target: Whose labels and N categories are the truth.
        suv_threshold: Of the baseline, chosen on the fold's training part.
        calibration: Fitted on the fold's validation part; ``None`` where it cannot be.
        training_patients: How many train.
        training_stations: How many stations of known status they have.
        station_figures: By way.
        stage_figures: By way; the network's are its own where it stages, else by the rules.
        patients: The predictions.
    """

    rules: Rules
    target: Target = "clinical"
    suv_threshold: float
    calibration: Calibration | None
    training_patients: int
    training_stations: int
    station_figures: dict[str, Figures]
    stage_figures: dict[str, Figures]
    patients: list[PatientPrediction]

    def calls(self, way: str) -> Calls:
        """What a way calls on this part."""
        rule = ways(self.suv_threshold)[way]
        return calls_of(self.patients, rule, self.rules, use_network_stage=way == NETWORK)

    def headline(self) -> str:
        """Balanced accuracy of stations, accuracy of N categories."""
        stations, stages = self.station_figures[NETWORK], self.stage_figures[NETWORK]
        return f"{self.part} balanced accuracy {_text(stations.balanced_accuracy)}, N {_text(stages.accuracy)}"


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def ways(suv_threshold: float) -> Mapping[str, Rule]:
    """All ways to call stations by name."""
    lesions = {f"{LESIONS} {overlap:g}": by_lesions(overlap) for overlap in OVERLAPS}
    return {NETWORK: by_network, SUV: by_suv(suv_threshold), **lesions}


def evaluate(run: Run, part: Part, device: str, predicting: Predicting) -> StagingEvaluation:
    """Evaluate a run.

    Args:
        run: With its best model.
        part: Which part of its fold.
        device: ``"cpu"`` or ``"cuda"``.
        predicting: The task's own way to ask its network.
    """
    module, data = run.module, run.data
    data.setup()
    training, rules = data.records_of("train"), data.geometry.rules
    threshold = chosen_threshold(training)
    patients = predicting(module, data, part, device)
    found = {
        way: calls_of(patients, rule, rules, use_network_stage=way == NETWORK)
        for way, rule in ways(threshold).items()
    }
    return StagingEvaluation(
        **run_facts(run, part),
        rules=rules,
        target=data.target,
        suv_threshold=threshold,
        calibration=validation_calibration(predicting(module, data, "validation", device), data.fold),
        training_patients=len(training),
        training_stations=sum(each.label is not None for record in training for each in record.stations),
        station_figures={way: figures(calls.station_scores()) for way, calls in found.items()},
        stage_figures={way: figures(calls.stage_scores()) for way, calls in found.items()},
        patients=patients,
    )


def figures(scores: CallScores) -> Figures:
    """As they are written."""
    return Figures(**asdict(scores))


def labeled_logits(patients: Sequence[PatientPrediction]) -> tuple[np.ndarray, np.ndarray]:
    """Labels (int) and logits (float) of stations of known status, each ``[n]``."""
    known = [each for patient in patients for each in patient.stations if each.label is not None]
    return np.array([each.label for each in known], int), np.array([each.logit for each in known], float)


def validation_calibration(validation: Sequence[PatientPrediction], fold: int) -> Calibration | None:
    """Platt scaling fitted on a fold's validation part and on nothing else."""
    labels, logits = labeled_logits(validation)
    told = f"validation part of fold {fold}: {len(validation)} patients, {len(labels)} stations"
    return fit_calibration(labels, logits, told)
