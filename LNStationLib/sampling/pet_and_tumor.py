"""PET and the distance to the tumor as channels of networks of volumes (OSLN, Zhu et al. 2020, Sec. 3.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import bounding_box, points_mm
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.imaging.masks import mask_on
from LNStationLib.support.types import FloatArray

PET, TUMOR_DISTANCE = "pet", "tumor_distance"
PET_TUMOR_TITLES: Mapping[str, str] = {
    PET: "PET in SUVbw, standardized over the training patients",
    TUMOR_DISTANCE: "signed distance to the primary tumor over 70 mm, negative inside",
}
"""Channels for people."""
NEAR_MM = 70.0
"""Up to here a node is near the tumor (OSLN, Sec. 3.1 and 4.2: d = 70 mm, as the authors' physician suggested)."""
DISTANCE_LIMITS = (-1.0, 3.0)
"""Of the channel, in multiples of 70 mm: a chest is about 300 mm high, and what lies beyond 210 mm is far."""
SUV_LIMITS = (-3.0, 20.0)
"""Of the standardized uptake, in standard deviations: a hot bladder would drown all else."""
_NOT_COVERED = -1e6
"""What no reconstruction holds; marks voxels without PET while PET is resampled."""

Values = TypeVar("Values", bound=Any)
"""A numpy array or a torch tensor in floating point."""


def scaled_distance(distance_mm: Values) -> Values:
    """A distance in mm as channel: divided by 70 mm and clipped to [-1, 3]; any shape."""
    return (distance_mm / NEAR_MM).clip(*DISTANCE_LIMITS)


def standardized_suv(suv: Values, mean: float, standard_deviation: float) -> Values:
    """SUV as channel, any shape; 0, the mean of the training patients, where it is NaN.

    Args:
        suv: SUVbw; NaN where PET does not reach.
        mean: Over the training patients.
        standard_deviation: Likewise, above 0.
    """
    scaled = ((suv - mean) / standard_deviation).clip(*SUV_LIMITS)
    scaled[scaled != scaled] = 0.0
    return scaled


def pet_on_grid(pet: sitk.Image, grid: Grid) -> FloatArray:
    """PET on a grid, linearly interpolated: float32 SUVbw ``[z, y, x]``, NaN where it does not reach.

    Args:
        pet: SUVbw on its own grid.
        grid: Wanted.
    """
    image = sitk.Cast(pet, sitk.sitkFloat32)
    values = resample_to_grid(image, grid, labels=False, outside=_NOT_COVERED)
    return np.where(values <= _NOT_COVERED / 2, np.nan, values).astype(np.float32)


def tumor_distance_mm(tumor: sitk.Image, grid: Grid) -> FloatArray:
    """Signed distance to the boundary of a tumor, negative inside (OSLN, eq. 1; Maurer et al. 2003).

    It is computed on the grid grown until it holds the tumor, so that a tumor beyond the grid counts.

    Args:
        tumor: Binary mask on any grid, of any number of parts; a part that no voxel of the grid would hold counts as
            one voxel at the middle of the whole.
        grid: Wanted.

    Returns:
        float32 mm ``[z, y, x]``.

    Raises:
        ValueError: The mask is empty.
    """
    whole, part = _holding(tumor, grid)
    reference = whole.image(np.zeros(whole.shape, np.uint8))
    mask = np.asarray(mask_on(tumor, reference), np.uint8)
    if not mask.any():
        mask[_middle(tumor, whole)] = 1
    distance = sitk.SignedMaurerDistanceMap(
        whole.image(mask), insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    return np.ascontiguousarray(sitk.GetArrayFromImage(distance)[part], dtype=np.float32)


def _holding(tumor: sitk.Image, grid: Grid) -> tuple[Grid, tuple[slice, ...]]:
    """The grid grown by whole voxels until it holds a mask with a rim, and the box of it that is the grid itself."""
    at = np.array([grid.index((x, y, z)) for x, y, z in _corners(tumor)])
    low = [min(0, math.floor(n) - 1) for n in at.min(axis=0)]
    high = [max(size, math.ceil(n) + 2) for n, size in zip(at.max(axis=0), grid.shape, strict=True)]
    z, y, x = (b - a for a, b in zip(low, high, strict=True))
    first = [o + s * a for o, s, a in zip(grid.origin_mm, grid.spacing_mm, low, strict=True)]
    whole = replace(grid, shape=(z, y, x), origin_mm=(first[0], first[1], first[2]))
    return whole, tuple(slice(-a, -a + n) for a, n in zip(low, grid.shape, strict=True))


def _corners(tumor: sitk.Image) -> list[tuple[float, float, float]]:
    """Corners of the box of a mask, LPS in mm."""
    box = bounding_box(array_view(tumor))
    if box is None:
        raise ValueError("an empty mask has no distance")
    ends = np.array(np.meshgrid(*[(part.start, part.stop - 1) for part in box])).reshape(3, -1).T
    return [(float(x), float(y), float(z)) for x, y, z in points_mm(tumor, ends)]


def _middle(tumor: sitk.Image, grid: Grid) -> tuple[int, int, int]:
    """The voxel of a grid that holds a mask's centroid."""
    x, y, z = points_mm(tumor, np.argwhere(array_view(tumor) > 0)).mean(axis=0)
    at = [min(max(round(n), 0), size - 1) for n, size in zip(grid.index((x, y, z)), grid.shape, strict=True)]
    return at[0], at[1], at[2]
