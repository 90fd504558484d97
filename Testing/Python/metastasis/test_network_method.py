"""Stations judged by the network of a package: laterality, grids, batches, and what is said where it cannot be."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from metastasis.network_cases import (  # noqa: E402
    NODE_BALLS,
    REGION,
    STATIONS,
    Scene,
    positions,
    wrapped,
    write_stations_package,
)
from states import called, check_model, with_stations  # noqa: E402

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.imaging.arrays import array_view  # noqa: E402
from LNStationLib.imaging.boxes import station_boxes  # noqa: E402
from LNStationLib.metastasis.station_network import StationNetwork, warm_network  # noqa: E402
from LNStationLib.models.package import Calibration, OperatingPoint, PackageError, read_package  # noqa: E402
from LNStationLib.models.package.conformal import ConformalSets, GroupLimit  # noqa: E402
from LNStationLib.networks import installation  # noqa: E402
from LNStationLib.sampling.channels import STATION_CHANNELS  # noqa: E402
from LNStationLib.sampling.station_region import station_region  # noqa: E402
from LNStationLib.state.evidence import StationEvidence, coarser_grid, evidence_volume  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

FLIP_X_AND_Z = (-1, 0, 0, 0, 1, 0, 0, 0, -1)
AXES_PERMUTED = (0, 0, 1, 1, 0, 0, 0, 1, 0)
OBLIQUE = (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1)
MIRROR = {"4R": "4L", "4L": "4R", "7": "7", "8": "8"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stations_package(tmp_path_factory.mktemp("package") / "tiny.zip")


def volume(scene: Scene, attention) -> np.ndarray:
    return sitk.GetArrayFromImage(evidence_volume(attention, scene.stations, station_boxes(scene.stations)))


def test_every_station_of_the_package_gets_probability_call_and_attention(package: Path) -> None:
    scene = Scene()
    result = scene.assessed(package)
    card = read_package(package).manifest
    threshold = card.section.operating_points[0].threshold
    assert set(result.evidence) == set(STATIONS)
    for name in STATIONS:
        call = result.stations[name]
        assert 0 < call.probability < 1
        assert call.call == ("positive" if call.probability >= threshold else "negative")
        assert f"{call.probability:.2f}" in call.reason
        assert "(balanced)" in call.reason
    assert result.provenance.model_package == "tiny"
    assert result.provenance.model_sha256 == card.sha256
    assert result.provenance.trained_on == "synthetic"
    assert any("synthetic patients only" in warning for warning in result.provenance.warnings)


@pytest.mark.parametrize(("intercept", "threshold"), [(-6.0, 0.0), (6.0, 1.0)])
def test_a_call_that_the_conformal_set_rules_out_says_so(tmp_path: Path, intercept: float, threshold: float) -> None:
    """Nearly certain probabilities, and a threshold on their other side."""
    limits = [GroupLimit(title=title, limit=0.4, n_stations=9) for title in ("upper", "middle", "lower")]
    package = write_stations_package(
        tmp_path / "certain.zip",
        calibration=Calibration(slope=0.1, intercept=intercept, fitted_on="drawn"),
        operating_points=[OperatingPoint(name="balanced", threshold=threshold, description="drawn")],
        conformal=ConformalSets(coverage=0.9, groups=limits, fitted_on="drawn"),
    )
    call = Scene().assessed(package).stations["7"]
    other = {"positive": "negative", "negative": "positive"}[call.call]
    assert call.prediction_set == other
    assert f"leaves {other} alone" in call.warnings[-1]


def test_the_probability_is_the_calibrated_logit_of_the_region(package: Path) -> None:
    scene = Scene()
    read = read_package(package)
    value = anatomy.station("7").label_value
    region = station_region(scene.ct, scene.stations, scene.case.nodes, value, REGION)
    with torch.inference_mode():
        logit = float(read.network()(torch.from_numpy(region.channels(STATION_CHANNELS)[None])).logits)
    assert scene.assessed(package).stations["7"].probability == pytest.approx(
        read.manifest.section.probability(logit), abs=1e-4
    )


def test_attention_inside_nodes_is_that_of_the_loss_and_names_the_node_that_draws_most(package: Path) -> None:
    result = Scene().assessed(package)
    assert result.stations["7"].attention_node == 3
    assert result.stations["4R"].attention_node in (1, 2)
    assert 0 < result.stations["4R"].attention_in_nodes < 1
    # Without a node there is nothing inside of which attention could lie.
    assert result.stations["4L"].attention_node is None
    assert result.stations["4L"].attention_in_nodes is None
    assert "attention" not in result.stations["4L"].reason


def test_a_mirrored_patient_gives_mirrored_probabilities_and_attention_with_flip_averaging(package: Path) -> None:
    scene, mirror = Scene(), Scene(mirrored=True)
    results = [one.assessed(package, flip_averaging=True) for one in (scene, mirror)]
    for name, other in MIRROR.items():
        assert results[0].stations[name].probability == pytest.approx(
            results[1].stations[other].probability, abs=2e-4
        )
    maps = volume(scene, results[0].evidence), volume(mirror, results[1].evidence)[:, :, ::-1]
    np.testing.assert_allclose(*maps, atol=1e-3)
    assert maps[0].max() > 0.5


def test_without_flip_averaging_a_mirrored_patient_is_another_input(package: Path) -> None:
    scene, mirror = Scene(), Scene(mirrored=True)
    maps = [volume(one, one.assessed(package).evidence) for one in (scene, mirror)]
    assert np.abs(maps[0] - maps[1][:, :, ::-1]).max() > 0.05


@pytest.mark.parametrize("direction", [FLIP_X_AND_Z, AXES_PERMUTED])
def test_how_the_voxels_are_stored_changes_nothing(package: Path, direction: tuple[float, ...]) -> None:
    spacing = (1.6, 1.6, 3.1) if direction is FLIP_X_AND_Z else (1.6, 3.1, 1.6)
    straight, stored = Scene(), Scene(direction, spacing)
    results = [one.assessed(package) for one in (straight, stored)]
    for name in STATIONS:
        assert results[0].stations[name].probability == pytest.approx(results[1].stations[name].probability, abs=2e-4)
        peaks = [result.evidence[name].peak_mm for result in results]
        np.testing.assert_allclose(*peaks, atol=0.1)


@pytest.mark.parametrize(("direction", "spacing"), [(OBLIQUE, (1.6, 1.6, 3.1)), (AXES_PERMUTED, (0.8, 3.5, 0.8))])
def test_on_another_grid_the_network_sees_the_same_station_and_the_map_lies_on_the_ct(
    package: Path, direction: tuple[float, ...], spacing: tuple[float, ...]
) -> None:
    scene, other = Scene(), Scene(direction, spacing)
    value = anatomy.station("7").label_value
    seen = [station_region(one.ct, one.stations, one.case.nodes, value, REGION) for one in (scene, other)]
    common = seen[0].station & seen[1].station
    assert np.corrcoef(*(region.ct[common] for region in seen))[0, 1] > 0.9
    nodes = [region.nodes == 3 for region in seen]
    assert 2 * (nodes[0] & nodes[1]).sum() > 0.75 * (nodes[0].sum() + nodes[1].sum())
    result = other.assessed(package)
    found = evidence_volume(result.evidence, other.stations, station_boxes(other.stations))
    assert found.GetSize() == other.ct.GetSize()
    np.testing.assert_allclose(found.GetDirection(), other.ct.GetDirection())
    for name in STATIONS:
        inside = array_view(other.stations) == anatomy.station(name).label_value
        expected = sitk.GetArrayFromImage(
            sitk.Resample(result.evidence[name].relative, other.ct, sitk.Transform(), sitk.sitkLinear, 0.0)
        )
        np.testing.assert_allclose(sitk.GetArrayFromImage(found)[inside], expected[inside], atol=1e-5)


def test_a_station_cut_by_the_edge_of_the_ct_is_judged_on_what_there_is(package: Path) -> None:
    scene = Scene()
    whole = scene.assessed(package)
    size = list(scene.ct.GetSize())
    start = [0, 0, round(0.3 * size[2])]
    kept = [size[0], size[1], size[2] - start[2]]
    for name in ("ct", "stations"):
        setattr(scene, name, sitk.RegionOfInterest(getattr(scene, name), kept, start))
    scene.case = type(scene.case)("cut", scene.ct, nodes=sitk.RegionOfInterest(scene.case.nodes, kept, start))
    cut = scene.assessed(package)
    assert "8" not in station_boxes(scene.stations) or cut.stations["8"].probability is not None
    assert cut.stations["4R"].probability == pytest.approx(whole.stations["4R"].probability, abs=1e-4)
    assert volume(scene, cut.evidence).shape == array_view(scene.ct).shape


def test_a_node_beyond_the_region_of_a_long_station_is_named(package: Path) -> None:
    scene = Scene()
    points = positions(scene.ct)
    stations, nodes = (sitk.GetArrayFromImage(image) for image in (scene.stations, scene.case.nodes))
    stations[stations == anatomy.station("8").label_value] = 0
    column = (np.abs(points[..., :2] - [40, 40]).max(axis=-1) < 8) & (np.abs(points[..., 2] + 35) < 37)
    stations[column] = anatomy.station("8").label_value
    for z in (-67, -40):
        nodes[np.linalg.norm(points - [40, 40, z], axis=-1) <= 3] = 7 - z
    scene.stations, scene.case = wrapped(stations, scene.ct), replace(scene.case, nodes=wrapped(nodes, scene.ct))
    calls = scene.assessed(package).stations
    # Supplied nodes are numbered anew.
    assert sum(bool(re.match(r"The network does not see node \d of", text)) for text in calls["8"].warnings) == 1
    assert re.search(r"\. The network does not see node \d of the station: it lies outside", calls["8"].reason)
    assert "does not see" not in calls["7"].reason


def test_one_batch_gives_the_same_as_station_by_station(package: Path) -> None:
    scene = Scene()
    network = StationNetwork(read_package(package), "cpu")
    regions = [
        station_region(scene.ct, scene.stations, scene.case.nodes, anatomy.station(name).label_value, REGION)
        for name in STATIONS
    ]
    together = network.predict(STATIONS, regions)
    for name, region, one in zip(STATIONS, regions, together, strict=True):
        (alone,) = network.predict([name], [region])
        assert alone.logit == pytest.approx(one.logit, abs=1e-4)
        np.testing.assert_allclose(alone.attention, one.attention, atol=1e-5)
        assert alone.nodes == one.nodes


def test_only_the_named_stations_go_through_the_network(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    real = StationNetwork.predict

    def counting(self, stations, regions, **options):
        asked.append(list(stations))
        return real(self, stations, regions, **options)

    monkeypatch.setattr(StationNetwork, "predict", counting)
    scene = Scene()
    settings = Settings(metastasis="sa_moe", model=str(package), nodes="supplied", device="cpu")
    result = called(with_stations(scene.case, scene.stations, settings), only=["7", "9"])
    assert asked == [["7"]]
    assert set(result.stations) == {"7", "9"}


def test_the_map_of_a_station_stands_in_its_voxels_relative_to_its_own_peak(package: Path) -> None:
    scene = Scene()
    result = scene.assessed(package)
    values = volume(scene, result.evidence)
    labels = array_view(scene.stations)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() <= 1
    assert not values[labels == 0].any()
    boxed = evidence_volume(result.evidence, scene.stations, station_boxes(scene.stations), whole=False)
    back = sitk.Resample(boxed, scene.stations, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, sitk.sitkFloat32)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), values)
    assert boxed.GetNumberOfPixels() < scene.stations.GetNumberOfPixels() / 2


def test_a_planted_peak_appears_at_its_place_on_the_ct() -> None:
    scene = Scene(OBLIQUE, (0.9, 0.9, 4.0))
    value = anatomy.station("7").label_value
    region = station_region(scene.ct, scene.stations, scene.case.nodes, value, REGION)
    grid = coarser_grid(region.grid, (4, 8, 8))
    point = np.array(NODE_BALLS[3][:3], float)
    index = tuple(round(value) for value in grid.index(tuple(point)))
    values = np.full((4, 8, 8), 1e-4, np.float32)
    values[index] = 1
    attention = {"7": StationEvidence(values / values.sum(), grid)}
    found = volume(scene, attention)
    peak = np.unravel_index(int(found.argmax()), found.shape)
    position = scene.ct.TransformIndexToPhysicalPoint([int(n) for n in peak[::-1]])
    np.testing.assert_allclose(position, grid.point_mm(index), atol=3.0)


def test_a_coarser_grid_covers_the_same_extent() -> None:
    grid = coarser_grid(region_grid_of_seven(), (4, 8, 8))
    fine = region_grid_of_seven()
    for axis in range(3):
        edges = [(g.origin_mm[axis] - g.spacing_mm[axis] / 2) for g in (grid, fine)]
        ends = [first + g.spacing_mm[axis] * g.shape[axis] for first, g in zip(edges, (grid, fine), strict=True)]
        assert edges[0] == pytest.approx(edges[1])
        assert ends[0] == pytest.approx(ends[1])


def region_grid_of_seven():
    scene = Scene()
    value = anatomy.station("7").label_value
    return station_region(scene.ct, scene.stations, None, value, REGION).grid


def test_nodes_are_not_called_and_say_what_the_criteria_say(package: Path) -> None:
    nodes = {finding.node_id: finding for finding in Scene().assessed(package).nodes}
    assert {finding.call for finding in nodes.values()} == {None}
    assert "By clinical criteria positive: short axis" in nodes[3].reason
    assert "By clinical criteria negative: short axis" in nodes[2].reason


def test_stations_that_the_package_does_not_know_are_not_assessed(tmp_path: Path) -> None:
    path = write_stations_package(tmp_path / "p.zip")
    scene = Scene()
    result = scene.assessed(path)
    assert result.stations["9"].call is None
    assert "could not be parsed" in result.stations["9"].reason
    write_stations_package(tmp_path / "few.zip", stations=["7"])
    few = scene.assessed(tmp_path / "few.zip")
    assert few.stations["4R"].reason == ("Not assessed: the model package tiny was not trained on station 4R.")
    assert (few.stations["4R"].call, few.stations["4R"].probability) == (None, None)
    assert set(few.evidence) == {"7"}


def test_a_positive_station_without_a_side_gets_that_of_the_node_that_draws_most_attention(tmp_path: Path) -> None:
    point = OperatingPoint(name="all", threshold=0.0, description="everything")
    path = write_stations_package(tmp_path / "p.zip", operating_points=[point])
    sides = (
        Scene().assessed(path).stations["7"].positive_sides,
        Scene(mirrored=True).assessed(path).stations["7"].positive_sides,
    )
    assert sides == (("L",), ("R",))
    assert Scene().assessed(path).stations["4R"].positive_sides == ()


def test_a_package_of_the_ct_alone_sees_no_nodes(tmp_path: Path) -> None:
    choice = {"name": "mobilevitv2_sa_moe", "arguments": {"width": 0.1, "in_channels": 1}}
    path = write_stations_package(tmp_path / "ct.zip", channels=["ct"], network=choice)
    scene = Scene()
    with_nodes = scene.assessed(path).stations["7"].probability
    scene.case = type(scene.case)("bare", scene.ct, nodes=sitk.Image(scene.case.nodes) * 0)
    assert scene.assessed(path).stations["7"].probability == pytest.approx(with_nodes, abs=2e-4)


# What cannot be


def settings(**changes: object) -> Settings:
    return Settings(**({"metastasis": "sa_moe", "device": "cpu", "nodes": "supplied"} | changes))  # type: ignore[arg-type]


def test_a_missing_package_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"there is no model package at .*none\.zip: give a folder or a zip file"):
        check_model(settings(model=str(tmp_path / "none.zip")))


def test_an_unknown_id_names_the_known_ones(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    (tmp_path / "Models").mkdir()
    (tmp_path / "Models" / "mine.zip").write_bytes(package.read_bytes())
    with pytest.raises(PackageError, match=r"no model package 'huge' \(known: .*tiny\)"):
        check_model(settings(model="huge"))
    assert check_model(settings(model="tiny")) == read_package(package).manifest.sha256


def test_an_unknown_operating_point_lists_the_known_ones(package: Path) -> None:
    with pytest.raises(InputError, match="tiny has no operating point 'x'; it has balanced, sensitive"):
        check_model(settings(model=str(package), operating_point="x"))
    chosen = Scene().assessed(package, operating_point="sensitive")
    assert chosen.provenance.settings["threshold"] == 0.1


@pytest.mark.parametrize("device", ["cuda:77", "tpu", "cuda:", "cuda:x", "CPU"])
def test_a_device_that_is_not_there_is_refused(package: Path, device: str) -> None:
    with pytest.raises(InputError, match="is not available on this computer: choose cpu or auto"):
        check_model(settings(model=str(package), device=device))


def test_a_package_that_needs_nodes_is_refused_where_none_are_looked_for(package: Path) -> None:
    with pytest.raises(InputError, match="needs nodes, but no node search is selected"):
        check_model(settings(model=str(package), nodes="none"))


def test_without_torch_the_error_says_how_to_install_it(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "missing_packages", lambda: ["torch"])
    with pytest.raises(InputError, match="need torch, which is not installed: run python -m pip install torch=="):
        check_model(settings(model=str(package), device="cpu"))


def test_weights_that_give_no_number_are_refused(tmp_path: Path) -> None:
    path = write_stations_package(tmp_path / "p.zip")
    network = StationNetwork(read_package(path), "cpu")
    with torch.no_grad():
        network.runner._network.head[-1].bias.fill_(float("nan"))
    scene = Scene()
    region = station_region(scene.ct, scene.stations, None, anatomy.station("7").label_value, REGION)
    with pytest.raises(PackageError, match="its network's answer is NaN or infinite"):
        network.predict(["7"], [region])


def test_a_network_stays_warm_until_its_file_changes(tmp_path: Path) -> None:
    path = write_stations_package(tmp_path / "p.zip")
    first = warm_network(path, "cpu")
    assert warm_network(path, "cpu") is first
    path.unlink()
    write_stations_package(path, version="2", title="Another tiny network")
    assert warm_network(path, "cpu").manifest.version == "2"


def test_the_rest_starts_without_torch() -> None:
    script = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'monai', 'safetensors', 'einops'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import LNStationLib.cli.app, LNStationLib.assessment.assess\n"
        "import LNStationLib.worker.methods, LNStationLib.export\n"
        "import LNStationLib.models.package, LNStationLib.metastasis.registry\n"
        "from LNStationLib.state.settings import Settings\n"
        "from LNStationLib.assessment.methods import check_models\n"
        "check_models(Settings())\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[3])
