"""Random changes of a region in training, by MONAI."""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms.compose import Compose
from monai.transforms.intensity.array import RandGaussianNoise, RandScaleIntensity, RandShiftIntensity
from monai.transforms.spatial.array import RandAffine, RandFlip
from torch import Tensor


class RegionAugmentation:
    """Flips and small affine changes of both channels, intensity changes of the CT inside the station alone.

    Flipping along the patient's x axis makes a right station look like a left one; metastasis does not depend on it.
    Intensities outside the station stay at -1, as preparation has left them.

    Args:
        flip: Chance of a flip along x, y and z each.
        affine: Chance of a rotation (in plane up to 15 degrees), scaling (up to 10 %) and shift (up to 4 voxels).
        intensity: Chance of noise, of scaling and of shifting HU (each a few HU).
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
                    rotate_range=(np.deg2rad(15), 0.0, 0.0),
                    scale_range=(0.0, 0.1, 0.1),
                    translate_range=(1, 4, 4),
                    spatial_size=size,
                    padding_mode="border",
                    mode="bilinear",
                ),
            ]
        )
        self.intensity = Compose(
            [
                RandGaussianNoise(prob=intensity, std=0.03),
                RandScaleIntensity(prob=intensity, factors=0.05),
                RandShiftIntensity(prob=intensity, offsets=0.03),
            ]
        )

    def seed(self, seed: int) -> None:
        """Seed both parts."""
        self.spatial.set_random_state(seed)
        self.intensity.set_random_state(seed + 1)

    def __call__(self, region: Tensor) -> Tensor:
        """Change ``[2, z, y, x]``; CT stays in [-1, 1], the node mask 0 or 1."""
        moved = _plain(self.spatial(region))
        inside = moved[0] > -1 + 1e-3
        changed = _plain(self.intensity(moved[:1].clone()))[0]
        ct = torch.where(inside, changed.clamp(-1, 1), moved[0])
        return torch.stack([ct, (moved[1] > 0.5).to(ct.dtype)])


def _plain(tensor: Tensor) -> Tensor:
    """Drop MONAI's metadata: workers hand tensors over faster without."""
    return tensor.as_tensor() if hasattr(tensor, "as_tensor") else torch.as_tensor(tensor)
