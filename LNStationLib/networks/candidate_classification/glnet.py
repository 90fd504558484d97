"""OSLN's second stage (Zhu et al. 2020, Sec. 3.2): features of several scales in the candidate's box, and tags."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from LNStationLib.networks.output import NodeOutput

FEATURES = 256
"""Of each scale (Sec. 3.2: four blocks of 256, a vector of 1024)."""


class GlNet(nn.Module):
    """Global-local network: residual blocks whose features are pooled in the candidate's box, joined with tags.

    Args:
        in_channels: Channels of the patch; the last one holds 1 in the candidate's box, 0 elsewhere.
        n_tags: Tags of a candidate; 0 for the local module alone.
        filters: Channels of the four residual blocks, the finest first; each halves the size but the first.
        features: Of each scale after pooling.
        local: Whether the patch is looked at; without it tags alone decide.

    Raises:
        ValueError: Neither tags nor patch are looked at, or there is no channel beside the box.
    """

    def __init__(
        self,
        in_channels: int = 2,
        n_tags: int = 0,
        filters: Sequence[int] = (32, 64, 128, 256),
        features: int = FEATURES,
        local: bool = True,
    ) -> None:
        super().__init__()
        if in_channels < 2 or (not local and n_tags < 1):
            raise ValueError("needs a channel beside that of the box, and the patch or tags to look at")
        widths, self.local, self.n_tags = [in_channels - 1, *filters], local, n_tags
        self.blocks = nn.ModuleList(
            ResidualBlock(before, after, 1 if place == 0 else 2)
            for place, (before, after) in enumerate(zip(widths, filters, strict=False))
            if local
        )
        self.joined = nn.ModuleList(nn.Sequential(nn.Linear(w, features), nn.ReLU()) for w in filters if local)
        self.head = nn.Linear(features * len(self.joined) + n_tags, 1)

    def forward(self, x: Tensor, tags: Tensor | None = None) -> NodeOutput:
        """Logits that candidates are true.

        Args:
            x: ``[B, channel, z, y, x]``; the last channel is the box.
            tags: ``[B, tag]``; needed where the network has tags.
        """
        parts = self._scales(x[:, :-1], x[:, -1:]) if self.local else []
        if self.n_tags:
            if tags is None:
                raise ValueError(f"this network needs {self.n_tags} tags of every candidate")
            parts.append(tags)
        vector = torch.cat(parts, 1)
        return NodeOutput(self.head(vector)[:, 0], features=vector)

    def _scales(self, x: Tensor, box: Tensor) -> list[Tensor]:
        found = []
        for block, joined in zip(self.blocks, self.joined, strict=True):
            x = block(x)
            found.append(joined(roi_mean(x, box)))
        return found


def roi_mean(features: Tensor, box: Tensor) -> Tensor:
    """ROI-GAP: mean of features ``[B, C, z, y, x]`` in a box ``[B, 1, z', y', x']`` of any resolution, ``[B, C]``."""
    z, y, x = features.shape[2:]
    weight = functional.adaptive_avg_pool3d(box, (z, y, x))
    return (features * weight).sum((2, 3, 4)) / weight.sum((2, 3, 4)).clamp_min(1e-6)


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions and a shortcut (He et al. 2016), with instance normalization for small batches."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.second = nn.Conv3d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.InstanceNorm3d(channels_out, affine=True) for _ in range(2))
        self.shortcut = nn.Conv3d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, channels_in, z, y, x]`` to ``[B, channels_out, z', y', x']``."""
        y = functional.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        return functional.relu(y + self.shortcut(x))
