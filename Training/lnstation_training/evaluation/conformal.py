"""Split conformal sets (Vovk et al. 2005; Angelopoulos and Bates 2023), by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LNStationLib.models.package import ConformalSets, GroupLimit

COVERAGE = 0.9
"""Wanted: one station in ten may have its true label left out."""


@dataclass(frozen=True)
class Coverage:
    """How conformal sets did on samples that they were not fitted on.

    Attributes:
        covered: Part of the samples whose set holds the true label.
        of_positives: The same of positive samples; ``None`` without any.
        single: Part of the samples whose set is one label.
    """

    covered: float
    of_positives: float | None
    single: float


def fit_conformal(
    labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, titles: Sequence[str], fitted_on: str
) -> ConformalSets | None:
    """Limits for a coverage of 90 % in every group.

    A sample's score is how far its probability lies from its true label. The limit of n scores is the
    ``ceil((n + 1) * coverage)``-th smallest, and 1, so that every set is open, where there are too few.

    Args:
        labels: 0 or 1, ``[n]``.
        probabilities: Calibrated, ``[n]``.
        groups: Index of each sample's group, ``[n]``.
        titles: Of the groups.
        fitted_on: Which data these are, in words.

    Returns:
        The limits, or ``None`` where a group has no sample.
    """
    scores = np.abs(labels - probabilities)
    by_group = [np.sort(scores[groups == number]) for number in range(len(titles))]
    if not all(len(found) for found in by_group):
        return None
    limits = [
        GroupLimit(title=title, limit=_limit(found), n_stations=len(found))
        for title, found in zip(titles, by_group, strict=True)
    ]
    return ConformalSets(coverage=COVERAGE, groups=limits, fitted_on=fitted_on)


def _limit(scores: np.ndarray) -> float:
    rank = math.ceil((len(scores) + 1) * COVERAGE)
    return float(scores[rank - 1]) if rank <= len(scores) else 1.0


def coverage(sets: ConformalSets, labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> Coverage:
    """Hold sets against labels; arrays as in ``fit_conformal``, at least one sample."""
    found = [sets.prediction_set(int(g), float(p)) for g, p in zip(groups, probabilities, strict=True)]
    names = np.where(labels == 1, "positive", "negative")
    right = np.array([each in ("either", name) for each, name in zip(found, names, strict=True)])
    positives = right[labels == 1]
    return Coverage(
        covered=float(right.mean()),
        of_positives=float(positives.mean()) if len(positives) else None,
        single=float(np.mean([each != "either" for each in found])),
    )


def pooled_coverage(parts: Sequence[tuple[Coverage, int, int]]) -> Coverage:
    """Coverage over several sets of samples, each with its number of samples and of positive ones."""
    found, counts, positives = zip(*parts, strict=True)
    known = [
        (each.of_positives, n) for each, n in zip(found, positives, strict=True) if each.of_positives is not None
    ]
    return Coverage(
        covered=float(np.average([each.covered for each in found], weights=counts)),
        of_positives=float(np.average([v for v, _ in known], weights=[n for _, n in known])) if known else None,
        single=float(np.average([each.single for each in found], weights=counts)),
    )
