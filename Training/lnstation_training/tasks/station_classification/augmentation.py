"""Random changes of regions in training. All of this is ours: SA-MoE names no augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from lnstation_training.engine.batch_augmentation import BatchAugmentation, Changes

# Small changes: a changed region could still be another patient's.
_MAX_ROTATION_DEG = 15
"""In the axial plane: how far patients lie rotated on the table."""
_MAX_SCALING = 0.1
"""In the axial plane: differences in body size."""
_MAX_SHIFT_VOXELS = (1, 4, 4)
"""Along z, y, x: how far the center of a station drawn by another reader lies off."""
_NOISE_SD, _MAX_INTENSITY_SCALING, _MAX_INTENSITY_SHIFT = 0.03, 0.05, 0.03
"""In scaled intensity, where 2 is the HU window: 7.5 HU of noise and of shift for a window of 500 HU, as between
reconstruction kernels and scanners."""
_LEFT_RIGHT = 2
"""Axis of ``[z, y, x]``."""
_PATCH_VOXELS = (8, 12, 12)
"""Along z, y, x: over how many voxels an outline errs in the same direction."""
_OUTLINE_STEPS: tuple[tuple[float, int], ...] = ((-0.6, -1), (0.4, 1), (1.0, 2))
"""From which value of the field on (below, for the first) the border moves by how many voxels outward. A station of
30 mm then has a Dice of about 0.85 against its drawing, as parsed stations have against the phantom's truth."""


class OutlineJitter:
    """Moves stations' borders in and out, as parsed stations differ from drawn ones.

    Args:
        prob: How often.
    """

    def __init__(self, prob: float) -> None:
        self.prob = prob
        self.random = np.random.RandomState()

    def __call__(self, stations: Tensor) -> Tensor:
        """Change masks ``[B, 1, z, y, x]`` of 0 and 1."""
        chosen = torch.from_numpy(np.flatnonzero(self.random.rand(len(stations)) < self.prob)).to(stations.device)
        if not len(chosen):
            return stations
        changed = stations.clone()
        changed[chosen] = self._changed(stations[chosen])
        return changed

    def _changed(self, masks: Tensor) -> Tensor:
        field, drawn = self._fields(masks), masks > 0
        moved = drawn
        for limit, voxels in _OUTLINE_STEPS:
            chosen = field < limit if voxels < 0 else field > limit
            moved = torch.where(chosen, _grown(drawn, voxels), moved)
        return moved.to(masks.dtype)

    def _fields(self, masks: Tensor) -> Tensor:
        """Smooth noise ``[B, 1, z, y, x]`` about 0."""
        size = tuple(masks.shape[2:])
        coarse = [max(round(length / part), 2) for length, part in zip(size, _PATCH_VOXELS, strict=True)]
        noise = torch.from_numpy(self.random.normal(size=(len(masks), 1, *coarse))).to(masks)
        return functional.interpolate(noise, size, mode="trilinear", align_corners=True)


def _grown(masks: Tensor, voxels: int) -> Tensor:
    """Bool masks ``[B, 1, z, y, x]`` grown by a cuboid of voxels, or shrunk: torch's 3D pooling is slower."""
    grown = masks if voxels > 0 else ~masks
    for axis in range(2, masks.ndim):
        before, length = grown, grown.shape[axis]
        grown = before.clone()
        for step in range(1, abs(voxels) + 1):
            shared = length - step
            grown.narrow(axis, step, shared).logical_or_(before.narrow(axis, 0, shared))
            grown.narrow(axis, 0, shared).logical_or_(before.narrow(axis, step, shared))
    return grown if voxels > 0 else ~grown


class RegionAugmentation:
    """Flips and small affine changes of whole regions, another outline of the station, other intensities.

    Flipping along the patient's x axis makes a right station look like a left one; metastasis does not depend on it.
    Along y and z a station looks like no other: a router that shall tell groups apart learns less from it.

    Args:
        flip: Probability of a flip along each of ``flip_axes``.
        affine: Probability of a rotation, scaling and shift.
        intensity: Probability of noise, of scaling and of shifting the CT.
        outline: Probability of another outline of the station.
        flip_axes: Axes of ``[z, y, x]``.
    """

    def __init__(
        self,
        flip: float = 0.5,
        affine: float = 0.5,
        intensity: float = 0.5,
        outline: float = 0.7,
        flip_axes: Sequence[int] = (_LEFT_RIGHT,),
    ) -> None:
        self.whole = BatchAugmentation(
            Changes(
                flip_axes=tuple(flip_axes),
                rotation_deg=_MAX_ROTATION_DEG,
                scaling=_MAX_SCALING,
                shift_voxels=_MAX_SHIFT_VOXELS,
                noise_sd=_NOISE_SD,
                intensity_scaling=_MAX_INTENSITY_SCALING,
                intensity_shift=_MAX_INTENSITY_SHIFT,
                flip=flip,
                affine=affine,
                intensity=intensity,
            )
        )
        self.outline = OutlineJitter(outline)

    def seed(self, seed: int) -> None:
        """Seed all parts."""
        self.whole.seed(seed)
        self.outline.random.seed((seed + 1) % 2**32)

    def __call__(self, stored: Tensor) -> Tensor:
        """Change ``[B, 3, z, y, x]`` as it is stored; CT stays in [-1, 1], both masks 0 or 1."""
        moved = self.whole.moved(stored)
        ct = self.whole.brightened(moved[:, :1])
        masks = (moved[:, 1:] > 0.5).to(ct.dtype)
        return torch.cat([ct, masks[:, :1], self.outline(masks[:, 1:])], dim=1)
