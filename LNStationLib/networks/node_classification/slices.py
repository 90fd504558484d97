"""PGLS's network: two 2.5D streams with multi-scale fusion and side supervision (Li et al. 2024, Sec. 2.1)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork
from torch import Tensor, nn

from LNStationLib.networks.node_classification.backbones import SLICES_OF_A_SET, BackboneName, backbone
from LNStationLib.networks.node_classification.streams import CHANNELS, stream_indices
from LNStationLib.networks.output import NodeOutput


def slice_sets(volume: Tensor, n_sets: int) -> Tensor:
    """Overlapping sets of three neighboring slices, spread evenly; the outermost slices are their own neighbors.

    Args:
        volume: ``[B, z, y, x]``.
        n_sets: As many as there are slices makes every slice the middle of one set.

    Returns:
        ``[B, n_sets, 3, y, x]``.
    """
    depth = volume.shape[1]
    middle = torch.linspace(0, depth - 1, n_sets, device=volume.device).round().long()
    around = (middle[:, None] + torch.arange(-1, 2, device=volume.device)).clamp(0, depth - 1)
    return volume[:, around.flatten()].unflatten(1, (n_sets, SLICES_OF_A_SET))


class SliceFusion(nn.Module):
    """1 x 1 convolution over the concatenated features of all sets: 3D context from 2D features."""

    def __init__(self, n_sets: int, channels: int, fused: int) -> None:
        super().__init__()
        self.n_sets = n_sets
        self.layer = nn.Sequential(
            nn.Conv2d(n_sets * channels, fused, 1, bias=False), nn.BatchNorm2d(fused), nn.Hardswish(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B * n_sets, C, y, x]`` to ``[B, fused, y, x]``."""
        y: Tensor = self.layer(x.unflatten(0, (-1, self.n_sets)).flatten(1, 2))
        return y


class Stream(nn.Module):
    """One stream: 2D features of every set, fused over slices and, where asked for, over scales.

    Args:
        name: Of the backbone.
        width: Of the backbone.
        n_sets: Sets of slices.
        fused: Channels after every fusion.
        multi_scale: Feature pyramid (Lin et al. 2017) over the last three scales, pooled and joined by a 1 x 1
            convolution; otherwise the last scale alone, pooled.
    """

    def __init__(self, name: BackboneName, width: float, n_sets: int, fused: int, multi_scale: bool) -> None:
        super().__init__()
        self.n_sets, self.multi_scale = n_sets, multi_scale
        self.backbone = backbone(name, width)
        channels: tuple[int, ...] = self.backbone.channels  # type: ignore[assignment]  # a module's attribute
        used = channels if multi_scale else channels[-1:]
        self.slice_fusion = nn.ModuleList(SliceFusion(n_sets, each, fused) for each in used)
        if multi_scale:
            self.pyramid = FeaturePyramidNetwork(2, [fused] * len(used), fused)
            self.scale_fusion = nn.Sequential(nn.Conv2d(len(used) * fused, fused, 1), nn.Hardswish(inplace=True))

    def forward(self, volume: Tensor) -> Tensor:
        """Map ``[B, z, y, x]`` to ``[B, fused, 1, 1]``."""
        sets = slice_sets(volume, self.n_sets).flatten(0, 1)
        # Channels innermost: depth-wise convolutions then train in half the time on a CPU.
        features = self.backbone(sets.contiguous(memory_format=torch.channels_last))
        scales = [fuse(x) for fuse, x in zip(self.slice_fusion, features[-len(self.slice_fusion) :], strict=True)]
        if not self.multi_scale:
            return _pooled(scales[-1])
        pyramid = self.pyramid(OrderedDict((str(number), scale) for number, scale in enumerate(scales)))
        joined: Tensor = self.scale_fusion(torch.cat([_pooled(level) for level in pyramid.values()], dim=1))
        return joined


def _pooled(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)


class SliceNetwork(nn.Module):
    """Judges a node by 2D features of sets of slices. Every part of PGLS's network can be switched off.

    Args:
        backbone: 2D network of every stream, each with weights of its own.
        width: Multiplies the backbone's channel counts.
        streams: Channels of the input that have a stream: ``ct``, ``ct_zoomed`` or both.
        multi_scale: See ``Stream``.
        n_sets: Sets of three slices; 16 for a patch of 16 slices, fewer on a CPU.
        fused: Channels after every fusion; the paper gives none.
        dropout: Before every head.
        channels: Names of the input's channels, in order.

    Raises:
        ValueError: A stream is not among the channels, or a number is not positive.
    """

    def __init__(
        self,
        backbone: BackboneName = "mobilenet_v3_large",
        width: float = 1.0,
        streams: Sequence[str] = CHANNELS,
        multi_scale: bool = True,
        n_sets: int = 16,
        fused: int = 128,
        dropout: float = 0.2,
        channels: Sequence[str] = CHANNELS,
    ) -> None:
        super().__init__()
        if min(n_sets, fused) < 1:
            raise ValueError(f"n_sets and fused must be above 0, got {n_sets} and {fused}")
        self.indices = stream_indices(streams, channels)
        self.streams = nn.ModuleDict({name: Stream(backbone, width, n_sets, fused, multi_scale) for name in streams})
        if len(self.indices) > 1:
            self.stream_fusion = nn.Sequential(
                nn.Conv2d(len(self.indices) * fused, fused, 1), nn.Hardswish(inplace=True)
            )
            self.side_heads = nn.ModuleDict({name: nn.Linear(fused, 1) for name in streams})
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(fused, 1)

    def forward(self, x: Tensor) -> NodeOutput:
        """Judge patches ``[B, channel, z, y, x]``."""
        found = {
            name: stream(x[:, index])
            for (name, stream), index in zip(self.streams.items(), self.indices, strict=True)
        }
        if len(found) == 1:
            (vector,) = found.values()
            return self._answer(vector.flatten(1), {})
        sides = {
            name: self.side_heads[name](self.dropout(vector.flatten(1))).squeeze(1) for name, vector in found.items()
        }
        return self._answer(self.stream_fusion(torch.cat(list(found.values()), dim=1)).flatten(1), sides)

    def _answer(self, features: Tensor, sides: Mapping[str, Tensor]) -> NodeOutput:
        return NodeOutput(self.head(self.dropout(features)).squeeze(1), sides, features)

    def heat_map_layer(self) -> tuple[str, str]:
        """Channel and name of the layer that a heat map is made from: the finest scale of the last stream."""
        name = list(self.streams)[-1]
        stream: Any = self.streams[name]
        return name, f"streams.{name}.backbone.{stream.backbone.finest_layer}"

    def backbone_weights(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of a 2D backbone, such as ImageNet's, by their names in this network, for every stream."""
        return {
            f"streams.{stream}.backbone.{name}": value.clone()
            for stream in self.streams
            for name, value in found.items()
        }
