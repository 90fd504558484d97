"""The 3D networks that PGLS is compared with (Li et al. 2024, Table 1), behind the same interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from LNStationLib.networks.classification.comparisons import ResNetClassifier
from LNStationLib.networks.classification.mobilevitv2 import MobileViTv2
from LNStationLib.networks.layers import make_divisible
from LNStationLib.networks.node_classification.blocks import conv_norm_act
from LNStationLib.networks.node_classification.mobilenetv3 import MobileNetV3
from LNStationLib.networks.node_classification.streams import CHANNELS, stream_indices
from LNStationLib.networks.output import NodeOutput

VolumeBackbone = Literal["mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "mobilevitv2"]


class _MobileNet(nn.Module):
    """MobileNetV3 in 3D with global pooling and one logit."""

    def __init__(self, size: Literal["large", "small"], width: float) -> None:
        super().__init__()
        self.backbone = MobileNetV3(3, size, 1, width)
        self.finest_layer = f"backbone.{self.backbone.finest_layer}"
        self.head = nn.Linear(self.backbone.channels[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(x)[-1].mean(dim=(2, 3, 4))).squeeze(1)
        return logits


class _Station(nn.Module):
    """A classifier of station regions on one channel; its answer's logits alone."""

    def __init__(self, network: nn.Module, finest_layer: str) -> None:
        super().__init__()
        self.network = network
        self.finest_layer = f"network.{finest_layer}"

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x).logits
        return logits


def _network(name: VolumeBackbone, width: float) -> nn.Module:
    if width <= 0:
        raise ValueError(f"width must be above 0, got {width}")
    if name == "mobilenet_v3_large":
        return _MobileNet("large", width)
    if name == "mobilenet_v3_small":
        return _MobileNet("small", width)
    if name == "resnet18":
        if width != 1:
            raise ValueError(f"the 3D ResNet-18 has one width, 1, got {width}")
        return _Station(ResNetClassifier(18, 1), "net.layer2")
    if name == "mobilevitv2":
        return _Station(MobileViTv2(1, width), "downs.0")
    raise ValueError(
        f"backbone must be mobilenet_v3_large, mobilenet_v3_small, resnet18 or mobilevitv2, got {name!r}"
    )


class VolumeNetwork(nn.Module):
    """Judges a node by 3D features of one channel.

    Args:
        backbone: MobileNetV3, ResNet-18 (MONAI; of one width) or MobileViTv2, in 3D.
        width: Multiplies its channel counts.
        stream: Channel of the input that it sees.
        channels: Names of the input's channels, in order.

    Raises:
        ValueError: The channel is not among them, or the backbone is not known.
    """

    def __init__(
        self,
        backbone: VolumeBackbone = "mobilenet_v3_large",
        width: float = 1.0,
        stream: str = CHANNELS[0],
        channels: Sequence[str] = CHANNELS,
    ) -> None:
        super().__init__()
        (self.index,) = stream_indices((stream,), channels)
        self.stream = stream
        self.network = _network(backbone, width)

    def forward(self, x: Tensor) -> NodeOutput:
        """Judge patches ``[B, channel, z, y, x]``."""
        return NodeOutput(self.network(x[:, self.index, None]))

    def heat_map_layer(self) -> tuple[str, str]:
        """Channel and name of the layer that a heat map is made from."""
        return self.stream, f"network.{self.network.finest_layer}"


class DualNet(nn.Module):
    """Two 3D convolutional paths, for the node at its own size and for the node resized, joined by dense layers.

    The idea is that of Kann et al. 2018 (doi:10.1038/s41598-018-32441-y), as PGLS compares with it; depth and widths
    are ours: three blocks of two convolutions each.

    Args:
        width: Multiplies every channel count.
        dropout: Before the last layer.
        channels: Names of the input's channels, in order.

    Raises:
        ValueError: The input has not both channels, or the width is not positive.
    """

    def __init__(self, width: float = 1.0, dropout: float = 0.2, channels: Sequence[str] = CHANNELS) -> None:
        super().__init__()
        if width <= 0:
            raise ValueError(f"width must be above 0, got {width}")
        self.indices = stream_indices(CHANNELS, channels)
        w1, w2, w3 = (make_divisible(base * width) for base in (32, 64, 128))
        self.paths = nn.ModuleDict({name: _path(w1, w2, w3) for name in CHANNELS})
        self.dense = nn.Sequential(nn.Linear(2 * w3, w3), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.head = nn.Linear(w3, 1)

    def forward(self, x: Tensor) -> NodeOutput:
        """Judge patches ``[B, channel, z, y, x]``."""
        seen = [
            path(x[:, index, None]).mean(dim=(2, 3, 4))
            for path, index in zip(self.paths.values(), self.indices, strict=True)
        ]
        features = self.dense(torch.cat(seen, dim=1))
        return NodeOutput(self.head(features).squeeze(1), features=features)

    def heat_map_layer(self) -> tuple[str, str]:
        """Channel and name of the layer that a heat map is made from."""
        name = CHANNELS[-1]
        return name, f"paths.{name}"


def _path(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 1
    for number, width in enumerate(widths):
        pooled = (1, 2, 2) if number == 0 else (2, 2, 2)
        layers += [
            conv_norm_act(3, before, width, act=nn.ReLU),
            conv_norm_act(3, width, width, stride=pooled, act=nn.ReLU),
        ]
        before = width
    return nn.Sequential(*layers)
