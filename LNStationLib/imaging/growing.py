"""Growing and opening masks by shifting whole rows: the same voxels as by scipy or by distances, many times as fast.

Shifts of boolean rows run at the speed of memory, where ``scipy.ndimage`` looks at every neighbor of every voxel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from LNStationLib.support.types import BoolArray


def grow_by_ball(mask: BoolArray, squared_radius: float) -> BoolArray:
    """All voxels whose centers lie within a ball about a voxel of the mask.

    Args:
        mask: ``[z, y, x]``; what lies beyond the array adds nothing.
        squared_radius: Of the ball in voxels, squared.
    """
    reach = math.isqrt(int(squared_radius))
    rows = _rows_of_growing_length(mask, reach)
    grown = _disk(rows, squared_radius)
    for z in range(1, reach + 1):
        disk = _disk(rows, squared_radius - z * z)
        grown[z:] |= disk[:-z]
        grown[:-z] |= disk[z:]
    return grown


def grow_by_disk(mask: BoolArray, squared_radius: float) -> BoolArray:
    """The same with a disk in each slice."""
    return _disk(_rows_of_growing_length(mask, math.isqrt(int(squared_radius))), squared_radius)


def grow_by_faces(mask: BoolArray, steps: int = 1) -> BoolArray:
    """All voxels that some steps from face to face lead to from the mask."""
    for _ in range(steps):
        grown = mask.copy()
        for axis in range(mask.ndim):
            new, old = np.moveaxis(grown, axis, 0), np.moveaxis(mask, axis, 0)
            new[1:] |= old[:-1]
            new[:-1] |= old[1:]
        mask = grown
    return mask


def open_by_disk(mask: BoolArray, squared_radius: float) -> BoolArray:
    """What of each slice a disk covers that lies in the mask; beyond the array lies none of the mask."""
    return grow_by_disk(_shrunk_by_disk(mask, squared_radius), squared_radius)


def close_by_disk(mask: BoolArray, squared_radius: float) -> BoolArray:
    """Each slice with the gaps closed that hold no disk; beyond the array lies none of the mask."""
    return _shrunk_by_disk(grow_by_disk(mask, squared_radius), squared_radius)


def _shrunk_by_disk(mask: BoolArray, squared_radius: float) -> BoolArray:
    margin = math.isqrt(int(squared_radius))
    around = np.pad(~mask, ((0, 0), (margin, margin), (margin, margin)), constant_values=True)
    inner = slice(margin, -margin or None)
    return ~grow_by_disk(around, squared_radius)[:, inner, inner]


def open_by_box(mask: BoolArray, lengths: Sequence[int]) -> BoolArray:
    """What a box of some voxels along ``(z, y, x)`` covers that lies in the mask."""
    starts = mask
    for axis, length in enumerate(lengths):
        starts = _over_run(starts, axis, length, np.logical_and, ahead=True)
    for axis, length in enumerate(lengths):
        starts = _over_run(starts, axis, length, np.logical_or, ahead=False)
    return starts


def _over_run(mask: BoolArray, axis: int, length: int, join: Callable[..., BoolArray], *, ahead: bool) -> BoolArray:
    """Join each voxel with the run that starts (or ends) at it; beyond the array all are false."""
    joined = np.moveaxis(mask, axis, 0).copy()
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        moved = np.zeros_like(joined)
        if ahead:
            moved[:-step] = joined[step:]
        else:
            moved[step:] = joined[:-step]
        join(joined, moved, out=joined)
        covered += step
    return np.ascontiguousarray(np.moveaxis(joined, 0, axis))


def _rows_of_growing_length(mask: BoolArray, reach: int) -> list[BoolArray]:
    """The mask grown along x by 0, 1, ... voxels to both sides."""
    rows = [np.ascontiguousarray(mask)]
    for step in range(1, reach + 1):
        row = rows[-1].copy()
        row[..., step:] |= mask[..., :-step]
        row[..., :-step] |= mask[..., step:]
        rows.append(row)
    return rows


def _disk(rows: Sequence[BoolArray], squared_radius: float) -> BoolArray:
    """The mask grown in-plane by a disk, from the mask grown along x."""
    reach = math.isqrt(int(squared_radius))
    disk = rows[reach].copy()
    for y in range(1, reach + 1):
        row = rows[math.isqrt(int(squared_radius - y * y))]
        disk[:, y:] |= row[:, :-y]
        disk[:, :-y] |= row[:, y:]
    return disk
