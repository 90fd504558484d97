"""Weights of a station's voxels: 1 at its centroid, 0 at the voxel farthest from it.

From them patches are drawn in training and a patch's place is chosen in use, and a node belongs to the station that
gives its place the largest weight: Engelson et al. 2026, Eq. 1, doi:10.1117/1.JMI.13.1.014507.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LNStationLib.support.types import BoolArray, FloatArray


def weight_map(mask: BoolArray, spacing_mm: Sequence[float]) -> FloatArray:
    """Weight of every voxel of a station.

    Args:
        mask: The station, ``[z, y, x]``.
        spacing_mm: Voxel size along each axis.

    Returns:
        float32 of the mask's shape: ``1 - d / d_max`` inside, with ``d`` the distance from the centroid and ``d_max``
        its largest value in the station; 0 outside, and everywhere for an empty mask.
    """
    weights = np.zeros(mask.shape, np.float32)
    index = np.argwhere(mask)
    if not len(index):
        return weights
    away_mm = np.linalg.norm((index - index.mean(axis=0)) * np.asarray(spacing_mm), axis=1)
    farthest_mm = float(away_mm.max())
    weights[mask] = 1.0 - away_mm / farthest_mm if farthest_mm > 0 else 1.0
    return weights
