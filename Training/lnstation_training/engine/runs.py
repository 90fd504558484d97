"""A run's folder: what lies where in it, and the model that it holds."""

from __future__ import annotations

import errno
import pickle
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.lightning_module import StationMetastasisTask
from LNStationLib.support.errors import InputError, OutputError

CONFIG_FILE, CHECKPOINTS, BEST, LAST = "config.yaml", "checkpoints", "best", "last"


@contextmanager
def one_sentence() -> Any:
    """Turn what a full disk or a foreign checkpoint raises, in whichever layer, into one sentence."""
    try:
        yield
    except pickle.UnpicklingError as error:
        raise InputError(
            "The checkpoint is damaged or holds more than numbers and text, which is never loaded: remove the run's "
            "folder and train again."
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutputError("The disk is full: free space and run the same command again; it goes on.") from error
        raise
    except RuntimeError as error:
        # torch's writer of checkpoints has no class of its own.
        if "PytorchStreamWriter" in str(error) or "No space left" in str(error):
            raise OutputError(
                "A checkpoint could not be written, most likely on a full disk: free space and run the same command "
                "again; it goes on."
            ) from error
        raise


def best_checkpoint(folder: Path) -> Path:
    """The checkpoint that was best on validation data.

    Raises:
        InputError: ``folder`` holds no finished run.
    """
    path = folder / CHECKPOINTS / f"{BEST}.ckpt"
    if not path.exists():
        raise InputError(f"{folder} holds no trained model: run fit with --out {folder} first.")
    return path


def load_run(folder: Path) -> tuple[StationMetastasisTask, StationDataModule, dict[str, Any]]:
    """The best model of a run, its data, and its settings.

    Raises:
        InputError: ``folder`` holds no run.
    """
    import yaml

    checkpoint = best_checkpoint(folder)
    config = yaml.safe_load((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    task = StationMetastasisTask(**config["model"])
    with one_sentence():
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    task.load_state_dict(state["state_dict"])
    return task.eval(), StationDataModule(**config["data"]), config
