"""Calibration: whether a probability of 0.3 means three in ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from lnstation_training.evaluation.discrimination import both_classes
from LNStationLib.models.package import Calibration, OperatingPoint


@dataclass(frozen=True)
class CalibrationBin:
    """Samples of about the same probability.

    Attributes:
        mean_probability: Their mean probability.
        positive_part: Part of them that is positive.
        n_samples: How many they are.
    """

    mean_probability: float
    positive_part: float
    n_samples: int


def calibration_curve(labels: np.ndarray, probabilities: np.ndarray, n_bins: int = 10) -> list[CalibrationBin]:
    """Bins of equal width in probability; empty ones are left out.

    Raises:
        ValueError: A probability is outside [0, 1].
    """
    if probabilities.min(initial=0) < 0 or probabilities.max(initial=0) > 1:
        raise ValueError("probabilities must be in [0, 1]")
    index = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    return [
        CalibrationBin(float(probabilities[chosen].mean()), float(labels[chosen].mean()), int(chosen.sum()))
        for chosen in (index == number for number in range(n_bins))
        if chosen.any()
    ]


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, n_bins: int = 10) -> float | None:
    """Mean distance of probability and positive part over bins, weighted by samples (Naeini et al. 2015)."""
    if len(labels) == 0:
        return None
    bins = calibration_curve(labels, probabilities, n_bins)
    return sum(abs(each.mean_probability - each.positive_part) * each.n_samples for each in bins) / len(labels)


def fit_calibration(labels: np.ndarray, logits: np.ndarray, fitted_on: str) -> Calibration | None:
    """Platt scaling with Platt's smoothed targets, so that a separable validation set gives no infinite slope.

    Args:
        labels: 0 or 1, ``[n]``.
        logits: ``[n]``.
        fitted_on: Which data these are, in words.

    Returns:
        The calibration, or ``None`` where it cannot be fitted: one class only, or logits that do not rise with it.
    """
    if not both_classes(labels):
        return None
    n_positive, n_negative = labels.sum(), (1 - labels).sum()
    high, low = (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2)
    # Soft targets as weighted hard ones: every sample once as positive and once as negative.
    target = np.where(labels == 1, high, low)
    x = np.concatenate([logits, logits])[:, None]
    y = np.concatenate([np.ones_like(labels), np.zeros_like(labels)])
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(x, y, sample_weight=np.concatenate([target, 1 - target]))
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return Calibration(slope=slope, intercept=intercept, fitted_on=fitted_on) if slope > 0 else None


def operating_points(labels: np.ndarray, probabilities: np.ndarray) -> list[OperatingPoint]:
    """Thresholds chosen on validation data: balanced, sensitive and specific (80 % each).

    Balanced is where the smaller of sensitivity and specificity is largest. The largest Youden index, which is often
    taken, may lie far towards one of them on a curve that is nearly straight there.

    Raises:
        ValueError: One class is missing.
    """
    if not both_classes(labels):
        raise ValueError("operating points need positive and negative stations")
    thresholds = np.unique(probabilities)
    called = probabilities[None] >= thresholds[:, None]
    recall = (called & (labels == 1)).sum(1) / (labels == 1).sum()
    specificity = (~called & (labels == 0)).sum(1) / (labels == 0).sum()
    sensitive = int(np.flatnonzero(recall >= 0.8)[-1])
    enough = np.flatnonzero(specificity >= 0.8)
    chosen = {
        "balanced": (int(np.minimum(recall, specificity).argmax()), "sensitivity and specificity alike"),
        "sensitive": (sensitive, "highest threshold with a sensitivity of at least 80 %"),
    }
    if enough.size:
        chosen["specific"] = (int(enough[0]), "lowest threshold with a specificity of at least 80 %")
    return [
        OperatingPoint(
            name=name,
            threshold=float(thresholds[index]),
            description=words,
            sensitivity=float(recall[index]),
            specificity=float(specificity[index]),
        )
        for name, (index, words) in chosen.items()
    ]
