"""How much of an attention map lies inside masks, for steps that do not import torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LNStationLib.support.types import BoolArray, FloatArray


def attention_inside_masks(attention: FloatArray, masks: Sequence[BoolArray]) -> list[float]:
    """Part of the attention in attention voxels that each mask reaches into, as the attention loss counts it.

    Args:
        attention: float32 ``[d, h, w]``, summing to 1.
        masks: Each ``[z, y, x]`` over the same extent, of a finer grid.

    Returns:
        One part in [0, 1] for each mask (Li et al. 2025, eq. 1).
    """
    import torch

    from LNStationLib.networks.classification.attention_map import attention_inside

    on_device = torch.from_numpy(np.ascontiguousarray(attention))[None, None]
    return [
        float(attention_inside(on_device, torch.from_numpy(mask[None, None].astype(np.float32)))[0]) for mask in masks
    ]
