"""Channels of a network's input, by name: each has one builder, which training and inference share.

A model package and a training run name their channels; their order in a tensor is the order of those names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from LNStationLib.support.types import BoolArray, FloatArray

CT, NODE_MASK, NODE_PRODUCT, STATION_MASK = "ct", "node_mask", "node_product", "station_mask"
STATION_CHANNELS = (CT, NODE_MASK)
"""What SA-MoE (Li et al. 2025, Sec. 3) sees of a station."""


class RegionArrays(Protocol):
    """What channels are made from; all arrays are ``[z, y, x]`` of one region."""

    @property
    def ct(self) -> FloatArray:
        """float32 CT, scaled to [-1, 1]."""
        ...

    @property
    def station(self) -> BoolArray:
        """The station's voxels."""
        ...

    @property
    def nodes(self) -> np.ndarray:
        """Numbers of the nodes inside the station, 0 elsewhere."""
        ...


@dataclass(frozen=True)
class Channel:
    """One channel.

    Attributes:
        name: In packages and settings.
        title: For people.
        build: Makes it, float32 ``[z, y, x]``.
        needs_nodes: Whether it means nothing where nodes were not looked for.
    """

    name: str
    title: str
    build: Callable[[RegionArrays], FloatArray]
    needs_nodes: bool = False


def _ct(region: RegionArrays) -> FloatArray:
    return region.ct


def _node_mask(region: RegionArrays) -> FloatArray:
    return (region.nodes > 0).astype(np.float32)


def _node_product(region: RegionArrays) -> FloatArray:
    return region.ct * _node_mask(region)


def _station_mask(region: RegionArrays) -> FloatArray:
    return region.station.astype(np.float32)


CHANNELS: Mapping[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel(CT, "CT, scaled to [-1, 1] by the HU window", _ct),
        Channel(NODE_MASK, "mask of the nodes in the station", _node_mask, needs_nodes=True),
        Channel(NODE_PRODUCT, "scaled CT inside nodes, 0 elsewhere", _node_product, needs_nodes=True),
        Channel(STATION_MASK, "mask of the station", _station_mask),
    )
}


def channel(name: str) -> Channel:
    """Look a channel up.

    Raises:
        ValueError: The name is not known; the message lists those that are.
    """
    try:
        return CHANNELS[name]
    except KeyError:
        raise ValueError(f"unknown channel {name!r}; known: {', '.join(CHANNELS)}") from None


def stacked(region: RegionArrays, names: Sequence[str]) -> FloatArray:
    """Channels of a region in the order of their names: float32 ``[channel, z, y, x]``.

    Raises:
        ValueError: A name is not known.
    """
    return np.stack([channel(name).build(region) for name in names])


def need_nodes(names: Sequence[str]) -> bool:
    """Whether one of the channels means nothing where nodes were not looked for.

    Raises:
        ValueError: A name is not known.
    """
    return any(channel(name).needs_nodes for name in names)
