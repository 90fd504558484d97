"""What size alone says of a station."""

from __future__ import annotations

import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from lnstation_training.tasks.station_classification.prediction import Prediction
from lnstation_training.tasks.station_classification.size_criterion import size_criterion


def sized(label: int, short_axis_mm: float | None) -> Prediction:
    return Prediction(patient="1", station="4R", group=1, label=label, logit=0.0, short_axis_mm=short_axis_mm)


def test_the_size_criterion_calls_stations_with_a_node_of_ten_millimeters() -> None:
    sizes, labels = [12.0, 10.0, 9.9, None, 15.0, 4.0, None, 9.0], [1, 1, 1, 1, 0, 0, 0, 0]
    rows = [sized(label, size) for size, label in zip(sizes, labels, strict=True)]
    found = size_criterion(rows)
    assert found is not None
    assert (found.sensitivity, found.specificity, found.auc) == (0.5, 0.75, 0.625)
    assert size_criterion(rows[:4]) is None
