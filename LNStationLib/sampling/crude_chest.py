"""A chest of a few ellipsoids, drawn within milliseconds, on which two engines of one network are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LNStationLib.support.types import FloatArray

_AIR_HU, _FAT_HU, _TISSUE_HU, _LUNG_HU, _BONE_HU, _BLOOD_HU = -1000.0, -100.0, 40.0, -850.0, 300.0, 160.0
_SHAPES: tuple[tuple[float, tuple[float, float, float], tuple[float, float, float]], ...] = (
    (_FAT_HU, (0, 0, 0), (900, 110, 165)),
    (_TISSUE_HU, (0, 0, 0), (900, 98, 150)),
    (_LUNG_HU, (0, 5, 80), (130, 75, 60)),
    (_LUNG_HU, (0, 5, -80), (130, 75, 60)),
    (_BLOOD_HU, (-30, -25, 15), (50, 40, 50)),
    (_BLOOD_HU, (20, -20, -10), (70, 15, 15)),
    (_BLOOD_HU, (0, 35, 25), (900, 12, 12)),
    (_BONE_HU, (0, 65, 0), (900, 17, 20)),
    (_BONE_HU, (0, -88, 0), (90, 6, 18)),
    (_AIR_HU, (60, 5, 0), (70, 9, 9)),
)
"""HU, center and half axes in mm along z, y, x of an adult's body, lungs, heart, great vessels, bones and trachea."""
_BALL = 4
"""Place of the heart among them."""
_NOISE_HU = 15.0
_SEED = 0


def crude_chest(shape: Sequence[int], spacing_mm: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Draw it.

    Args:
        shape: Voxels along z, y, x; the chest's middle is the volume's.
        spacing_mm: Voxel size along z, y, x.

    Returns:
        float32 HU with noise, always the same, and its heart as float32 mask; both ``[z, y, x]``.
    """
    offsets = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing_mm, strict=True)]
    z, y, x = (axis.reshape(place) for axis, place in zip(offsets, ((-1, 1, 1), (-1, 1), (-1,)), strict=True))
    hu, heart = np.full(tuple(shape), _AIR_HU, np.float32), np.zeros(tuple(shape), np.float32)
    for place, (value, (cz, cy, cx), (az, ay, ax)) in enumerate(_SHAPES):
        inside = ((z - cz) / az) ** 2 + ((y - cy) / ay) ** 2 + ((x - cx) / ax) ** 2 <= 1
        hu[inside] = value
        if place == _BALL:
            heart[inside] = 1
    hu += np.random.default_rng(_SEED).normal(0, _NOISE_HU, hu.shape).astype(np.float32)
    return hu, heart
