"""A run in a folder: logs and checkpoints, resuming after a kill, refusals, and two processes at once."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
lightning = pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import yaml  # noqa: E402
from training.prepared import write_prepared  # noqa: E402
from training.runs import fit_arguments, fit_stations  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli import app  # noqa: E402
from lnstation_training.engine.loading import load_run  # noqa: E402
from lnstation_training.engine.module import TrainingDivergedError  # noqa: E402
from lnstation_training.engine.runs import CHECKPOINTS, best_checkpoint  # noqa: E402
from lnstation_training.tasks import task_named, task_of_run  # noqa: E402
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from LNStationLib.support.errors import InputError, OutputError  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]
STATIONS = task_named("station_classification")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture(scope="module")
def finished(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit_stations(fit_arguments(prepared, tmp_path_factory.mktemp("runs") / "run", 2)).folder


def epochs_logged(run: Path) -> list[int]:
    with (run / "logs" / "metrics.csv").open(newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file) if row["train_loss"]]


def last_loss(run: Path) -> float:
    with (run / "logs" / "metrics.csv").open(newline="") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file) if row["train_loss"]][-1]


def command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "lnstation_training", *arguments]


def environment() -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "Training")])
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}


def written_config(folder: Path, arguments: dict) -> Path:
    path = folder / "given.yaml"
    path.write_text(yaml.safe_dump(arguments), encoding="utf-8")
    return path


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.02)


def test_a_run_leaves_settings_logs_the_best_and_the_last_checkpoint(finished: Path) -> None:
    names = {path.relative_to(finished).as_posix() for path in finished.rglob("*") if path.is_file()}
    assert {"config.yaml", "logs/metrics.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= names
    assert any(name.startswith("logs/tensorboard/events.out") for name in names)
    assert epochs_logged(finished) == [0, 1]


def test_the_best_checkpoint_is_the_one_of_the_best_validation_auc(prepared: Path, tmp_path: Path) -> None:
    run = fit_stations(fit_arguments(prepared, tmp_path / "run", 4)).folder
    with (run / "logs" / "metrics.csv").open(newline="") as file:
        aucs = {int(row["epoch"]): float(row["val_auc"]) for row in csv.DictReader(file) if row["val_auc"]}
    state = torch.load(best_checkpoint(run), weights_only=True)
    assert aucs[state["epoch"]] == max(aucs.values())


def test_a_finished_run_is_left_as_it_is(finished: Path, prepared: Path) -> None:
    before = best_checkpoint(finished).read_bytes()
    fit_stations(fit_arguments(prepared, finished, 2))
    assert epochs_logged(finished) == [0, 1]
    assert best_checkpoint(finished).read_bytes() == before


def test_a_killed_run_goes_on_and_ends_where_an_unbroken_one_does(
    finished: Path, prepared: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = fit_arguments(prepared, run, 2)
    config = written_config(tmp_path, arguments)
    process = subprocess.Popen(
        command(["fit", "--config", str(config)]), env=environment(), stdout=subprocess.DEVNULL
    )
    wait_for(lambda: (run / "checkpoints" / "last.ckpt").exists() or process.poll() is not None)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    fit_stations(arguments)
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1
    # Sums in another order, and threads, move the loss by rounding alone.
    assert last_loss(run) == pytest.approx(last_loss(finished), rel=0.02)


def test_another_setting_in_the_same_folder_is_refused_and_named(finished: Path, prepared: Path) -> None:
    with pytest.raises(InputError, match=r"holds a run with other settings \(tau: 0.7\)"):
        fit_stations(fit_arguments(prepared, finished, 2, tau=0.7))


def test_experts_and_station_groups_must_be_as_many(prepared: Path, tmp_path: Path) -> None:
    arguments = fit_arguments(prepared, tmp_path / "run", network_arguments={"width": 0.1, "n_experts": 2})
    with pytest.raises(InputError, match=r"n_experts 2 and data.n_groups is 3"):
        fit_stations(arguments)


def test_a_misspelled_setting_ends_in_a_usage_error_that_names_it(prepared: Path, tmp_path: Path) -> None:
    where = ["--out", str(tmp_path / "run"), "--data.folder", str(prepared)]
    result = CliRunner().invoke(app, ["fit", *where, "--model.tua", "1"])
    assert result.exit_code == 2
    assert "tua" in result.output
    assert not (tmp_path / "run").exists()


def test_a_part_of_the_batch_for_each_process_is_never_no_batch_at_all(prepared: Path) -> None:
    data = StationDataModule(prepared, batch_size=12)
    data.setup()
    data.trainer = SimpleNamespace(current_epoch=0, world_size=2, global_rank=1)
    # 9 of 18 regions for each of two processes: fewer than a batch, which must not be dropped.
    assert not data.train_dataloader().drop_last
    data.trainer.world_size = 1
    assert data.train_dataloader().drop_last


def test_a_loss_that_is_no_number_is_one_sentence_with_patients(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingDivergedError, match=r"The loss is (nan|inf) in epoch \d+.*patients P\d\d"):
        fit_stations(fit_arguments(prepared, tmp_path / "run", 8, learning_rate=1e30))


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), RuntimeError("[enforce fail] PytorchStreamWriter failed writing file")],
    ids=["file", "torch"],
)
def test_a_full_disk_is_one_sentence(
    error: Exception, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(lightning.Trainer, "save_checkpoint", full)
    with pytest.raises(OutputError, match="full") as caught:
        fit_stations(fit_arguments(prepared, tmp_path / "run"))
    assert "again to resume" in str(caught.value)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no trained model"):
        load_run(tmp_path, STATIONS)


class Trap:
    """Writes a file when it is unpickled, as a hostile checkpoint could."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "caught")


@pytest.mark.parametrize("name", ["best", "last"])
def test_what_a_checkpoint_holds_is_never_run(name: str, finished: Path, prepared: Path, tmp_path: Path) -> None:
    run, trap = tmp_path / "run", tmp_path / "trap"
    shutil.copytree(finished, run)
    state = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    torch.save({**state, "callbacks": Trap(trap)}, run / "checkpoints" / f"{name}.ckpt")
    with pytest.raises(InputError, match="never loaded"):
        load_run(run, STATIONS) if name == "best" else fit_stations(fit_arguments(prepared, run, 2))
    assert not trap.exists()


def test_the_loaded_run_has_the_weights_of_the_best_checkpoint(finished: Path) -> None:
    run = load_run(finished, STATIONS)
    state = torch.load(best_checkpoint(finished), weights_only=True)["state_dict"]
    assert all(torch.equal(value, state[name]) for name, value in run.module.state_dict().items())
    assert run.epochs == 2
    assert run.data.fold == 0


def test_two_processes_train_together_by_flags_alone(prepared: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = written_config(tmp_path, fit_arguments(prepared, run, 1))
    flags = ["--trainer.devices", "2", "--trainer.strategy", "ddp"]
    done = subprocess.run(
        command(["fit", "--config", str(config), *flags]),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained:") == 1
    state = torch.load(best_checkpoint(run), weights_only=True)
    # 18 regions of 6 patients, half of them for each process, in one batch of 12 at most.
    assert state["global_step"] == 1
    module = load_run(run, STATIONS).module
    assert all(torch.isfinite(value).all() for value in module.state_dict().values())


def test_checkpoint_names_do_not_depend_on_what_was_there(finished: Path) -> None:
    assert {path.name for path in (finished / CHECKPOINTS).iterdir()} == {"best.ckpt", "last.ckpt"}


def test_a_run_of_before_tasks_had_names_is_resumed_and_evaluated(prepared: Path, tmp_path: Path) -> None:
    arguments = fit_arguments(prepared, tmp_path / "run", 1)
    run = fit_stations(arguments).folder
    config = run / "config.yaml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("task:")), encoding="utf-8")
    fit_stations(arguments)
    assert epochs_logged(run) == [0]
    assert task_of_run(run).name == "station_classification"


def test_a_run_of_another_version_of_lightning_is_resumed(prepared: Path, tmp_path: Path) -> None:
    """Compute clusters change their packages."""
    arguments = fit_arguments(prepared, tmp_path / "run", 1)
    config = fit_stations(arguments).folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    assert text.startswith("# lightning")
    config.write_text(text.replace(text.splitlines()[0], "# lightning.pytorch==2.9.0"), encoding="utf-8")
    fit_stations(arguments)
    assert epochs_logged(config.parent) == [0]


def test_the_engine_has_no_word_for_what_only_a_task_knows() -> None:
    words = re.compile(r"stations?\b|nodes?\b|attention|moe\b|lymph|metasta", re.IGNORECASE)
    found = [
        f"{path.name}:{number}"
        for path in sorted((ROOT / "Training" / "lnstation_training" / "engine").glob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if words.search(line)
    ]
    assert found == []
