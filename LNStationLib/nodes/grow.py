"""A node from one point: the soft tissue like that at the point, as far as it is one lump."""

from __future__ import annotations

import edt
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, grown_mm, indices_of, inside_of, spacing_zyx
from LNStationLib.imaging.ct import FAT_HU
from LNStationLib.imaging.edited_masks import EditedMask
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray, FloatArray, PointMm

REACH_MM = 20.0
"""From the point; a lump that is larger is drawn, not clicked."""
_SEED_MM = 2.0
"""Radius of the sample of tissue: inside the smallest node that is worth a click."""
_DENSER_HU = 45.0
"""Above the sample: noise of a chest CT after smoothing, and short of vessels with contrast."""
_SOFT_HU = (-30.0, 180.0)
"""What a node can be, calcium and contrast in it aside; the sample's median must be so."""
_SMOOTHING_MM = 0.8
_NECK_SHARE = 0.6
"""Of the lump's half width: what is thinner is a bridge to something else."""


def grown_node(ct: sitk.Image, point_mm: PointMm, blocked: sitk.Image | None = None) -> EditedMask:
    """The node around a point.

    Args:
        ct: Hounsfield units.
        point_mm: LPS.
        blocked: On the CT's grid; every voxel but 0 belongs to something that is no node. ``None`` where nothing is
            known.

    Raises:
        InputError: The point lies outside the CT, in something that is no node, or not in soft tissue.
    """
    at, box = _seed(ct, point_mm)
    hu = array_view(ct)[box].astype(np.float32)
    spacing = spacing_zyx(ct)
    distance = _distance_mm(hu.shape, np.array(at) - [part.start for part in box], spacing)
    free = np.ones(hu.shape, bool) if blocked is None else array_view(blocked)[box] == 0
    level = _level(hu, distance, free)
    smooth = ndimage.gaussian_filter(hu, [_SMOOTHING_MM / width for width in spacing])
    # Half way to the fat around it a voxel is half node.
    alike = (smooth >= (level + FAT_HU) / 2) & (smooth <= level + _DENSER_HU)
    like = alike & free & (distance <= REACH_MM)
    lump = _one_lump(like, distance, spacing)
    tight = bounding_box(lump)
    if tight is None:
        raise InputError("nothing like a node was found at this point: click inside the node, or draw it.")
    return EditedMask(inside_of(box, tight), lump[tight])


def _seed(ct: sitk.Image, point_mm: PointMm) -> tuple[tuple[int, ...], Box]:
    at = tuple(int(n) for n in np.rint(indices_of(ct, np.array([point_mm]))[0]))
    shape = tuple(reversed(ct.GetSize()))
    if any(index < 0 or index >= size for index, size in zip(at, shape, strict=True)):
        raise InputError("the point lies outside the CT: click inside the node.")
    z, y, x = (slice(index, index + 1) for index in at)
    return at, grown_mm((z, y, x), REACH_MM, spacing_zyx(ct), shape)


def _distance_mm(shape: tuple[int, ...], at: np.ndarray, spacing: tuple[float, float, float]) -> FloatArray:
    """Of every voxel from one, in mm."""
    grids = np.ogrid[tuple(slice(0, n) for n in shape)]
    squares = (((grid - start) * width) ** 2 for grid, start, width in zip(grids, at, spacing, strict=True))
    return np.sqrt(sum(squares))


def _level(hu: FloatArray, distance: FloatArray, free: BoolArray) -> float:
    """Density of the tissue at the point.

    Raises:
        InputError: It is no soft tissue, or something that is no node.
    """
    sample = (distance <= _SEED_MM) | (distance == 0)
    if not free[sample].any():
        raise InputError("the point lies in an organ or a vessel: click inside the node, or draw it.")
    level = float(np.median(hu[sample & free]))
    if not _SOFT_HU[0] <= level <= _SOFT_HU[1]:
        raise InputError(f"there is no soft tissue at this point ({level:.0f} HU): click inside the node.")
    return level


def _one_lump(tissue: BoolArray, distance: FloatArray, spacing: tuple[float, float, float]) -> BoolArray:
    """The thick part of the tissue around the point, without what hangs on it by a bridge."""
    depth = edt.edt(np.ascontiguousarray(tissue), anisotropy=spacing)
    near = tissue & (distance <= 2 * _SEED_MM)
    if not near.any():
        return near
    top = np.unravel_index(int(np.argmax(np.where(near, depth, 0))), depth.shape)
    core = ndimage.label(depth >= _NECK_SHARE * depth[top])[0]
    core = core == core[top]
    reach = edt.edt(np.ascontiguousarray(~core), anisotropy=spacing)
    lump = tissue & (reach <= _NECK_SHARE * depth[top] + min(spacing) / 2)
    parts = ndimage.label(lump)[0]
    return np.asarray(ndimage.binary_fill_holes(parts == parts[top]), bool)
