"""Weights to start from: those of another run, or of a model package, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.engine.runs import CONFIG_FILE, load_run
from LNStationLib.models.package import read_package
from LNStationLib.support.errors import InputError


@dataclass(frozen=True)
class Taken:
    """Which weights were taken.

    Attributes:
        names: Those of the source.
        fresh: Those that stay as they were drawn, because the source has no such layer.
    """

    names: tuple[str, ...]
    fresh: tuple[str, ...]

    def in_words(self) -> str:
        """What a sentence may end with."""
        parts = sorted({name.split(".", 2)[0] for name in self.fresh})
        return f"{len(self.names)} of {len(self.names) + len(self.fresh)} weights taken" + (
            f"; drawn afresh in part: {', '.join(parts)}" if parts else ""
        )


def start_from(network: nn.Module, source: Path) -> Taken:
    """Give a network the layers of a run or a model package that fit it by name and shape.

    Args:
        network: Changed in place.
        source: Folder of a run (its best model is taken), or a model package.

    Raises:
        InputError: It is neither, cannot be read, or none of its weights fits.
    """
    found, own = _weights(source), network.state_dict()
    unfit = {_layer(name) for name, value in own.items() if name not in found or found[name].shape != value.shape}
    fitting = {name: found[name] for name in own if _layer(name) not in unfit}
    trained = {name for name, _ in network.named_parameters()}
    if not trained & fitting.keys():
        raise InputError(f"{source} has no weights that fit this network: start from a run of the same kind.")
    network.load_state_dict(fitting, strict=False)
    return Taken(tuple(fitting), tuple(name for name in own if name not in fitting))


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _weights(source: Path) -> Mapping[str, Tensor]:
    if (source / CONFIG_FILE).exists():
        task, _, _ = load_run(source)
        weights: Mapping[str, Tensor] = task.network.state_dict()
        return weights
    if not source.exists():
        raise InputError(f"{source} does not exist: give the folder of a run, or a model package.")
    packaged: Mapping[str, Tensor] = read_package(source).network().state_dict()
    return packaged
