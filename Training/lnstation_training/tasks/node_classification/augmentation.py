"""Random changes of nodes' patches in training."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lnstation_training.engine.batch_augmentation import BatchAugmentation, Changes

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


class PatchAugmentation(BatchAugmentation):
    """Flips, small affine changes and intensity changes of both channels together.

    Args:
        strength: ``"strong"`` changes three times as much, always.
    """

    def __init__(self, strength: Strength = "weak") -> None:
        factor, often = (_STRONG, 1.0) if strength == "strong" else (1.0, 0.5)
        super().__init__(
            Changes(
                flip_axes=(0, 1, 2),
                rotation_deg=factor * _MAX_ROTATION_DEG,
                scaling=factor * _MAX_SCALING,
                shift_voxels=_MAX_SHIFT_VOXELS,
                noise_sd=factor * _NOISE_SD,
                intensity_scaling=factor * _MAX_INTENSITY_SCALING,
                intensity_shift=factor * _MAX_INTENSITY_SHIFT,
                affine=often,
                intensity=often,
            )
        )

    def __call__(self, patches: Tensor) -> Tensor:
        """Change ``[B, 2, z, y, x]``; they stay in [-1, 1]."""
        return self.brightened(self.moved(patches))
