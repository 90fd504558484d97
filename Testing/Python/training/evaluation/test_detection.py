"""Hits, free-response curves, recall by kind and intervals, against hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnstation_training.evaluation.detection import (
    Detection,
    PatientHits,
    TrueNode,
    best_f1,
    froc,
    gain,
    interval,
    match,
    mean_dice,
    mean_recall_at,
    recall_at,
    recall_at_precision,
    recall_by,
    threshold_at,
)


def hits(*detections: tuple[float, int | None] | tuple[float, int | None, bool], nodes: int = 2) -> PatientHits:
    found = tuple(Detection(score=one[0], node=one[1], ignored=len(one) > 2 and bool(one[2])) for one in detections)
    return PatientHits(detections=found, nodes=tuple(TrueNode(number=n) for n in range(1, nodes + 1)))


PATIENTS = (
    # The second hit on node 1 and the ignored candidate count neither way.
    hits((0.9, 1), (0.8, None), (0.7, 1), (0.6, 2), (0.5, None, True)),
    hits((0.85, None), (0.4, 1), (0.3, None)),
)


def test_the_curve_goes_through_every_candidate_that_counts() -> None:
    curve = froc(PATIENTS)
    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.85, 0.8, 0.6, 0.4, 0.3]
    assert curve.false_positives.tolist() == [0, 0, 0.5, 1, 1, 1, 1.5]
    assert curve.recall.tolist() == [0, 0.25, 0.25, 0.25, 0.5, 0.75, 0.75]


def test_recall_and_threshold_at_a_number_of_false_positives() -> None:
    curve = froc(PATIENTS)
    assert [recall_at(curve, each) for each in (0, 0.5, 1, 4)] == [0.25, 0.25, 0.75, 0.75]
    assert threshold_at(curve, 1) == 0.4
    assert mean_recall_at(PATIENTS, (0.5, 1.0)) == pytest.approx(0.5)


def test_candidates_of_one_score_come_together() -> None:
    curve = froc([hits((0.5, 1), (0.5, None), (0.5, 2))])
    assert (curve.false_positives.tolist(), curve.recall.tolist()) == ([0, 1], [0, 1])


def test_best_f1_and_recall_at_precision_by_hand() -> None:
    # At 0.4: 3 hits, 2 false, 1 missed.
    assert best_f1(PATIENTS) == pytest.approx(2 * 3 / (3 + 2 + 4))
    # At 0.4 the patients have precisions of 2/3 and 1/2, recalls of 1 and 1/2.
    assert recall_at_precision(PATIENTS, (2 / 3 + 1 / 2) / 2 - 1e-9) == pytest.approx(0.75)
    assert recall_at_precision(PATIENTS, 1.01) == 0.0


def test_without_nodes_there_is_no_recall() -> None:
    assert math.isnan(mean_recall_at([hits((0.5, None), nodes=0)]))
    assert interval([hits((0.5, None), nodes=0)] * 3, mean_recall_at, 10) is None


def cube(edge: int, corner: int, number: int, shape: int = 20) -> np.ndarray:
    labels = np.zeros((shape,) * 3, np.uint16)
    labels[(slice(corner, corner + edge),) * 3] = number
    return labels


NODE = TrueNode(number=5, short_axis_mm=9.0)


@pytest.mark.parametrize(
    ("edge", "corner", "hit"),
    [
        (8, 4, True),
        (5, 4, True),
        (3, 4, False),
        (11, 4, True),
        (13, 4, False),
        (8, 12, False),
    ],
    ids=["itself", "radius x 0.63", "radius x 0.38", "radius x 1.38", "radius x 1.63", "beside it"],
)
def test_a_hit_overlaps_and_is_about_as_large(edge: int, corner: int, hit: bool) -> None:
    found = match(cube(edge, corner, 1), {1: 0.7}, cube(8, 4, 5), [NODE])
    assert [one.node for one in found.detections] == [5 if hit else None]
    assert not found.detections[0].ignored


def test_a_candidate_on_a_node_that_does_not_count_is_ignored() -> None:
    (found,) = match(cube(8, 4, 1), {1: 0.7}, cube(8, 4, 5), []).detections
    assert (found.node, found.ignored) == (None, True)


def test_dice_is_that_of_the_node_hit() -> None:
    patient = match(cube(8, 4, 1), {1: 0.7}, cube(8, 5, 5), [NODE])
    assert patient.detections[0].dice == pytest.approx(7**3 / 8**3)
    assert mean_dice([patient], 0.5) == pytest.approx(7**3 / 8**3)
    assert mean_dice([patient], 0.8) is None


def test_recall_by_size_leaves_out_nodes_of_no_size() -> None:
    nodes = (TrueNode(number=1, short_axis_mm=6), TrueNode(number=2, short_axis_mm=12), TrueNode(number=3))
    patient = PatientHits(detections=(Detection(score=0.9, node=2), Detection(score=0.1, node=1)), nodes=nodes)

    def size(node: TrueNode) -> str | None:
        return None if node.short_axis_mm is None else "large" if node.short_axis_mm >= 10 else "small"

    found = recall_by([patient], 0.5, size)
    assert [(one.title, one.n_nodes, one.n_found) for one in found] == [("large", 1, 1), ("small", 1, 0)]


rows = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([None, 1, 2, 3])), max_size=8)


@given(st.lists(rows, min_size=1, max_size=4))
def test_more_false_positives_never_cost_recall(patients: list[list[tuple[float, int | None]]]) -> None:
    curve = froc([hits(*each, nodes=3) for each in patients])
    assert (np.diff(curve.recall) >= 0).all()
    assert (np.diff(curve.false_positives) >= 0).all()
    assert (np.diff(curve.thresholds) < 0).all()


def test_a_gain_is_drawn_by_patient_with_both_detectors_together() -> None:
    found, missed = hits((0.9, 1), nodes=1), hits(nodes=1)
    # Each patient gains nothing or everything by chance: what both miss or find must not widen the interval.
    same = gain([found, missed] * 20, [found, missed] * 20)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    half = gain([found, missed] * 20, [found, found] * 20)
    assert half.value == pytest.approx(0.5)
    assert half.low is not None
    assert half.high is not None
    assert 0.3 < half.low < 0.5 < half.high < 0.7
    assert gain([missed], [found]).low is None
    with pytest.raises(ValueError, match="differ"):
        gain([found], [hits(nodes=2)])


def test_an_interval_is_drawn_by_patient_and_repeats() -> None:
    patients = [hits((0.9, 1), nodes=1), hits((0.9, None), nodes=1)] * 4
    low, high = interval(patients, mean_recall_at, 200) or (1, 0)
    assert 0 <= low < 0.5 < high <= 1
    assert interval(patients, mean_recall_at, 200) == (low, high)
    assert interval(patients[:1], mean_recall_at, 200) is None
