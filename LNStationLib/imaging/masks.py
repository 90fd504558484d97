"""Masks: what counts as foreground, on which grid, and several masks made one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import bounding_box, grown, like
from LNStationLib.imaging.checks import (
    as_volume,
    check_overlap,
    covered_fraction,
    same_grid,
)
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_FOREGROUND_PROBABILITY = 0.5
"""At and above it a voxel of a probability map is more likely inside than outside."""
_OFF_LATTICE_VOXELS = 0.02
"""Part of a voxel by which grids may differ through rounding of their origin."""
CROP_MARGIN_VOXELS = 2
"""Background voxels kept around a cropped mask, so that resampling sees its surface from both sides."""


def binary_mask(image: sitk.Image, ct: sitk.Image, name: str, warn: Warn) -> sitk.Image | None:
    """Read a mask as binary uint8 on its own grid, cropped to its foreground and a margin.

    Args:
        image: As read: 0 and one other value, or probabilities in [0, 1].
        ct: The CT that it must overlap.
        name: How messages call it.
        warn: Told where it is empty or had to be thresholded.

    Returns:
        The mask, or ``None`` where nothing of it lies in the CT.

    Raises:
        InputError: Not a volume, or it holds several labels.
        GeometryError: It does not overlap the CT, or its axes are sheared.
    """
    volume = on_ct_space(image, ct, name)
    inside = foreground(array_view(volume), name, warn)
    return None if inside is None else cropped(inside, volume, ct, name, warn)


def on_ct_space(image: sitk.Image, ct: sitk.Image, name: str) -> sitk.Image:
    """A scalar volume that overlaps the CT; with the CT's own grid where it differs by header noise only.

    Raises:
        InputError: Not a scalar volume.
        GeometryError: It does not overlap the CT, or its axes are sheared.
    """
    volume = as_volume(image, name)
    check_overlap(volume, ct, name)
    if not same_grid(volume, ct):
        return volume
    moved = sitk.Image(volume)
    moved.CopyInformation(ct)
    return moved


def foreground(values: np.ndarray, name: str, warn: Warn) -> BoolArray | None:
    """Voxels of the one structure in a mask; ``None``, with a warning, where it is empty.

    Raises:
        InputError: It holds several labels.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        warn(Reason("mask_not_numbers", {"image": name}))
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    if low == high:
        code = "mask_empty" if high == 0 else "mask_without_background"
        warn(Reason(code, {"image": name, "value": float(high)}))
        return None
    value = high if low == 0 else low
    if (low == 0 or high == 0) and bool(((values == 0) | (values == value)).all()):
        return np.asarray(values != 0)
    if low >= 0 and high <= 1:
        return _thresholded(values, name, warn)
    raise InputError(
        f"{name}: holds several labels (values from {low:g} to {high:g}) where one mask is needed; give one file "
        "per structure, or a label map with names."
    )


def _thresholded(values: np.ndarray, name: str, warn: Warn) -> BoolArray | None:
    if values.max() < _FOREGROUND_PROBABILITY:
        warn(Reason("probabilities_too_low", {"image": name, "least": _FOREGROUND_PROBABILITY}))
        return None
    warn(Reason("mask_of_probabilities", {"image": name, "least": _FOREGROUND_PROBABILITY}))
    return np.asarray(values >= _FOREGROUND_PROBABILITY)


def cropped(inside: BoolArray, volume: sitk.Image, ct: sitk.Image, name: str, warn: Warn) -> sitk.Image | None:
    """The part of a mask's grid around its foreground, as uint8; ``None`` where that lies outside the CT.

    Args:
        inside: Foreground ``[z, y, x]`` on the grid of ``volume``.
        volume: Gives the grid.
        ct: The CT.
        name: How messages call the mask.
        warn: Told where it lies outside the CT or is empty.
    """
    tight = bounding_box(inside)
    if tight is None:
        warn(Reason("mask_empty", {"image": name}))
        return None
    box = grown(tight, CROP_MARGIN_VOXELS, inside.shape)
    mask = sitk.GetImageFromArray(np.ascontiguousarray(inside[box]).astype(np.uint8))
    mask.SetSpacing(volume.GetSpacing())
    mask.SetDirection(volume.GetDirection())
    mask.SetOrigin(volume.TransformIndexToPhysicalPoint([part.start for part in reversed(box)]))
    if covered_fraction(mask, ct) == 0 and covered_fraction(ct, mask) == 0:
        warn(Reason("image_outside_ct", {"image": name}))
        return None
    return mask


def united(masks: Sequence[sitk.Image], ct: sitk.Image) -> sitk.Image:
    """The union of binary uint8 masks; on their common lattice where they share one, else on the CT's grid."""
    if len(masks) == 1:
        return masks[0]
    offsets = [_lattice_offset(mask, masks[0]) for mask in masks]
    known = [offset for offset in offsets if offset is not None]
    if len(known) < len(masks):
        return like(union_on(masks, ct).astype(np.uint8), ct)
    low = np.min(known, axis=0)
    high = np.max([o + np.array(m.GetSize()[::-1]) for o, m in zip(known, masks, strict=True)], axis=0)
    total = np.zeros(high - low, dtype=np.uint8)
    for offset, mask in zip(known, masks, strict=True):
        box = tuple(slice(a, a + n) for a, n in zip(offset - low, mask.GetSize()[::-1], strict=True))
        total[box] |= array_view(mask)
    union = sitk.GetImageFromArray(total)
    union.SetSpacing(masks[0].GetSpacing())
    union.SetDirection(masks[0].GetDirection())
    union.SetOrigin(masks[0].TransformIndexToPhysicalPoint([int(n) for n in low[::-1]]))
    return union


def _lattice_offset(mask: sitk.Image, reference: sitk.Image) -> np.ndarray | None:
    """Index ``(z, y, x)`` of the mask's first voxel in the reference's grid; ``None`` on another lattice."""
    alike = np.allclose(mask.GetSpacing(), reference.GetSpacing(), atol=1e-4) and np.allclose(
        mask.GetDirection(), reference.GetDirection(), atol=1e-4
    )
    index = np.array(reference.TransformPhysicalPointToContinuousIndex(mask.GetOrigin()))[::-1]
    whole = np.rint(index).astype(int)
    return whole if alike and np.abs(index - whole).max() < _OFF_LATTICE_VOXELS else None


def mask_on(mask: sitk.Image, grid: sitk.Image) -> BoolArray:
    """Voxels ``[z, y, x]`` of the image ``grid`` whose center lies in a marked voxel of ``mask``, on any grid."""
    if not same_grid(mask, grid):
        mask = sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0, mask.GetPixelID())
    return np.asarray(array_view(mask) > 0)


def union_on(masks: Iterable[sitk.Image], grid: sitk.Image) -> BoolArray:
    """Voxels ``[z, y, x]`` of the image ``grid`` that lie in any of several masks."""
    total = np.zeros(grid.GetSize()[::-1], dtype=bool)
    for mask in masks:
        total |= mask_on(mask, grid)
    return total
