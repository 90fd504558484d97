"""Pretrained weights: those of another run, of a model package, or of a backbone, as far as they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.engine.backbone_files import BACKBONE_SUFFIX, read_backbone
from lnstation_training.engine.runs import CONFIG_FILE, best_weights
from LNStationLib.models.package import read_package
from LNStationLib.support.errors import InputError

_BACKBONE = ".backbone."
"""How networks name the part that is their backbone."""
_COUNTER = "num_batches_tracked"
"""Of batch normalization; older files lack it, and nothing depends on it."""
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
    """Give a network the layers of a run or a model package that fit it by name and shape, or a whole backbone.

    Args:
        network: Changed in place.
        source: Folder of a run (its best model is taken), a model package, or a safetensors file with the weights of
            a backbone, for a network that has ``backbone_weights``.

    Raises:
        InputError: It is none of these, cannot be read, or none of its weights fits; of a backbone all must.
    """
    found, own = _weights(network, source), network.state_dict()
    unfit = {_layer(name) for name, value in own.items() if name not in found or found[name].shape != value.shape}
    fitting = {name: found[name] for name in own if _layer(name) not in unfit}
    trained = {name for name, _ in network.named_parameters()}
    if not trained & fitting.keys():
        raise InputError(f"{source} has no weights that fit this network: start from a run of the same kind.")
    network.load_state_dict(fitting, strict=False)
    return LoadedWeights(tuple(fitting), tuple(name for name in own if name not in fitting))


def _backbone_weights(network: nn.Module, source: Path) -> Mapping[str, Tensor]:
    """The file's weights by their names in the network.

    Raises:
        InputError: The network has no backbone, or the file is of another one.
    """
    spread: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] | None = getattr(network, "backbone_weights", None)
    if spread is None:
        raise InputError(f"{source} holds the weights of a backbone, and this network has none: start from a run.")
    found, own = spread(read_backbone(source)), network.state_dict()
    wrong = [name for name in found if name not in own or own[name].shape != found[name].shape]
    missing = [n for n in own if n.startswith(_parts(found)) and n not in found and not n.endswith(_COUNTER)]
    if wrong or missing:
        raise InputError(
            f"{source} holds the weights of another network ({(wrong + missing)[0]} does not fit): choose the file "
            "that goes with the backbone and its width."
        )
    return found


def _parts(names: Iterable[str]) -> tuple[str, ...]:
    """Prefixes of the backbones in a network, from its weights' names."""
    return tuple({name.partition(_BACKBONE)[0] + _BACKBONE for name in names})


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _weights(network: nn.Module, source: Path) -> Mapping[str, Tensor]:
    if source.suffix == BACKBONE_SUFFIX and source.is_file():
        return _backbone_weights(network, source)
    if (source / CONFIG_FILE).exists():
        weights = best_weights(source)
        return {name.removeprefix(_NETWORK): each for name, each in weights.items() if name.startswith(_NETWORK)}
    if not source.exists():
        raise InputError(
            f"{source} does not exist: give the folder of a run, a model package or a backbone's weights."
        )
    packaged: Mapping[str, Tensor] = read_package(source).network().state_dict()
    return packaged
