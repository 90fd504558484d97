"""Random changes of a node's patch in training, by MONAI."""

from __future__ import annotations

from typing import Literal

import numpy as np
from monai.transforms.compose import Compose
from monai.transforms.intensity.array import RandGaussianNoise, RandScaleIntensity, RandShiftIntensity
from monai.transforms.spatial.array import RandAffine, RandFlip
from torch import Tensor

Strength = Literal["weak", "strong"]

# Small changes, the same for both channels: a changed patch could still be another patient's. The paper names none.
_MAX_ROTATION_DEG = 15
"""In the axial plane: how far patients lie rotated on the table."""
_MAX_SCALING = 0.1
"""In the axial plane: differences in body size."""
_MAX_SHIFT_VOXELS = (1, 4, 4)
"""Along z, y, x: how far a node drawn by another reader lies off."""
_NOISE_SD, _MAX_INTENSITY_SCALING, _MAX_INTENSITY_SHIFT = 0.03, 0.05, 0.03
"""In scaled intensity, where 2 is the HU window: 7.5 HU for a window of 500 HU, as between kernels and scanners."""
_STRONG = 3.0
"""How much larger strong changes are; SimMatch's second view differs from its first by more than noise."""


class PatchAugmentation:
    """Flips, small affine changes and intensity changes of both channels together.

    Args:
        size: Voxels of a patch along z, y, x.
        strength: ``"strong"`` changes three times as much, always.
        flip: Probability of a flip along x, y and z each.
        affine: Probability of a rotation, scaling and shift.
        intensity: Probability of noise, of scaling and of shifting.
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        strength: Strength = "weak",
        flip: float = 0.5,
        affine: float = 0.5,
        intensity: float = 0.5,
    ) -> None:
        factor = _STRONG if strength == "strong" else 1.0
        affine, intensity = (1.0, 1.0) if strength == "strong" else (affine, intensity)
        self.transform = Compose(
            [
                *(RandFlip(prob=flip, spatial_axis=axis) for axis in range(3)),
                RandAffine(
                    prob=affine,
                    rotate_range=(factor * np.deg2rad(_MAX_ROTATION_DEG), 0.0, 0.0),
                    scale_range=(0.0, factor * _MAX_SCALING, factor * _MAX_SCALING),
                    translate_range=_MAX_SHIFT_VOXELS,
                    spatial_size=size,
                    padding_mode="border",
                    mode="bilinear",
                ),
                RandGaussianNoise(prob=intensity, std=factor * _NOISE_SD),
                RandScaleIntensity(prob=intensity, factors=factor * _MAX_INTENSITY_SCALING),
                RandShiftIntensity(prob=intensity, offsets=factor * _MAX_INTENSITY_SHIFT),
            ]
        )

    def seed(self, seed: int) -> None:
        """Seed all of it."""
        self.transform.set_random_state(seed)

    def __call__(self, patch: Tensor) -> Tensor:
        """Change ``[2, z, y, x]``; it stays in [-1, 1]."""
        changed = self.transform(patch)
        plain: Tensor = changed.as_tensor() if hasattr(changed, "as_tensor") else changed
        return plain.clamp(-1, 1)
