"""The prevascular surface: in front of it lies 3A, behind it 2 and 4.

IASLC: 3A is bounded behind by the front of the superior vena cava on the right and of the left common carotid
artery on the left (Rusch et al. 2009). Between and below these two the surface follows the line that touches the
fronts of the vessels in each axial slice: brachiocephalic trunk, arch, ascending aorta.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib.stations import left_out
from LNStationLib.stations.iaslc_rules.borders import Border, MissingAnatomyError, surface
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

RIGHT_VESSELS = ("superior_vena_cava", "brachiocephalic_vein_right")
LEFT_VESSELS = ("common_carotid_artery_left",)
MIDDLE_VESSELS = ("brachiocephalic_trunk", "aortic_arch", "ascending_aorta")
_SMOOTHING_MM = 3.0
"""Sigma along and across the front line: it jumps where a vessel begins or ends. Chosen in development; no published
source."""
_TRACHEA_TO_VESSELS_MM = 20.0
"""Surrogate where no great vessel was found. Chosen in development; no published source."""


def prevascular_surface(frame: Frame) -> Border:
    """Return the surface as y for every slice and column.

    Raises:
        MissingAnatomyError: Neither a vessel nor the trachea is there to place it.
    """
    right, left = frame.union(*RIGHT_VESSELS), frame.union(*LEFT_VESSELS)
    middle = frame.union(*MIDDLE_VESSELS)
    rows = np.full((frame.grid.shape[0], frame.grid.shape[2]), np.nan)
    for z in range(frame.grid.shape[0]):
        _fill_slice(rows[z], right[z], middle[z], left[z])
    missing = [
        name
        for name, mask in (("superior vena cava", right), ("left common carotid artery", left), ("aorta", middle))
        if not mask.any()
    ]
    known = np.flatnonzero(np.isfinite(rows[:, 0]))
    if known.size == 0:
        return _in_front_of_trachea(frame)
    nearest = known[np.abs(np.arange(len(rows))[:, None] - known[None, :]).argmin(axis=1)]
    index = rows[nearest] * frame.grid.spacing_mm[1] + frame.grid.origin_mm[1] - frame.grid.spacing_mm[1] / 2
    smooth = gaussian_filter(index, frame.voxels(_SMOOTHING_MM), mode="nearest")
    surrogate = bool(missing) or any(frame.is_surrogate(name) for name in RIGHT_VESSELS + LEFT_VESSELS)
    return surface(smooth, Reason("prevascular_front", {"without": missing}), surrogate=surrogate)


def _fill_slice(row: FloatArray, right: BoolArray, middle: BoolArray, left: BoolArray) -> None:
    """Write the front line's row index for every column of one slice; leave NaN where there is no vessel."""
    vessels = right | middle | left
    if not vessels.any():
        return
    start = _foremost(right)[0] if right.any() else None
    end = _foremost(left)[0] if left.any() else None
    if end is None and middle.any():
        end = _foremost(middle)[0]
    columns = np.flatnonzero(vessels.any(axis=0))
    low, high = columns[0] if start is None else start, columns[-1] if end is None else end
    if low > high:
        low, high = high, low
    columns = columns[(columns >= low) & (columns <= high)]
    fronts = vessels.argmax(axis=0)[columns]
    hull = _front_hull(columns, fronts)
    row[:] = np.interp(np.arange(row.size), columns[hull], fronts[hull])
    # The line passes before the flanks of the cava; what has the cava behind it is in front of the cava.
    beside = right.any(axis=0)
    row[beside] = np.maximum(row[beside], right.argmax(axis=0)[beside])


def _foremost(mask: BoolArray) -> tuple[int, int]:
    """Column and row of the front of a vessel's cross-section (middle of the foremost row)."""
    row = int(mask.any(axis=1).argmax())
    return int(np.median(np.flatnonzero(mask[row]))), row


def _front_hull(columns: np.ndarray, rows: np.ndarray) -> list[int]:
    """Indices of the points on the ventral convex hull (lowest row), left to right (monotone chain)."""
    hull: list[int] = []
    for i in range(len(columns)):
        while len(hull) >= 2 and _turns_dorsal(columns, rows, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    return hull


def _turns_dorsal(columns: np.ndarray, rows: np.ndarray, a: int, b: int, c: int) -> bool:
    cross = (columns[b] - columns[a]) * (rows[c] - rows[a]) - (rows[b] - rows[a]) * (columns[c] - columns[a])
    return bool(cross <= 0)


def _in_front_of_trachea(frame: Frame) -> Border:
    trachea = frame.mask("trachea")
    if trachea is None:
        raise MissingAnatomyError(left_out.all_not_found("great vessels", "trachea"))
    y = float(frame.grid.coordinates_mm(1)[trachea.any(axis=(0, 2))][0]) - _TRACHEA_TO_VESSELS_MM
    shape = (frame.grid.shape[0], frame.grid.shape[2])
    rests_on = Reason("before_trachea_for_vessels", {"before_mm": _TRACHEA_TO_VESSELS_MM})
    return surface(np.full(shape, y), rests_on, surrogate=True)
