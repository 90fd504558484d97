"""What in a patch speaks for metastasis: integrated gradients by captum, or Grad-CAM by MONAI."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from LNStationLib.support.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor, nn

HeatMap = Literal["integrated_gradients", "grad_cam"]
_BATCH = 8
"""Patches at a time: gradients of all slices of a patch are kept."""
_STEPS = 8
"""Of the way from the baseline to the patch; 24 give the same maps (docs/networks.md)."""
_CELL = (1, 4, 4)
"""Voxels z, y, x of a patch that share a value: single voxels are grainy."""


class HeatMaps(Protocol):
    """Makes heat maps for patches.

    Attributes:
        channel: Name of the channel over whose extent the maps lie.
    """

    channel: str

    def of(self, patches: FloatArray) -> FloatArray:
        """Heat maps for metastasis.

        Args:
            patches: float32 ``[N, channel, z, y, x]``, at least one.

        Returns:
            float32 ``[N, d, h, w]``, at least 0, over the extent of ``channel`` on a coarser grid; 0 all over where
            nothing speaks for metastasis.
        """
        ...


class IntegratedGradients:
    """Integrated gradients (Sundararajan et al. 2017) against a patch that holds the baseline alone.

    What all voxels of all channels are given adds up to the difference of the two logits; a map shows the part of
    one channel that speaks for metastasis.

    Args:
        network: Gives logits ``[B]`` for patches ``[B, channel, z, y, x]``; in evaluation mode, not compiled.
        device: That it is on.
        channels: Names of the input's channels, in order.
        baseline: What stands for nothing to see, such as fat, in the patch's own values.
    """

    def __init__(self, network: nn.Module, device: str, channels: tuple[str, ...], baseline: float) -> None:
        from captum.attr import IntegratedGradients as Gradients

        from LNStationLib.networks.score import ScoreOfClass

        found: Any = network
        self.channel, _ = found.heat_map_layer()
        self._index = channels.index(self.channel)
        self._device, self._baseline = device, baseline
        self._gradients: Any = Gradients(ScoreOfClass(network.requires_grad_(False)).to(device))

    def of(self, patches: FloatArray) -> FloatArray:
        """Heat maps for metastasis; see :meth:`HeatMaps.of`."""
        return np.stack([self._map(patch) for patch in patches])

    def attributions(self, patch: FloatArray) -> FloatArray:
        """What every voxel adds to the logit, ``[channel, z, y, x]``."""
        return np.asarray(self._attributions(patch).cpu().numpy())

    def _attributions(self, patch: FloatArray) -> Tensor:
        import torch

        whole = torch.from_numpy(np.ascontiguousarray(patch[None])).to(self._device)
        found: Tensor = self._gradients.attribute(whole, self._baseline, target=0, n_steps=_STEPS)
        return found[0].float()

    def _map(self, patch: FloatArray) -> FloatArray:
        from torch.nn.functional import avg_pool3d

        found = self._attributions(patch)[None, self._index]
        # Cells beyond the last whole one are counted by the voxels that they have.
        cells = avg_pool3d(found[None], _CELL, ceil_mode=True, count_include_pad=False)
        return np.asarray(cells[0, 0].relu().cpu().numpy())


class GradCam:
    """Grad-CAM (Selvaraju et al. 2017) of a network that has ``heat_map_layer``.

    Args:
        network: Gives logits ``[B]`` for patches ``[B, channel, z, y, x]``; in evaluation mode, not compiled.
        device: That it is on.
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
        """Heat maps for metastasis; see :meth:`HeatMaps.of`."""
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
