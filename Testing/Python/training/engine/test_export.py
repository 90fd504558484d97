"""From a run to a package: read back bit-exact, its card true, everything fitted on validation data alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.prepared import SPEC, STATIONS, write_prepared  # noqa: E402
from training.runs import fit_arguments, fit_stations  # noqa: E402

from lnstation_training.engine.export import ExportRequest, check_package, export_run, round_weights  # noqa: E402
from lnstation_training.engine.loading import load_run  # noqa: E402
from lnstation_training.evaluation.calibration import operating_points  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.station_classification.evaluation import validation_calibration  # noqa: E402
from lnstation_training.tasks.station_classification.prediction import PredictionArrays, predict  # noqa: E402
from lnstation_training.tasks.station_classification.summary import probabilities_of  # noqa: E402
from LNStationLib.models.package import Manifest, read_package  # noqa: E402
from LNStationLib.support.errors import InputError, OutputError  # noqa: E402

TASK = task_named("station_classification")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    prepared = write_prepared(folder / "data")
    return fit_stations(fit_arguments(prepared, folder / "run", 6, channels_last=True)).folder


def request(run: Path, out: Path) -> ExportRequest:
    return ExportRequest(run, out, "drawn-regions", "1.0.0", "Drawn regions", "CC-BY-4.0")


@pytest.fixture(scope="module")
def package(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    path = tmp_path_factory.mktemp("packages") / "drawn.zip"
    return path, export_run(request(run, path), TASK)


def test_the_package_has_the_rounded_networks_weights_bit_for_bit_and_gives_its_logits(
    run: Path, package: tuple[Path, Manifest]
) -> None:
    loaded = load_run(run, TASK)
    module, data = loaded.module, loaded.data
    round_weights(module.network, "float16")
    data.setup()
    test = data.datasets["test"]
    regions = torch.cat([test.regions(row) for row in test.samples[:4]])
    network = read_package(package[0]).network()
    for name, value in network.state_dict().items():
        assert torch.equal(value, module.network.state_dict()[name])
    plain = module.network.to(memory_format=torch.contiguous_format).eval()
    with torch.inference_mode():
        torch.testing.assert_close(network(regions).logits, plain(regions).logits, rtol=1e-3, atol=1e-5)


def moved(network: torch.nn.Module, by: float) -> torch.nn.Module:
    """The network, answering a little otherwise with the same weights, as on memory that is aligned otherwise."""
    network.register_forward_hook(lambda *call: replace(call[2], logits=call[2].logits + by))
    return network


def test_rounding_of_the_logits_does_not_cost_a_package(
    run: Path, package: tuple[Path, Manifest], tmp_path: Path
) -> None:
    path = Path(shutil.copy(package[0], tmp_path / "package.zip"))
    module = load_run(run, TASK).module
    round_weights(module.network, "float16")
    check_package(path, moved(module.network, 1e-6), package[1], TASK)
    assert path.exists()
    with pytest.raises(OutputError, match="gave different answers"):
        check_package(path, moved(module.network, 1e-2), package[1], TASK)
    assert not path.exists()


def test_a_package_with_another_weight_is_removed(run: Path, package: tuple[Path, Manifest], tmp_path: Path) -> None:
    path = Path(shutil.copy(package[0], tmp_path / "package.zip"))
    module = load_run(run, TASK).module
    round_weights(module.network, "float16")
    with torch.no_grad():
        next(iter(module.network.parameters())).mul_(1 + 1e-6)
    with pytest.raises(OutputError, match="gave different answers"):
        check_package(path, module.network, package[1], TASK)


def test_a_network_without_experts_is_exported_too(tmp_path: Path) -> None:
    prepared = write_prepared(tmp_path / "data")
    run = fit_stations(fit_arguments(prepared, tmp_path / "run", 3, network="mobilevitv2", router_weight=0.0)).folder
    card = export_run(request(run, tmp_path / "plain.zip"), TASK)
    assert card.networks[0].name == "mobilevitv2"
    assert not [metric.name for metric in card.metrics if "routing" in metric.name]


def test_half_precision_hardly_moves_a_logit(run: Path) -> None:
    loaded = load_run(run, TASK)
    module, data = loaded.module, loaded.data
    before = [row.logit for row in predict(module, data, "test")]
    round_weights(module.network, "float16")
    after = [row.logit for row in predict(module, data, "test")]
    assert before != after
    assert after == pytest.approx(before, abs=0.05)


def test_the_card_says_what_the_network_is(package: tuple[Path, Manifest]) -> None:
    card = read_package(package[0]).manifest
    assert card == package[1]
    assert card.trained_on == "synthetic"
    section = card.section
    assert (section.region, section.stations, section.n_groups) == (SPEC, list(STATIONS), 3)
    assert section.channels == ["ct", "node_mask"]
    assert (card.networks[0].weights.dtype, card.licence) == ("float16", "CC-BY-4.0")
    assert (card.cohort.n_patients, card.cohort.counts["stations"]) == (6, 18)
    overall = next(each for each in card.metrics if each.name == "auc")
    assert (overall.n_patients, overall.counts) == (6, {"stations": 18})
    assert "test part of fold 0" in overall.cohort
    assert overall.low is not None
    assert overall.low <= overall.value


def test_calibration_and_operating_points_come_from_the_validation_part_alone(
    run: Path, package: tuple[Path, Manifest]
) -> None:
    loaded = load_run(run, TASK)
    module, data = loaded.module, loaded.data
    round_weights(module.network, "float16")
    validation = predict(module, data, "validation")
    arrays, calibration = PredictionArrays(validation), validation_calibration(validation, 0)
    assert package[1].section.calibration == calibration
    expected = operating_points(arrays.labels, probabilities_of(arrays.logits, calibration))
    assert package[1].section.operating_points == expected
    test = PredictionArrays(predict(module, data, "test"))
    assert operating_points(test.labels, probabilities_of(test.logits, calibration)) != expected


def test_an_existing_package_is_never_replaced(run: Path, package: tuple[Path, Manifest]) -> None:
    with pytest.raises(OutputError, match="exists already"):
        export_run(request(run, package[0]), TASK)


def test_weights_beyond_half_precision_are_refused_with_the_way_out() -> None:
    network = torch.nn.Linear(2, 1)
    torch.nn.init.constant_(network.weight, 1e6)
    with pytest.raises(InputError, match=r"weight does not fit float16: export with --precision float32"):
        round_weights(network, "float16")
