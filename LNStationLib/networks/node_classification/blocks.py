"""What 2D and 3D backbones of node classifiers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

Dims = Literal[2, 3]

CONVOLUTION: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
NORMALIZATION: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
AVERAGE_POOLING: dict[int, Any] = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
IMAGENET_NORM: dict[str, Any] = {"eps": 1e-3, "momentum": 0.1}
"""Of batch normalization: eps as weights for ImageNet expect it. Their momentum of 0.01 is for hundreds of
thousands of steps: after the hundred or two of a small cohort a quarter of the running statistics are still those of
the start, and in use the network answers at random however well it has learned."""


def conv_norm_act(
    dims: Dims,
    channels_in: int,
    channels_out: int,
    kernel: int = 3,
    stride: int | Sequence[int] = 1,
    groups: int = 1,
    act: type[nn.Module] | None = nn.SiLU,
    norm: dict[str, float] | None = None,
) -> nn.Sequential:
    """Convolution without bias, batch normalization and an activation, or none.

    Args:
        dims: Of the convolution.
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        kernel: Its size along every axis.
        stride: Along every axis, or one for all.
        groups: Of the convolution.
        act: Activation.
        norm: Arguments of the batch normalization.
    """
    steps = stride if isinstance(stride, int) else tuple(stride)
    layers: list[nn.Module] = [
        CONVOLUTION[dims](channels_in, channels_out, kernel, steps, kernel // 2, groups=groups, bias=False),
        NORMALIZATION[dims](channels_out, **(norm or {})),
    ]
    if act is not None:
        layers.append(act(inplace=True))
    return nn.Sequential(*layers)
