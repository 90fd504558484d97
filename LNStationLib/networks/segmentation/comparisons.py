"""Networks that DeepStationing compares its backbone with (Guo et al. 2021, Sec. 3): a light decoder, a 2D U-Net."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monai.networks.blocks.dynunet_block import UnetBasicBlock
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor, nn
from torch.nn import functional

_LEAKY_RELU = ("leakyrelu", {"inplace": True, "negative_slope": 0.01})
_INSTANCE_NORM = ("INSTANCE", {"affine": True})
_MIN_LEVELS = 3
"""As of the U-Net that they are compared with."""


class LightDecoder(nn.Module):
    """A U-Net's way down whose levels answer directly: each adds its logits to those of the finer ones.

    After PHNN (Harrison et al. 2017, doi:10.1007/978-3-319-66179-7_71), whose side outputs are added progressively in
    place of a decoding path; the paper calls it a 3D U-Net with a light-weighted decoding path.

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
        # The last level's bias is enough: the answers are summed.
        self.answers = nn.ModuleList(
            nn.Conv3d(width, n_classes, 1, bias=place == len(filters) - 1) for place, width in enumerate(filters)
        )
        self._total_stride = math.prod(strides)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, class, z, y, x]`` for ``[B, channel, z, y, x]`` of any size."""
        size = x.shape[2:]
        x = padded(x, [self._total_stride] * 3)
        whole = x.shape[2:]
        logits: Tensor | None = None
        for level, answer in zip(self.levels, self.answers, strict=True):
            x = level(x)
            own = functional.interpolate(answer(x), whole, mode="trilinear", align_corners=False)
            logits = own if logits is None else logits + own
        assert logits is not None
        return logits[..., : size[0], : size[1], : size[2]]


class SliceUnet(nn.Module):
    """The U-Net of nnU-Net on axial slices, one by one.

    Args:
        in_channels: Channels of the input.
        n_classes: Classes of the output, background among them.
        filters: Channels of each level, the finest first.
        strides: Stride of each level in the plane; the first is 1.

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
        check_levels(filters, strides)
        self.unet = DynUNet(
            spatial_dims=2,
            in_channels=in_channels,
            out_channels=n_classes,
            kernel_size=[3] * len(strides),
            strides=list(strides),
            upsample_kernel_size=list(strides[1:]),
            filters=list(filters),
            norm_name=_INSTANCE_NORM,
            act_name=_LEAKY_RELU,
            trans_bias=True,
        )
        self._total_stride = math.prod(strides)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, class, z, y, x]`` for ``[B, channel, z, y, x]`` of any size."""
        batch, _, depth, height, width = x.shape
        grown = padded(x, [1, self._total_stride, self._total_stride])
        slices = grown.transpose(1, 2).flatten(0, 1)
        answer: Tensor = self.unet(slices)
        logits = answer.unflatten(0, (batch, depth)).transpose(1, 2)
        return logits[..., :height, :width]


def way_down(in_channels: int, filters: Sequence[int], strides: Sequence[int]) -> nn.ModuleList:
    """The levels of a U-Net's encoder in 3D, the finest first.

    Raises:
        ValueError: Fewer than three levels, or numbers of filters and strides that differ.
    """
    check_levels(filters, strides)
    widths = [in_channels, *filters]
    return nn.ModuleList(
        UnetBasicBlock(3, before, after, 3, stride, norm_name=_INSTANCE_NORM, act_name=_LEAKY_RELU)
        for before, after, stride in zip(widths, filters, strides, strict=False)
    )


def padded(x: Tensor, multiples: Sequence[int]) -> Tensor:
    """Edges repeated at the far ends up to a multiple, and to more than one voxel at the coarsest level."""
    sizes = list(x.shape[2:])
    wanted = [math.ceil(size / multiple) * multiple for size, multiple in zip(sizes, multiples, strict=True)]
    if wanted[1:] == list(multiples[1:]):
        # Instance normalization is not defined for a single value.
        wanted[-1] *= 2
    missing = [want - size for want, size in zip(wanted, sizes, strict=True)]
    return functional.pad(x, (0, missing[2], 0, missing[1], 0, missing[0]), mode="replicate") if any(missing) else x


def check_levels(filters: Sequence[int], strides: Sequence[int]) -> None:
    """Refuse levels that do not go together.

    Raises:
        ValueError: Fewer than three, numbers of filters and strides that differ, or a first stride above 1.
    """
    if len(strides) < _MIN_LEVELS or len(filters) != len(strides) or strides[0] != 1:
        raise ValueError(
            f"needs as many filters as strides, {_MIN_LEVELS} or more, and the first stride 1, got {filters} and "
            f"{strides}"
        )
