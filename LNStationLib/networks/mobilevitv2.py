"""MobileViTv2 in three dimensions with optional experts: the classifier of SA-MoE (Li et al. 2025, Sec. 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from LNStationLib.networks.attention_map import aggregated
from LNStationLib.networks.feed_forward import Experts, Routing, RoutingRecord, feed_forward
from LNStationLib.networks.layers import InvertedResidual, Stride, conv_norm_act, make_divisible
from LNStationLib.networks.output import StationOutput
from LNStationLib.networks.separable_attention import SampleNorm, TransformerLayer, fold, fold_scores, unfold

STRIDES: tuple[Stride, ...] = ((1, 2, 2), (1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 1, 1))
"""Stem and five stages; 32 voxels of 5 mm along z are halved later and less than 96 of 0.8 mm in plane."""

PAPER_WIDTH = 1.97
"""Width whose parameters come nearest to the paper's 16.99 M (docs/networks.md)."""


class MobileViTBlock(nn.Module):
    """Local convolutions, transformer layers over unfolded patches, projection (MobileViTv2, Fig. 2)."""

    def __init__(
        self, channels: int, width: int, layers: Sequence[TransformerLayer], patch: Stride = (2, 2, 2)
    ) -> None:
        super().__init__()
        self.patch = patch
        self.local = nn.Sequential(
            conv_norm_act(channels, channels, groups=channels), nn.Conv3d(channels, width, 1, bias=False)
        )
        self.layers = nn.ModuleList(layers)
        self.norm = SampleNorm(width)
        self.project = conv_norm_act(width, channels, kernel=1, act=None)

    def forward(self, x: Tensor, record: RoutingRecord) -> tuple[Tensor, Tensor]:
        """Map ``[B, channels, z, y, x]`` to the same shape.

        Returns:
            The features and the attention map of the block's last layer, ``[B, 1, z', y', x']``, summing to 1, where
            ``z', y', x'`` are the next multiples of the patch size.
        """
        local: Tensor = self.local(x)
        size = local.shape[2:]
        even = _next_multiple(size, self.patch)
        if even != tuple(size):
            local = functional.interpolate(local, size=even, mode="trilinear", align_corners=False)
        tokens = unfold(local, self.patch)
        scores = tokens.new_empty(0)
        for layer in self.layers:
            tokens, scores = layer(tokens, record)
        y = fold(self.norm(tokens), even, self.patch)
        if even != tuple(size):
            y = functional.interpolate(y, size=tuple(size), mode="trilinear", align_corners=False)
        return self.project(y), fold_scores(scores, even, self.patch)


def _next_multiple(size: Sequence[int], patch: Stride) -> tuple[int, int, int]:
    z, y, x = (-(-length // part) * part for length, part in zip(size, patch, strict=True))
    return z, y, x


class MobileViTv2(nn.Module):
    """3D MobileViTv2 that classifies a station's region of interest.

    The 2D design (Mehta and Rastegari 2023, Table 5 there) with 3x3x3 convolutions and 2x2x2 patches: a stem, two
    stages of inverted residuals, three stages that end in a MobileViT block of 2, 4 and 3 transformer layers. In all
    three blocks the feed-forward layers may be mixtures of experts (SA-MoE, Sec. 2.2).

    Args:
        in_channels: Channels of the input; the paper's two are the CT region and the node mask.
        width: Multiplies every channel count.
        strides: Stride along z, y, x of the stem and the five stages.
        experts: Kind of feed-forward layer.
        n_experts: Number of experts, where there are any.
        full_size_experts: Every expert as wide as the plain layer, rather than its share.
        routing: How tokens find their expert in training (``"station_aware"`` only).
        dropout: Dropout in transformer layers and before the head.
        node_product: Also give the stem the product of the CT (from -1 up) and the node mask, so that nodes' own
            attenuation need not be found by training. Not in the paper; for cohorts of a few hundred patients.

    Raises:
        ValueError: ``width`` is not positive, or ``strides`` are not six.
    """

    def __init__(
        self,
        in_channels: int = 2,
        width: float = PAPER_WIDTH,
        strides: Sequence[Stride] = STRIDES,
        experts: Experts = "none",
        n_experts: int = 3,
        full_size_experts: bool = False,
        routing: Routing = "argmax",
        dropout: float = 0.0,
        node_product: bool = False,
    ) -> None:
        super().__init__()
        if width <= 0:
            raise ValueError(f"width must be above 0, got {width}")
        if len(strides) != 6:
            raise ValueError(f"strides must name the stem and five stages, got {len(strides)}")
        stem = make_divisible(min(max(32 * width, 16), 64))
        c1, c2, c3, c4, c5 = (make_divisible(base * width, 16) for base in (64, 128, 256, 384, 512))
        d3, d4, d5 = (make_divisible(base * width) for base in (128, 192, 256))
        s0, s1, s2, s3, s4, s5 = strides

        def layer(width_: int) -> TransformerLayer:
            hidden = 2 * width_ // 16 * 16 or 2 * width_
            ffn = feed_forward(experts, width_, hidden, n_experts, dropout, full_size_experts, routing)
            return TransformerLayer(width_, ffn, dropout)

        def block(channels: int, width_: int, depth: int) -> MobileViTBlock:
            return MobileViTBlock(channels, width_, [layer(width_) for _ in range(depth)])

        self.node_product = node_product
        self.stem = nn.Sequential(
            conv_norm_act(in_channels + node_product, stem, stride=s0),
            InvertedResidual(stem, c1, s1),
            InvertedResidual(c1, c2, s2),
            InvertedResidual(c2, c2),
        )
        self.downs = nn.ModuleList(
            [InvertedResidual(c2, c3, s3), InvertedResidual(c3, c4, s4), InvertedResidual(c4, c5, s5)]
        )
        self.blocks = nn.ModuleList([block(c3, d3, 2), block(c4, d4, 4), block(c5, d5, 3)])
        self.head = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(c5, 1))

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions.

        Args:
            x: ``[B, in_channels, z, y, x]``.
            with_attention: Also return the aggregated attention map.
            groups: Station group of every sample, ``[B]``, int64; only for training with routing by group.

        Returns:
            Logits, attention on the grid of the finest block, and the router's logits.
        """
        if self.node_product:
            x = torch.cat([x, (x[:, :1] + 1) * x[:, 1:2]], dim=1)
        record = RoutingRecord.empty(groups)
        features, maps = self.stem(x), []
        for down, block in zip(self.downs, self.blocks, strict=True):
            features, attention = block(down(features), record)
            maps.append(attention)
        return StationOutput(
            logits=self.head(features).squeeze(1),
            attention=aggregated(maps) if with_attention else None,
            router_logits=record.router_logits,
            balance_loss=torch.stack(record.balance_losses).mean() if record.balance_losses else None,
        )
