"""Level of the inferior pulmonary veins, the upper border of station 9."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray

USUAL_BELOW_CARINA_MM = 50.0
"""Measured on adult CT: the inferior veins enter the left atrium 4 to 6 cm below the carina."""
_RANGE_MM = (38.0, 75.0)
"""That range with tall patients and deep inspiration; the superior veins enter above it."""
_TOUCHING_MM = 6.0
"""Walls of vein and atrium and the error of a rough heart mask."""
_RUN_MM = 15.0
"""How far from the heart a vein is followed in one slice; the bulge of an ostium is shorter."""
_SMALLEST_SECTION_MM2, _SMALLEST_HEIGHT_MM = 60.0, 3.0
"""Vein cut lengthwise, 15 mm by 4 mm or more, over more than one thin slice; less is noise."""
_ASIDE_MM, _OUTSIDE_MM = 30.0, 8.0
"""Usual ostium beside the carina, and the midline strip that belongs to esophagus and atrium. Chosen on phantoms and
one real CT."""
_HEART_CLOSING_MM = 6.0
"""Closes the gaps between chambers and vessels in a heart mask."""
_REAR_SHARE = 0.6
"""Of the heart's depth: the left atrium is the rearmost chamber."""
_NAMES = {"right": "inferior_pulmonary_vein_right", "left": "inferior_pulmonary_vein_left"}
_NEAR_ATRIUM_MM = 25.0
"""Length of a vein that still belongs to its level: branches in the lung descend below the ostium."""
_INFERIOR_HEIGHT_MM = 18.0
"""A vein of 12 to 14 mm that runs obliquely; the superior vein lies higher."""
_SMALLEST_CUT_MM2 = 25.0
"""Half the width of a vein; less is a branch or a speck."""
_POSSIBLE_MM = (44.0, 95.0)
"""Of its lower border below the carina: the range of the inferior veins and half their width; superior veins enter
higher."""


def split_inferior_veins(
    veins: BoolArray, atrium: BoolArray, carina: tuple[float, float, float], scan: Scan
) -> dict[str, BoolArray]:
    """The inferior veins out of a mask of all pulmonary veins: on each side the lowest part beside the atrium.

    Args:
        veins: All pulmonary veins, ``[z, y, x]``.
        atrium: The left atrium, else the heart.
        carina: Carina as a voxel index ``(z, y, x)``.
        scan: The scan they lie on.

    Returns:
        By organ name; a side whose lowest vein lies at no level of an inferior vein is absent.
    """
    near = veins & morphology.dilate(atrium, _NEAR_ATRIUM_MM, scan.spacing_mm) & ~atrium
    x = np.arange(scan.grid.shape[2])
    found = {}
    for side, name in _NAMES.items():
        part = near & (x < carina[2] if side == "right" else x > carina[2])[None, None, :]
        slices = np.flatnonzero(part.sum(axis=(1, 2)) * scan.spacing_mm**2 >= _SMALLEST_CUT_MM2)
        if not slices.size or not _POSSIBLE_MM[0] <= (carina[0] - slices[0]) * scan.spacing_mm <= _POSSIBLE_MM[1]:
            continue
        vein = np.zeros_like(part)
        level = slice(int(slices[0]), int(slices[0]) + scan.voxels(_INFERIOR_HEIGHT_MM))
        vein[level] = part[level]
        found[name] = vein
    return found


def find_inferior_veins(
    scan: Scan, carina: tuple[float, float, float], heart: BoolArray | None, bright: BoolArray
) -> Findings:
    """Find the lowest enhanced vessel on either side of the rear of the heart.

    Args:
        scan: The scan.
        carina: Carina as a voxel index ``(z, y, x)``.
        heart: The heart, or ``None``.
        bright: Enhanced blood outside heart, aorta and pulmonary artery; empty without contrast.

    Returns:
        Landmarks ``inferior_pulmonary_vein_right`` and ``inferior_pulmonary_vein_left``: the lowest slice in which
        the vein's middle reaches the heart, from the image; else at the usual level with source ``SURROGATE`` and a
        warning.
    """
    found = Findings()
    veins = None if heart is None else _leaving(scan, heart, bright, carina)
    for side, name in _NAMES.items():
        level = None if veins is None else _lowest_vein(scan, carina, veins, side)
        if level is not None:
            found.landmark(name, level, scan.grid, OrganSource.IMAGE)
            continue
        offset = _ASIDE_MM / scan.spacing_mm * (-1 if side == "right" else 1)
        index = (carina[0] - USUAL_BELOW_CARINA_MM / scan.spacing_mm, carina[1], carina[2] + offset)
        found.landmark(name, index, scan.grid, OrganSource.SURROGATE)
        found.warn("pulmonary_vein_placed", side=side, below_carina_mm=USUAL_BELOW_CARINA_MM)
    return found


def _leaving(scan: Scan, heart: BoolArray, bright: BoolArray, carina: tuple[float, float, float]) -> BoolArray:
    """Bright pieces of axial slices that start at the rear of the heart and run well away from it."""
    level = scan.window(0, carina[0], _RANGE_MM[1], -_RANGE_MM[0])
    # Only slices that a run can reach count, which spares most of the distances.
    near = scan.window(
        0, carina[0], _RANGE_MM[1] + _RUN_MM + scan.spacing_mm, _RUN_MM + scan.spacing_mm - _RANGE_MM[0]
    )
    closed = morphology.close(heart, _HEART_CLOSING_MM, scan.spacing_mm)
    distance = np.full(heart.shape, np.inf, np.float32)
    distance[near] = morphology.distance_to(closed[near], scan.spacing_mm)
    veins = np.zeros_like(bright)
    for z in range(level.start, level.stop):
        rows = np.flatnonzero(heart[z].any(axis=1))
        if not rows.size:
            continue
        cut = bright[z] & ~heart[z]
        cut[: int(rows[0] + _REAR_SHARE * (rows[-1] - rows[0]))] = False
        labels, count = ndimage.label(cut)
        if not count:
            continue
        values = np.arange(1, count + 1)
        start = ndimage.minimum(distance[z], labels, values)
        end = ndimage.maximum(distance[z], labels, values)
        keep = np.concatenate([[False], (start <= _TOUCHING_MM) & (end >= _RUN_MM)])
        veins[z] = keep[labels]
    return veins


def _lowest_vein(
    scan: Scan, carina: tuple[float, float, float], veins: BoolArray, side: str
) -> tuple[float, float, float] | None:
    """Index of the lowest vein of a side, in the lowest slice in which it reaches the heart."""
    x = np.arange(scan.grid.shape[2])
    outwards = (carina[2] - x if side == "right" else x - carina[2]) * scan.spacing_mm
    part = veins & (outwards > _OUTSIDE_MM)[None, None, :]
    areas = part.sum(axis=(1, 2)) * scan.spacing_mm**2
    slices = np.flatnonzero(areas >= _SMALLEST_SECTION_MM2)
    runs = np.split(slices, np.flatnonzero(np.diff(slices) > 1) + 1)
    for run in runs:
        if len(run) * scan.spacing_mm >= _SMALLEST_HEIGHT_MM:
            z = int(run[0])
            y, column = np.argwhere(part[z]).mean(axis=0)
            return float(z), float(y), float(column)
    return None
