"""Conformal sets: made for a coverage, held to it on samples that they have not seen."""

from __future__ import annotations

import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import numpy as np

from lnstation_training.evaluation.conformal import COVERAGE, coverage, fit_conformal
from LNStationLib.models.package import ConformalSets, GroupLimit

TITLES = ("upper", "lower")


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities and groups; the second group's probabilities are far surer than they should be."""
    draw = np.random.default_rng(seed)
    groups = draw.integers(0, 2, count)
    true = draw.beta(0.7, 1.5, count)
    labels = (draw.random(count) < true).astype(int)
    sure = 1 / (1 + np.exp(-4 * np.log(true / (1 - true))))
    return labels, np.where(groups == 1, sure, true), groups


def test_the_limit_is_the_rank_of_split_conformal_prediction() -> None:
    labels = np.zeros(19, int)
    probabilities = np.arange(1, 20) / 100
    sets = fit_conformal(labels, probabilities, np.zeros(19, int), TITLES[:1], "drawn")
    # ceil(20 * 0.9) = 18th smallest of 19 scores.
    assert sets.groups == [GroupLimit(title="upper", limit=0.18, n_stations=19)]


def test_too_few_samples_leave_every_set_open() -> None:
    sets = fit_conformal(np.array([0, 1]), np.array([0.1, 0.9]), np.zeros(2, int), TITLES[:1], "drawn")
    assert sets.groups[0].limit == 1
    assert sets.prediction_set(0, 0.01) == "either"


def test_a_group_without_samples_gives_no_sets() -> None:
    assert fit_conformal(np.array([0, 1]), np.array([0.1, 0.9]), np.zeros(2, int), TITLES, "drawn") is None


def test_unseen_samples_are_covered_in_each_group_even_where_probabilities_are_too_sure() -> None:
    sets = fit_conformal(*drawn(2000, 1), TITLES, "drawn")
    labels, probabilities, groups = drawn(4000, 2)
    for group in range(2):
        chosen = groups == group
        found = coverage(sets, labels[chosen], probabilities[chosen], groups[chosen])
        assert found.covered == pytest.approx(COVERAGE, abs=0.025)
        assert 0 < found.single < 1


@pytest.mark.parametrize(
    ("limit", "probability", "expected"),
    [
        (0.3, 0.8, "positive"),
        (0.3, 0.2, "negative"),
        (0.3, 0.5, "either"),
        (0.7, 0.5, "either"),
        (0.7, 0.9, "positive"),
    ],
)
def test_no_label_or_both_are_either(limit: float, probability: float, expected: str) -> None:
    sets = ConformalSets(coverage=0.9, groups=[GroupLimit(title="all", limit=limit, n_stations=9)], fitted_on="drawn")
    assert sets.prediction_set(0, probability) == expected
