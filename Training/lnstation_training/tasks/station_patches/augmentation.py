"""Random changes of patches in training: affine and elastic, as Engelson et al. 2026, Sec. 3.3; intensities stay."""

from __future__ import annotations

from torch import Tensor

from lnstation_training.engine.batch_augmentation import BatchAugmentation, Changes

# The paper gives no sizes. No flips: a mirrored 4R would be a 4L.
_MAX_ROTATION_DEG = 15
"""In the axial plane: how far patients lie rotated on the table."""
_MAX_SCALING = 0.1
"""Differences in body size."""
_MAX_SHIFT = 0.05
"""Of the patch: what the weighted draw of its place leaves."""
_ELASTIC = 0.02
"""Of the patch: 1.3 mm at 64 mm, by which a breath moves a node against its vessel."""


class PatchAugmentation(BatchAugmentation):
    """Affine and elastic changes of both channels together.

    Args:
        size: Of a patch along z, y, x.
    """

    def __init__(self, size: tuple[int, int, int]) -> None:
        z, y, x = (_MAX_SHIFT * n for n in size)
        super().__init__(
            Changes(
                flip_axes=(),
                rotation_deg=_MAX_ROTATION_DEG,
                scaling=_MAX_SCALING,
                shift_voxels=(z, y, x),
                noise_sd=0.0,
                intensity_scaling=0.0,
                intensity_shift=0.0,
                elastic_voxels=_ELASTIC * max(size),
            )
        )

    def __call__(self, patches: Tensor) -> Tensor:
        """Change ``[B, 2, z, y, x]``."""
        return self.moved(patches)
