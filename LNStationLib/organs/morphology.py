"""Mask operations in millimeters on isotropic grids, restricted to the mask's box so that small organs are fast."""

from __future__ import annotations

import cc3d
import numpy as np

from LNStationLib.imaging.boxes import Box as Box
from LNStationLib.imaging.boxes import bounding_box, box_of
from LNStationLib.imaging.distances import depth_mm, within_mm
from LNStationLib.imaging.patient import fill_slices as fill_slices
from LNStationLib.support.types import BoolArray, FloatArray


def is_empty(box: Box) -> bool:
    """True for a box, such as one of ``Scan.window``, without voxels."""
    return any(part.stop <= part.start for part in box)


def distance_to(mask: BoolArray, spacing_mm: float) -> FloatArray:
    """Distance in mm of every voxel to the nearest voxel of a non-empty mask."""
    return depth_mm(~mask, (spacing_mm,) * 3)


def dilate(mask: BoolArray, radius_mm: float, spacing_mm: float) -> BoolArray:
    """Grow a mask by a ball of ``radius_mm``; an empty mask stays empty."""
    grown = mask.copy()
    if mask.any() and radius_mm > 0:
        box = box_of(mask, int(np.ceil(radius_mm / spacing_mm)) + 1)
        grown[box] = within_mm(mask[box], radius_mm, (spacing_mm,) * 3)
    return grown


def erode(mask: BoolArray, radius_mm: float, spacing_mm: float) -> BoolArray:
    """Shrink a mask by a ball of ``radius_mm``; the array's edge does not count as outside."""
    shrunk = np.zeros_like(mask)
    if mask.any():
        box = box_of(mask, 1)
        shrunk[box] = ~within_mm(~mask[box], radius_mm, (spacing_mm,) * 3)
    return shrunk


def close(mask: BoolArray, radius_mm: float, spacing_mm: float) -> BoolArray:
    """Close gaps up to ``2 * radius_mm`` wide."""
    if not mask.any():
        return mask.copy()
    margin = int(np.ceil(radius_mm / spacing_mm)) + 1
    box = box_of(mask, margin)
    closed = mask.copy()
    # Padding keeps the closing from sticking to the array's edge.
    padded = np.pad(mask[box], margin)
    grown = within_mm(padded, radius_mm, (spacing_mm,) * 3)
    shrunk = ~within_mm(~grown, radius_mm, (spacing_mm,) * 3)
    core = tuple(slice(margin, -margin) for _ in range(3))
    closed[box] |= shrunk[core]
    return closed


def close_coarsely(mask: BoolArray, radius_mm: float, spacing_mm: float) -> BoolArray:
    """``close`` on every second voxel: eight times faster, and as good for large organs."""
    coarse = close(mask[::2, ::2, ::2], radius_mm, 2 * spacing_mm)
    full = coarse
    for axis, size in enumerate(mask.shape):
        full = np.repeat(full, 2, axis=axis).take(range(size), axis=axis)
    return mask | full


def open_(mask: BoolArray, radius_mm: float, spacing_mm: float) -> BoolArray:
    """Remove parts thinner than ``2 * radius_mm``."""
    core = erode(mask, radius_mm, spacing_mm)
    return dilate(core, radius_mm, spacing_mm) & mask


def components(mask: BoolArray, connectivity: int = 6) -> np.ndarray:
    """Connected components as labels 1, 2, ... by decreasing size; 0 outside."""
    found = np.zeros(mask.shape, np.uint32)
    box = bounding_box(mask)
    if box is None:
        return found
    labels, sizes = _labels_and_sizes(mask[box], connectivity)
    order = np.argsort(-sizes, kind="stable")
    rank = np.zeros(len(sizes), np.uint32)
    rank[order] = np.arange(1, len(sizes) + 1)
    rank[0] = 0
    found[box] = rank[labels]
    return found


def _labels_and_sizes(mask: BoolArray, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    """Components in the order in which a scan meets them, and how many voxels each has; none for the outside."""
    labels = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=connectivity)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels, sizes


def largest(mask: BoolArray, connectivity: int = 6) -> BoolArray:
    """The largest connected component (empty for an empty mask)."""
    found = np.zeros_like(mask)
    box = bounding_box(mask)
    if box is not None:
        labels, sizes = _labels_and_sizes(mask[box], connectivity)
        found[box] = labels == sizes.argmax()
    return found


def connected_to(mask: BoolArray, seed: BoolArray, connectivity: int = 6) -> BoolArray:
    """Components of ``mask`` that contain a voxel of ``seed``."""
    labels = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=connectivity)
    wanted = np.zeros(int(labels.max()) + 1, dtype=bool)
    wanted[np.unique(labels[seed & mask])] = True
    wanted[0] = False
    return wanted[labels]
