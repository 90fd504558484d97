"""Operating points of a node package on a cohort's own patients. A stand-in for the network answers by density."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from models.volume_packages import SPEC, node_section, organ_section, write_volumes
from nodes.test_node_network import StandIn
from training.node_detection.drawn_patients import write_detection_cohort

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from typer.testing import CliRunner

from lnstation_training.cli.app import app
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.evaluation.detection import Detection, PatientHits, TrueNode
from lnstation_training.tasks.node_detection import recalibration, whole_patients
from lnstation_training.tasks.node_detection.recalibration import NodeRecalibration, points_patients, recalibrate
from lnstation_training.tasks.node_detection.whole_patients import FoundNodes, Question
from LNStationLib.models.package import Metric, NodeDetection, read_package
from LNStationLib.models.package.card import card_rows
from LNStationLib.models.package.writing import write_packed
from LNStationLib.models.runtime import segmentation
from LNStationLib.nodes.network import SWITCH
from LNStationLib.support.errors import InputError, OutputError

STREAM = {**SPEC, "channels": ["ct_wide", "ct_soft"]}
POINTS = [
    {"threshold": 0.9, "false_positives": 1, "recall": 0.1},
    {"threshold": 0.2, "false_positives": 4, "recall": 0.9},
]


class Counting(StandIn):
    """Notes which role was asked in which view."""

    def __init__(self) -> None:
        super().__init__()
        self.roles: list[str] = []

    def probabilities(self, role: str, *arguments: Any, **named: Any) -> Any:
        self.roles.append(role)
        return super().probabilities(role, *arguments, **named)


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests rule the network out."""
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_detection_cohort(tmp_path_factory.mktemp("drawn") / "hospital", 4)


@pytest.fixture
def cohort(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "hospital"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_volumes(tmp_path / "old.zip", node_section())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counting:
    made = Counting()
    monkeypatch.setattr(segmentation, "warm_segmenter", lambda *arguments: made)
    return made


def change_table(cohort: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change every row of the table of patients."""
    table = cohort / "patients.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        change(row)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def rewrite_nodes(
    cohort: Path, patient: str, change: Callable[[np.ndarray], np.ndarray], shift_mm: float = 0
) -> None:
    path = cohort / f"{patient}_nodes.nii.gz"
    image = sitk.ReadImage(str(path))
    changed = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(image)).astype(np.uint8))
    changed.CopyInformation(image)
    changed.SetOrigin([at + shift_mm for at in image.GetOrigin()])
    sitk.WriteImage(changed, str(path))


def found_as(scores: dict[bool, float], chosen: frozenset[str]) -> Callable[..., Any]:
    """Every patient has two nodes, of which one is found with a score that tells the two parts apart."""

    def found(patient: CohortPatient, question: Question) -> dict[str, FoundNodes]:
        is_chosen = patient.patient in chosen
        detections = [Detection(score=scores[is_chosen], node=1), Detection(score=scores[is_chosen] - 0.1)]
        detections += [Detection(score=scores[is_chosen] - 0.2, node=2)] if is_chosen else []
        nodes = tuple(TrueNode(number=n, short_axis_mm=9.0) for n in (1, 2))
        hits = PatientHits(detections=tuple(detections), nodes=nodes)
        return {name: FoundNodes(hits=hits, slice_mm=2.5 if is_chosen else 3.0) for name in question.digests}

    return found


def test_points_are_of_one_part_figures_of_the_other_and_the_card_says_of_whom(
    cohort: Path, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = points_patients(["P0", "P1", "P2", "P3"], 0.5)
    monkeypatch.setattr(recalibration, "found_in_patient", found_as({True: 0.9, False: 0.6}, chosen))
    recalibrate(NodeRecalibration(package, cohort, tmp_path / "new.zip", "1.1.0"))
    old, new = read_package(package), read_package(tmp_path / "new.zip")
    section = new.section(NodeDetection)
    assert [(each.threshold, each.false_positives, each.recall) for each in section.froc] == [
        (pytest.approx(0.9), 0.5, pytest.approx(0.5)),
        (pytest.approx(0.7), 1.0, pytest.approx(1.0)),
    ]
    assert (section.sure_from_mm, section.sure_up_to_slice_mm, section.thorough) == (8.0, 3.0, None)
    recall = next(each for each in new.manifest.metrics if each.name == "recall at 4 FP")
    assert (recall.value, recall.n_patients, recall.counts) == (pytest.approx(0.5), 2, {"visible nodes": 4})
    assert (recall.low, recall.high) == (pytest.approx(0.5), pytest.approx(0.5))
    assert "hospital (real patients that chose no operating point" in recall.cohort
    assert (new.weights, new.manifest.cohort, new.manifest.version) == (old.weights, old.manifest.cohort, "1.1.0")
    rows = {row.title: row.lines for row in card_rows(new.manifest)}
    assert rows["Trained on"][0] == "synthetic patients only"
    assert rows["Operating points"][0] == "of 2 real patients: hospital"


def test_the_parts_do_not_depend_on_the_order_of_the_table() -> None:
    patients = [f"P{number}" for number in range(10)]
    chosen = points_patients(patients, 0.3)
    assert len(chosen) == 3
    assert points_patients(patients[::-1], 0.3) == chosen
    assert chosen < points_patients(patients, 0.5)


def test_whole_patients_are_searched_and_held_to_the_masks(
    cohort: Path, package: Path, asked: Counting, tmp_path: Path
) -> None:
    (cohort / "cohort.json").write_text('{"title": "Drawn", "synthetic": true}', encoding="utf-8")
    out = tmp_path / "new.zip"
    arguments = ["--data", str(cohort), "--out", str(out), "--version", "2", "--add-views"]
    result = CliRunner().invoke(app, ["recalibrate", str(package), *arguments])
    assert result.exit_code == 0, result.output
    assert "operating points of 2 synthetic patients: Drawn" in result.stdout
    section = read_package(out).section(NodeDetection)
    assert section.thorough is not None
    assert len(section.thorough.views) == 6
    assert section.points_of is not None
    assert section.points_of.synthetic
    once = FoundNodes.model_validate_json(next((tmp_path / "new-found" / "P0").glob("quick-*")).read_bytes())
    # The node of 3 mm does not count, that of 12 mm is found.
    assert [node.station for node in once.hits.nodes] == ["4R", "7"]
    assert once.hits.nodes[0].short_axis_mm == pytest.approx(12, abs=1)
    assert [each.node for each in once.hits.detections if each.node is not None] == [once.hits.nodes[0].number]
    assert once.slice_mm == 5.0
    titles = [row.title for row in card_rows(read_package(out).manifest)]
    assert titles.index("Operating points, asked in 6 views") < titles.index("Operating points, asked once")


def test_what_was_found_is_kept_by_content(cohort: Path, package: Path, asked: Counting, tmp_path: Path) -> None:
    def run(name: str, of: Path = package, **changes: Any) -> int:
        before = len(asked.roles)
        recalibrate(NodeRecalibration(of, cohort, tmp_path / name, "2", kept=tmp_path / "kept", **changes))
        return len(asked.roles) - before

    assert run("once.zip") == 4
    assert run("again.zip") == 0
    assert run("of_the_new.zip", tmp_path / "once.zip") == 0
    assert run("views.zip", add_views=True) == 4 * 6
    rewrite_nodes(cohort, "P1", lambda labels: np.where(labels == 1, 0, labels))
    assert run("changed.zip") == 1
    next((tmp_path / "kept" / "P2").glob("quick-*")).write_text("{", encoding="utf-8")
    assert run("damaged.zip") == 1


def test_stations_come_from_the_rules_where_the_cohort_has_none(
    cohort: Path, package: Path, asked: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def parse(case: Any, settings: Any) -> Any:
        assert case.nodes is None
        parsed.append(case.case_id)
        return whole_patients._parsed(case, cohort / f"{case.case_id}_stations.nii.gz")

    monkeypatch.setattr(whole_patients, "parse_case", parse)
    change_table(cohort, lambda row: row.update(stations=""))
    card = recalibrate(NodeRecalibration(package, cohort, tmp_path / "new.zip", "2"))
    assert parsed == ["P0", "P1", "P2", "P3"]
    assert "as the cohort has them" not in card.metrics[0].cohort


def test_a_patient_without_nodes_counts_for_false_candidates(
    cohort: Path, package: Path, asked: Counting, tmp_path: Path
) -> None:
    rewrite_nodes(cohort, "P0", np.zeros_like)
    recalibrate(NodeRecalibration(package, cohort, tmp_path / "new.zip", "2"))
    found = FoundNodes.model_validate_json(next((tmp_path / "new-found" / "P0").glob("quick-*")).read_bytes())
    assert found.hits.nodes == ()
    assert [each.node for each in found.hits.detections] == [None] * len(found.hits.detections)
    assert found.hits.detections


def test_streams_are_neither_asked_nor_changed_and_that_is_said(
    cohort: Path, asked: Counting, tmp_path: Path
) -> None:
    section = node_section()
    classes = {"nodes": section.classes["nodes"], "ct": ["background", "node"]}
    both = node_section(
        volumes={"nodes": section.volumes["nodes"], "ct": STREAM}, classes=classes, significant={"froc": POINTS}
    )
    path = write_volumes(tmp_path / "both.zip", both)
    old = read_package(path)
    of_streams = Metric(name="mFROC", value=0.5, cohort="x", n_patients=3, counts={"significant nodes": 9})
    of_visible = of_streams.model_copy(update={"counts": {"visible nodes": 9}})
    said = old.manifest.model_copy(update={"metrics": [of_visible, of_streams]})
    write_packed(tmp_path / "with_metrics.zip", said, old.weights)
    out = tmp_path / "new.zip"
    arguments = ["--data", str(cohort / "patients.csv"), "--out", str(out), "--version", "2"]
    result = CliRunner().invoke(app, ["recalibrate", str(tmp_path / "with_metrics.zip"), *arguments])
    assert result.exit_code == 0, result.output
    assert "Not measured: operating points of its streams of significant nodes stay as they were." in result.stdout
    assert set(asked.roles) == {"nodes"}
    new = read_package(out)
    assert new.weights == old.weights
    assert new.section(NodeDetection).significant == both.significant
    assert of_streams in new.manifest.metrics
    assert of_visible not in new.manifest.metrics


def test_patients_that_cannot_be_used_are_all_named_and_the_others_are_kept(
    cohort: Path, package: Path, asked: Counting, tmp_path: Path
) -> None:
    request = NodeRecalibration(package, cohort, tmp_path / "new.zip", "2")
    # Within the CT's box, but every marked voxel lies beyond its last slice.
    rewrite_nodes(cohort, "P1", lambda labels: labels, shift_mm=70.0)
    with pytest.raises(InputError, match="patient P1: its node mask marks nothing inside its CT"):
        recalibrate(request)
    assert sorted(path.name for path in request.folder.iterdir()) == ["P0", "P2", "P3"]
    change_table(cohort, lambda row: row.update(nodes="" if row["patient"] == "P2" else row["nodes"]))
    with pytest.raises(InputError, match="line 4, column nodes"):
        recalibrate(request)
    assert not request.out.exists()


def test_masks_without_a_visible_node_are_refused(
    cohort: Path, package: Path, asked: Counting, tmp_path: Path
) -> None:
    for patient in ("P0", "P1", "P2", "P3"):
        rewrite_nodes(cohort, patient, lambda labels: np.where(labels == 3, labels, 0))
    with pytest.raises(InputError, match="None of the 2 patients that operating points are of has a visible node"):
        recalibrate(NodeRecalibration(package, cohort, tmp_path / "new.zip", "2"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"points_part": 0.2}, "4 patients, 1 of them for operating points, are too few"),
        ({"data": Path("nowhere")}, "nowhere does not exist: give a table of patients"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not available"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_any_patient_is_searched(
    cohort: Path, package: Path, asked: Counting, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    fields: dict[str, Any] = {"package": package, "data": cohort, "out": tmp_path / "new.zip", "version": "2"}
    with pytest.raises(InputError, match=complaint):
        recalibrate(NodeRecalibration(**{**fields, **changes}))
    assert asked.roles == []


def test_packages_that_do_not_go_with_the_request_are_refused(cohort: Path, package: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        recalibrate(NodeRecalibration(package, cohort, package, "2"))
    search = {"froc": POINTS, "views": [{}], "least_peak": 0.1, "least_rise": 0.1, "smallest_short_axis_mm": 3}
    views = write_volumes(tmp_path / "views.zip", node_section(thorough=search))
    with pytest.raises(InputError, match="names the views that it is asked in already"):
        recalibrate(NodeRecalibration(views, cohort, tmp_path / "new.zip", "2", add_views=True))
    stream = node_section(
        volumes={"ct": STREAM}, classes={"ct": ["background", "node"]}, froc=[], significant={"froc": POINTS}
    )
    streams = write_volumes(tmp_path / "streams.zip", stream)
    with pytest.raises(InputError, match="has no network of visible nodes"):
        recalibrate(NodeRecalibration(streams, cohort, tmp_path / "new.zip", "2"))
    organs = write_volumes(tmp_path / "organs.zip", organ_section())
    arguments = ["--data", str(cohort), "--out", str(tmp_path / "new.zip"), "--version", "2"]
    result = CliRunner().invoke(app, ["recalibrate", str(organs), *arguments])
    assert result.exit_code != 0
    assert "only packages of station_classification and node_detection can be recalibrated" in result.stderr
