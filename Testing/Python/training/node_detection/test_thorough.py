"""A package of a node network that is asked in several views: operating points, and what stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from models.volume_packages import node_section, write_volumes

from lnstation_training.evaluation.detection import Detection, PatientHits, TrueNode
from lnstation_training.tasks.node_detection.thorough import (
    VIEWS,
    found_in_views,
    measured_search,
    search_metrics,
    write_with_search,
)
from LNStationLib.models.package import NodeDetection, read_package
from LNStationLib.support.errors import InputError, OutputError

PATIENTS = [
    PatientHits(
        nodes=(TrueNode(number=1, short_axis_mm=6.0), TrueNode(number=2, short_axis_mm=9.0)),
        detections=(
            Detection(score=0.9, node=2, dice=0.8),
            Detection(score=0.5 - 0.1 * number),
            Detection(score=0.2, node=1, dice=0.7),
            Detection(score=0.15),
        ),
    )
    for number in range(3)
]


def test_operating_points_are_those_of_the_patients_and_the_weights_stay(tmp_path: Path) -> None:
    before = node_section(points_of={"title": "Hospital", "n_patients": 4, "synthetic": False})
    old = read_package(write_volumes(tmp_path / "old.zip", before))
    search = measured_search(PATIENTS)
    metrics = search_metrics(PATIENTS, "drawn")
    write_with_search(old, tmp_path / "new.zip", search, "1.1.0", metrics)
    new = read_package(tmp_path / "new.zip")
    section = new.section(NodeDetection)
    assert section.thorough is not None
    assert tuple(section.thorough.views) == VIEWS
    assert [(each.false_positives, each.threshold) for each in section.thorough.froc][:2] == [
        (0.5, pytest.approx(0.5)),
        (1.0, pytest.approx(0.2)),
    ]
    assert section.thorough.froc[-1].recall == pytest.approx(1.0)
    assert section.model_copy(update={"thorough": None}) == node_section()
    assert (new.weights, new.manifest.version) == (old.weights, "1.1.0")
    recall = next(each for each in new.manifest.metrics if each.name == "recall at 1 FP")
    assert (recall.value, recall.n_patients, recall.counts) == (pytest.approx(1.0), 3, {"visible nodes": 6})


def test_while_they_are_measured_every_candidate_is_let_through(tmp_path: Path) -> None:
    package = read_package(write_volumes(tmp_path / "old.zip", node_section()))
    seen: list[float] = []

    def found(path: Path) -> list[PatientHits]:
        section = read_package(path).section(NodeDetection)
        assert section.thorough is not None
        seen.append(section.thorough.froc[-1].threshold)
        return PATIENTS

    assert found_in_views(package, found) == PATIENTS
    assert seen == [0.0]


def test_what_cannot_be_measured_or_written_is_refused(tmp_path: Path) -> None:
    package = read_package(write_volumes(tmp_path / "old.zip", node_section()))
    with pytest.raises(InputError, match="take more patients"):
        measured_search([PatientHits(nodes=PATIENTS[0].nodes, detections=())])
    with pytest.raises(OutputError, match="exists already"):
        write_with_search(package, tmp_path / "old.zip", measured_search(PATIENTS), "2", ())
