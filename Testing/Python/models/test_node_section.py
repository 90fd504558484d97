"""What packages that find nodes say, and what they may not say."""

from __future__ import annotations

from typing import Any

import pytest
from models.volume_packages import SPEC, node_section, volume_manifest

from LNStationLib.models.package import WeightsFile
from LNStationLib.models.package.card import card_rows

CLASSES = ["background", "node", "look_alike"]
POINT = {"threshold": 0.5, "false_positives": 2.0, "recall": 0.5}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"classes": {"nodes": ["background", "look_alike"]}}, "node must be a class"),
        ({"classes": {"nodes": [*CLASSES, "vessel"]}}, "all must be of background, node, look_alike"),
        ({"classes": {"all": CLASSES}, "volumes": {"all": SPEC}}, "the networks must be of nodes, ct, .*, got all"),
        ({"froc": [POINT]}, "two points or more"),
        ({"froc": [POINT, {**POINT, "false_positives": 1.0}]}, "from few false positives"),
        ({"froc": [POINT, {**POINT, "threshold": 0.9, "false_positives": 3.0}]}, "from few false positives"),
        ({"probable": 1.0}, "less than 1"),
    ],
)
def test_a_faulty_section_of_nodes_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        node_section(**changes)


@pytest.mark.parametrize(
    ("false_positives", "threshold", "recall"),
    [(0.2, 0.8, 0.5), (1.0, 0.8, 0.5), (2.5, 0.6, 0.65), (4.0, 0.4, 0.8), (6.0, 0.35, 0.85), (20.0, 0.3, 0.9)],
)
def test_the_threshold_lies_on_the_measured_curve(false_positives: float, threshold: float, recall: float) -> None:
    section = node_section()
    assert section.threshold(false_positives) == pytest.approx(threshold)
    assert section.recall(false_positives) == pytest.approx(recall)


def test_the_card_says_what_each_operating_point_gives_and_where_sensitivity_is_low() -> None:
    weights = {"nodes": WeightsFile(sha256="0" * 64, n_bytes=1)}
    rows = {row.title: row.lines for row in card_rows(volume_manifest(node_section(sure_from_mm=6.0), weights))}
    assert rows["Operating points"][2] == "4 false positives a patient: score from 0.40, recall 0.80"
    assert rows["Limits"] == (
        "Sensitivity is low below a short axis of 6 mm.",
        "Measured with slices up to 5 mm.",
    )
    assert rows["Classes"] == ("node, look_alike",)
    assert "lymph node stations, all in one" in " ".join(rows["Input"])


def test_the_card_says_whom_operating_points_are_of() -> None:
    weights = {"nodes": WeightsFile(sha256="0" * 64, n_bytes=1)}
    section = node_section(points_of={"title": "Hospital", "n_patients": 1, "synthetic": False})
    rows = {row.title: row.lines for row in card_rows(volume_manifest(section, weights))}
    assert rows["Operating points"][0] == "of 1 real patient: Hospital"
    assert rows["Limits"][0] == "Sensitivity is low at every size that was measured."
