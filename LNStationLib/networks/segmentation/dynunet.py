"""The U-Net of nnU-Net, plain and residual (Isensee et al. 2021), in MONAI's implementation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor
from torch.nn import functional

_MIN_LEVELS = 3
"""Of MONAI's DynUNet: one way down at least between the first block and the last."""
_LEAKY_RELU = ("leakyrelu", {"inplace": True, "negative_slope": 0.01})
_INSTANCE_NORM = ("INSTANCE", {"affine": True})


class DynUnet(DynUNet):
    """MONAI's DynUNet for volumes of any size.

    MONAI's class refuses sizes that its strides do not divide, names each weight twice in its state and keeps the
    last feature maps of deep supervision alive; its forward pass is therefore written out here, with its blocks.

    Args:
        in_channels: Channels of the input.
        n_classes: Classes of the output, background among them.
        filters: Channels of each level, the finest first.
        strides: Stride of each level along z, y, x: one number, or one for each axis; the first is 1.
        residual: Residual blocks, as nnU-Net's residual encoder (Isensee et al. 2024), in place of plain ones.
        deep_supervision: In training, coarser levels answer too.

    Raises:
        ValueError: Fewer than three levels, numbers of filters and strides that differ, or a first stride above 1.
    """

    def __init__(
        self,
        in_channels: int = 2,
        n_classes: int = 2,
        filters: Sequence[int] = (32, 64, 128, 256, 320),
        strides: Sequence[int | Sequence[int]] = (1, 2, 2, 2, 2),
        residual: bool = False,
        deep_supervision: bool = False,
    ) -> None:
        steps = [_triple(stride) for stride in strides]
        _check_levels(in_channels, n_classes, filters, steps)
        super().__init__(
            spatial_dims=3,
            in_channels=in_channels,
            out_channels=n_classes,
            kernel_size=[3] * len(steps),
            strides=steps,
            upsample_kernel_size=steps[1:],
            filters=list(filters),
            norm_name=_INSTANCE_NORM,
            act_name=_LEAKY_RELU,
            deep_supervision=deep_supervision,
            # nnU-Net supervises all levels of the way up but the coarsest.
            deep_supr_num=max(len(steps) - 3, 1),
            res_block=residual,
            trans_bias=True,
        )
        # MONAI's own way through the blocks, which holds all of them a second time.
        del self.skip_layers
        self.heads = []
        self._total_stride = [math.prod(axis) for axis in zip(*steps, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits.

        Args:
            x: ``[B, channel, z, y, x]`` of any size; edges are repeated up to a multiple of the strides.

        Returns:
            ``[B, class, z, y, x]``. In training with deep supervision ``[B, 1 + levels, class, z, y, x]``, the finest
            level first, all at the input's size (MONAI's form; ``torch.unbind(output, 1)`` parts them).
        """
        size = x.shape[2:]
        features = self._features(self._padded(x))
        answer: Tensor = _cut(self.output_block(features[0]), size)
        if not (self.training and self.deep_supervision):
            return answer
        coarser = zip(self.deep_supervision_heads, features[1:], strict=False)
        whole = features[0].shape[2:]
        others = [_cut(functional.interpolate(head(level), whole), size) for head, level in coarser]
        return torch.stack([answer, *others], dim=1)

    def _features(self, x: Tensor) -> list[Tensor]:
        """Feature maps of the way up, the finest first."""
        kept = [self.input_block(x)]
        for down in self.downsamples:
            kept.append(down(kept[-1]))
        features = [self.bottleneck(kept[-1])]
        for up in self.upsamples:
            features.append(up(features[-1], kept.pop()))
        return features[:0:-1]

    def _padded(self, x: Tensor) -> Tensor:
        """Grown at the far ends to a multiple of the strides, and to more than one voxel at the coarsest level."""
        wanted = [
            math.ceil(int(n) / stride) * stride for n, stride in zip(x.shape[2:], self._total_stride, strict=True)
        ]
        if wanted == self._total_stride:
            # Instance normalization is not defined for a single voxel.
            wanted[-1] *= 2
        missing = [want - int(n) for want, n in zip(wanted, x.shape[2:], strict=True)]
        if not any(missing):
            return x
        return functional.pad(x, (0, missing[2], 0, missing[1], 0, missing[0]), mode="replicate")


def _triple(stride: int | Sequence[int]) -> tuple[int, int, int]:
    z, y, x = (stride, stride, stride) if isinstance(stride, int) else stride
    return z, y, x


def _cut(volume: Tensor, size: Sequence[int]) -> Tensor:
    return volume[..., : size[0], : size[1], : size[2]]


def _check_levels(
    in_channels: int, n_classes: int, filters: Sequence[int], steps: Sequence[tuple[int, int, int]]
) -> None:
    if len(steps) < _MIN_LEVELS or len(filters) != len(steps):
        raise ValueError(
            f"needs as many filters as strides, {_MIN_LEVELS} or more, got {len(filters)} and {len(steps)}"
        )
    if steps[0] != (1, 1, 1):
        raise ValueError(f"the first stride must be 1, so that the output has the input's size, got {steps[0]}")
    if min(*filters, *(n for step in steps for n in step), in_channels) < 1 or n_classes < 2:
        raise ValueError("channels, filters and strides must be at least 1, and classes at least 2")
