"""MobileViTv2 in three dimensions with optional experts: the classifier of SA-MoE (Li et al. 2025, Sec. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from LNStationLib.networks.classification.attention_map import aggregated, normalized
from LNStationLib.networks.classification.feed_forward import (
    Experts,
    RouteBy,
    RouterSwitches,
    Routing,
    RoutingRecord,
    feed_forward,
)
from LNStationLib.networks.classification.separable_attention import (
    SampleNorm,
    TransformerLayer,
    fold,
    fold_scores,
    unfold,
)
from LNStationLib.networks.layers import InvertedResidual, Stride, conv_norm_act, make_divisible
from LNStationLib.networks.output import StationOutput

STRIDES: tuple[Stride, ...] = ((1, 2, 2), (1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 1, 1))
"""Stem and five stages; 32 voxels of 5 mm along z are halved later and less than 96 of 0.8 mm in plane."""

PAPER_WIDTH = 1.0
"""4.45 M parameters, 16.96 MiB in single precision; the paper's "Params" of 16.99 are MiB (docs/networks.md)."""

Pooling = Literal["average", "attention", "max"]

_PRODUCT_CHANNELS = ("ct", "node_mask")
"""Names of the channels that ``node_product`` multiplies."""
_PRODUCT_GAIN = 4.0
"""Nodes fill few voxels and lie near the middle of the window; without it the CT channel drowns them at the start.
A power of two, so that it rounds nothing."""


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


def _weights(attention: Tensor, size: Sequence[int]) -> Tensor:
    """Attention on the grid of the last features, with a mean of 1."""
    z, y, x = size
    onto = normalized(functional.adaptive_avg_pool3d(attention, (z, y, x)))
    return onto * (z * y * x)


class NodeProduct(nn.Module):
    """Appends the product of CT and node mask: what lies above the middle of the HU window, and what lies below.

    Args:
        channels: Names of the input's channels, in order.

    Raises:
        ValueError: One of the two factors is not among them.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        super().__init__()
        missing = [name for name in _PRODUCT_CHANNELS if name not in channels]
        if missing:
            raise ValueError(f"node_product needs the channel {missing[0]}, and the input has {', '.join(channels)}")
        self.ct, self.mask = (list(channels).index(name) for name in _PRODUCT_CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, z, y, x]`` to ``[B, C + 2, z, y, x]``."""
        inside = _PRODUCT_GAIN * x[:, self.ct : self.ct + 1] * x[:, self.mask : self.mask + 1]
        return torch.cat([x, inside.clamp_min(0), (-inside).clamp_min(0)], dim=1)


def _check(width: float, strides: Sequence[Stride], n_blocks: int, pooling: str) -> None:
    if width <= 0:
        raise ValueError(f"width must be above 0, got {width}")
    if len(strides) != 6:
        raise ValueError(f"strides must name the stem and five stages, got {len(strides)}")
    if not 0 <= n_blocks <= 3:
        raise ValueError(f"n_blocks must be from 0 to 3, got {n_blocks}")
    if pooling not in get_args(Pooling):
        raise ValueError(f"pooling must be one of {', '.join(get_args(Pooling))}, got {pooling!r}")
    if pooling == "attention" and n_blocks == 0:
        raise ValueError("pooling by attention needs a block that has some: n_blocks is 0")


class MobileViTv2(nn.Module):
    """3D MobileViTv2 that classifies a station's region of interest.

    The 2D design (Mehta and Rastegari 2023, Table 5 there) with 3x3x3 convolutions and 2x2x2 patches: a stem, two
    stages of inverted residuals, three stages that end in a MobileViT block of 2, 4 and 3 transformer layers. In all
    three blocks the feed-forward layers may be mixtures of experts (SA-MoE, Sec. 2.2).

    Args:
        in_channels: Number of channels of the input; the paper's two are the CT region and the node mask.
        width: Multiplies every channel count.
        strides: Stride along z, y, x of the stem and the five stages.
        experts: Kind of feed-forward layer.
        n_experts: Number of experts, where there are any.
        full_size_experts: Every expert as wide as the plain layer, rather than its share.
        routing: How tokens find their expert in training (``"station_aware"`` only).
        route_by: What the router sees: every ``"token"`` alone, as published, or the ``"sample"``'s mean token, so
            that all tokens of a region go to one expert.
        detach_router: Keep eq. 2's gradient out of the trunk: the router learns from the tokens as they are.
        dropout: Dropout in transformer layers and before the head.
        n_blocks: How many of the three MobileViT blocks there are, each with its stride before it; 0 leaves the
            convolutional stem alone, which has no attention.
        patch: Voxels of a patch along z, y, x. Attention sums to 1 for every place in a patch alone, so a node that
            fills one place of the default's eight can draw an eighth at most; ``(1, 1, 1)`` sets all of it free.
        pooling: How the head sums up the last features: their mean, as published; their mean weighted by the
            aggregated attention, so that what draws attention decides; or their maximum.
        node_product: Also give the stem the product of CT and node mask (``NodeProduct``), so that nodes' own
            attenuation need not be found by training. Not in the paper; for cohorts of a few hundred patients.
        channels: Names of the input's channels, in order, for what finds a channel by its name.

    Raises:
        ValueError: ``width`` is not positive, or ``strides`` are not six, ``n_blocks`` is not 0 to 3,
            ``pooling`` is unknown or has no attention to weight by, or ``node_product`` lacks a channel.
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
        route_by: RouteBy = "token",
        detach_router: bool = False,
        dropout: float = 0.0,
        n_blocks: int = 3,
        patch: Stride = (2, 2, 2),
        pooling: Pooling = "average",
        node_product: bool = False,
        channels: Sequence[str] = _PRODUCT_CHANNELS,
    ) -> None:
        super().__init__()
        _check(width, strides, n_blocks, pooling)
        stem = make_divisible(min(max(32 * width, 16), 64))
        c1, c2, c3, c4, c5 = (make_divisible(base * width, 16) for base in (64, 128, 256, 384, 512))
        d3, d4, d5 = (make_divisible(base * width) for base in (128, 192, 256))
        s0, s1, s2, s3, s4, s5 = strides
        switches = RouterSwitches(routing, route_by, detach_router)

        def layer(width_: int) -> TransformerLayer:
            hidden = 2 * width_ // 16 * 16 or 2 * width_
            ffn = feed_forward(experts, width_, hidden, n_experts, dropout, full_size_experts, switches)
            return TransformerLayer(width_, ffn, dropout)

        def block(channels: int, width_: int, depth: int) -> MobileViTBlock:
            return MobileViTBlock(channels, width_, [layer(width_) for _ in range(depth)], patch)

        self.products = NodeProduct(channels) if node_product else nn.Identity()
        self.pooling = pooling
        self.stem = nn.Sequential(
            conv_norm_act(in_channels + 2 * node_product, stem, stride=s0),
            InvertedResidual(stem, c1, s1),
            InvertedResidual(c1, c2, s2),
            InvertedResidual(c2, c2),
        )
        stages = [(c2, c3, s3, d3, 2), (c3, c4, s4, d4, 4), (c4, c5, s5, d5, 3)][:n_blocks]
        self.downs = nn.ModuleList(InvertedResidual(into, out, stride) for into, out, stride, _, _ in stages)
        self.blocks = nn.ModuleList(block(out, inner, depth) for _, out, _, inner, depth in stages)
        pool = nn.AdaptiveMaxPool3d(1) if pooling == "max" else nn.AdaptiveAvgPool3d(1)
        self.head = nn.Sequential(pool, nn.Flatten(), nn.Dropout(dropout), nn.Linear((c2, c3, c4, c5)[n_blocks], 1))

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions.

        Args:
            x: ``[B, in_channels, z, y, x]``.
            with_attention: Also return the aggregated attention map.
            groups: Station group of every sample, ``[B]``, int64; only for training with routing by group.

        Returns:
            Logits, attention on the grid of the finest block, and the router's logits.
        """
        record = RoutingRecord.empty(groups)
        features, maps = self.stem(self.products(x)), []
        for down, block in zip(self.downs, self.blocks, strict=True):
            features, attention = block(down(features), record)
            maps.append(attention)
        wanted = bool(maps) and (with_attention or self.pooling == "attention")
        whole = aggregated(maps) if wanted else None
        if self.pooling == "attention" and whole is not None:
            features = features * _weights(whole, features.shape[2:])
        return StationOutput(
            logits=self.head(features).squeeze(1),
            attention=whole if with_attention else None,
            router_logits=record.router_logits,
            balance_loss=torch.stack(record.balance_losses).mean() if record.balance_losses else None,
        )
