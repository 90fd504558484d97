"""MobileNetV3 in 2D and 3D (Howard et al. 2019, Tables 1 and 2), its 2D layers named as torchvision names them.

So a user's own ImageNet file of torchvision's ``mobilenet_v3_large`` or ``mobilenet_v3_small`` fits by its keys.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

from LNStationLib.networks.layers import make_divisible
from LNStationLib.networks.node_classification.blocks import (
    AVERAGE_POOLING,
    CONVOLUTION,
    IMAGENET_NORM,
    Dims,
    conv_norm_act,
)

Size = Literal["large", "small"]

_STEM_CHANNELS = 16
_LAST_EXPANSION = 6
"""Channels of the last convolution over those of the last block."""
_DEPTH_STRIDES = (1, 1, 2, 2, 2)
"""Along z in 3D, of the five layers that halve the plane: 16 slices of 5 mm span less than 64 pixels of 0.8 mm."""


class _Block(NamedTuple):
    kernel: int
    expanded: int
    out: int
    squeeze: bool
    act: type[nn.Module]
    stride: int


_RE, _HS = nn.ReLU, nn.Hardswish
_BLOCKS: dict[str, tuple[_Block, ...]] = {
    "large": (
        _Block(3, 16, 16, False, _RE, 1),
        _Block(3, 64, 24, False, _RE, 2),
        _Block(3, 72, 24, False, _RE, 1),
        _Block(5, 72, 40, True, _RE, 2),
        _Block(5, 120, 40, True, _RE, 1),
        _Block(5, 120, 40, True, _RE, 1),
        _Block(3, 240, 80, False, _HS, 2),
        _Block(3, 200, 80, False, _HS, 1),
        _Block(3, 184, 80, False, _HS, 1),
        _Block(3, 184, 80, False, _HS, 1),
        _Block(3, 480, 112, True, _HS, 1),
        _Block(3, 672, 112, True, _HS, 1),
        _Block(5, 672, 160, True, _HS, 2),
        _Block(5, 960, 160, True, _HS, 1),
        _Block(5, 960, 160, True, _HS, 1),
    ),
    "small": (
        _Block(3, 16, 16, True, _RE, 2),
        _Block(3, 72, 24, False, _RE, 2),
        _Block(3, 88, 24, False, _RE, 1),
        _Block(5, 96, 40, True, _HS, 2),
        _Block(5, 240, 40, True, _HS, 1),
        _Block(5, 240, 40, True, _HS, 1),
        _Block(5, 120, 48, True, _HS, 1),
        _Block(5, 144, 48, True, _HS, 1),
        _Block(5, 288, 96, True, _HS, 2),
        _Block(5, 576, 96, True, _HS, 1),
        _Block(5, 576, 96, True, _HS, 1),
    ),
}


class SqueezeExcitation(nn.Module):
    """Channel gates from their means (Hu et al. 2018), with MobileNetV3's hard sigmoid."""

    def __init__(self, dims: Dims, channels: int) -> None:
        super().__init__()
        squeezed = make_divisible(channels // 4)
        self.avgpool = AVERAGE_POOLING[dims](1)
        self.fc1 = CONVOLUTION[dims](channels, squeezed, 1)
        self.fc2 = CONVOLUTION[dims](squeezed, channels, 1)
        self.activation = nn.ReLU()
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Scale every channel."""
        gate: Tensor = self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x)))))
        return gate * x


class InvertedResidual(nn.Module):
    """Expand, depth-wise convolution, squeeze and excitation where there is one, project (Fig. 4)."""

    def __init__(self, dims: Dims, channels_in: int, expanded: int, out: int, row: _Block, stride: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if expanded != channels_in:
            layers.append(conv_norm_act(dims, channels_in, expanded, 1, act=row.act, norm=IMAGENET_NORM))
        layers.append(conv_norm_act(dims, expanded, expanded, row.kernel, stride, expanded, row.act, IMAGENET_NORM))
        if row.squeeze:
            layers.append(SqueezeExcitation(dims, expanded))
        layers.append(conv_norm_act(dims, expanded, out, 1, act=None, norm=IMAGENET_NORM))
        self.block = nn.Sequential(*layers)
        self.residual = row.stride == 1 and channels_in == out

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, channels_in, ...]`` to ``[B, out, ...]``."""
        y: Tensor = self.block(x)
        return x + y if self.residual else y


class MobileNetV3(nn.Module):
    """The convolutional part of MobileNetV3; gives its last three scales.

    Args:
        dims: 2 or 3.
        size: ``"large"`` or ``"small"``.
        in_channels: Channels of the input.
        width: Multiplies every channel count (the paper's width multiplier).

    Attributes:
        channels: Of the three scales, the finest first.
        finest_layer: Name of the layer whose output is the finest of them.
    """

    def __init__(self, dims: Dims = 2, size: Size = "large", in_channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        strides = iter([(depth, 2, 2) if dims == 3 else (2, 2) for depth in _DEPTH_STRIDES])
        channels = make_divisible(_STEM_CHANNELS * width)
        layers: list[nn.Module] = [
            conv_norm_act(dims, in_channels, channels, 3, next(strides), 1, _HS, IMAGENET_NORM)
        ]
        ends, outs = [], [channels]
        for row in _BLOCKS[size]:
            if row.stride == 2:
                ends.append(len(layers) - 1)
            expanded, out = make_divisible(row.expanded * width), make_divisible(row.out * width)
            stride = next(strides) if row.stride == 2 else 1
            layers.append(InvertedResidual(dims, channels, expanded, out, row, stride))
            channels = out
            outs.append(out)
        layers.append(conv_norm_act(dims, channels, _LAST_EXPANSION * channels, 1, act=_HS, norm=IMAGENET_NORM))
        outs.append(_LAST_EXPANSION * channels)
        self.features = nn.Sequential(*layers)
        self._ends = (*ends[-2:], len(layers) - 1)
        self.channels = tuple(outs[end] for end in self._ends)
        self.finest_layer = f"features.{self._ends[0]}"

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of an eighth, a sixteenth and a thirty-second of the plane's size."""
        found = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._ends:
                found.append(x)
        return found
