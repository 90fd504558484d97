"""Station parsing from prepared volumes to a package, and the search for key organs on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.station_segmentation.drawn_volumes import SHAPE, write_volumes  # noqa: E402

from lnstation_training.engine.evaluate import as_json, evaluate_run  # noqa: E402
from lnstation_training.engine.export import ExportRequest, export_run  # noqa: E402
from lnstation_training.engine.fit import FitCLI, fit  # noqa: E402
from lnstation_training.engine.loading import load_run  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.station_segmentation.data_module import StationVolumes, read_ranking  # noqa: E402
from lnstation_training.tasks.station_segmentation.lightning_module import StationSegmentationModule  # noqa: E402
from lnstation_training.tasks.station_segmentation.organ_channels import CHANNELS  # noqa: E402
from lnstation_training.tasks.station_segmentation.organ_search import WeightedNetwork  # noqa: E402
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS  # noqa: E402
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.models.package import StationSegmentation, read_package  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

TASK = task_named("station_segmentation")
TINY = {"filters": [4, 8, 8], "strides": [1, 2, 2]}
PATCH = [8, 16, 16]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_volumes(tmp_path_factory.mktemp("volumes"))


def data_module(folder: Path, **changes: Any) -> StationVolumes:
    settings = {"patch": PATCH, "batch_size": 2, "patches_per_epoch": 4, "augment": False, "organ_source": "true"}
    data = StationVolumes(folder, **{**settings, **changes})
    data.setup()
    return data


def run(folder: Path, out: Path, model: dict[str, Any], data: dict[str, Any], **trainer: Any) -> FitCLI:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    arguments = {
        "out": str(out),
        "model": {"network_arguments": TINY, "window": PATCH, **model},
        "data": {
            "folder": str(folder), "patch": PATCH, "batch_size": 2, "patches_per_epoch": 4, "augment": False, **data
        },
        "trainer": {"max_epochs": 1, **quiet, **trainer},
    }  # fmt: skip
    return fit(arguments, TASK)


def test_a_batch_has_ct_organs_in_order_and_one_class_a_station(folder: Path) -> None:
    data = data_module(folder, organs="paper_searched", n_organs=4)
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert data.organs == ORGANS[:4]
    assert batch[CHANNELS].shape == (2, 4, *PATCH)
    assert set(np.unique(batch[CHANNELS])) <= {0.0, 1.0}
    allowed = batch["allowed"][0]
    assert allowed.shape == (256, 13)
    assert allowed.sum(1).tolist() == [1] * 256
    assert allowed[anatomy.station("1R").label_value, 1]
    assert allowed[anatomy.station("10L").label_value, 0], "a station that is not drawn is background"


def test_stored_probabilities_are_soft_or_hard(folder: Path) -> None:
    for hard, values in ((False, {0.0, 230 / 255}), (True, {0.0, 1.0})):
        data = data_module(folder, organs="oncologists", organ_source="predicted", hard_organs=hard)
        batch = data.with_organs(next(iter(data.loader("test"))))
        assert batch[CHANNELS].shape == (1, 6, *SHAPE)
        assert {round(float(value), 5) for value in np.unique(batch[CHANNELS])} == {round(v, 5) for v in values}


def test_drawn_shapes_move_organ_channels_with_the_ct(folder: Path) -> None:
    data = data_module(folder, organs="all", augment=True, appearance={"shape": {"strength": 1.0}})
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    labels = batch["organs"]
    for place, name in enumerate(ORGANS):
        same = batch[CHANNELS][:, place : place + 1] == (labels == anatomy.organ(name).label_value).float()
        assert bool(same.all()), name


def test_without_organs_the_ct_alone_is_seen(folder: Path) -> None:
    data = data_module(folder, organs="none")
    assert CHANNELS not in data.with_organs(next(iter(data.loader("test"))))


def test_patients_without_stored_organs_are_refused_with_the_command(tmp_path: Path) -> None:
    bare = write_volumes(tmp_path, stored=False)
    with pytest.raises(InputError, match="run train organ-channels"):
        data_module(bare, organs="all", organ_source="predicted")


@pytest.mark.parametrize(
    ("model", "data", "words"),
    [
        ({"n_organs": 6}, {"organs": "all"}, "data gives 22 organs"),
        ({"n_organs": 22, "stations": "all"}, {}, "data.stations is paper"),
        ({"n_organs": 22, "search": True}, {}, "held_out"),
        ({"n_organs": 6}, {"organs": "searched", "n_organs": 6}, "run the row of the search first"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    folder: Path, tmp_path: Path, model: dict[str, Any], data: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(folder, tmp_path / "run", model, {"organ_source": "true", "fold": 2, **data})


def test_held_out_patients_are_never_trained_on(folder: Path) -> None:
    whole, kept = data_module(folder), data_module(folder, held_out=0.3)
    trained = {sample.patient for sample in kept.datasets["train"].samples}
    assert len(trained) == len(whole.datasets["train"].samples) - 1
    kept.train_dataloader()
    assert {sample.patient for sample in kept.datasets["train"].samples} == trained
    batches = [kept.logit_batch(number, torch.device("cpu")) for number in (0, 1, 2, 3, 0)]
    held = {name for batch in batches for name in batch["patient"]}
    assert held == {sample.patient for sample in whole.datasets["train"].samples} - trained
    assert torch.equal(batches[0]["ct"], batches[4]["ct"]), "a batch follows from its number alone"
    assert not torch.equal(batches[0]["ct"], batches[1]["ct"])


@pytest.fixture(scope="module")
def searched(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("search") / "run"
    model = {"n_organs": 22, "search": True, "fixed_share": 0.5, "search_learning_rate": 0.1}
    run(folder, out, model, {"organs": "all", "organ_source": "true", "held_out": 0.3}, max_epochs=2)
    return out


def test_a_search_ranks_all_organs_and_is_followed(folder: Path, searched: Path) -> None:
    ranking = read_ranking(folder / "searches" / "fold_0_seed_0.json")
    assert sorted(each.organ for each in ranking) == sorted(ORGANS)
    assert sum(each.weight for each in ranking) == pytest.approx(1)
    assert ranking[0].weight > ranking[-1].weight, "the logits were updated"
    assert data_module(folder, organs="searched", n_organs=3).organs == tuple(each.organ for each in ranking[:3])
    assert len(evaluate_run(searched, TASK).ranking) == 22


def test_a_searchs_own_network_is_not_packed(searched: Path, tmp_path: Path) -> None:
    request = ExportRequest(searched, tmp_path / "p.zip", "drawn", "1.0.0", "Drawn", "CC0")
    with pytest.raises(InputError, match="not for use"):
        export_run(request, TASK)


def test_logits_rest_while_they_are_fixed(folder: Path, tmp_path: Path) -> None:
    model = {"n_organs": 22, "search": True, "fixed_share": 1.0}
    data = {"organs": "all", "organ_source": "true", "held_out": 0.3, "seed": 5}
    cli = run(folder, tmp_path / "run", model, data)
    assert isinstance(cli.model.network, WeightedNetwork)
    assert cli.model.network.organ_weights.logits.abs().max() == 0


@pytest.fixture(scope="module")
def trained(folder: Path, searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    data = {
        "organs": "searched", "n_organs": 6, "organ_source": "predicted", "comparators": ["margins"],
        "patches_per_epoch": 40,
    }  # fmt: skip
    run(folder, out, {"n_organs": 6, "learning_rate": 0.01}, data, max_epochs=2)
    return out


def test_a_run_is_scored_by_station_patient_and_node_beside_comparators(folder: Path, trained: Path) -> None:
    found = evaluate_run(trained, TASK)
    assert [each.patient for each in found.patients] == ["P0", "P3"]
    assert found.patients[0].stations["7"].true_ml == pytest.approx(64 * 0.216)
    assert found.patients[0].stations["5"].dice is None
    assert found.patients[0].nodes == 2
    assert len(found.organs) == 6
    assert [len(scores) for scores in found.comparators.values()] == [2]
    again = TASK.evaluation.model_validate(as_json(found))
    assert again.headline() == found.headline()
    assert "Nodes in the right zone" in TASK.report(found).lines[-1]
    assert TASK.draw(trained, found, "svg")[0].stat().st_size > 0


def test_a_package_names_its_organs_and_gives_the_run_back(trained: Path, tmp_path: Path) -> None:
    request = ExportRequest(trained, tmp_path / "p.zip", "drawn", "1.0.0", "Drawn", "CC0")
    export_run(request, TASK)
    package = read_package(request.out)
    section = package.section(StationSegmentation)
    assert len(section.organs) == 6
    assert section.stations == list(load_run(trained, TASK).data.station_names)
    again = StationSegmentationModule.of_package(package)
    volume = torch.rand(1, 8, 8, 16, 16)
    with torch.inference_mode():
        expected = package.network("stations")(volume)
        assert torch.allclose(again.eval().network(volume), expected, atol=1e-5)
