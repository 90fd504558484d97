"""Random changes of a region in training, by MONAI."""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms.compose import Compose
from monai.transforms.intensity.array import RandGaussianNoise, RandScaleIntensity, RandShiftIntensity
from monai.transforms.spatial.array import RandAffine, RandFlip
from torch import Tensor

from lnstation_training.tasks.station_classification.channels import ct_of, in_order, node_mask_of
from LNStationLib.sampling.channels import CT, NODE_MASK

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
_INSIDE = 1e-3
"""Scaled intensity above -1 from which a voxel lies in the station; outside of it the CT is -1."""


class RegionAugmentation:
    """Flips and small affine changes of both channels, intensity changes of the CT inside the station alone.

    Flipping along the patient's x axis makes a right station look like a left one; metastasis does not depend on it.
    Intensities outside the station stay at -1, as preparation left them.

    Args:
        flip: Probability of a flip along x, y and z each.
        affine: Probability of a rotation, scaling and shift.
        intensity: Probability of noise, of scaling and of shifting the CT.
        size: Voxels of a region along z, y, x.
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        flip: float = 0.5,
        affine: float = 0.5,
        intensity: float = 0.5,
    ) -> None:
        self.spatial = Compose(
            [
                *(RandFlip(prob=flip, spatial_axis=axis) for axis in range(3)),
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

    def seed(self, seed: int) -> None:
        """Seed both parts."""
        self.spatial.set_random_state(seed)
        self.intensity.set_random_state(seed + 1)

    def __call__(self, region: Tensor) -> Tensor:
        """Change ``[2, z, y, x]``; CT stays in [-1, 1], the node mask 0 or 1."""
        moved = _plain(self.spatial(region))
        ct = ct_of(moved)
        changed = _plain(self.intensity(ct.clone()))
        ct = torch.where(ct > -1 + _INSIDE, changed.clamp(-1, 1), ct)
        mask = (node_mask_of(moved) > 0.5).to(ct.dtype)
        return torch.cat(in_order({CT: ct, NODE_MASK: mask}))


def _plain(tensor: Tensor) -> Tensor:
    """Drop MONAI's metadata: workers hand tensors over faster without."""
    return tensor.as_tensor() if hasattr(tensor, "as_tensor") else torch.as_tensor(tensor)
