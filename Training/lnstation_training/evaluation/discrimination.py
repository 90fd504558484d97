"""AUC and operating points: SA-MoE's five metrics (Li et al. 2025, Sec. 3, Evaluation Metrics).

Labels are 0 or 1, scores grow with the chance of metastasis. A metric that needs both classes is ``None`` where one
is missing; it never becomes 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

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
    return float(1 - false_positive[true_positive >= recall].min())


def recall_at_specificity(labels: np.ndarray, scores: np.ndarray, specificity: float) -> float | None:
    """Highest recall among thresholds whose specificity is at least ``specificity`` (R@S)."""
    if not both_classes(labels):
        return None
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    # 1 - 0.2 is less than 0.8 by one bit.
    return float(true_positive[false_positive <= 1 - specificity + 1e-12].max())


METRICS: dict[str, Metric] = {
    "auc": auc,
    "s_at_r75": lambda labels, scores: specificity_at_recall(labels, scores, 0.75),
    "s_at_r80": lambda labels, scores: specificity_at_recall(labels, scores, 0.80),
    "r_at_s75": lambda labels, scores: recall_at_specificity(labels, scores, 0.75),
    "r_at_s80": lambda labels, scores: recall_at_specificity(labels, scores, 0.80),
}
"""The paper's metrics by name."""


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


def bootstrap_estimate(
    metric: Metric,
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A metric with its percentile bootstrap interval, drawn by patient: stations of one patient are not independent.

    Args:
        metric: One of ``METRICS``, or the like.
        labels: 0 or 1, ``[n]``.
        scores: ``[n]``.
        patients: Patient of every sample, ``[n]``.
        n_resamples: Number of resamples; those without both classes are left out.
        seed: Of the resampling.

    Raises:
        ValueError: The arrays differ in length, or are empty.
    """
    if not len(labels) == len(scores) == len(patients) or len(labels) == 0:
        raise ValueError(f"labels, scores and patients: {len(labels)}, {len(scores)}, {len(patients)} samples")
    value = metric(labels, scores)
    counts = len(labels), int(labels.sum())
    if value is None:
        return Estimate(None, None, None, *counts)
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    values = []
    for _ in range(n_resamples):
        chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        drawn = metric(labels[chosen], scores[chosen])
        if drawn is not None:
            values.append(drawn)
    if not values:
        return Estimate(value, None, None, *counts)
    low, high = np.percentile(values, [2.5, 97.5])
    return Estimate(value, float(low), float(high), *counts)
