"""How much of its attention a network could put into nodes at all: what a threshold tau of eq. 1 must stay under."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from LNStationLib.networks.classification.attention_map import MaskReduction, mask_on_attention_grid
from LNStationLib.networks.classification.mobilevitv2 import MobileViTBlock
from LNStationLib.networks.classification.separable_attention import unfold

Size = tuple[int, int, int]
_BATCH = 16
"""Masks at a time, to bound memory; never changes the result."""


def block_sizes(network: nn.Module, region: Sequence[int]) -> list[tuple[Size, Size]]:
    """Grid of the attention map and patch of every MobileViT block for a region ``(z, y, x)``; empty without any."""
    found: list[tuple[Size, Size]] = []

    def note(block: MobileViTBlock, arguments: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        z, y, x = output[1].shape[2:]
        found.append(((z, y, x), block.patch))

    blocks = [module for module in network.modules() if isinstance(module, MobileViTBlock)]
    hooks = [block.register_forward_hook(note) for block in blocks]
    try:
        with torch.inference_mode():
            parameter = next(network.parameters())
            shape = (1, 2, *region)
            network.eval()(torch.zeros(shape, device=parameter.device), groups=torch.zeros(1, dtype=torch.long))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def attention_ceiling(
    mask: Tensor, blocks: Sequence[tuple[Size, Size]], reduction: MaskReduction = "touch"
) -> Tensor:
    """The largest part of the aggregated attention that can lie inside nodes, whatever the weights.

    Separable attention sums to 1 over the patches for each place in a patch alone, so every place puts its share into
    its own best voxel; a coarse map is spread over the finest grid before all are averaged.

    Args:
        mask: Node masks ``[B, 1, z, y, x]``, 0 or 1.
        blocks: Of ``block_sizes``, at least one.
        reduction: See ``mask_on_attention_grid``.

    Returns:
        ``[B]`` in [0, 1]; 0 without a node.
    """
    finest = max((size for size, _ in blocks), key=lambda size: size[0] * size[1] * size[2])
    inside = mask_on_attention_grid(mask, finest, reduction)
    parts = [unfold(_landing_inside(inside, size), patch).amax(dim=2).mean(dim=(1, 2)) for size, patch in blocks]
    return torch.stack(parts).mean(dim=0)


def _landing_inside(inside: Tensor, size: Size) -> Tensor:
    """Part of the mass of each voxel of a coarser grid that lands inside the mask when the grid is refined."""
    with torch.enable_grad():
        voxels = torch.ones(len(inside), 1, *size, requires_grad=True)
        fine = torch.nn.functional.interpolate(voxels, inside.shape[2:], mode="trilinear", align_corners=False)
        (whole,) = torch.autograd.grad(fine.sum(), voxels, retain_graph=True)
        (part,) = torch.autograd.grad((fine * inside).sum(), voxels)
    return part / whole


def mean_ceiling(network: nn.Module, masks: Tensor) -> float | None:
    """Mean ceiling over those of ``[n, 1, z, y, x]`` masks that hold a node; ``None`` without nodes or blocks."""
    with_node = masks[masks.flatten(1).amax(dim=1) > 0]
    blocks = block_sizes(network, masks.shape[2:])
    if not blocks or not len(with_node):
        return None
    return float(torch.cat([attention_ceiling(part.float(), blocks) for part in with_node.split(_BATCH)]).mean())
