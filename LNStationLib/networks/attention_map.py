"""Attention maps: from several layers to one, and back to an image's grid (SA-MoE, Sec. 2.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor


def normalized(attention: Tensor) -> Tensor:
    """Scale every sample of ``[B, 1, z, y, x]`` (at least 0) to a sum of 1."""
    total = attention.sum(dim=(1, 2, 3, 4), keepdim=True)
    return attention / total.clamp_min(torch.finfo(attention.dtype).tiny)


def resized(attention: Tensor, size: Sequence[int]) -> Tensor:
    """Bring ``[B, 1, z, y, x]`` to another size by trilinear interpolation; the sum stays 1."""
    if tuple(attention.shape[2:]) == tuple(size):
        return attention
    return normalized(functional.interpolate(attention, size=tuple(size), mode="trilinear", align_corners=False))


def aggregated(maps: Sequence[Tensor]) -> Tensor:
    """Average of maps at the finest of their resolutions; sums to 1 over the volume of every sample.

    Raises:
        ValueError: There is no map.
    """
    if not maps:
        raise ValueError("there is no attention map to aggregate")
    finest = max((tuple(each.shape[2:]) for each in maps), key=lambda size: size[0] * size[1] * size[2])
    return torch.stack([resized(each, finest) for each in maps]).mean(dim=0)


def spatial_softmax(features: Tensor) -> Tensor:
    """Attention of a convolutional network: softmax over space of the channels' mean, ``[B, 1, z, y, x]``.

    SA-MoE, Table 3: "we use intermediate feature maps and apply softmax to serve as the basis for loss calculation".
    """
    mean = features.mean(dim=1, keepdim=True)
    return mean.flatten(2).softmax(dim=-1).view_as(mean)
