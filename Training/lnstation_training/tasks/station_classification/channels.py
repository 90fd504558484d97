"""Channels of regions by name: what is stored of a region, and what a network is shown of it."""

from __future__ import annotations

import torch
from torch import Tensor

from LNStationLib.imaging.grid import Grid
from LNStationLib.sampling.channels import NODE_MASK, STATION_CHANNELS
from LNStationLib.sampling.station_region import RegionCut, RegionSpec

_CHANNEL_AXIS = -4
_NOWHERE_MM = (0.0, 0.0, 0.0)
"""Stored regions do not say where they lie, and no channel asks."""


def channel_of(region: Tensor, name: str) -> Tensor:
    """One channel ``[..., 1, z, y, x]`` of regions ``[..., channel, z, y, x]``."""
    return region.narrow(_CHANNEL_AXIS, STATION_CHANNELS.index(name), 1)


def node_mask_of(region: Tensor) -> Tensor:
    """Node mask, 0 or 1; shapes as in ``channel_of``."""
    return channel_of(region, NODE_MASK)


def as_seen(stored: Tensor, spec: RegionSpec) -> Tensor:
    """What a network is shown of a stored region, by the function that an assessment uses.

    Args:
        stored: Scaled CT, nodes and station, float32 ``[3, z, y, x]``.
        spec: Of the regions.

    Returns:
        float32 ``[2, z, y, x]``.
    """
    ct, nodes, station = stored.numpy()
    grid = Grid(spec.size, spec.spacing_mm, _NOWHERE_MM)
    return torch.from_numpy(RegionCut(ct, station > 0, nodes, grid).seen(spec).channels(STATION_CHANNELS))
