"""Distances within masks."""

from __future__ import annotations

from collections.abc import Sequence

import edt
import numpy as np

from LNStationLib.support.types import BoolArray, FloatArray


def depth_mm(
    mask: BoolArray, spacing_mm: Sequence[float], *, black_border: bool = False, parallel: int = 1
) -> FloatArray:
    """Distance in mm of every voxel of a mask to the nearest voxel outside it; 0 outside.

    Args:
        mask: Two or three axes.
        spacing_mm: Voxel size along each of them.
        black_border: Whether the array's edge counts as outside.
        parallel: Threads.

    Returns:
        float32 of the mask's shape; infinite where nothing lies outside.
    """
    # As bytes: edt takes labels up to twice as fast as booleans, and the result is the same bit for bit.
    return np.asarray(
        edt.edt(mask.view(np.uint8), anisotropy=tuple(spacing_mm), black_border=black_border, parallel=parallel)
    )
