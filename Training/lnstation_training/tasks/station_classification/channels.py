"""Channels of regions by name: what is stored of a region, and what a network is shown of it."""

from __future__ import annotations

import torch
from torch import Tensor

from LNStationLib.sampling.channels import CT, NODE_MASK, STATION_CHANNELS
from LNStationLib.sampling.station_region import RegionSpec

_CHANNEL_AXIS = -4


def channel_of(region: Tensor, name: str) -> Tensor:
    """One channel ``[..., 1, z, y, x]`` of regions ``[..., channel, z, y, x]``."""
    return region.narrow(_CHANNEL_AXIS, STATION_CHANNELS.index(name), 1)


def node_mask_of(region: Tensor) -> Tensor:
    """Node mask, 0 or 1; shapes as in ``channel_of``."""
    return channel_of(region, NODE_MASK)


def as_seen(stored: Tensor, spec: RegionSpec) -> Tensor:
    """What a network is shown of stored regions: as ``RegionCut.seen`` in an assessment, on any device.

    Args:
        stored: Scaled CT, nodes and station, float32 ``[..., 3, z, y, x]``.
        spec: Of the regions.

    Returns:
        float32 ``[..., 2, z, y, x]``: the channels of ``STATION_CHANNELS``.
    """
    ct, nodes, station = stored.split(1, dim=_CHANNEL_AXIS)
    inside = station > 0
    shown = {
        CT: torch.where(inside, ct, spec.outside) if spec.mask_outside else ct,
        NODE_MASK: (inside & (nodes > 0)).to(ct.dtype),
    }
    return torch.cat([shown[name] for name in STATION_CHANNELS], dim=_CHANNEL_AXIS)
