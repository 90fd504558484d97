"""Where a classifier of patches looked: Grad-CAM (Selvaraju et al. 2017) by MONAI."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from LNStationLib.support.types import FloatArray

if TYPE_CHECKING:
    from torch import nn

_BATCH = 8
"""Patches at a time: gradients of all slices of a patch are kept."""


class HeatMaps:
    """Heat maps of a network that has ``heat_map_layer``.

    Args:
        network: Gives logits ``[B]`` for patches ``[B, channel, z, y, x]``; in evaluation mode, not compiled.
        device: That it is on.

    Attributes:
        channel: Name of the channel over whose extent the maps lie.
    """

    def __init__(self, network: nn.Module, device: str) -> None:
        from monai.visualize.class_activation_maps import GradCAM

        from LNStationLib.networks.score import ScoreOfClass

        found: Any = network
        self.channel, layer = found.heat_map_layer()
        self._device = device
        # Gradients from the layer on are all that a map needs: of everything before it and beside it none are kept.
        network.requires_grad_(False)
        network.get_submodule(layer).requires_grad_(True)
        self._cam = GradCAM(ScoreOfClass(network).to(device), f"{ScoreOfClass.PART}.{layer}")

    def of(self, patches: FloatArray) -> FloatArray:
        """Heat maps for metastasis.

        Args:
            patches: float32 ``[N, channel, z, y, x]``, at least one.

        Returns:
            float32 ``[N, d, h, w]``, at least 0, over the extent of ``channel`` on a coarser grid; 0 all over where
            nothing speaks for metastasis.
        """
        parts = [self._maps(patches[start : start + _BATCH]) for start in range(0, len(patches), _BATCH)]
        return np.concatenate(parts)

    def _maps(self, patches: FloatArray) -> FloatArray:
        import torch

        inputs = torch.from_numpy(np.ascontiguousarray(patches)).to(self._device)
        with warnings.catch_warnings():
            # That nothing before the layer needs gradients is what makes it fast.
            warnings.filterwarnings("ignore", message="Full backward hook is firing")
            found = self._cam.compute_map(inputs, class_idx=0).detach().float().cpu()
        if found.ndim == 5:
            return np.asarray(found[:, 0].numpy())
        # A 2D layer saw every set of slices as a sample of its own.
        return np.asarray(found.reshape(len(patches), -1, *found.shape[2:]).numpy())
