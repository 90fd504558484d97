"""Channels of prepared regions by name: the order in which regions are stored, trained on and packed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor

from LNStationLib.sampling.channels import CT, NODE_MASK, STATION_CHANNELS

_CHANNEL_AXIS = -4
Array = TypeVar("Array")


def channel_of(region: Tensor, name: str) -> Tensor:
    """One channel ``[..., 1, z, y, x]`` of regions ``[..., channel, z, y, x]``."""
    return region.narrow(_CHANNEL_AXIS, STATION_CHANNELS.index(name), 1)


def ct_of(region: Tensor) -> Tensor:
    """CT in [-1, 1]; shapes as in ``channel_of``."""
    return channel_of(region, CT)


def node_mask_of(region: Tensor) -> Tensor:
    """Node mask, 0 or 1; shapes as in ``channel_of``."""
    return channel_of(region, NODE_MASK)


def in_order(arrays: Mapping[str, Array]) -> list[Array]:
    """Channels by name, in the order of a region."""
    return [arrays[name] for name in STATION_CHANNELS]
