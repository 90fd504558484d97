"""The lungs, right and left, from their air."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.boxes import box_of
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_LUNG_BELOW_HU = -400
"""Nearly halfway between inflated lung (-700 to -900 HU) and soft tissue."""
_GAS_BELOW_HU = -960
"""Bowel and stomach contain pure gas (near -1000 HU); inflated lung averages -700 to -900 HU."""
_SMALLEST_PIECE_ML = 15.0
"""Keeps islands of air in a consolidated lung, drops bubbles and airways; chosen on phantoms and one real CT."""
_SMALLEST_LUNG_ML = 100.0
"""A few percent of an adult lung: mostly consolidated, collapsed or cut off by the view."""
_CLOSING_MM = 4.0
"""Fills vessels up to 8 mm wide, segmental arteries and veins; larger ones are hilar."""
_BRONCHIAL_WALL_VOXELS = 1.5
"""The rim of a bronchus, which otherwise connects the lungs."""
_LOWEST_SHARE = 0.3
"""Of the largest lung's height: small pieces centered below are gas in the colon; chosen on phantoms and one real
CT."""
_RIM_VOXELS = 2
"""Partial volume at the wall of a bubble."""
_OTHER_SIDE_SHARE, _ONE_SIDE_SHARE = 0.1, 0.9
"""A piece with nine tenths on one side belongs to it: a lung that herniates over the midline does so by less."""
_CUT_RADII_VOXELS = (1.0, 2.0, 3.5, 5.0)
"""Joined lungs touch at the anterior or posterior junction line, a few voxels thick; the smallest radius that parts
them wins."""
_SMALLER_LUNG_SHARE = 0.15
"""Of the larger core: less is a lobe or a noise fragment, not the other lung."""


def find_lungs(scan: Scan, outside: BoolArray, airways: BoolArray, middle_x: float) -> Findings:
    """Find both lungs.

    Args:
        scan: The scan.
        outside: Air outside the body.
        airways: Lumen that does not belong to the lungs: trachea, main and lobar bronchi.
        middle_x: Column (voxel index) between right and left: the trachea's, else the body's.

    Returns:
        ``lung_left`` and ``lung_right`` where found; a warning names a lung that is missing or small. Vessels
        and small airways inside count as lung; the larger bronchi do not.
    """
    air = (scan.hu < _LUNG_BELOW_HU) & scan.in_view & ~outside
    air &= ~morphology.dilate(airways, _BRONCHIAL_WALL_VOXELS * scan.spacing_mm, scan.spacing_mm)
    pieces = _lung_pieces(scan, air)
    right, left = _split_sides(pieces, scan, middle_x)
    found = Findings()
    for name, mask in (("lung_right", right), ("lung_left", left)):
        _add(found, name, mask, scan, outside | airways | (left if name == "lung_right" else right))
    return found


def _add(found: Findings, name: str, mask: BoolArray, scan: Scan, forbidden: BoolArray) -> None:
    side = name.removeprefix("lung_")
    volume_ml = float(mask.sum()) * scan.grid.voxel_volume_ml
    if volume_ml < _SMALLEST_PIECE_ML:
        found.warn("no_aerated_lung", side=side)
        return
    if volume_ml < _SMALLEST_LUNG_ML:
        found.warn("small_aerated_lung", side=side, volume_ml=volume_ml)
    closed = morphology.fill_slices(morphology.close_coarsely(mask, _CLOSING_MM, scan.spacing_mm))
    found.organ(name, closed & ~forbidden & scan.in_view, OrganSource.IMAGE, Reason("aerated_lung"))


def _lung_pieces(scan: Scan, air: BoolArray) -> BoolArray:
    """Keep the connected pieces of air that are lung; drop bowel, stomach and esophageal gas."""
    labels = morphology.components(air)
    sizes = np.bincount(labels.ravel())
    wanted = np.zeros(len(sizes), dtype=bool)
    volume_ml = scan.grid.voxel_volume_ml
    count = int(np.searchsorted(-sizes[1:] * volume_ml, -_SMALLEST_PIECE_ML))
    floor = None
    for value in range(1, count + 1):
        piece = labels == value
        if np.median(scan.hu[piece]) < _GAS_BELOW_HU or _mostly_gas(scan, piece):
            continue
        z = np.flatnonzero(piece.any(axis=(1, 2)))
        top, bottom = int(z[-1]), int(z[0])
        # Small pieces in the lowest part of the largest lung are bowel.
        if floor is not None and (top + bottom) / 2 < floor:
            continue
        if floor is None:
            floor = bottom + _LOWEST_SHARE * (top - bottom)
        wanted[value] = True
    return wanted[labels]


def _mostly_gas(scan: Scan, piece: BoolArray) -> bool:
    """True for a bubble: its inside, away from the partial-volume rim, is pure gas."""
    inside = ndimage.binary_erosion(piece[box := box_of(piece)], iterations=_RIM_VOXELS)
    return bool(inside.any()) and float(np.median(scan.hu[box][inside])) < _GAS_BELOW_HU


def _split_sides(pieces: BoolArray, scan: Scan, middle_x: float) -> tuple[BoolArray, BoolArray]:
    """Assign the pieces to right and left; pieces that cross the midline are cut where they are thinnest."""
    right, left = np.zeros_like(pieces), np.zeros_like(pieces)
    labels = morphology.components(pieces)
    for value in range(1, int(labels.max()) + 1):
        piece = labels == value
        columns = piece.sum(axis=(0, 1))
        before = float(columns[: int(np.ceil(middle_x))].sum()) / float(columns.sum())
        if _OTHER_SIDE_SHARE < before < _ONE_SIDE_SHARE:
            on_right = _cut(piece, scan, middle_x)
            right |= on_right
            left |= piece & ~on_right
        elif before >= _ONE_SIDE_SHARE:
            right |= piece
        else:
            left |= piece
    return right, left


def _cut(piece: BoolArray, scan: Scan, middle_x: float) -> BoolArray:
    """The right part of a piece in which both lungs are joined.

    The piece is eroded until it falls into a large right and a large left part; each voxel then joins the nearer
    one. A piece that erosion does not separate is cut at the middle column.
    """
    box = box_of(piece, 1)
    local = piece[box]
    middle = middle_x - box[2].start
    result = np.zeros_like(piece)
    for radius in _CUT_RADII_VOXELS:
        labels = morphology.components(morphology.erode(local, radius * scan.spacing_mm, scan.spacing_mm))
        cores = [labels == value for value in (1, 2)]
        if not cores[1].any() or cores[1].sum() < _SMALLER_LUNG_SHARE * cores[0].sum():
            continue
        centers = [float(np.nonzero(core.any(axis=(0, 1)))[0].mean()) for core in cores]
        if (centers[0] - middle) * (centers[1] - middle) >= 0:
            continue
        near = [morphology.distance_to(core, scan.spacing_mm) for core in cores]
        first = near[0] <= near[1]
        result[box] = local & (first if centers[0] < middle else ~first)
        return result
    columns = np.arange(local.shape[2]) < middle
    result[box] = local & columns[None, None, :]
    return result
