"""Channels of a batch by name, as ``LNStationLib.sampling.volume`` makes them for inference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import mask_of
from lnstation_training.segmentation.classes import classes_of
from lnstation_training.segmentation.patients import CT, ORGANS
from LNStationLib.sampling.volume import GROUP_CHANNELS, HU_CHANNELS, ORGAN_PREFIX, STATIONS

OrganSource = Callable[[Mapping[str, Any], str], Tensor]
"""Gives an organ's probability ``[B, 1, z, y, x]`` for a batch."""


def batch_channels(batch: Mapping[str, Any], names: Sequence[str], organs: OrganSource | None = None) -> Tensor:
    """What a network sees of a batch: float32 ``[B, channel, z, y, x]``.

    Args:
        batch: ``ct`` in HU ``[B, 1, z, y, x]``, and what ``organs`` needs.
        names: Channels, in order.
        organs: Where organs, and all else that is no CT, come from; ``None`` takes organs as the batch has them, see
            ``organs_of_batch``.
    """
    hu = batch[CT].float()
    source = organs or organs_of_batch
    made = [
        HU_CHANNELS[name].scaled(hu) if name in HU_CHANNELS else source(batch, name.removeprefix(ORGAN_PREFIX)).to(hu)
        for name in names
    ]
    return torch.cat(made, 1)


def true_context(batch: Mapping[str, Any], name: str) -> Tensor:
    """A group of organs, or the stations, as the batch has them: ``[B, 1, z, y, x]``."""
    if name == STATIONS:
        return (batch[STATIONS] > 0).float()
    return mask_of(batch[ORGANS], GROUP_CHANNELS[name].organs).float()


def organs_of_batch(batch: Mapping[str, Any], organ: str) -> Tensor:
    """An organ as the batch has it: a stored probability where there is one, else the true mask."""
    stored = batch.get(f"{ORGAN_PREFIX}{organ}")
    return stored.float() / 255 if stored is not None else true_organ(batch, organ)


def true_organ(batch: Mapping[str, Any], organ: str) -> Tensor:
    """An organ's mask, or that of a union: ``[B, 1, z, y, x]``."""
    members = classes_of(organ, (organ,)).members[1]
    return mask_of(batch[ORGANS], members).float()
