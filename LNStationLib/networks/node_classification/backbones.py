"""2D backbones of 2.5D networks: each gives its last three scales, the finest first."""

from __future__ import annotations

from typing import Any, Literal, Protocol, get_args

import torch.nn.functional as functional
from monai.networks.nets.resnet import ResNet
from torch import Tensor, nn

from LNStationLib.networks.classification.feed_forward import FeedForward, RoutingRecord
from LNStationLib.networks.classification.separable_attention import SampleNorm, TransformerLayer, fold, unfold
from LNStationLib.networks.layers import make_divisible
from LNStationLib.networks.node_classification.blocks import conv_norm_act
from LNStationLib.networks.node_classification.efficientnet_lite import EfficientNetLite0
from LNStationLib.networks.node_classification.mobilenetv3 import MobileNetV3

BackboneName = Literal["mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "mobilevitv2", "efficientnet_lite0"]
SLICES_OF_A_SET = 3
"""As the colors of a photograph, so that weights of ImageNet fit (Li et al. 2024, Sec. 2.1)."""
_PATCH = (1, 2, 2)
"""MobileViT's patch of 2 x 2 pixels, as the 3D code of its attention has it."""


class Backbone(Protocol):
    """From a set of slices ``[B, 3, y, x]`` to features of an eighth, a sixteenth and a thirty-second of its size."""

    channels: tuple[int, ...]
    finest_layer: str

    def __call__(self, x: Tensor) -> list[Tensor]: ...  # noqa: D102


class ResNet18(nn.Module):
    """ResNet-18 in 2D (He et al. 2016; MONAI), its layers named as torchvision names them.

    Args:
        width: Multiplies every channel count.
    """

    finest_layer = "layer2"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        planes = [make_divisible(base * width) for base in (64, 128, 256, 512)]
        whole: Any = ResNet(
            "basic",
            [2, 2, 2, 2],
            planes,
            spatial_dims=2,
            n_input_channels=SLICES_OF_A_SET,
            conv1_t_size=7,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=False,
        )
        self.conv1, self.bn1, self.act, self.maxpool = whole.conv1, whole.bn1, whole.act, whole.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = whole.layer1, whole.layer2, whole.layer3, whole.layer4
        self.channels = tuple(planes[1:])

    def forward(self, x: Tensor) -> list[Tensor]:
        """The last three of four stages."""
        second = self.layer2(self.layer1(self.maxpool(self.act(self.bn1(self.conv1(x))))))
        third = self.layer3(second)
        return [second, third, self.layer4(third)]


class _Inverted(nn.Module):
    """MobileNetV2's block in 2D with MobileViTv2's SiLU and expansion of 2."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        hidden = make_divisible(2 * channels_in)
        self.block = nn.Sequential(
            conv_norm_act(2, channels_in, hidden, 1),
            conv_norm_act(2, hidden, hidden, 3, stride, hidden),
            conv_norm_act(2, hidden, channels_out, 1, act=None),
        )
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return x + y if self.residual else y


class _MobileViTBlock(nn.Module):
    """Local convolutions, transformer layers over unfolded 2 x 2 patches, projection (MobileViTv2, Fig. 2)."""

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.local = nn.Sequential(
            conv_norm_act(2, channels, channels, groups=channels), nn.Conv2d(channels, width, 1, bias=False)
        )
        hidden = max(2 * width // 16 * 16, 16)
        self.layers = nn.ModuleList(TransformerLayer(width, FeedForward(width, hidden)) for _ in range(depth))
        self.norm = SampleNorm(width)
        self.project = conv_norm_act(2, width, channels, 1, act=None)

    def forward(self, x: Tensor) -> Tensor:
        local = self.local(x)
        size = local.shape[2:]
        even = [-(-length // 2) * 2 for length in size]
        if even != list(size):
            local = functional.interpolate(local, size=even, mode="bilinear", align_corners=False)
        tokens, record = unfold(local.unsqueeze(2), _PATCH), RoutingRecord.empty()
        for layer in self.layers:
            tokens, _ = layer(tokens, record)
        y = fold(self.norm(tokens), (1, even[0], even[1]), _PATCH).squeeze(2)
        if even != list(size):
            y = functional.interpolate(y, size=list(size), mode="bilinear", align_corners=False)
        projected: Tensor = self.project(y)
        return projected


class MobileViTv2(nn.Module):
    """MobileViTv2 in 2D (Mehta and Rastegari 2023, Table 5).

    Args:
        width: Multiplies every channel count.
    """

    finest_layer = "stages.0"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        stem = make_divisible(min(max(32 * width, 16), 64))
        c1, c2, *scales = (make_divisible(base * width, 16) for base in (64, 128, 256, 384, 512))
        inner = [make_divisible(base * width) for base in (128, 192, 256)]
        self.stem = nn.Sequential(
            conv_norm_act(2, SLICES_OF_A_SET, stem, stride=2),
            _Inverted(stem, c1, 1),
            _Inverted(c1, c2, 2),
            _Inverted(c2, c2, 1),
        )
        into = (c2, *scales[:2])
        self.stages = nn.ModuleList(
            nn.Sequential(_Inverted(before, after, 2), _MobileViTBlock(after, width_, depth))
            for before, after, width_, depth in zip(into, scales, inner, (2, 4, 3), strict=True)
        )
        self.channels = tuple(scales)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The three stages with attention."""
        found = [self.stem(x)]
        for stage in self.stages:
            found.append(stage(found[-1]))
        return found[1:]


def backbone(name: BackboneName, width: float) -> nn.Module:
    """A 2D backbone by name.

    Raises:
        ValueError: The name is not known, or the width is not positive.
    """
    if width <= 0:
        raise ValueError(f"width must be above 0, got {width}")
    if name == "mobilenet_v3_large":
        return MobileNetV3(2, "large", SLICES_OF_A_SET, width)
    if name == "mobilenet_v3_small":
        return MobileNetV3(2, "small", SLICES_OF_A_SET, width)
    if name == "resnet18":
        return ResNet18(width)
    if name == "mobilevitv2":
        return MobileViTv2(width)
    if name == "efficientnet_lite0":
        return EfficientNetLite0(SLICES_OF_A_SET, width)
    raise ValueError(f"backbone must be one of {', '.join(get_args(BackboneName))}, got {name!r}")
