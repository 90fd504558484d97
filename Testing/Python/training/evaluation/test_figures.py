"""Metrics, intervals, tests and calibration, against hand-computed values and independent computations."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the 'training' packages are not installed")

from hypothesis import given, settings
from hypothesis import strategies as st

from lnstation_training.evaluation import discrimination
from lnstation_training.evaluation.calibration import (
    calibration_curve,
    expected_calibration_error,
    fit_calibration,
    operating_points,
)
from lnstation_training.evaluation.delong import delong_test
from lnstation_training.evaluation.discrimination import (
    METRICS,
    NODE_METRICS,
    accuracy_at_recall,
    accuracy_at_specificity,
    auc,
    auc_gain,
    estimates,
    recall_at_specificity,
    specificity_at_recall,
)

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.5, 0.7, 0.8])


def test_auc_counts_ordered_pairs() -> None:
    # Of 16 pairs only (0.6, 0.4) and (0.6, 0.5) are the wrong way round.
    assert auc(LABELS, SCORES) == pytest.approx(14 / 16)


def test_operating_metrics_by_hand() -> None:
    assert specificity_at_recall(LABELS, SCORES, 0.75) == pytest.approx(0.75)
    assert specificity_at_recall(LABELS, SCORES, 0.5) == pytest.approx(1.0)
    assert recall_at_specificity(LABELS, SCORES, 0.75) == pytest.approx(1.0)
    assert recall_at_specificity(LABELS, SCORES, 0.80) == pytest.approx(0.5)


def test_accuracy_at_an_operating_point_weighs_its_rates_by_prevalence() -> None:
    assert accuracy_at_recall(LABELS, SCORES, 0.75) == pytest.approx((4 * 1.0 + 4 * 0.75) / 8)
    assert accuracy_at_specificity(LABELS, SCORES, 0.80) == pytest.approx((4 * 0.5 + 4 * 1.0) / 8)
    many = np.concatenate([LABELS, np.zeros(92, int)]), np.concatenate([SCORES, np.full(92, 0.05)])
    assert accuracy_at_recall(*many, 0.75) == pytest.approx((4 * 1.0 + 96 * 95 / 96) / 100)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_resample_that_draws_everybody_once_gives_the_metrics_themselves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = np.append(rng.integers(0, 2, 30), [0, 1]), rng.integers(0, 12, 32).astype(float)
    drawn = discrimination._resampled(labels, scores, np.ones((1, 32)))
    for name, metric in {**METRICS, **NODE_METRICS}.items():
        assert drawn[name] == pytest.approx(metric(labels, scores)), name


@pytest.mark.parametrize("metric", [*METRICS.values(), *NODE_METRICS.values()], ids=[*METRICS, *NODE_METRICS])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_gives_no_figure(metric, label: int) -> None:
    assert metric(np.full(4, label), np.arange(4.0)) is None


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_metrics_do_not_depend_on_a_rising_transform_of_the_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 40), rng.normal(size=40)
    for metric in METRICS.values():
        assert metric(labels, scores) == pytest.approx(metric(labels, np.exp(scores) * 3 + 1))


def test_the_interval_holds_the_value_and_is_drawn_by_patient() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1, 0, 1], 30)
    scores = labels + rng.normal(size=120)
    alone = estimates(labels, scores, np.arange(120), 300)["auc"]
    assert alone.low < alone.value < alone.high
    # The same samples, each given ten times under one patient: no more evidence than before.
    repeated = [np.repeat(each, 10) for each in (labels, scores, np.arange(120))]
    together = estimates(*repeated, 300)["auc"]
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.35)


def test_the_interval_has_about_its_nominal_coverage() -> None:
    from scipy.stats import norm

    truth, hits = norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 50)
        estimate = estimates(labels, rng.normal(size=100) + labels, np.arange(100), 200)["auc"]
        hits += estimate.low <= truth <= estimate.high
    assert hits >= 50


def test_the_same_seed_gives_the_same_interval() -> None:
    patients = np.arange(8)
    assert estimates(LABELS, SCORES, patients)["auc"] == estimates(LABELS, SCORES, patients)["auc"]


def test_resampled_metrics_are_those_of_samples_drawn_one_by_one() -> None:
    rng = np.random.default_rng(3)
    labels, patients = rng.integers(0, 2, 60), np.repeat(np.arange(20), 3)
    # Rounded, so that there are ties.
    scores = np.round(labels + rng.normal(size=60), 1)
    weights = discrimination._weights(patients, 25, 0)
    found = discrimination._resampled(labels, scores, weights)
    for row, weight in enumerate(weights.astype(int)):
        drawn = np.repeat(np.arange(60), weight)
        for name, metric in METRICS.items():
            assert found[name][row] == pytest.approx(metric(labels[drawn], scores[drawn]), abs=1e-9), name


def test_an_estimate_without_both_classes_is_none() -> None:
    estimate = estimates(np.zeros(3), np.arange(3.0), np.arange(3))["auc"]
    assert (estimate.value, estimate.low, estimate.n_samples) == (None, None, 3)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="8, 7, 8"):
        estimates(LABELS, SCORES[:7], np.arange(8))["auc"]


def test_delong_gives_the_variance_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 60)
    first, second = labels + rng.normal(size=60), labels + rng.normal(size=60)

    def components(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = (scores[labels == 1][:, None] > scores[labels == 0]).astype(float)
        return pairs.mean(1), pairs.mean(0)

    (p1, n1), (p2, n2) = components(first), components(second)
    variance = np.var(p1 - p2, ddof=1) / len(p1) + np.var(n1 - n2, ddof=1) / len(n1)
    result = delong_test(labels, first, second)
    assert result.difference == pytest.approx(auc(labels, first) - auc(labels, second))
    assert result.standard_error == pytest.approx(np.sqrt(variance))


def test_delong_finds_no_difference_where_there_is_none_and_one_where_there_is() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 400)
    good, bad = labels * 2 + rng.normal(size=400), rng.normal(size=400)
    assert delong_test(labels, good, np.exp(good)).p_value == 1.0
    assert delong_test(labels, good, bad).p_value < 1e-6


def test_delong_is_about_uniform_without_a_difference() -> None:
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 60)
        values.append(delong_test(labels, labels + rng.normal(size=120), labels + rng.normal(size=120)).p_value)
    assert 0.005 <= np.mean(np.array(values) < 0.05) <= 0.11


def test_delong_needs_two_of_each_class() -> None:
    with pytest.raises(ValueError, match="two samples of each class, got 1 and 3"):
        delong_test(np.array([1, 0, 0, 0]), np.arange(4.0), np.arange(4.0))


def test_the_calibration_curve_and_its_error_by_hand() -> None:
    probabilities = np.array([0.05, 0.05, 0.92, 0.98])
    labels = np.array([0, 1, 1, 1])
    low, high = calibration_curve(labels, probabilities)
    assert (low.mean_probability, low.positive_part, low.n_samples) == pytest.approx((0.05, 0.5, 2))
    assert high.positive_part == 1
    assert expected_calibration_error(labels, probabilities) == pytest.approx((0.45 * 2 + 0.05 * 2) / 4)
    assert expected_calibration_error(np.array([]), np.array([])) is None
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        calibration_curve(labels, probabilities + 1)


def test_calibration_undoes_a_known_distortion() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=20000) * 2
    labels = (rng.random(20000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(int)
    fitted = fit_calibration(labels, logits, "a simulation")
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept == pytest.approx(-1, abs=0.05)


def test_separable_data_give_a_finite_slope_and_reversed_ones_no_calibration() -> None:
    logits = np.array([-2.0, -1.0, 1.0, 2.0])
    assert 0 < fit_calibration(np.array([0, 0, 1, 1]), logits, "x").slope < 100
    assert fit_calibration(np.array([1, 1, 0, 0]), logits, "x") is None
    assert fit_calibration(np.zeros(4, dtype=int), logits, "x") is None


def test_operating_points_reach_what_they_promise() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 300)
    probabilities = 1 / (1 + np.exp(-(labels + rng.normal(size=300))))
    points = {point.name: point for point in operating_points(labels, probabilities)}
    called = {name: probabilities >= point.threshold for name, point in points.items()}
    assert called["sensitive"][labels == 1].mean() >= 0.8
    assert (~called["specific"][labels == 0]).mean() >= 0.8
    assert points["sensitive"].threshold < points["specific"].threshold
    assert points["balanced"].sensitivity == pytest.approx(called["balanced"][labels == 1].mean())


def test_operating_points_need_both_classes() -> None:
    with pytest.raises(ValueError, match="positive and negative"):
        operating_points(np.ones(3), np.array([0.1, 0.2, 0.3]))


def test_the_gain_is_judged_on_the_same_resamples_for_both() -> None:
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 2, 300), np.repeat(np.arange(60), 5)
    noise = rng.normal(size=300)
    better, worse = labels + 0.7 * noise, 0.8 * labels + 0.7 * noise
    gain = auc_gain(labels, better, worse, patients)
    assert gain.value == pytest.approx(auc(labels, better) - auc(labels, worse))
    assert 0 < gain.low < gain.value < gain.high
    alone = estimates(labels, better, patients)["auc"]
    assert gain.high - gain.low < 0.5 * (alone.high - alone.low)
    same = auc_gain(labels, better, better, patients)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert auc_gain(np.ones(300, int), better, worse, patients).value is None
