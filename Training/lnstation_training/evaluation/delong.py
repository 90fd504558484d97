"""Whether two AUCs on the same samples differ: DeLong's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata


@dataclass(frozen=True)
class DeLongResult:
    """Comparison of two correlated AUCs.

    Attributes:
        difference: First AUC minus second.
        standard_error: Of the difference.
        p_value: Two-sided; 1 where the scores order all samples alike.
    """

    difference: float
    standard_error: float
    p_value: float


def delong_test(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> DeLongResult:
    """Compare the AUCs of two scores on the same samples.

    DeLong et al. 1988, by the ranks of Sun and Xu 2014 (doi:10.1109/LSP.2014.2337313). The test takes samples as
    independent; stations of one patient are not quite, so that p tends to be too small.

    Args:
        labels: 0 or 1, ``[n]``, both present.
        first: Scores ``[n]``.
        second: Scores ``[n]``.

    Raises:
        ValueError: Fewer than two samples of a class, or arrays of different lengths.
    """
    if not len(labels) == len(first) == len(second):
        raise ValueError(f"labels and scores differ in length: {len(labels)}, {len(first)}, {len(second)}")
    positive = np.asarray(labels) == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if min(n_positive, n_negative) < 2:
        raise ValueError(f"DeLong's test needs two samples of each class, got {n_positive} and {n_negative}")
    placements = [_placements(np.asarray(scores), positive) for scores in (first, second)]
    aucs = [over_negatives.mean() for over_negatives, _ in placements]
    covariance = np.cov([p for p, _ in placements]) / n_positive + np.cov([n for _, n in placements]) / n_negative
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    difference, error = float(aucs[0] - aucs[1]), float(np.sqrt(max(variance, 0.0)))
    p_value = 1.0 if error < 1e-12 else float(2 * norm.sf(abs(difference) / error))
    return DeLongResult(difference, error, p_value)


def _placements(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part of negatives below every positive, and of positives above every negative; ties count half."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    above = (ranks[positive] - rankdata(scores[positive])) / n_negative
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n_positive
    return above, below
