"""Figures of calls and N categories, and paired tests, against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lnstation_training.evaluation.staging import binary_scores, mcnemar, multiclass_scores, sign_flips


def test_rates_of_yes_or_no() -> None:
    found = binary_scores(np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 0, 1]))
    assert (found.accuracy, found.sensitivity, found.specificity) == pytest.approx((0.6, 2 / 3, 0.5))
    assert found.balanced_accuracy == pytest.approx(7 / 12)


def test_a_missing_class_has_no_rate() -> None:
    found = binary_scores(np.array([0, 0]), np.array([0, 1]))
    assert found.sensitivity is None
    assert found.specificity == pytest.approx(0.5)
    assert binary_scores(np.array([], int), np.array([], int)).accuracy is None


def test_categories_are_averaged_over_those_that_occur() -> None:
    truth, called = np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2])
    found = multiclass_scores(truth, called)
    # N0: 1 of 2 found, none of the others taken for it; N2: both found, none of the others.
    assert (found.sensitivity, found.specificity, found.accuracy) == pytest.approx((0.75, 1.0, 0.75))


def test_mcnemar_counts_discordant_pairs_and_the_interval_takes_patients_whole() -> None:
    right = np.array([True] * 8 + [False] * 2)
    other = np.array([False] * 8 + [True] * 2)
    patients = np.array(["a"] * 5 + ["b"] * 5)
    found = mcnemar(right, other, patients)
    # Two-sided binomial test of 8 of 10.
    assert found.p_value == pytest.approx(0.109375)
    assert found.difference == pytest.approx(0.6)
    assert (found.low, found.high) == pytest.approx((0.2, 1.0))
    assert mcnemar(right, right, patients).p_value == 1.0


def test_sign_flips_of_few_patients_are_counted() -> None:
    # Four patients who all gain: of 16 signs two are as extreme.
    found = sign_flips(np.ones(4), np.array(["a", "b", "c", "d"]))
    assert found.p_value == pytest.approx(2 / 16, abs=0.01)
    with pytest.raises(ValueError, match="no samples"):
        sign_flips(np.array([]), np.array([]))
