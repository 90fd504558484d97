"""All figures of one set of predictions: discrimination by station group, calibration, routing, attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.evaluation.calibration import calibration_curve, expected_calibration_error
from lnstation_training.evaluation.discrimination import auc, estimates
from lnstation_training.tasks.station_classification.prediction import Prediction, PredictionArrays
from lnstation_training.tasks.station_classification.size_criterion import SizeCriterion, size_criterion, size_scores
from LNStationLib.anatomy.station_groups import group_titles
from LNStationLib.models.package import Calibration

OVERALL = "all"


class MetricEstimate(BaseModel):
    """A metric of a group with its 95 % interval (bootstrap by patient); ``None`` where it is not defined."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    group: str
    value: float | None
    low: float | None
    high: float | None
    n_samples: int
    n_positive: int


class Summary(BaseModel):
    """Figures of one set of predictions.

    Attributes:
        metrics: Every metric of ``discrimination.METRICS`` for all stations and for each group.
        mean_group_auc: Mean AUC over groups, as in SA-MoE's Table 2; ``None`` where a group has no AUC.
        size_auc: AUC of the largest short axis alone (a station without a node ranks lowest), overall.
        size_criterion: A short axis of at least 10 mm as yes or no; ``None`` where a class is missing.
        expected_calibration_error: Of the probabilities given.
        calibration: Points ``(mean probability, positive part, samples)``.
        router_confusion: Row: true group; column: part of its tokens sent to each expert. Empty without a router.
        attention_inside: Mean part of attention inside nodes, over stations with a node; ``None`` without attention.
        attention_inside_by_group: The same by group.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: list[MetricEstimate]
    mean_group_auc: float | None
    size_auc: float | None
    size_criterion: SizeCriterion | None
    expected_calibration_error: float | None
    calibration: list[tuple[float, float, int]]
    router_confusion: list[list[float]]
    attention_inside: float | None
    attention_inside_by_group: dict[str, float | None]

    def metric(self, name: str, group: str = OVERALL) -> MetricEstimate:
        """Look a metric up.

        Raises:
            KeyError: There is none.
        """
        for each in self.metrics:
            if (each.metric, each.group) == (name, group):
                return each
        raise KeyError(f"{name} of {group}")


def summarize(
    predictions: Sequence[Prediction],
    n_groups: int = 3,
    calibration: Calibration | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Summary:
    """Compute all figures.

    Args:
        predictions: At least one.
        n_groups: Station groups of the network.
        calibration: From logits to probabilities; ``None`` takes the sigmoid of the logit.
        n_resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        ValueError: There are no predictions.
    """
    if not predictions:
        raise ValueError("there are no predictions to summarize")
    arrays, titles = PredictionArrays(predictions), group_titles(n_groups)
    metrics: list[MetricEstimate] = []
    for group, title in [(None, OVERALL), *enumerate(titles)]:
        chosen = np.ones(len(arrays.labels), bool) if group is None else arrays.groups == group
        if chosen.any():
            metrics += _estimates(arrays, chosen, title, n_resamples, seed)
    probabilities = probabilities_of(arrays.logits, calibration)
    aucs = [each.value for each in metrics if each.metric == "auc" and each.group != OVERALL]
    known = [value for value in aucs if value is not None]
    return Summary(
        metrics=metrics,
        mean_group_auc=float(np.mean(known)) if known and len(known) == len(titles) else None,
        size_auc=auc(arrays.labels, size_scores(predictions)),
        size_criterion=size_criterion(predictions),
        expected_calibration_error=expected_calibration_error(arrays.labels, probabilities),
        calibration=[
            (each.mean_probability, each.positive_part, each.n_samples)
            for each in calibration_curve(arrays.labels, probabilities)
        ],
        router_confusion=router_confusion([each.router for each in predictions], arrays.groups, len(titles)),
        attention_inside=_mean([each.attention_inside for each in predictions]),
        attention_inside_by_group={
            title: _mean([each.attention_inside for each in predictions if each.group == number])
            for number, title in enumerate(titles)
        },
    )


def _estimates(
    arrays: PredictionArrays, chosen: np.ndarray, title: str, n_resamples: int, seed: int
) -> list[MetricEstimate]:
    found = estimates(arrays.labels[chosen], arrays.logits[chosen], arrays.patients[chosen], n_resamples, seed)
    return [MetricEstimate(metric=name, group=title, **asdict(estimate)) for name, estimate in found.items()]


def probabilities_of(logits: np.ndarray, calibration: Calibration | None) -> np.ndarray:
    """Probabilities in [0, 1]; the plain sigmoid without a calibration."""
    used = calibration or Calibration(slope=1.0, intercept=0.0, fitted_on="nothing")
    return np.array([used.probability(float(logit)) for logit in logits])


def router_confusion(parts: Sequence[Sequence[float]], groups: np.ndarray, n_groups: int) -> list[list[float]]:
    """Mean part of each true group that went to each expert; empty without a router.

    Args:
        parts: By sample, what went to each expert.
        groups: True group of every sample.
        n_groups: Of all groups.
    """
    if not parts or not parts[0]:
        return []
    found = np.array(parts)
    return [
        [float(v) for v in found[groups == group].mean(axis=0)] if (groups == group).any() else [0.0] * found.shape[1]
        for group in range(n_groups)
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
