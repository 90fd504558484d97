"""One node cut in two where it is narrowest."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.boxes import bounding_box, inside_of, points_mm
from LNStationLib.imaging.edited_masks import EditedMask
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import FloatArray

_MIDDLE = (0.2, 0.8)
"""Shares of the voxels between which the cut lies: neither part is a sliver."""
_FEWEST_VOXELS = 8
_STEP_MM = 1.0
"""Between the cuts that are tried."""


def halves(mask: EditedMask, ct: sitk.Image) -> tuple[EditedMask, EditedMask]:
    """The two parts of a node on both sides of its waist, across its longest axis; the larger first.

    Raises:
        InputError: It has too few voxels.
    """
    at = np.argwhere(mask.inside)
    if len(at) < _FEWEST_VOXELS:
        raise InputError(f"the node has {len(at)} voxels, too few to be split: erase it or draw the parts.")
    along = _along_longest_axis(points_mm(ct, at + [part.start for part in mask.box]))
    upper = along > _waist(along)
    parts = sorted((_part(mask, at[side]) for side in (upper, ~upper)), key=lambda part: -part.n_voxels)
    return parts[0], parts[1]


def _along_longest_axis(points: FloatArray) -> FloatArray:
    """Position of each point on the axis of the largest spread, in mm."""
    centered = points - points.mean(axis=0)
    _values, axes = np.linalg.eigh(centered.T @ centered)
    return np.asarray(centered @ axes[:, -1])


def _waist(along: FloatArray) -> float:
    """Where fewest voxels lie, between the two ends."""
    low, high = np.quantile(along, _MIDDLE)
    cuts = np.arange(low, high + _STEP_MM / 2, _STEP_MM)
    counts = [int(np.count_nonzero(np.abs(along - cut) <= _STEP_MM)) for cut in cuts]
    thinnest = np.flatnonzero(np.equal(counts, min(counts)))
    return float(cuts[thinnest[len(thinnest) // 2]])


def _part(mask: EditedMask, at: np.ndarray) -> EditedMask:
    inside = np.zeros_like(mask.inside)
    inside[tuple(at.T)] = True
    tight = bounding_box(inside)
    if tight is None:
        raise InputError("the node cannot be split: draw the parts.")
    return EditedMask(inside_of(mask.box, tight), inside[tight])
