"""Networks on the CPU by OpenVINO: the same answers as torch's, only where it is there and pays."""

from __future__ import annotations

import logging
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from metastasis.network_cases import REGION, Scene, lively_network, write_stations_package

from LNStationLib.metastasis.network_method import StationNetworkOptions
from LNStationLib.metastasis.station_network import StationNetwork, warm_network
from LNStationLib.models.package import read_package
from LNStationLib.models.runtime import runner
from LNStationLib.models.runtime.runner import OPENVINO_REQUIREMENT
from LNStationLib.support.errors import InputError

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.runtime import openvino_engine  # noqa: E402
from LNStationLib.models.runtime.openvino_engine import TOLERANCE, CompiledNetwork, EngineError  # noqa: E402
from LNStationLib.networks.fusing import fused  # noqa: E402
from LNStationLib.networks.registry import NETWORKS as NETWORKS_BY_NAME  # noqa: E402

needs_openvino = pytest.mark.skipif(not openvino_engine.is_installed(), reason="OpenVINO is not installed")
ROOT = Path(__file__).resolve().parents[3]
NETWORKS = {
    "mobilevitv2": {"node_product": True, "patch": [1, 1, 1]},
    "mobilevitv2_sa_moe": {"pooling": "attention"},
    "mobilevitv2_vmoe": {},
    "mobilevitv2_m4oe": {},
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without experts, which take most of the time of compiling."""
    network = {"name": "mobilevitv2", "arguments": {"width": 0.1}}
    return write_stations_package(tmp_path_factory.mktemp("package") / "model.zip", network=network)


@pytest.fixture(scope="module")
def package_with_experts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stations_package(tmp_path_factory.mktemp("package") / "experts.zip")


def drawn(size: int) -> torch.Tensor:
    """Regions that compiling has not seen."""
    region = torch.rand(size, 2, *REGION.size, generator=torch.Generator().manual_seed(7)) * 2 - 1
    region[:, 1] = (region[:, 1] > 0.8).float()
    return region


@needs_openvino
@pytest.mark.parametrize("name", NETWORKS)
def test_openvino_answers_as_torch_does_for_regions_and_batches_it_has_not_seen(name: str) -> None:
    network = fused(lively_network(name, **NETWORKS[name]))
    compiled = CompiledNetwork(network, REGION.size, 2, threads=1, arguments={"with_attention": True})
    for size in (1, 3):
        with torch.inference_mode():
            expected = network(drawn(size), with_attention=True)
        found = compiled(drawn(size))
        assert (found.logits.sigmoid() - expected.logits.sigmoid()).abs().max() <= TOLERANCE
        assert (found.attention - expected.attention).abs().max() <= TOLERANCE * expected.attention.max()
    # The tokens' way through experts must depend on what is seen, not on what was seen when tracing.
    assert expected.logits.std() > 100 * TOLERANCE


@needs_openvino
def test_a_network_whose_output_is_one_tensor_is_compiled_too() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.SiLU(), torch.nn.Conv3d(4, 3, 1)
    ).eval()
    volume = torch.rand(2, 1, 8, 12, 12, generator=torch.Generator().manual_seed(7))
    with torch.inference_mode():
        expected = network(volume)
    found = CompiledNetwork(network, (8, 12, 12), 1, threads=1)(volume)
    assert isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


@needs_openvino
def test_a_case_gets_the_same_answers_from_both_engines_and_says_which_it_was(package_with_experts: Path) -> None:
    scene, found = Scene(), {}
    for engine in ("torch", "openvino"):
        result = scene.assessed(package_with_experts, engine=engine)
        assert result.provenance.settings["engine"] == engine
        found[engine] = {name: call.probability for name, call in result.stations.items()}
    assert found["openvino"].keys() == found["torch"].keys()
    for name, probability in found["torch"].items():
        assert found["openvino"][name] == pytest.approx(probability, abs=2 * TOLERANCE), name


@needs_openvino
def test_auto_compiles_only_networks_that_are_worth_it(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert StationNetwork(read_package(package), "cpu", "auto").engine == "torch"
    monkeypatch.setattr(runner, "_MIN_PARAMETERS_TO_COMPILE", 0)
    assert StationNetwork(read_package(package), "cpu", "auto").engine == "openvino"


@needs_openvino
def test_an_engine_that_answers_otherwise_is_not_used(
    package: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(openvino_engine, "TOLERANCE", -1.0)
    with pytest.raises(EngineError, match="differs from torch's"):
        CompiledNetwork(torch.nn.Conv3d(2, 1, 3), REGION.size, 2, threads=1)
    with pytest.raises(InputError, match="choose the engine torch"):
        StationNetwork(read_package(package), "cpu", "openvino")
    monkeypatch.setattr(runner, "_MIN_PARAMETERS_TO_COMPILE", 0)
    with caplog.at_level(logging.WARNING):
        assert StationNetwork(read_package(package), "cpu", "auto").engine == "torch"
    assert "torch runs the network" in caplog.text


@needs_openvino
def test_the_engine_is_told_apart_by_the_warm_networks(package: Path) -> None:
    assert warm_network(package, "cpu", "openvino").engine == "openvino"
    assert warm_network(package, "cpu", "torch").engine == "torch"


def test_without_openvino_auto_takes_torch_and_the_wish_for_it_is_answered(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "is_installed", lambda: False)
    monkeypatch.setattr(runner, "_MIN_PARAMETERS_TO_COMPILE", 0)
    assert StationNetwork(read_package(package), "cpu", "auto").engine == "torch"
    with pytest.raises(
        InputError, match=rf"OpenVINO is not installed: run python -m pip install {OPENVINO_REQUIREMENT}"
    ):
        StationNetwork(read_package(package), "cpu", "openvino")


@needs_openvino
def test_networks_that_ask_for_groups_are_left_to_torch(
    package_with_experts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = NETWORKS_BY_NAME["mobilevitv2_sa_moe"]
    monkeypatch.setitem(NETWORKS_BY_NAME, told.name, replace(told, needs_groups=True))
    monkeypatch.setattr(runner, "_MIN_PARAMETERS_TO_COMPILE", 0)
    assert StationNetwork(read_package(package_with_experts), "cpu", "auto").engine == "torch"
    with pytest.raises(InputError, match="station groups"):
        StationNetwork(read_package(package_with_experts), "cpu", "openvino")


def test_an_unknown_engine_is_not_an_option() -> None:
    with pytest.raises(ValueError, match="engine"):
        StationNetworkOptions(engine="tensorrt")  # type: ignore[arg-type]


def test_the_named_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["openvino"] == [OPENVINO_REQUIREMENT]
