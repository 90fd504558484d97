"""Pretrained weights: those of another run, or of a model package, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.engine.runs import CONFIG_FILE, best_weights
from LNStationLib.models.package import read_package
from LNStationLib.support.errors import InputError

_NETWORK = "network."
"""How a Lightning module names the weights of its network."""


@dataclass(frozen=True)
class LoadedWeights:
    """Which weights were loaded.

    Attributes:
        names: Those of the source.
        fresh: Those that keep their random initialization, because the source has no such layer.
    """

    names: tuple[str, ...]
    fresh: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How many were loaded, and which parts of the network were not."""
        parts = sorted({name.split(".", 2)[0] for name in self.fresh})
        loaded = f"{len(self.names)} of {len(self.names) + len(self.fresh)} weights loaded"
        return loaded + (f"; randomly initialized, at least in part: {', '.join(parts)}" if parts else "")


def load_pretrained(network: nn.Module, source: Path) -> LoadedWeights:
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
    return LoadedWeights(tuple(fitting), tuple(name for name in own if name not in fitting))


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _weights(source: Path) -> Mapping[str, Tensor]:
    if (source / CONFIG_FILE).exists():
        weights = best_weights(source)
        return {name.removeprefix(_NETWORK): each for name, each in weights.items() if name.startswith(_NETWORK)}
    if not source.exists():
        raise InputError(f"{source} does not exist: give the folder of a run, or a model package.")
    packaged: Mapping[str, Tensor] = read_package(source).network().state_dict()
    return packaged
