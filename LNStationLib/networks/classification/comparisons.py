"""The other networks of SA-MoE's Tables 1 and 3, from MONAI where it has them, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from monai.networks.blocks.selfattention import SABlock
from monai.networks.nets.resnet import resnet18, resnet50
from monai.networks.nets.swin_unetr import SwinTransformer
from monai.networks.nets.vit import ViT
from torch import Tensor, nn

from LNStationLib.networks.classification.attention_map import normalized, spatial_softmax
from LNStationLib.networks.layers import InvertedResidual, Stride, conv_norm_act, make_divisible
from LNStationLib.networks.output import StationOutput

Size = tuple[int, int, int]


def pooled_head(channels: int) -> nn.Sequential:
    """Global average pooling and one logit."""
    return nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(channels, 1))


class ResNetClassifier(nn.Module):
    """3D ResNet-18 or -50 (He et al. 2016; MONAI), its attention the spatial softmax of the third stage (Table 3).

    Args:
        depth: 18 or 50.
        in_channels: Channels of the input.
        stem_stride: Stride of the first convolution along z, y, x; a stride in plane costs least accuracy per second.
    """

    def __init__(self, depth: Literal[18, 50] = 18, in_channels: int = 2, stem_stride: Stride = (1, 2, 2)) -> None:
        super().__init__()
        build = resnet18 if depth == 18 else resnet50
        self.net = build(
            spatial_dims=3,
            n_input_channels=in_channels,
            num_classes=1,
            conv1_t_stride=stem_stride,
            shortcut_type="B",
            bias_downsample=False,
        )

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions ``[B, in_channels, z, y, x]``; ``groups`` are not needed."""
        net: Any = self.net
        stem = net.maxpool(net.act(net.bn1(net.conv1(x))))
        middle = net.layer3(net.layer2(net.layer1(stem)))
        pooled = net.avgpool(net.layer4(middle)).flatten(1)
        return StationOutput(net.fc(pooled).squeeze(1), spatial_softmax(middle) if with_attention else None)


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al. 2018, Table 2) in 3D; MONAI has none.

    Args:
        in_channels: Channels of the input.
        width: Multiplies every channel count.
        stem_stride: Stride of the stem along z, y, x; the four later reductions halve every axis, the last in z only.
    """

    # Expansion, channels, repetitions, stride of the first.
    STAGES: tuple[tuple[int, int, int, Stride], ...] = (
        (1, 16, 1, (1, 1, 1)),
        (6, 24, 2, (2, 2, 2)),
        (6, 32, 3, (2, 2, 2)),
        (6, 64, 4, (2, 2, 2)),
        (6, 96, 3, (1, 1, 1)),
        (6, 160, 3, (2, 1, 1)),
        (6, 320, 1, (1, 1, 1)),
    )

    def __init__(self, in_channels: int = 2, width: float = 1.0, stem_stride: Stride = (1, 2, 2)) -> None:
        super().__init__()
        channels = make_divisible(32 * width)
        layers: list[nn.Module] = [conv_norm_act(in_channels, channels, stride=stem_stride, act=nn.ReLU6)]
        for expansion, base, repetitions, first in self.STAGES:
            for number in range(repetitions):
                stride = first if number == 0 else (1, 1, 1)
                layers.append(InvertedResidual(channels, make_divisible(base * width), stride, expansion, nn.ReLU6))
                channels = make_divisible(base * width)
        last = make_divisible(1280 * max(width, 1.0))
        self.features = nn.Sequential(*layers, conv_norm_act(channels, last, kernel=1, act=nn.ReLU6))
        self.head = pooled_head(last)

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions ``[B, in_channels, z, y, x]``; ``groups`` are not needed."""
        features = self.features(x)
        return StationOutput(self.head(features).squeeze(1), spatial_softmax(features) if with_attention else None)


_HEAD_DIM = 64
"""Channels of an attention head, in ViT-Tiny as in the ViT of SA-MoE's Table 1, whose heads have half their share."""


class ViTClassifier(nn.Module):
    """ViT in 3D (Dosovitskiy et al. 2021; MONAI), its attention the class token's row of the last layer (Table 3).

    The defaults are those whose size is the paper's 153.36 MiB; its "ViT-T" is seven times ViT-Tiny. MONAI keeps
    attention matrices without gradients, so the row is computed here, as that layer computes it.

    Args:
        in_channels: Channels of the input.
        size: Voxels of a region along z, y, x; position embeddings depend on it.
        patch: Voxels of a patch.
        hidden: Channels of a token.
        mlp: Hidden width of the feed-forward layers.
        layers: Transformer layers.
        heads: Attention heads of 64 channels each.
    """

    def __init__(
        self,
        in_channels: int = 2,
        size: Size = (32, 96, 96),
        patch: Size = (4, 16, 16),
        hidden: int = 1024,
        mlp: int = 2048,
        layers: int = 6,
        heads: int = 8,
    ) -> None:
        super().__init__()
        if any(length % part for length, part in zip(size, patch, strict=True)):
            raise ValueError(f"the region {tuple(size)} must be a multiple of the patch {tuple(patch)}")
        self.grid = tuple(length // part for length, part in zip(size, patch, strict=True))
        self.vit = ViT(
            in_channels,
            tuple(size),
            tuple(patch),
            hidden_size=hidden,
            mlp_dim=mlp,
            num_layers=layers,
            num_heads=heads,
            classification=True,
            num_classes=1,
            post_activation="none",
            qkv_bias=True,
        )
        for block in self.vit.blocks:
            if hidden != heads * _HEAD_DIM:
                block.attn = SABlock(hidden, heads, qkv_bias=True, dim_head=_HEAD_DIM)
            # MONAI makes the layers of cross-attention and never calls them here; DDP wants every parameter used.
            block.norm_cross_attn = block.cross_attn = nn.Identity()

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions ``[B, in_channels, z, y, x]`` of the size given at construction."""
        logits, hidden = self.vit(x)
        attention = self._class_row(hidden[-2]) if with_attention else None
        return StationOutput(logits.squeeze(1), attention)

    def _class_row(self, tokens: Tensor) -> Tensor:
        """Softmax of the class token's row, mean of heads, as ``[B, 1, z, y, x]``; ``tokens`` enter the layer."""
        block: Any = self.vit.blocks[-1]
        query, key, _ = block.attn.input_rearrange(block.attn.qkv(block.norm1(tokens)))
        row = torch.einsum("bhd,bhnd->bhn", query[:, :, 0], key[:, :, 1:]) * block.attn.scale
        attention = row.softmax(dim=-1).mean(dim=1)
        return normalized(attention.view(-1, 1, *self.grid))


class InPlaneMerging(nn.Module):
    """Merges 2 x 2 patches of a slice, as Video Swin does of a frame, in the form that MONAI's encoder asks for."""

    def __init__(self, dim: int, norm_layer: type[nn.LayerNorm] = nn.LayerNorm, spatial_dims: int = 3) -> None:
        super().__init__()
        self.norm = norm_layer(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, z, y, x, dim]`` to ``[B, z, y / 2, x / 2, 2 dim]``, odd sizes padded by zeros."""
        even = nn.functional.pad(x, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2))
        parts = [even[:, :, j::2, i::2] for i in range(2) for j in range(2)]
        merged: Tensor = self.reduction(self.norm(torch.cat(parts, -1)))
        return merged


class SwinClassifier(nn.Module):
    """Swin-T in 3D (Liu et al. 2021; MONAI's encoder of Swin UNETR) with pooling and one logit.

    Merging in plane has the published number of channels, and comes to 105.3 MiB (paper: 105.19).

    Args:
        in_channels: Channels of the input.
        patch: Voxels of a patch along z, y, x.
        window: Tokens of a window.
        merging: Patches merge in the ``"plane"`` alone, or in the ``"volume"``, as MONAI's do.
    """

    def __init__(
        self,
        in_channels: int = 2,
        patch: Sequence[int] = (2, 4, 4),
        window: Sequence[int] = (4, 6, 6),
        merging: Literal["plane", "volume"] = "plane",
    ) -> None:
        super().__init__()
        encoder: Any = SwinTransformer(
            in_channels,
            embed_dim=96,
            window_size=tuple(window),
            patch_size=tuple(patch),
            depths=(2, 2, 6, 2),
            num_heads=(3, 6, 12, 24),
            patch_norm=True,
            drop_path_rate=0.1,
            downsample="merging" if merging == "volume" else InPlaneMerging,
        )
        # MONAI's encoder merges patches once more after the last stage; a classifier has no use for it.
        encoder.layers4[0].downsample = None
        self.encoder = encoder
        self.head = pooled_head(768)

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions ``[B, in_channels, z, y, x]``; this network has no attention map of one scale."""
        last = self._features(x)
        return StationOutput(self.head(last).squeeze(1), spatial_softmax(last) if with_attention else None)

    def _features(self, x: Tensor) -> Tensor:
        encoder: Any = self.encoder
        y = encoder.pos_drop(encoder.patch_embed(x))
        for layer in (encoder.layers1, encoder.layers2, encoder.layers3, encoder.layers4):
            y = layer[0](y.contiguous())
        return nn.functional.layer_norm(y.movedim(1, -1), y.shape[1:2]).movedim(-1, 1)
