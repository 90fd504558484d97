"""AUC and operating points: the metrics of SA-MoE (Li et al. 2025, Sec. 3) and of PGLS (Li et al. 2024, Sec. 3.1).

Labels are 0 or 1, scores grow with the chance of metastasis. A metric that needs both classes is ``None`` where one
is missing; it never becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

_SAME = 1e-12
"""Two rates of the same samples that differ by less differ by rounding."""
Metric = Callable[[np.ndarray, np.ndarray], float | None]


def both_classes(labels: np.ndarray) -> bool:
    """True where there are positives and negatives."""
    return bool(labels.min(initial=1) == 0 and labels.max(initial=0) == 1)


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve."""
    return float(roc_auc_score(labels, scores)) if both_classes(labels) else None


def specificity_at_recall(labels: np.ndarray, scores: np.ndarray, recall: float) -> float | None:
    """Highest specificity among thresholds whose recall is at least ``recall`` (S@R)."""
    if not both_classes(labels):
        return None
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(1 - false_positive[true_positive >= recall - 1e-12].min())


def recall_at_specificity(labels: np.ndarray, scores: np.ndarray, specificity: float) -> float | None:
    """Highest recall among thresholds whose specificity is at least ``specificity`` (R@S)."""
    if not both_classes(labels):
        return None
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    # 1 - 0.2 is less than 0.8 by one bit.
    return float(true_positive[false_positive <= 1 - specificity + 1e-12].max())


def _accuracy(labels: np.ndarray, recall: float, specificity: float) -> float:
    return float((recall * np.sum(labels == 1) + specificity * np.sum(labels == 0)) / len(labels))


def accuracy_at_recall(labels: np.ndarray, scores: np.ndarray, recall: float) -> float | None:
    """Accuracy at the threshold of ``specificity_at_recall`` (A@R, Li et al. 2024); it follows prevalence."""
    specificity = specificity_at_recall(labels, scores, recall)
    if specificity is None:
        return None
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    best = true_positive[np.abs(1 - false_positive - specificity) < _SAME].max()
    return _accuracy(labels, float(best), specificity)


def accuracy_at_specificity(labels: np.ndarray, scores: np.ndarray, specificity: float) -> float | None:
    """Accuracy at the threshold of ``recall_at_specificity`` (A@S, Li et al. 2024); it follows prevalence."""
    recall = recall_at_specificity(labels, scores, specificity)
    if recall is None:
        return None
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    best = 1 - false_positive[np.abs(true_positive - recall) < _SAME].min()
    return _accuracy(labels, recall, float(best))


METRICS: dict[str, Metric] = {
    "auc": auc,
    "s_at_r75": lambda labels, scores: specificity_at_recall(labels, scores, 0.75),
    "s_at_r80": lambda labels, scores: specificity_at_recall(labels, scores, 0.80),
    "r_at_s75": lambda labels, scores: recall_at_specificity(labels, scores, 0.75),
    "r_at_s80": lambda labels, scores: recall_at_specificity(labels, scores, 0.80),
}
"""SA-MoE's metrics by name."""

NODE_METRICS: dict[str, Metric] = {
    "auc": auc,
    "s_at_r75": METRICS["s_at_r75"],
    "r_at_s75": METRICS["r_at_s75"],
    "a_at_r75": lambda labels, scores: accuracy_at_recall(labels, scores, 0.75),
    "a_at_s75": lambda labels, scores: accuracy_at_specificity(labels, scores, 0.75),
}
"""PGLS's metrics by name (Li et al. 2024, Sec. 3.1)."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; ``None`` where it is not defined.

    Attributes:
        value: Of the data themselves.
        low: Lower end of the interval.
        high: Upper end.
        n_samples: Samples (stations) behind it.
        n_positive: Positives among them.
    """

    value: float | None
    low: float | None
    high: float | None
    n_samples: int
    n_positive: int


def estimates(
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray,
    n_resamples: int = 1000,
    seed: int = 0,
    metrics: Mapping[str, Metric] = METRICS,
) -> dict[str, Estimate]:
    """All metrics with percentile bootstrap intervals, drawn by patient: stations of one patient are not independent.

    A resample gives every sample the weight of how often its patient was drawn; all resamples are computed at once.

    Args:
        labels: 0 or 1, ``[n]``.
        scores: ``[n]``.
        patients: Patient of every sample, ``[n]``.
        n_resamples: Number of resamples; those without both classes are left out.
        seed: Of the resampling.
        metrics: Those wanted, of ``METRICS`` or ``NODE_METRICS``.

    Returns:
        By name of ``metrics``.

    Raises:
        ValueError: The arrays differ in length, or are empty.
    """
    if not len(labels) == len(scores) == len(patients) or len(labels) == 0:
        raise ValueError(f"labels, scores and patients: {len(labels)}, {len(scores)}, {len(patients)} samples")
    counts = len(labels), int(np.sum(labels))
    values = {name: metric(labels, scores) for name, metric in metrics.items()}
    if values["auc"] is None:
        return {name: Estimate(None, None, None, *counts) for name in values}
    resampled = _resampled(np.asarray(labels), np.asarray(scores), _weights(patients, n_resamples, seed))
    intervals = {name: _interval(resampled[name]) for name in metrics}
    return {
        name: Estimate(value, intervals[name][0], intervals[name][1], counts[0], counts[1])
        for name, value in values.items()
    }


def auc_gain(
    labels: np.ndarray,
    scores: np.ndarray,
    others: np.ndarray,
    patients: np.ndarray,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """By how much the AUC of some scores is above that of others on the same samples.

    Its interval is by bootstrap over patients; every resample judges both scores, which err on the same patients.

    Args:
        labels: 0 or 1, ``[n]``.
        scores: ``[n]``.
        others: ``[n]``.
        patients: Patient of every sample, ``[n]``.
        n_resamples: Number of resamples; those without both classes are left out.
        seed: Of the resampling.
    """
    counts = len(labels), int(np.sum(labels))
    ours, theirs = auc(labels, scores), auc(labels, others)
    if ours is None or theirs is None:
        return Estimate(None, None, None, *counts)
    weights = _weights(patients, n_resamples, seed)
    first, second = (_resampled(np.asarray(labels), np.asarray(each), weights)["auc"] for each in (scores, others))
    low, high = _interval(first - second)
    return Estimate(ours - theirs, low, high, *counts)


def _weights(patients: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """How often each sample is in each resample of patients, ``[n_resamples, n]``."""
    names, index = np.unique(patients, return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), n_resamples)
    return np.asarray(drawn[:, index], dtype=float)


def _resampled(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics of every resample that has both classes, from its ROC curve."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    points = []
    for label in (1, 0):
        cumulated = np.cumsum(weights[:, order] * (labels[order] == label), axis=1)[:, last_of_tie]
        points.append(np.hstack([np.zeros((len(weights), 1)), cumulated]))
    kept = (points[0][:, -1] > 0) & (points[1][:, -1] > 0)
    recall, false_positive = (part[kept] / part[kept][:, -1:] for part in points)
    positive, negative = (part[kept][:, -1] for part in points)

    def accuracy(recall: np.ndarray, specificity: np.ndarray) -> np.ndarray:
        return np.asarray((recall * positive + specificity * negative) / (positive + negative))

    area = (np.diff(false_positive) * (recall[:, 1:] + recall[:, :-1]) / 2).sum(axis=1)
    found = {"auc": area}
    for percent in (75, 80):
        # 1 - 0.2 is less than 0.8 by one bit.
        enough = recall >= percent / 100 - 1e-12
        specificity = 1 - np.where(enough, false_positive, 1).min(axis=1, initial=1)
        there = enough & (np.abs(1 - false_positive - specificity[:, None]) < _SAME)
        found[f"s_at_r{percent}"] = specificity
        found[f"a_at_r{percent}"] = accuracy(np.where(there, recall, 0).max(axis=1, initial=0), specificity)
        allowed = false_positive <= 1 - percent / 100 + 1e-12
        most = np.where(allowed, recall, 0).max(axis=1, initial=0)
        there = allowed & (np.abs(recall - most[:, None]) < _SAME)
        found[f"r_at_s{percent}"] = most
        found[f"a_at_s{percent}"] = accuracy(most, 1 - np.where(there, false_positive, 1).min(axis=1, initial=1))
    return found


def _interval(values: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    if values.size == 0:
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
