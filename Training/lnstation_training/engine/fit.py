"""One training run in one folder, configured by YAML and flags through LightningCLI; a stopped run is resumed."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import lightning
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from lnstation_training.engine.epoch_callbacks import EpochLog
from lnstation_training.engine.prepared import check_task
from lnstation_training.engine.pretrained import load_pretrained
from lnstation_training.engine.runs import (
    BEST,
    CHECKPOINTS,
    CONFIG_FILE,
    LAST,
    best_checkpoint,
    user_facing_checkpoint_errors,
)
from lnstation_training.engine.task import Task
from lnstation_training.engine.values import Monitor
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError

log = logging.getLogger(__name__)

LOGS, METRICS_FILE = "logs", "metrics.csv"
Kept = Literal["best", "last"]
_AS_BEFORE = ("seconds: null", "keep: best")
"""What settings say that runs of older versions do not, and did."""

TRAINER_DEFAULTS: Mapping[str, Any] = {
    "max_epochs": 250,
    "log_every_n_steps": 1,
    "num_sanity_val_steps": 0,
    # The order of an epoch follows its number, so that a resumed run sees what it would have seen.
    "reload_dataloaders_every_n_epochs": 1,
}


class FitCLI(LightningCLI):
    """LightningCLI with a folder for everything, the best and the last checkpoint, CSV and TensorBoard logs.

    Attributes:
        started: Which weights this run started from, in one sentence; empty for random ones or a resumed run.
    """

    started = ""

    def __init__(self, args: Sequence[str] | dict[str, Any], task: Task, callbacks: Sequence[Callback] = ()) -> None:
        self.task = task
        self.extra_callbacks = list(callbacks)
        super().__init__(
            task.module,
            task.data,
            args=list(args) if not isinstance(args, dict) else args,
            run=False,
            save_config_callback=None,
            trainer_defaults=dict(TRAINER_DEFAULTS),
            seed_everything_default=0,
            parser_kwargs={"prog": "run.py train fit", "description": "Train one network on one fold."},
            auto_configure_optimizers=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the task, the folder of the run, and the weights to start from."""
        parser.add_argument("--task", type=str, default=self.task.name, help="What the network is for.")
        parser.add_argument(
            "--out", type=Path, required=True, help="Folder of this run; a stopped run is resumed there."
        )
        parser.add_argument(
            "--seconds",
            type=float | None,
            default=None,
            help="Stop after so many seconds of training, over all parts of a resumed run; a cosine ends then.",
        )
        parser.add_argument(
            "--keep",
            type=Kept,
            default="best",
            help="Which epoch's weights are evaluated and exported: the best on validation data, or the last.",
        )
        parser.add_argument(
            "--start_from",
            type=Path | None,
            default=None,
            help="Folder of another run, a model package or a backbone's weights, loaded as far as they fit.",
        )

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return Path(self.config["out"])

    @property
    def keep(self) -> Kept:
        """Which epoch's weights the run ends with."""
        kept: Kept = self.config["keep"]
        return kept

    def before_instantiate_classes(self) -> None:
        """Refuse a folder that holds a run of other settings, before anything is built."""
        _claim(self.folder, self._settings_text())

    def _settings_text(self) -> str:
        """All settings but where the run lies and what does not change it."""
        config = self.config.clone()
        for key in ("out", "config"):
            config.pop(key, None)
        return str(self.parser.dump(config, skip_validation=True, skip_none=False))

    def instantiate_trainer(self, **kwargs: Any) -> lightning.Trainer:
        """Build the trainer with this run's loggers and checkpoints."""
        if self.config["seconds"] is not None:
            kwargs["max_time"] = timedelta(seconds=self.config["seconds"])
        logger = TensorBoardLogger(self.folder, name=LOGS, version="tensorboard")
        log = EpochLog(self.folder / LOGS / METRICS_FILE)
        checkpoints = _checkpoints(self.folder, self.task.monitor, self.keep)
        self.trainer_defaults["callbacks"] = [log, *checkpoints, *self.extra_callbacks]
        built: lightning.Trainer = super().instantiate_trainer(logger=logger, default_root_dir=self.folder, **kwargs)
        return built


def _checkpoints(folder: Path, monitor: Monitor, keep: Kept) -> list[Callback]:
    """The model that is kept, best on validation data or last, and, for resuming, the state after every epoch."""
    best = ModelCheckpoint(
        folder / CHECKPOINTS,
        BEST,
        monitor=monitor.metric if keep == "best" else None,
        mode=monitor.mode,
        save_top_k=1,
        enable_version_counter=False,
    )
    last = ModelCheckpoint(folder / CHECKPOINTS, LAST, save_top_k=1, enable_version_counter=False)
    return [best, last]


def _claim(folder: Path, settings: str) -> None:
    path = folder / CONFIG_FILE
    if path.exists():
        before = path.read_text(encoding="utf-8")
        if _main_process() and not _alike(before, settings):
            raise InputError(
                f"{folder} holds a run with other settings ({_changed(before, settings)}): choose another folder, or "
                f"take those of its {CONFIG_FILE}."
            )
        return
    if _main_process():
        folder.mkdir(parents=True, exist_ok=True)
        # Half a file, of a full disk, would be another run's settings for good.
        write_atomically(path, settings)


def _alike(before: str, settings: str) -> bool:
    """Whether two runs have the same settings, whatever the version of Lightning that a comment names.

    A run from before tasks had names, or time a limit, names neither.
    """
    older, newer = (
        [line for line in text.splitlines() if line not in _AS_BEFORE and not line.startswith("#")]
        for text in (before, settings)
    )
    if not any(line.startswith("task:") for line in older):
        newer = [line for line in newer if not line.startswith("task:")]
    return older == newer


def _main_process() -> bool:
    return getattr(rank_zero_only, "rank", 0) == 0


def _changed(before: str, after: str) -> str:
    lines = [line.strip() for line in after.splitlines() if line not in before.splitlines()]
    return "; ".join(lines[:3]) or "some are missing"


def fit(args: Sequence[str] | dict[str, Any], task: Task, callbacks: Sequence[Callback] = ()) -> FitCLI:
    """Train, or resume a run that was stopped; a finished run is left as it is.

    Args:
        args: Command-line arguments (``--config FILE --data.folder DIR --out DIR --trainer.max_epochs 30 ...``), or
            the same as a nested dictionary.
        task: What the network is for.
        callbacks: Further callbacks, for progress.

    Returns:
        The command line, whose ``trainer``, ``model``, ``datamodule`` and ``folder`` are those of the run.

    Raises:
        InputError: Settings or data cannot be used, or the loss is not a number.
        OutputError: The disk is full.
    """
    with user_facing_checkpoint_errors(), _quiet():
        cli = _parsed(args, task, callbacks)
        cli.datamodule.begin()
        check_task(cli.datamodule.folder, task.name, cli.datamodule.prepared_for)
        task.check_settings(cli.model, cli.datamodule)
        last = cli.folder / CHECKPOINTS / f"{LAST}.ckpt"
        if cli.config["start_from"] and not last.exists():
            source = Path(cli.config["start_from"])
            cli.started = f"Started from {source}: {load_pretrained(cli.model.network, source).summary}."
            log.info("%s", cli.started)
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=last if last.exists() else None, weights_only=True)
    if cli.trainer.is_global_zero:
        best_checkpoint(cli.folder)
    return cli


def _parsed(args: Sequence[str] | dict[str, Any], task: Task, callbacks: Sequence[Callback]) -> FitCLI:
    # LightningCLI warns of arguments that are not those of the process.
    own, sys.argv = sys.argv, sys.argv[:1]
    try:
        return FitCLI(args, task, callbacks)
    except argparse.ArgumentError as error:
        raise InputError(f"{error}.") from error
    finally:
        sys.argv = own


@contextmanager
def _quiet() -> Any:
    """Keep Lightning's tips and hints that do not apply here from the user."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(max(level, logging.WARNING) if not logging.getLogger().isEnabledFor(logging.DEBUG) else level)
    with warnings.catch_warnings():
        for text in (r".*does not have many workers.*", r".*Checkpoint directory.*", r".*isinstance\(treespec.*"):
            warnings.filterwarnings("ignore", message=text)
        try:
            yield
        finally:
            logger.setLevel(level)
