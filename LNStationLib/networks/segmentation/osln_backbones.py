"""Backbones that OSLN compares its 3D U-Net with (Zhu et al. 2020, Table 1a): SE-U-Net, PSNN and HRNet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.networks.blocks.squeeze_and_excitation import ChannelSELayer
from torch import Tensor, nn
from torch.nn import functional

from LNStationLib.networks.segmentation.comparisons import padded, way_down
from LNStationLib.networks.segmentation.dynunet import DynUnet

_SE_REDUCTION = 2
"""Of the squeeze; MONAI's default."""


class SqueezedUnet(DynUnet):
    """nnU-Net's U-Net whose levels each end in squeeze and excitation (Hu et al. 2018, doi:10.1109/CVPR.2018.00745).

    Args:
        in_channels: Channels of the input.
        n_classes: Classes of the output, background among them.
        filters: Channels of each level, the finest first.
        strides: Stride of each level; the first is 1.

    Raises:
        ValueError: As of ``DynUnet``.
    """

    def __init__(
        self,
        in_channels: int = 2,
        n_classes: int = 2,
        filters: Sequence[int] = (32, 64, 128, 256, 320),
        strides: Sequence[int | Sequence[int]] = (1, 2, 2, 2, 2),
    ) -> None:
        super().__init__(in_channels, n_classes, filters, strides)
        self.down_gates = nn.ModuleList(_gate(width) for width in filters)
        self.up_gates = nn.ModuleList(_gate(width) for width in reversed(filters[:-1]))

    def _features(self, x: Tensor) -> list[Tensor]:
        """Feature maps of the way up, the finest first; each weighted by channel."""
        kept = [self.down_gates[0](self.input_block(x))]
        for down, gate in zip([*self.downsamples, self.bottleneck], self.down_gates[1:], strict=True):
            kept.append(gate(down(kept[-1])))
        features = [kept.pop()]
        for up, gate in zip(self.upsamples, self.up_gates, strict=True):
            features.append(gate(up(features[-1], kept.pop())))
        return features[:0:-1]


def _gate(width: int) -> nn.Module:
    return ChannelSELayer(3, width, min(_SE_REDUCTION, width))


class Psnn(nn.Module):
    """Progressive semantically nested network (Jin et al. 2019, doi:10.1007/978-3-030-32226-7_21).

    A U-Net's way down without a decoder: the logits of the deepest level are upsampled and added to those of the next
    finer one, and so on to the finest; in training every level answers.

    Args:
        in_channels: Channels of the input.
        n_classes: Classes of the output, background among them.
        filters: Channels of each level, the finest first.
        strides: Stride of each level; the first is 1.

    Raises:
        ValueError: Fewer than three levels, or numbers of filters and strides that differ.
    """

    def __init__(
        self,
        in_channels: int = 2,
        n_classes: int = 2,
        filters: Sequence[int] = (32, 64, 128, 256, 320),
        strides: Sequence[int] = (1, 2, 2, 2, 2),
    ) -> None:
        super().__init__()
        self.levels = way_down(in_channels, filters, strides)
        self.answers = nn.ModuleList(nn.Conv3d(width, n_classes, 1) for width in filters)
        self._total_stride = math.prod(strides)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of ``[B, channel, z, y, x]`` of any size.

        Returns:
            ``[B, class, z, y, x]``; in training ``[B, level, class, z, y, x]``, the finest level first.
        """
        size = x.shape[2:]
        x = padded(x, [self._total_stride] * 3)
        whole, features = x.shape[2:], []
        for level in self.levels:
            x = level(x)
            features.append(x)
        nested = [self.answers[-1](features[-1])]
        for feature, answer in zip(reversed(features[:-1]), reversed(self.answers[:-1]), strict=True):
            nested.append(answer(feature) + _resized(nested[-1], feature.shape[2:]))
        finest = nested[-1][..., : size[0], : size[1], : size[2]]
        if not self.training:
            return finest
        coarser = [_resized(each, whole)[..., : size[0], : size[1], : size[2]] for each in nested[-2::-1]]
        return torch.stack([finest, *coarser], 1)


class HrNet(nn.Module):
    """HRNet in 3D: branches of several resolutions side by side that exchange features (Wang et al. 2020).

    After OSLN, Sec. 4.4, the finest branch lies two halvings below the input, for its memory; doi of HRNet:
    10.1109/TPAMI.2020.2983686. MONAI has none.

    Args:
        in_channels: Channels of the input.
        n_classes: Classes of the output, background among them.
        width: Channels of the finest branch; each coarser one has twice as many.
        n_branches: Resolutions, added one by one.
        n_blocks: Residual blocks of a branch between two exchanges.

    Raises:
        ValueError: A number is below 1.
    """

    def __init__(
        self, in_channels: int = 2, n_classes: int = 2, width: int = 32, n_branches: int = 3, n_blocks: int = 2
    ) -> None:
        super().__init__()
        if min(in_channels, n_classes - 1, width, n_branches, n_blocks) < 1:
            raise ValueError("channels, width, branches and blocks must be at least 1, and classes at least 2")
        widths = [width * 2**k for k in range(n_branches)]
        self.stem = nn.Sequential(_step(in_channels, width, 2), _step(width, width, 2))
        self.started = nn.ModuleList(_step(widths[k - 1], widths[k], 2) for k in range(1, n_branches))
        self.stages = nn.ModuleList(
            nn.ModuleList(nn.Sequential(*(_Residual(w) for _ in range(n_blocks))) for w in widths[: k + 1])
            for k in range(n_branches)
        )
        self.exchanges = nn.ModuleList(_Exchange(widths[: k + 1]) for k in range(n_branches - 1))
        self.head = nn.Sequential(_step(sum(widths), width, 1), nn.Conv3d(width, n_classes, 1))
        self._multiple = 4 * 2 ** (n_branches - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, class, z, y, x]`` for ``[B, channel, z, y, x]`` of any size."""
        size = x.shape[2:]
        x = padded(x, [self._multiple] * 3)
        whole, branches = x.shape[2:], [self.stem(x)]
        for place, stage in enumerate(self.stages):
            branches = [block(branch) for block, branch in zip(_parts(stage), branches, strict=True)]
            if place < len(self.exchanges):
                branches = self.exchanges[place](branches)
                branches.append(self.started[place](branches[-1]))
        finest = branches[0].shape[2:]
        joined = torch.cat([branches[0], *(_resized(each, finest) for each in branches[1:])], 1)
        return _resized(self.head(joined), whole)[..., : size[0], : size[1], : size[2]]


def _parts(modules: nn.Module) -> list[nn.Module]:
    """Of a list of modules, in order."""
    return list(modules.children())


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            _step(width, width, 1),
            nn.Conv3d(width, width, 3, padding=1, bias=False),
            nn.InstanceNorm3d(width, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x + self.block(x), 0.01)


class _Exchange(nn.Module):
    """Each branch gets the sum of all, resized."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.ways = nn.ModuleList(
            nn.ModuleList(nn.Conv3d(source, target, 1, bias=False) for source in widths) for target in widths
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        summed = []
        for own, ways in zip(branches, self.ways, strict=True):
            parts = [_resized(way(each), own.shape[2:]) for way, each in zip(_parts(ways), branches, strict=True)]
            summed.append(functional.leaky_relu(torch.stack(parts).sum(0), 0.01))
        return summed


def _step(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.InstanceNorm3d(channels_out, affine=True),
        nn.LeakyReLU(0.01, inplace=True),
    )


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return functional.interpolate(x, size, mode="trilinear", align_corners=False)
