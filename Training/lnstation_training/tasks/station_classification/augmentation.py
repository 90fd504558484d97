"""Random changes of a region in training, by MONAI. All of this is ours: SA-MoE names no augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from monai.transforms.compose import Compose
from monai.transforms.intensity.array import RandGaussianNoise, RandScaleIntensity, RandShiftIntensity
from monai.transforms.spatial.array import RandAffine, RandFlip
from torch import Tensor

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
    """Moves a station's border in and out, as parsed stations differ from drawn ones.

    Args:
        prob: How often.
    """

    def __init__(self, prob: float) -> None:
        self.prob = prob
        self.random = np.random.RandomState()

    def __call__(self, station: Tensor) -> Tensor:
        """Change a mask ``[1, z, y, x]`` of 0 and 1."""
        if self.random.rand() >= self.prob:
            return station
        field, mask = self._field(station.shape[1:]), station[None]
        moved = mask.clone()
        for limit, voxels in _OUTLINE_STEPS:
            chosen = field < limit if voxels < 0 else field > limit
            moved = torch.where(chosen, _grown(mask, voxels), moved)
        return moved[0]

    def _field(self, size: Sequence[int]) -> Tensor:
        """Smooth noise ``[1, 1, z, y, x]`` about 0."""
        coarse = [max(round(length / part), 2) for length, part in zip(size, _PATCH_VOXELS, strict=True)]
        noise = torch.from_numpy(self.random.normal(size=(1, 1, *coarse)))
        return functional.interpolate(noise, tuple(size), mode="trilinear", align_corners=True)


def _grown(mask: Tensor, voxels: int) -> Tensor:
    """A mask ``[1, 1, z, y, x]`` grown by some voxels, or shrunk."""
    width = 2 * abs(voxels) + 1
    sign = 1 if voxels > 0 else -1
    return sign * functional.max_pool3d(sign * mask, width, 1, abs(voxels))


class RegionAugmentation:
    """Flips and small affine changes of a whole region, another outline of the station, other intensities.

    Flipping along the patient's x axis makes a right station look like a left one; metastasis does not depend on it.
    Along y and z a station looks like no other: a router that shall tell groups apart learns less from it.

    Args:
        size: Voxels of a region along z, y, x.
        flip: Probability of a flip along each of ``flip_axes``.
        affine: Probability of a rotation, scaling and shift.
        intensity: Probability of noise, of scaling and of shifting the CT.
        outline: Probability of another outline of the station.
        flip_axes: Axes of ``[z, y, x]``.
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        flip: float = 0.5,
        affine: float = 0.5,
        intensity: float = 0.5,
        outline: float = 0.7,
        flip_axes: Sequence[int] = (_LEFT_RIGHT,),
    ) -> None:
        self.spatial = Compose(
            [
                *(RandFlip(prob=flip, spatial_axis=axis) for axis in flip_axes),
                RandAffine(
                    prob=affine,
                    rotate_range=(np.deg2rad(_MAX_ROTATION_DEG), 0.0, 0.0),
                    scale_range=(0.0, _MAX_SCALING, _MAX_SCALING),
                    translate_range=_MAX_SHIFT_VOXELS,
                    spatial_size=size,
                    padding_mode="border",
                    mode="bilinear",
                ),
            ]
        )
        self.intensity = Compose(
            [
                RandGaussianNoise(prob=intensity, std=_NOISE_SD),
                RandScaleIntensity(prob=intensity, factors=_MAX_INTENSITY_SCALING),
                RandShiftIntensity(prob=intensity, offsets=_MAX_INTENSITY_SHIFT),
            ]
        )
        self.outline = OutlineJitter(outline)

    def seed(self, seed: int) -> None:
        """Seed all parts."""
        self.spatial.set_random_state(seed)
        self.intensity.set_random_state(seed + 1)
        self.outline.random.seed((seed + 2) % 2**32)

    def __call__(self, stored: Tensor) -> Tensor:
        """Change ``[3, z, y, x]`` as it is stored; CT stays in [-1, 1], both masks 0 or 1."""
        moved = _plain(self.spatial(stored))
        ct = _plain(self.intensity(moved[:1].clone())).clamp(-1, 1)
        masks = (moved[1:] > 0.5).to(ct.dtype)
        return torch.cat([ct, masks[:1], self.outline(masks[1:])])


def _plain(tensor: Tensor) -> Tensor:
    """Drop MONAI's metadata: workers hand tensors over faster without."""
    return tensor.as_tensor() if hasattr(tensor, "as_tensor") else torch.as_tensor(tensor)
