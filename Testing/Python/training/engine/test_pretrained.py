"""Runs that start from the weights of another run or of a model package."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.prepared import write_prepared  # noqa: E402
from training.runs import SMALL, fit_arguments, fit_stations  # noqa: E402

from lnstation_training.engine.backbone_files import convert_backbone  # noqa: E402
from lnstation_training.engine.loading import load_run  # noqa: E402
from lnstation_training.engine.pretrained import load_pretrained  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from LNStationLib.models.package import PackageError, find_package, read_package  # noqa: E402
from LNStationLib.networks.node_classification.mobilenetv3 import MobileNetV3  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

STATIONS = task_named("station_classification")
NODES = {"width": 0.25, "backbone": "mobilenet_v3_small", "n_sets": 2, "fused": 8}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture(scope="module")
def stem(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the convolutional stem alone."""
    arguments = fit_arguments(prepared, tmp_path_factory.mktemp("runs") / "stem", 1)
    arguments["model"] = {
        "network": "mobilevitv2", "network_arguments": {**SMALL, "n_blocks": 0}, "attention_weight": 0.0
    }  # fmt: skip
    return fit_stations(arguments).folder


def test_what_fits_is_taken_and_the_rest_stays_as_drawn(stem: Path) -> None:
    network = build_network("mobilevitv2_sa_moe", SMALL)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    taken = load_pretrained(network, stem)
    learned = load_run(stem, STATIONS).module.network.state_dict()
    assert set(taken.names) == {name for name in learned if name.startswith("stem.")}
    assert set(taken.names) | set(taken.fresh) == before.keys()
    for name, value in network.state_dict().items():
        assert torch.equal(value, learned[name] if name in taken.names else before[name]), name
    assert "randomly initialized, at least in part: blocks, downs, head" in taken.summary


def test_a_run_starts_where_the_other_ended(prepared: Path, stem: Path, tmp_path: Path, caplog) -> None:
    arguments = fit_arguments(prepared, tmp_path / "run", 1) | {"start_from": str(stem)}
    arguments["model"] |= {"learning_rate": 1e-12, "weight_decay": 0.0}
    with caplog.at_level(logging.INFO, "lnstation_training.engine.fit"):
        run = fit_stations(arguments)
    learned, own = load_run(stem, STATIONS).module.network, load_run(run.folder, STATIONS).module.network
    torch.testing.assert_close(own.stem[0][0].weight, learned.stem[0][0].weight, atol=1e-6, rtol=0)
    assert run.started in caplog.text
    assert run.started.startswith(f"Started from {stem}: ")


def test_a_run_that_goes_on_does_not_start_again(
    prepared: Path, stem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = fit_arguments(prepared, tmp_path / "run", 1) | {"start_from": str(stem)}
    fit_stations(arguments)

    def never(*arguments: object) -> None:
        raise AssertionError("it started again")

    monkeypatch.setattr("lnstation_training.engine.fit.load_pretrained", never)
    assert fit_stations(arguments).started == ""


def test_another_start_in_the_same_folder_is_refused(prepared: Path, stem: Path, tmp_path: Path) -> None:
    arguments = fit_arguments(prepared, tmp_path / "run", 1)
    fit_stations(arguments)
    with pytest.raises(InputError, match=r"other settings .*start_from"):
        fit_stations(arguments | {"start_from": str(stem)})


def test_all_weights_of_the_shipped_package_fit_its_own_network() -> None:
    path = find_package(task="station_classification")
    package = read_package(path)
    (entry,) = package.manifest.networks
    network = build_network(entry.name, entry.arguments, package.manifest.section.channels)
    taken = load_pretrained(network, path)
    assert taken.fresh == ()
    for name, value in package.network().state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_what_cannot_be_started_from_is_named(stem: Path, tmp_path: Path) -> None:
    network = build_network("mobilevitv2", SMALL)
    with pytest.raises(InputError, match="does not exist"):
        load_pretrained(network, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PackageError, match="empty"):
        load_pretrained(network, tmp_path / "empty")
    with pytest.raises(InputError, match="no weights that fit"):
        load_pretrained(build_network("mobilenetv2", {"width": 0.25}), stem)


# Backbones


def _backbone_file(path: Path, width: float = 0.25, **more: torch.Tensor) -> Path:
    """As torchvision's: the convolutional part and a classifier."""
    torch.manual_seed(0)
    weights = MobileNetV3(2, "small", width=width).state_dict()
    torch.save({**weights, "classifier.0.weight": torch.zeros(3, 3), **more}, path)
    return path


def test_a_backbone_of_torchvision_is_converted_and_fills_every_stream(tmp_path: Path) -> None:
    out = tmp_path / "small.safetensors"
    kept, dropped = convert_backbone(_backbone_file(tmp_path / "small.pth"), out)
    assert dropped == 1
    network = build_network("node_slices", NODES)
    taken = load_pretrained(network, out)
    assert len(taken.names) == 2 * kept
    first, second = (network.streams[name].backbone.state_dict() for name in ("ct", "ct_zoomed"))
    wanted = torch.load(tmp_path / "small.pth", weights_only=True)
    for name, value in first.items():
        assert torch.equal(value, wanted[name])
        assert torch.equal(second[name], wanted[name])


def test_a_backbone_of_another_network_is_refused_by_the_first_weight_that_does_not_fit(tmp_path: Path) -> None:
    out = tmp_path / "wide.safetensors"
    convert_backbone(_backbone_file(tmp_path / "wide.pth", width=0.5), out)
    with pytest.raises(InputError, match=r"holds the weights of another network \(streams\.ct\.backbone\.features"):
        load_pretrained(build_network("node_slices", NODES), out)
    with pytest.raises(InputError, match="this network has none"):
        load_pretrained(build_network("mobilevitv2", SMALL), out)


class _Evil:
    def __reduce__(self) -> tuple:
        return (print, ("executed",))


def test_what_is_not_weights_is_refused_and_never_executed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    evil, empty, words = tmp_path / "evil.pth", tmp_path / "empty.pth", tmp_path / "words.pth"
    torch.save({"features.0.0.weight": _Evil()}, evil)
    torch.save({}, empty)
    words.write_text("weights", encoding="utf-8")
    for path, match in ((evil, "never loaded"), (empty, "no weights by name"), (words, "never loaded")):
        with pytest.raises(InputError, match=match):
            convert_backbone(path, tmp_path / "out.safetensors")
    nan = _backbone_file(tmp_path / "nan.pth", **{"features.0.0.weight": torch.full((8, 3, 3, 3), torch.nan)})
    with pytest.raises(InputError, match="holds NaN or infinity"):
        convert_backbone(nan, tmp_path / "out.safetensors")
    assert "executed" not in capsys.readouterr().out
