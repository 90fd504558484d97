"""The lungs, right and left, from their air."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.boxes import box_of
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray

_LUNG_BELOW_HU = -400
# Bowel and stomach hold plain gas (near -1000 HU); inflated lung averages -700 to -900 HU.
_GAS_BELOW_HU = -960
_SMALLEST_PIECE_ML = 15.0
_SMALLEST_LUNG_ML = 100.0
_CLOSING_MM = 4.0


def find_lungs(scan: Scan, outside: BoolArray, airways: BoolArray, middle_x: float) -> Findings:
    """Find both lungs.

    Args:
        scan: The scan.
        outside: Air outside the body.
        airways: Lumen that does not belong to the lungs: trachea, main and lobar bronchi.
        middle_x: Column (voxel index) that parts right from left: the trachea's, else the body's.

    Returns:
        ``lung_left`` and ``lung_right`` where found; a warning names a lung that is missing or small. Vessels
        and small airways inside count as lung; the larger bronchi do not.
    """
    air = (scan.hu < _LUNG_BELOW_HU) & scan.in_view & ~outside
    air &= ~morphology.dilate(airways, 1.5 * scan.spacing_mm, scan.spacing_mm)
    pieces = _lung_pieces(scan, air)
    right, left = _part(pieces, scan, middle_x)
    found = Findings()
    for name, mask in (("lung_right", right), ("lung_left", left)):
        _add(found, name, mask, scan, outside | airways | (left if name == "lung_right" else right))
    return found


def _add(found: Findings, name: str, mask: BoolArray, scan: Scan, forbidden: BoolArray) -> None:
    side = name.removeprefix("lung_")
    volume_ml = float(mask.sum()) * scan.grid.voxel_volume_ml
    if volume_ml < _SMALLEST_PIECE_ML:
        found.warnings.append(f"No aerated {side} lung was found: the stations that rest on it are uncertain.")
        return
    if volume_ml < _SMALLEST_LUNG_ML:
        found.warnings.append(f"Only {volume_ml:.0f} ml of aerated {side} lung were found.")
    closed = morphology.fill_slices(morphology.close_coarsely(mask, _CLOSING_MM, scan.spacing_mm))
    found.organ(name, closed & ~forbidden & scan.in_view, OrganSource.IMAGE, "aerated lung with its vessels")


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
        # Small pieces that lie wholly in the lowest part of the largest lung are bowel.
        if floor is not None and (top + bottom) / 2 < floor:
            continue
        if floor is None:
            floor = bottom + 0.3 * (top - bottom)
        wanted[value] = True
    return wanted[labels]


def _mostly_gas(scan: Scan, piece: BoolArray) -> bool:
    """True for a bubble: its inside, away from the partial-volume rim, is plain gas."""
    inside = ndimage.binary_erosion(piece[box := box_of(piece)], iterations=2)
    return bool(inside.any()) and float(np.median(scan.hu[box][inside])) < _GAS_BELOW_HU


def _part(pieces: BoolArray, scan: Scan, middle_x: float) -> tuple[BoolArray, BoolArray]:
    """Part the pieces into right and left; pieces that cross over are cut where they are thinnest."""
    right, left = np.zeros_like(pieces), np.zeros_like(pieces)
    labels = morphology.components(pieces)
    for value in range(1, int(labels.max()) + 1):
        piece = labels == value
        columns = piece.sum(axis=(0, 1))
        before = float(columns[: int(np.ceil(middle_x))].sum()) / float(columns.sum())
        if 0.1 < before < 0.9:
            on_right = _cut(piece, scan, middle_x)
            right |= on_right
            left |= piece & ~on_right
        elif before >= 0.9:
            right |= piece
        else:
            left |= piece
    return right, left


def _cut(piece: BoolArray, scan: Scan, middle_x: float) -> BoolArray:
    """The right part of a piece in which both lungs are joined.

    The piece is eroded until it falls into a large right and a large left part; every voxel then joins the
    nearer of the two. Where erosion does not part it, the middle column does.
    """
    box = box_of(piece, 1)
    local = piece[box]
    middle = middle_x - box[2].start
    result = np.zeros_like(piece)
    for radius in (1.0, 2.0, 3.5, 5.0):
        labels = morphology.components(morphology.erode(local, radius * scan.spacing_mm, scan.spacing_mm))
        cores = [labels == value for value in (1, 2)]
        if not cores[1].any() or cores[1].sum() < 0.15 * cores[0].sum():
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
