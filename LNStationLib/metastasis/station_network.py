"""A station classifier from a model package: what concerns stations, on top of ``models.runtime``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LNStationLib.anatomy.station_groups import station_groups
from LNStationLib.models.package import ModelPackage, PackageError, StationClassification
from LNStationLib.models.package.station_classification import CLASSIFIER
from LNStationLib.models.runtime.attention import attention_inside_masks
from LNStationLib.models.runtime.packaged import PackagedNetwork
from LNStationLib.models.runtime.warm import warm
from LNStationLib.networks.registry import network_info
from LNStationLib.sampling.station_region import StationRegion
from LNStationLib.support.types import Engine, FloatArray

_LEFT_RIGHT_AXIS = -1
"""Last axis of `[z, y, x]`."""


@dataclass(frozen=True)
class Prediction:
    """A network's answer for one station.

    Attributes:
        logit: Of metastasis; averaged over the region and its mirror image where asked for.
        attention: float32 ``[d, h, w]`` summing to 1 on a coarser grid over the region; ``None`` where the network
            has none.
        attention_in_nodes: Part of it in attention voxels that a node reaches into, as the attention loss counts it
            (Li et al. 2025, eq. 1); ``None`` without attention or where the station has no node.
        nodes: Numbers of the station's nodes, the one that draws most of the attention first (of two that share their
            attention voxels the larger); empty without attention.
    """

    logit: float
    attention: FloatArray | None
    attention_in_nodes: float | None
    nodes: tuple[int, ...]


class StationNetwork(PackagedNetwork[StationClassification]):
    """The classifier of a verified package, on its device.

    Args:
        package: Read and verified.
        device: Name as ``models.runtime.devices.chosen_device`` returns it.
        engine: What shall run the network on a CPU.

    Raises:
        PackageError: It is of another task, its network cannot be built, or it asks for what stations do not have.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "torch") -> None:
        super().__init__(package, StationClassification, CLASSIFIER, device, engine, {"with_attention": True})
        self.path = package.path
        self._groups = self._groups_of_stations()

    def _groups_of_stations(self) -> dict[str, int] | None:
        """Station group by name, for a network that takes it as input."""
        if not network_info(self.manifest.network(CLASSIFIER).name).needs_groups:
            return None
        groups = station_groups(self.section.n_groups)
        without = [name for name in self.section.stations if name not in groups]
        if without:
            raise PackageError(f"{self.path} cannot be used: its station {without[0]} is in no station group.")
        return dict(groups)

    def predict(
        self, stations: Sequence[str], regions: Sequence[StationRegion], *, flip_averaging: bool = False
    ) -> list[Prediction]:
        """Ask about stations, all in one pass.

        Args:
            stations: Their names, at least one.
            regions: Their regions, of the package's specification.
            flip_averaging: Average with the answer for the left-right mirrored region.

        Raises:
            PackageError: The network does not take the regions, or its answer is NaN or infinite.
        """
        samples = np.stack([region.channels(self.section.channels) for region in regions])
        groups = None if self._groups is None else np.array([self._groups[name] for name in stations], np.int64)
        logits, attention = self._ask(samples, groups)
        if flip_averaging:
            mirrored_logits, mirrored = self._ask(np.flip(samples, _LEFT_RIGHT_AXIS), groups)
            logits = (logits + mirrored_logits) / 2
            if attention is not None and mirrored is not None:
                attention = (attention + np.flip(mirrored, _LEFT_RIGHT_AXIS)) / 2
        maps = [None] * len(regions) if attention is None else list(attention[:, 0])
        return [_prediction(*answer) for answer in zip(logits, maps, regions, strict=True)]

    def _ask(self, samples: FloatArray, groups: np.ndarray | None) -> tuple[FloatArray, FloatArray | None]:
        """Logits ``[n]`` and attention ``[n, 1, d, h, w]``."""
        logits, *maps = self.runner.predict(samples, groups)
        return logits, maps[0] if maps else None


def _prediction(logit: float, attention: FloatArray | None, region: StationRegion) -> Prediction:
    if attention is None:
        return Prediction(float(logit), None, None, ())
    numbers, sizes = np.unique(region.nodes[region.nodes > 0], return_counts=True)
    masks = [region.nodes == number for number in numbers]
    shares = attention_inside_masks(attention, masks)
    inside = attention_inside_masks(attention, [region.nodes > 0])[0] if masks else None
    drawn = {int(node): (share, int(n)) for node, share, n in zip(numbers, shares, sizes, strict=True)}
    return Prediction(float(logit), attention, inside, tuple(sorted(drawn, key=drawn.__getitem__, reverse=True)))


def warm_network(path: Path, device: str, engine: Engine = "torch") -> StationNetwork:
    """The network of a package, kept for the next time; see ``models.runtime.warm``.

    Raises:
        PackageError: The package cannot be used.
        InputError: torch is not installed, there is no such device, or the engine cannot be used.
    """
    return warm(path, device, engine, StationNetwork)
