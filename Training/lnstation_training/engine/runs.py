"""A run's folder: what lies where in it, and the model that it holds."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from lnstation_training.engine.yaml_text import parse_yaml
from LNStationLib.support.errors import InputError, OutputError

CONFIG_FILE, CHECKPOINTS, BEST, LAST = "config.yaml", "checkpoints", "best", "last"


@dataclass(frozen=True)
class Run:
    """A trained run.

    Attributes:
        folder: Where it lies.
        module: The task's Lightning module with the best weights, in evaluation mode.
        data: The task's data module, not set up yet.
        config: All settings of the run.
    """

    folder: Path
    module: Any
    data: Any
    config: Mapping[str, Any]

    @property
    def seed(self) -> int:
        """Of the training."""
        return int(self.config["seed_everything"])

    @property
    def epochs(self) -> int:
        """Epochs asked for."""
        return int(self.config["trainer"]["max_epochs"])

    @property
    def precision(self) -> str:
        """Of the training, in Lightning's words."""
        return str(self.config["trainer"].get("precision") or "32-true")

    @property
    def network_name(self) -> str:
        """Registered name of the network."""
        return str(self.module.network_name)

    @property
    def network_arguments(self) -> dict[str, Any]:
        """Further arguments of the network."""
        return dict(self.module.network_arguments)

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        networks = self.module.networks
        return sum(each.numel() for one in networks for each in one.parameters() if each.requires_grad)


@contextmanager
def user_facing_checkpoint_errors() -> Iterator[None]:
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
            raise OutputError("The disk is full: free space and run the same command again to resume.") from error
        raise
    except RuntimeError as error:
        # torch's writer of checkpoints has no class of its own.
        if "PytorchStreamWriter" in str(error) or "No space left" in str(error):
            raise OutputError(
                "A checkpoint could not be written, most likely on a full disk: free space and run the same command "
                "again to resume."
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


def best_weights(folder: Path) -> dict[str, Any]:
    """Weights of the best model of a run, by their names in the Lightning module.

    Raises:
        InputError: ``folder`` holds no run, or its checkpoint is damaged.
    """
    with user_facing_checkpoint_errors():
        state = torch.load(best_checkpoint(folder), map_location="cpu", weights_only=True)
    weights: dict[str, Any] = state["state_dict"]
    return weights


def read_config(folder: Path) -> dict[str, Any]:
    """All settings of a run.

    Raises:
        InputError: ``folder`` holds no run.
    """
    try:
        config: dict[str, Any] = parse_yaml((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{folder} holds no run: run fit with --out {folder} first.") from error
    return config


def task_of_run(folder: Path) -> str | None:
    """Name of a run's task; ``None`` for a run from before tasks had names.

    Raises:
        InputError: ``folder`` holds no run.
    """
    return read_config(folder).get("task")


def task_of_arguments(args: Sequence[str] | Mapping[str, Any]) -> str | None:
    """Name of the task that the arguments of ``fit`` ask for, on the command line or in files of settings.

    What cannot be read names none: the parser of all arguments, which comes next, says what is wrong with it.
    """
    if isinstance(args, Mapping):
        return args.get("task")
    files = [_task_in_file(Path(path)) for path in _values(args, "--config", "-c")]
    named = [each for each in (*files, *_values(args, "--task")) if each is not None]
    return named[-1] if named else None


def _values(args: Sequence[str], *names: str) -> list[str]:
    """Values of an option in order, as ``NAME VALUE`` or ``NAME=VALUE``."""
    found = []
    for position, argument in enumerate(args):
        name, equals, value = argument.partition("=")
        if name in names and equals:
            found.append(value)
        elif argument in names and position + 1 < len(args):
            found.append(args[position + 1])
    return found


def _task_in_file(path: Path) -> str | None:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return content.get("task") if isinstance(content, dict) else None
