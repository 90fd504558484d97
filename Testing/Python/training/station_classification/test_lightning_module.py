"""The task trains, stops at nonsense, and goes on after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
lightning = pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.prepared import write_prepared  # noqa: E402

from lnstation_training.engine.module import TrainingDivergedError  # noqa: E402
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from lnstation_training.tasks.station_classification.lightning_module import StationModule  # noqa: E402


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared") / "data")


def task(**arguments: object) -> StationModule:
    torch.manual_seed(0)
    return StationModule(network_arguments={"width": 0.1}, **arguments)  # type: ignore[arg-type]


def trainer(folder: Path, epochs: int, **arguments: object) -> lightning.Trainer:
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        **arguments,
    )


def data(prepared: Path, **arguments: object) -> StationDataModule:
    return StationDataModule(prepared, batch_size=12, augment=False, **arguments)  # type: ignore[arg-type]


def test_the_loss_falls_and_every_part_is_logged(prepared: Path, tmp_path: Path) -> None:
    def trained(epochs: int) -> dict[str, torch.Tensor]:
        fit = trainer(tmp_path, epochs)
        fit.fit(task(learning_rate=2e-3), data(prepared))
        return fit.callback_metrics

    first, last = trained(1), trained(10)
    assert last["train_loss"] < 0.9 * first["train_loss"]
    assert {"train_loss_classification", "train_loss_attention", "train_loss_router", "val_auc"} <= set(last)
    assert 0 <= last["val_attention_inside"] <= 1
    assert 0 <= last["val_routing_accuracy"] <= 1


def test_weights_do_not_change_without_a_learning_rate(prepared: Path, tmp_path: Path) -> None:
    learner = task(learning_rate=0.0)
    before = {name: value.clone() for name, value in learner.network.named_parameters()}
    trainer(tmp_path, 1).fit(learner, data(prepared))
    assert all(torch.equal(before[name], value) for name, value in learner.network.named_parameters())


def test_a_loss_that_is_no_number_stops_the_training_and_names_patients(prepared: Path, tmp_path: Path) -> None:
    learner = task()
    with torch.no_grad():
        learner.network.head[-1].bias.fill_(float("nan"))
    with pytest.raises(TrainingDivergedError, match=r"The loss is nan in epoch 0, batch 0 \(patients P\d\d"):
        trainer(tmp_path, 1).fit(learner, data(prepared))


def test_a_run_that_was_stopped_goes_on_where_it_was(prepared: Path, tmp_path: Path) -> None:
    def fresh() -> tuple[StationModule, StationDataModule]:
        return task(), StationDataModule(prepared, batch_size=54, augment=False)

    whole = trainer(tmp_path, 3)
    whole.fit(*fresh())
    part = trainer(tmp_path, 2)
    part.fit(*fresh())
    part.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = trainer(tmp_path, 3)
    resumed.fit(*fresh(), ckpt_path=tmp_path / "stopped.ckpt", weights_only=True)
    assert resumed.global_step == whole.global_step == 3
    # Sums in another order move the weights by rounding alone.
    losses = [run.callback_metrics["train_loss"].item() for run in (whole, resumed, part)]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] < losses[2]


def test_the_task_is_rebuilt_from_its_checkpoint(prepared: Path, tmp_path: Path) -> None:
    learner, fit = task(attention_weight=0.0), trainer(tmp_path, 1)
    fit.fit(learner, data(prepared))
    fit.save_checkpoint(tmp_path / "one.ckpt")
    again = StationModule.load_from_checkpoint(tmp_path / "one.ckpt", weights_only=True)
    assert again.loss.attention_weight == 0.0
    assert torch.equal(again.network.head[-1].weight, learner.network.head[-1].weight)
