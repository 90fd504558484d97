"""A run's figures: nodes by PGLS's measures, stations from their nodes, both calibrated on validation data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, Part
from lnstation_training.evaluation.calibration import expected_calibration_error, fit_calibration
from lnstation_training.evaluation.discrimination import NODE_METRICS, auc, estimates
from lnstation_training.tasks.node_classification.data_module import NodeDataModule
from lnstation_training.tasks.node_classification.prediction import (
    NodePrediction,
    StationPrediction,
    predict,
    predict_all,
    probabilities_of,
    station_predictions,
)
from LNStationLib.models.package import Calibration
from LNStationLib.models.package.node_classification import STATION_RULES, StationRule


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartCounts(_Strict):
    """How much data a part of a fold holds."""

    patients: int
    nodes: int
    positive: int


class NodeFigure(_Strict):
    """A measure with its 95 % interval (bootstrap by patient); ``None`` where it is not defined."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    n_samples: int
    n_positive: int


class NodeEvaluation(Evaluation):
    """One run, evaluated.

    Attributes:
        method: Semi-supervised method, or ``"supervised"``.
        counts: Of every part of the fold.
        unlabeled: Nodes without a label that training could use.
        calibration: Fitted on the fold's validation part; ``None`` where it cannot be.
        figures: Of nodes, by ``NODE_METRICS``.
        size_auc: AUC of the short axis alone over the same nodes.
        expected_calibration_error: Of the calibrated probabilities.
        station_rule: Chosen on the validation part.
        station_figures: AUC of stations by each rule.
        nodes: The predictions.
        stations: Those of dissected stations with nodes.
    """

    method: str
    counts: dict[str, PartCounts]
    unlabeled: int
    calibration: Calibration | None
    figures: list[NodeFigure]
    size_auc: float | None
    expected_calibration_error: float | None
    station_rule: StationRule
    station_figures: dict[str, NodeFigure]
    nodes: list[NodePrediction]
    stations: list[StationPrediction]

    def figure(self, metric: str) -> NodeFigure:
        """Look a measure of nodes up.

        Raises:
            KeyError: There is none.
        """
        return {each.metric: each for each in self.figures}[metric]

    def headline(self) -> str:
        """AUC of nodes."""
        value = self.figure("auc").value
        return "no AUC" if value is None else f"{self.part} AUC {value:.3f}"


def evaluate(run: Run, part: Part = "test", device: str = "cpu", n_resamples: int = 1000) -> NodeEvaluation:
    """Evaluate a run.

    Args:
        run: With its best model.
        part: Which part of its fold.
        device: ``"cpu"`` or ``"cuda"``.
        n_resamples: Of the bootstrap.
    """
    module, data = run.module, run.data
    data.setup()
    calibration = validation_calibration(predict(module, data, "validation", device), data.fold)
    rule = chosen_rule(station_predictions(predict_all(module, data, "validation", device), calibration))
    nodes = predict(module, data, part, device)
    stations = station_predictions(predict_all(module, data, part, device), calibration)
    labels, _ = arrays(nodes)
    return NodeEvaluation(
        **run_facts(run, part),
        method=module.method_name,
        counts=part_counts(data),
        unlabeled=len(data.unlabeled),
        calibration=calibration,
        figures=node_figures(nodes, n_resamples),
        size_auc=auc(labels, np.array([each.short_axis_mm for each in nodes])),
        expected_calibration_error=expected_calibration_error(labels, probabilities_of(nodes, calibration)),
        station_rule=rule,
        station_figures=station_figures(stations, n_resamples),
        nodes=nodes,
        stations=stations,
    )


def arrays(nodes: Sequence[NodePrediction]) -> tuple[np.ndarray, np.ndarray]:
    """Labels (int) and logits (float) of labeled nodes, each ``[n]``."""
    return np.array([each.label for each in nodes], int), np.array([each.logit for each in nodes], float)


def validation_calibration(validation: Sequence[NodePrediction], fold: int) -> Calibration | None:
    """Platt scaling fitted on a fold's validation part and on nothing else."""
    labels, logits = arrays(validation)
    patients = len({each.patient for each in validation})
    return fit_calibration(
        labels, logits, f"validation part of fold {fold}: {patients} patients, {len(validation)} nodes"
    )


def node_figures(
    nodes: Sequence[NodePrediction], n_resamples: int = 1000, scores: np.ndarray | None = None
) -> list[NodeFigure]:
    """PGLS's measures of labeled nodes, of their logits or of other scores."""
    labels, logits = arrays(nodes)
    patients = np.array([each.patient for each in nodes], dtype=object)
    found = estimates(labels, logits if scores is None else scores, patients, n_resamples, metrics=NODE_METRICS)
    return [NodeFigure(metric=name, **asdict(each)) for name, each in found.items()]


def station_figures(stations: Sequence[StationPrediction], n_resamples: int = 1000) -> dict[str, NodeFigure]:
    """AUC of stations by each rule; none where no dissected station has nodes."""
    if not stations:
        return {}
    labels = np.array([each.label for each in stations])
    patients = np.array([each.patient for each in stations], dtype=object)
    only_auc = {"auc": NODE_METRICS["auc"]}
    return {
        rule: NodeFigure(
            metric="auc",
            **asdict(
                estimates(labels, station_scores(stations, rule), patients, n_resamples, metrics=only_auc)["auc"]
            ),
        )
        for rule in STATION_RULES
    }


def station_scores(stations: Sequence[StationPrediction], rule: str) -> np.ndarray:
    """Probabilities of stations by a rule, ``[n]``."""
    return np.array([each.probabilities[rule] for each in stations])


def chosen_rule(validation: Sequence[StationPrediction]) -> StationRule:
    """The rule whose probabilities are nearest to pathology on validation stations (Brier score).

    The order of stations alone would not do: a reader is shown the probability.
    """
    if not validation:
        return "max"
    labels = np.array([each.label for each in validation])
    errors: Mapping[StationRule, float] = {
        "noisy_or": float(np.mean((station_scores(validation, "noisy_or") - labels) ** 2)),
        "max": float(np.mean((station_scores(validation, "max") - labels) ** 2)),
    }
    return min(errors, key=errors.__getitem__)


def part_counts(data: NodeDataModule) -> dict[str, PartCounts]:
    """Patients, labeled nodes and positive ones of every part."""
    return {
        part: PartCounts(
            patients=len({sample.patient for sample in dataset.samples}),
            nodes=len(dataset.samples),
            positive=sum(sample.label == 1 for sample in dataset.samples),
        )
        for part, dataset in data.datasets.items()
    }
