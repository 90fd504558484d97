"""Attention maps: from several layers to one, and back to an image's grid (SA-MoE, Sec. 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as functional
from torch import Tensor

MaskReduction = Literal["touch", "cover"]


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


def mask_on_attention_grid(mask: Tensor, size: Sequence[int], reduction: MaskReduction = "touch") -> Tensor:
    """Bring a node mask to the coarser grid of an attention map.

    Args:
        mask: ``[B, 1, z, y, x]``, 0 or 1.
        size: ``(z, y, x)`` of the attention map.
        reduction: ``"touch"``: a voxel counts where a node reaches into it, so that attention on a small node can
            reach the threshold of the loss; ``"cover"``: by the part of it that nodes fill, which a 5 mm node in a
            voxel of 6 x 6 x 20 mm never lets reach it. The paper does not say at which resolution it multiplies.

    Returns:
        ``[B, 1, *size]`` in [0, 1].
    """
    z, y, x = size
    pool = functional.adaptive_max_pool3d if reduction == "touch" else functional.adaptive_avg_pool3d
    pooled: Tensor = pool(mask, (z, y, x))
    return pooled


def attention_inside(attention: Tensor, mask: Tensor, reduction: MaskReduction = "touch") -> Tensor:
    """Part of the attention that lies inside nodes, ``[B]`` in [0, 1]: the sum in eq. 1.

    Args:
        attention: ``[B, 1, d, h, w]``, summing to 1 over the volume.
        mask: Node mask ``[B, 1, z, y, x]`` of the same region, of any resolution.
        reduction: See ``mask_on_attention_grid``.
    """
    on_grid = mask_on_attention_grid(mask, attention.shape[2:], reduction)
    return (attention * on_grid).sum(dim=(1, 2, 3, 4))
