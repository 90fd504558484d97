"""Organs and stations as channels, as unsure in training as they are in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lnstation_training.segmentation.channels import true_context
from lnstation_training.segmentation.patients import ORGANS
from LNStationLib.sampling.volume import STATIONS

_MISSED = 0.15
"""How often an organ was not found, or a group of them not given."""
_MOVED = 0.5
"""How often an outline lies a voxel too far out or in."""


def drawn_context(batch: Mapping[str, Any], name: str) -> Tensor:
    """A channel of context with faults: organs that were missed, outlines too wide or too narrow.

    Draws from torch's own generator, which Lightning seeds. Returns ``[B, 1, z, y, x]`` in {0, 1}.
    """
    known = batch if name == STATIONS else {**batch, ORGANS: _some_missed(batch[ORGANS])}
    channel = true_context(known, name)
    return torch.stack([_unsure(one, wide=name == STATIONS) for one in channel])


def _some_missed(organs: Tensor) -> Tensor:
    """Label maps in which each organ of each patient is missing now and then."""
    kept = (torch.rand(len(organs), 256, device=organs.device) >= _MISSED).to(organs.dtype)
    table = kept * torch.arange(256, device=organs.device, dtype=organs.dtype)
    return torch.stack([row[one.long()] for row, one in zip(table, organs, strict=True)])


def _unsure(mask: Tensor, wide: bool) -> Tensor:
    """One patient's channel ``[1, z, y, x]``, grown or shrunk; an organ's may be missing, the stations' never is."""
    if not wide and float(torch.rand(())) < _MISSED:
        return torch.zeros_like(mask)
    if float(torch.rand(())) >= _MOVED:
        return mask
    reach = int(torch.randint(1, 4, ())) if wide else 1
    size = 2 * reach + 1
    if float(torch.rand(())) < 0.5:
        return functional.max_pool3d(mask[None], size, 1, reach)[0]
    return 1 - functional.max_pool3d(1 - mask[None], size, 1, reach)[0]
