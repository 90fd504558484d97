"""Predictions of a run: in order, the same in any batch, with routing and attention."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.prepared import write_prepared  # noqa: E402
from training.runs import SMALL  # noqa: E402

from lnstation_training.tasks.station_classification import routing  # noqa: E402
from lnstation_training.tasks.station_classification.answers import (  # noqa: E402
    deciding_regions,
    ramp,
    router_fractions,
    station_logits,
)
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from lnstation_training.tasks.station_classification.dataset import StationDataset  # noqa: E402
from lnstation_training.tasks.station_classification.lightning_module import StationModule  # noqa: E402
from lnstation_training.tasks.station_classification.prediction import (  # noqa: E402
    Prediction,
    predict,
    predict_dataset,
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared") / "data")


def predictions(prepared: Path, network: str = "mobilevitv2_sa_moe", batch_size: int = 7) -> list[Prediction]:
    torch.manual_seed(0)
    task = StationModule(network, SMALL)
    return predict(task, StationDataModule(prepared, batch_size=batch_size), "test")


def test_every_labeled_station_of_the_part_is_predicted_once_in_order(prepared: Path) -> None:
    found = predictions(prepared)
    samples = StationDataModule(prepared)
    samples.setup()
    expected = [(row.patient, row.station, row.label) for row in samples.datasets["test"].samples]
    assert [(row.patient, row.station, row.label) for row in found] == expected
    assert {row.short_axis_mm for row in found} == {7.0}


def test_predictions_do_not_depend_on_the_batch(prepared: Path) -> None:
    for one, many in zip(predictions(prepared, batch_size=1), predictions(prepared, batch_size=18), strict=True):
        assert one.logit == pytest.approx(many.logit, abs=1e-4)
        assert one.attention_inside == pytest.approx(many.attention_inside, abs=1e-4)


def test_tokens_of_a_station_are_shared_out_to_the_experts(prepared: Path) -> None:
    for row in predictions(prepared):
        assert len(row.router) == 3
        assert sum(row.router) == pytest.approx(1, abs=1e-5)


def test_a_network_without_a_router_has_no_routing_and_still_attention(prepared: Path) -> None:
    found = predictions(prepared, "mobilevitv2")
    assert all(row.router == [] for row in found)
    assert all(row.attention_inside is not None and 0 <= row.attention_inside <= 1 for row in found)


def test_routing_is_of_every_station_and_asks_for_none_twice(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module, data = StationModule("mobilevitv2_sa_moe", SMALL), StationDataModule(prepared, batch_size=7)
    known = [*predict(module, data, "validation"), *predict(module, data, "test")]
    every = predict_dataset(module, data.every_station("test"), data.batch_size)
    asked: list[int] = []

    def counted(module: StationModule, dataset: StationDataset, size: int, device: str = "cpu") -> list[Prediction]:
        asked.append(len(dataset.samples))
        return predict_dataset(module, dataset, size, device)

    monkeypatch.setattr(routing, "predict_dataset", counted)
    found, whole = routing.station_routing(module, data, "test", known), routing.routing_of(every, data.n_groups)
    assert found is not None
    assert whole is not None
    assert (found.n_patients, found.n_stations) == (whole.n_patients, whole.n_stations)
    assert found.tokens == pytest.approx(whole.tokens, abs=1e-5)
    labeled = {(each.patient, each.station) for each in known}
    assert asked == [sum((each.patient, each.station) not in labeled for each in every)]
    assert routing.station_routing(module, data, "test", predictions(prepared, "mobilevitv2")) is None


def test_router_fractions_count_tokens_and_average_layers() -> None:
    first = torch.tensor([[[2.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 2, 0]]])
    second = torch.tensor([[[0.0, 0, 5], [0, 0, 5], [0, 0, 5], [0, 5, 0]]])
    assert router_fractions([first, second], 1) == [[0.25, 0.375, 0.375]]
    assert router_fractions([], 2) == [[], []]


def test_a_station_has_the_largest_logit_of_its_regions_and_its_gradient_goes_there() -> None:
    logits = torch.tensor([-3.0, -1.0, 2.0, 0.5], requires_grad=True)
    owner = torch.tensor([0, 1, 1, 2])
    stations = station_logits(logits, owner, 3)
    assert stations.tolist() == [-3.0, 2.0, 0.5]
    assert deciding_regions(logits.detach(), owner, 3) == [0, 2, 3]
    stations[1].backward()
    assert logits.grad.tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(("done", "part"), [(0.0, 0.0), (0.3, 0.0), (0.45, 0.5), (0.6, 1.0), (1.0, 1.0)])
def test_a_weight_rises_along_a_ramp(done: float, part: float) -> None:
    assert ramp(done, 0.3, 0.6) == pytest.approx(part)
