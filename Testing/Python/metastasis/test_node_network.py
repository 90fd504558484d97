"""Nodes judged by a network, and stations by their nodes: probabilities, calls, heat maps, and what is not judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

import SimpleITK as sitk  # noqa: E402
from metastasis.network_cases import NODE_BALLS, Scene  # noqa: E402
from models.packages import manifest as station_manifest  # noqa: E402
from states import Called, called, check_model, with_stations  # noqa: E402

from LNStationLib.assessment.assess import judge_case  # noqa: E402
from LNStationLib.metastasis.node_classifier import NodeClassifier  # noqa: E402
from LNStationLib.models.package import (  # noqa: E402
    Calibration,
    Manifest,
    NetworkEntry,
    NodeClassification,
    OperatingPoint,
    PackageError,
    read_package,
    write_package,
)
from LNStationLib.models.package.node_classification import noisy_or  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402
from LNStationLib.sampling.node_patch import NodePatchSpec, node_boxes, node_patch  # noqa: E402
from LNStationLib.state.settings import Settings, StepSettings  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

PATCH = NodePatchSpec(size=(4, 32, 32), spacing_mm=(5.0, 1.6, 1.6))
NETWORK: dict[str, Any] = {"width": 0.25, "backbone": "mobilenet_v3_small", "n_sets": 2, "fused": 8}


def lively(arguments: dict[str, Any]) -> Any:
    """A tiny network of random weights whose answers depend on what it sees."""
    torch.manual_seed(1)
    network = build_network("node_slices", arguments, ("ct", "ct_zoomed")).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = None
    with torch.no_grad():
        network(torch.nn.functional.interpolate(torch.randn(8, 2, 2, 8, 8), size=PATCH.size, mode="trilinear"))
        network.head.weight *= 30
    return network.eval()


def write_nodes_package(path: Path, **changes: Any) -> Path:
    section = {
        "channels": ["ct", "ct_zoomed"],
        "patch": PATCH,
        "station_rule": "noisy_or",
        "station_points": [OperatingPoint(name="balanced", threshold=0.5, description="Youden")],
        "operating_points": [OperatingPoint(name="balanced", threshold=0.5, description="Youden")],
        "calibration": Calibration(slope=1.0, intercept=0.0, fitted_on="validation nodes"),
        **changes,
    }

    def card(weights: Any) -> Manifest[Any]:
        (file,) = weights.values()
        entry = NetworkEntry(role="classifier", name="node_slices", arguments=NETWORK, weights=file)
        fields = station_manifest({"classifier": file}).model_dump(exclude={"section", "networks", "task"})
        return Manifest[NodeClassification](
            **fields, task="node_classification", networks=[entry], section=NodeClassification(**section)
        )

    write_package(path, {"classifier": lively(NETWORK)}, card, "float32")
    return path


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nodes_package(tmp_path_factory.mktemp("packages") / "nodes.zip")


def settings(package: Path, **options: Any) -> Settings:
    chosen = {"model": str(package), "device": "cpu", "engine": "torch", **options}
    return Settings(
        nodes=StepSettings(method="supplied"),
        metastasis=StepSettings(method="node_network", options={"node_network": chosen}),
    )


def judged(package: Path, scene: Scene | None = None, **options: Any) -> Called:
    scene = scene or Scene()
    return called(with_stations(scene.case, scene.stations, settings(package, **options)))


def test_every_node_gets_the_calibrated_probability_of_its_own_patch(package: Path) -> None:
    found = judged(package)
    scene, network = Scene(), NodeClassifier(read_package(package), "cpu")
    boxes = node_boxes(scene.case.nodes)
    direct = sorted(network.probabilities([node_patch(scene.ct, box, PATCH) for box in boxes.values()]))
    assert sorted(node.probability for node in found.nodes) == pytest.approx(direct, abs=1e-3)
    assert len({node.probability for node in found.nodes}) == len(NODE_BALLS)
    for node in found.nodes:
        assert node.call == ("positive" if node.probability >= 0.5 else "negative")
        assert f"probability {node.probability:.2f}" in node.reason


def test_a_station_follows_from_its_nodes_by_the_rule_of_the_package(package: Path, tmp_path: Path) -> None:
    found = judged(package)
    of_station = [node.probability for node in found.nodes if node.station == "4R"]
    assert len(of_station) == 2
    assert found.stations["4R"].probability == pytest.approx(noisy_or(of_station), abs=1e-3)
    by_max = judged(write_nodes_package(tmp_path / "max.zip", station_rule="max"))
    assert by_max.stations["4R"].probability == max(of_station)
    most = max((node for node in found.nodes if node.station == "4R"), key=lambda node: node.probability)
    assert f"node {most.node_id} (" in found.stations["4R"].reason


def test_a_station_without_a_threshold_of_its_own_is_positive_where_a_node_is(tmp_path: Path) -> None:
    package = write_nodes_package(tmp_path / "plain.zip", station_points=[])
    found = judged(package)
    for name in ("4R", "7"):
        calls = {node.call for node in found.nodes if node.station == name}
        assert found.stations[name].call == ("positive" if "positive" in calls else "negative")


def test_a_station_without_nodes_keeps_the_call_of_the_clinical_criteria(package: Path) -> None:
    found = judged(package)
    assert (found.stations["4L"].call, found.stations["4L"].probability) == ("negative", None)
    assert found.stations["4L"].reason.startswith("Negative: no node found")
    assert found.stations["2R"].call is None


@pytest.mark.parametrize("by", ["integrated_gradients", "grad_cam"])
def test_a_heat_map_lies_over_the_nodes_of_every_judged_station(package: Path, by: str) -> None:
    found = judged(package, heat_map=by)
    assert set(found.evidence) <= {"4R", "7"}
    assert found.evidence
    for name, heat in found.evidence.items():
        assert heat.values.min() >= 0
        assert heat.values.sum() == pytest.approx(1, rel=1e-4)
        assert found.stations[name].attention_node is not None
        assert 0 <= found.stations[name].attention_in_nodes <= 1
        x, y, z = heat.peak_mm
        centers = np.array([node.centroid_mm for node in found.nodes if node.station == name])
        # The zoomed box of the largest node: its diameter of 12 mm and 5 mm on each side.
        assert np.linalg.norm(centers - (x, y, z), axis=1).min() < 22


def test_heat_maps_can_be_left_out(package: Path) -> None:
    assert judged(package, no_heat_maps=True).evidence == {}


def test_a_node_below_the_smallest_is_not_called_and_does_not_count(tmp_path: Path) -> None:
    package = write_nodes_package(tmp_path / "large.zip", min_short_axis_mm=8.0)
    found = judged(package)
    small = [node for node in found.nodes if node.short_axis_mm < 8]
    assert small
    for node in small:
        assert (node.call, node.probability) == (None, None)
        assert "below 8 mm, the smallest that the network judges. By clinical criteria negative" in node.reason
    (large,) = [node for node in found.nodes if node.station == "4R" and node.short_axis_mm >= 8]
    assert found.stations["4R"].probability == pytest.approx(large.probability, abs=1e-3)


def test_a_node_at_the_border_and_one_larger_than_the_patch_say_so(package: Path) -> None:
    scene = Scene()
    array = sitk.GetArrayFromImage(scene.case.nodes)
    array[:, 30:70, 30:70] = 9
    array[:3, :3, :3] = 10
    nodes = sitk.GetImageFromArray(array)
    nodes.CopyInformation(scene.case.nodes)
    scene.case = replace(scene.case, nodes=nodes)
    reasons = " ".join(node.reason for node in judged(package, scene).nodes)
    assert "exceeds the 20 mm that the network sees at full resolution" in reasons
    assert "of what the network sees around the node" in reasons


def test_the_answer_says_which_package_judged_by_which_thresholds(package: Path) -> None:
    found = judged(package)
    used = found.provenance.settings
    assert (used["threshold"], used["node_threshold"], used["station_rule"]) == (0.5, 0.5, "noisy_or")
    assert found.provenance.model_sha256 == check_model(settings(package))
    assert any("synthetic" in warning for warning in found.warnings)


def test_a_whole_assessment_shows_probabilities_of_nodes_and_can_judge_some_stations_again(package: Path) -> None:
    scene = Scene()
    state = with_stations(scene.case, scene.stations, settings(package))
    whole = judge_case(state)
    assert all(node.probability is not None for node in whole.assessment.nodes)
    again = called(replace(state, nodes=whole.state.found_nodes), only={"7"})
    assert list(again.stations) == ["7"]
    assert {node.node_id: node.probability for node in again.nodes} == {
        node.node_id: node.probability for node in whole.assessment.nodes
    }


def test_settings_that_cannot_work_are_refused_before_any_work(package: Path) -> None:
    none = settings(package).model_copy(update={"nodes": StepSettings(method="none")})
    with pytest.raises(InputError, match="judges nodes, but no node search is selected"):
        check_model(none)
    with pytest.raises(InputError, match="no operating point 'bold'; it has balanced"):
        check_model(settings(package, operating_point="bold"))
    with pytest.raises(PackageError, match="made for the task"):
        check_model(settings(Path("Resources/Models/esophagus-ct.zip").resolve()))


def test_the_shipped_package_judges_where_none_is_named_and_without_any_the_user_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = Settings(
        nodes=StepSettings(method="supplied"),
        metastasis=StepSettings(method="node_network", options={"node_network": {"device": "cpu"}}),
    )
    check_model(wanted)
    monkeypatch.setattr("LNStationLib.models.package.folders.shipped_folder", lambda: None)
    with pytest.raises(PackageError, match="no model package for the task 'node_classification'"):
        check_model(wanted)


def test_flip_averaging_gives_a_mirrored_patient_the_same_probabilities(package: Path) -> None:
    straight, mirrored = (
        sorted(node.probability for node in judged(package, Scene(mirrored=m), flip_averaging=True).nodes)
        for m in (False, True)
    )
    assert straight == pytest.approx(mirrored, abs=0.02)


def test_openvino_gives_the_same_probabilities(package: Path) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    plain, compiled = (
        [node.probability for node in judged(package, engine=engine, no_heat_maps=True).nodes]
        for engine in ("torch", "openvino")
    )
    assert plain == pytest.approx(compiled, abs=1e-3)
