"""Figures of calls on stations and of N categories, and tests of two methods on the same patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from lnstation_training.evaluation.patient_bootstrap import patient_bootstrap, sums_by_patient

_PERMUTATIONS = 10_000
_CHUNK = 500
"""Permutations at a time, to bound memory; never changes the result."""


@dataclass(frozen=True)
class CallScores:
    """Figures of calls, as in Tables 4 to 6 of Engelson et al. 2026; ``None`` where a class is missing.

    Attributes:
        accuracy: Part of the calls that are right.
        balanced_accuracy: Mean recall over the classes that occur.
        sensitivity: Of the positive class; of several classes the mean over those that occur, one against the rest.
        specificity: Likewise.
        n: Number of calls.
    """

    accuracy: float | None
    balanced_accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    n: int


def confusion(truth: np.ndarray, called: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts ``[true class, called class]``."""
    if not len(truth):
        return np.zeros((n_classes, n_classes), int)
    return np.asarray(confusion_matrix(truth, called, labels=range(n_classes)))


def binary_scores(truth: np.ndarray, called: np.ndarray) -> CallScores:
    """Figures of yes or no.

    Args:
        truth: 0 or 1, ``[n]``.
        called: Likewise.
    """
    rates = _recalls(confusion(truth, called, 2))
    known = [rate for rate in rates if rate is not None]
    balanced = float(np.mean(known)) if known else None
    return CallScores(_accuracy(truth, called), balanced, rates[1], rates[0], len(truth))


def multiclass_scores(truth: np.ndarray, called: np.ndarray, n_classes: int = 4) -> CallScores:
    """Figures of N categories; sensitivity and specificity are means over the categories that occur.

    Args:
        truth: 0 to ``n_classes - 1``, ``[n]``.
        called: Likewise.
        n_classes: Of all categories.
    """
    pairs = [binary_scores((truth == each).astype(int), (called == each).astype(int)) for each in range(n_classes)]
    present = [pair for each, pair in enumerate(pairs) if (truth == each).any()]
    sensitivity, specificity = (_mean([getattr(pair, name) for pair in present]) for name in _MACRO)
    return CallScores(_accuracy(truth, called), sensitivity, sensitivity, specificity, len(truth))


_MACRO = ("sensitivity", "specificity")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _accuracy(truth: np.ndarray, called: np.ndarray) -> float | None:
    return float((truth == called).mean()) if len(truth) else None


def _recalls(counts: np.ndarray) -> list[float | None]:
    return [float(row[each] / row.sum()) if row.sum() else None for each, row in enumerate(counts)]


@dataclass(frozen=True)
class PairedTest:
    """One method against another on the same samples.

    Attributes:
        difference: Of accuracies, the first's less the second's.
        low: Of its 95 % interval, bootstrap over patients.
        high: Likewise.
        p_value: Of the test that the caller asked for.
    """

    difference: float
    low: float
    high: float
    p_value: float


def mcnemar(right: np.ndarray, other: np.ndarray, patients: np.ndarray, seed: int = 0) -> PairedTest:
    """McNemar's exact test (binomial over discordant pairs), and the interval of a bootstrap over patients beside it.

    The test takes samples as independent, which stations of one patient are not; the bootstrap does not.

    Args:
        right: Where the first method is right, bool ``[n]``.
        other: Where the second is.
        patients: Of every sample, ``[n]``.
        seed: Of the bootstrap.

    Raises:
        ValueError: There are no samples.
    """
    first, second = int((right & ~other).sum()), int((other & ~right).sum())
    p_value = float(binomtest(first, first + second).pvalue) if first + second else 1.0
    gain = right.astype(float) - other.astype(float)
    return PairedTest(*patient_bootstrap(gain, patients, seed), p_value)


def sign_flips(gain: np.ndarray, patients: np.ndarray, seed: int = 0) -> PairedTest:
    """Permutation test by sign flips over patients: of methods alike each patient's gain could have either sign.

    Args:
        gain: What the first method gains over the second on each sample, ``[n]``.
        patients: Of every sample.
        seed: Of flips and bootstrap.

    Raises:
        ValueError: There are no samples.
    """
    sums = sums_by_patient(gain, patients)[0]
    random = np.random.default_rng(seed)
    observed, at_least = abs(sums.sum()), 0
    for _ in range(_PERMUTATIONS // _CHUNK):
        flipped = np.abs(random.choice([-1.0, 1.0], (_CHUNK, len(sums))) @ sums)
        at_least += int((flipped >= observed - 1e-9).sum())
    return PairedTest(*patient_bootstrap(gain, patients, seed), (at_least + 1) / (_PERMUTATIONS + 1))
