"""Convolutional building blocks in three dimensions. Axes of feature maps are ``[batch, channel, z, y, x]``."""

from __future__ import annotations

from torch import Tensor, nn

Stride = tuple[int, int, int]


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round a channel count to a multiple of ``divisor``, at most 10 % below ``value`` (MobileNets' rule)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def conv_norm_act(
    channels_in: int,
    channels_out: int,
    kernel: int = 3,
    stride: Stride = (1, 1, 1),
    groups: int = 1,
    act: type[nn.Module] | None = nn.SiLU,
) -> nn.Sequential:
    """Convolution without bias, batch normalization and an activation, or none."""
    layers: list[nn.Module] = [
        nn.Conv3d(channels_in, channels_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm3d(channels_out),
    ]
    if act is not None:
        layers.append(act(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """MobileNetV2's block carried to 3D: expand, depth-wise 3x3x3, project (Sandler et al. 2018, Fig. 4).

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        stride: Stride along z, y, x of the depth-wise convolution.
        expansion: Width of the middle as a multiple of ``channels_in``; 1 leaves the expansion out.
        act: Activation; MobileViTv2 takes SiLU, MobileNetV2 ReLU6.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        stride: Stride = (1, 1, 1),
        expansion: float = 2.0,
        act: type[nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        hidden = make_divisible(channels_in * expansion)
        expand = [conv_norm_act(channels_in, hidden, kernel=1, act=act)] if hidden != channels_in else []
        self.block = nn.Sequential(
            *expand,
            conv_norm_act(hidden, hidden, stride=stride, groups=hidden, act=act),
            conv_norm_act(hidden, channels_out, kernel=1, act=None),
        )
        self.residual = channels_in == channels_out and tuple(stride) == (1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, channels_in, z, y, x]`` to ``[B, channels_out, z', y', x']``."""
        y: Tensor = self.block(x)
        return x + y if self.residual else y
