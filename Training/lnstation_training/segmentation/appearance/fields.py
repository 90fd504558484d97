"""Smooth random fields and filters on patches ``[1, z, y, x]``, on whichever device the patch lies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_SIGMAS = 3
"""Standard deviations after which a Gaussian kernel is cut."""


def smooth_field(patch: Tensor, cell: Sequence[float], generator: torch.Generator) -> Tensor:
    """A random field of mean 0 and variance 1, interpolated linearly between draws on a coarse grid.

    Args:
        patch: Gives shape, device and type; ``[1, z, y, x]``.
        cell: Distance between draws in voxels along z, y, x.
        generator: On the patch's device.

    Returns:
        As ``patch``.
    """
    shape = patch.shape[-3:]
    coarse = [max(2, int(n / max(step, 1.0)) + 2) for n, step in zip(shape, cell, strict=True)]
    drawn = torch.randn(1, 1, *coarse, device=patch.device, dtype=patch.dtype, generator=generator)
    field = functional.interpolate(drawn, size=shape, mode="trilinear", align_corners=False)[0]
    return (field - field.mean()) / field.std().clamp_min(1e-6)


def blurred(patch: Tensor, sigma: Sequence[float]) -> Tensor:
    """A patch after a Gaussian filter; values at the edges are repeated, so that an even patch stays even.

    Args:
        patch: ``[1, z, y, x]``.
        sigma: In voxels along z, y, x; 0 leaves an axis alone.
    """
    volume = patch[None]
    for axis, each in enumerate(sigma):
        if each > 0:
            volume = _along(volume, _gaussian(each, patch), axis)
    return volume[0]


def _gaussian(sigma: float, like: Tensor) -> Tensor:
    radius = max(1, math.ceil(_SIGMAS * sigma))
    place = torch.arange(-radius, radius + 1, device=like.device, dtype=like.dtype)
    kernel = torch.exp(-(place**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def _along(volume: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Filter ``[1, 1, z, y, x]`` along one axis."""
    radius = len(kernel) // 2
    shape, pad = [1, 1, 1, 1, 1], [0] * 6
    shape[axis + 2] = len(kernel)
    pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = radius
    return functional.conv3d(functional.pad(volume, pad, mode="replicate"), kernel.view(shape))


def dilated(mask: Tensor, voxels: int = 1) -> Tensor:
    """A mask grown by so many voxels in all directions (26 neighbors)."""
    size = 2 * voxels + 1
    return functional.max_pool3d(mask[None].float(), size, 1, voxels)[0] > 0


def eroded(mask: Tensor, voxels: int = 1) -> Tensor:
    """A mask shrunk by so many voxels; the patch's edges do not shrink it."""
    return ~dilated(~mask, voxels)


def shell(mask: Tensor) -> Tensor:
    """The outermost voxels of a mask."""
    return mask & ~eroded(mask)


def coordinates(patch: Tensor, axis: int) -> Tensor:
    """Index along an axis (0 for z) at every voxel, to be broadcast over ``[1, z, y, x]``."""
    n = patch.shape[axis + 1]
    shape = [1, 1, 1, 1]
    shape[axis + 1] = n
    return torch.arange(n, device=patch.device, dtype=torch.float32).view(shape)


def distance(patch: Tensor, center: Sequence[float], spacing_mm: Sequence[float]) -> Tensor:
    """Distance in mm of every voxel from a point given in voxels along z, y, x."""
    squared = sum(((coordinates(patch, axis) - center[axis]) * spacing_mm[axis]) ** 2 for axis in range(3))
    return torch.sqrt(torch.as_tensor(squared))
