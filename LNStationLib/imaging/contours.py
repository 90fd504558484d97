"""Masks to closed contours and back, slice by slice, in voxel coordinates.

A contour runs halfway between the centers of marked and unmarked pixels, so that the centers inside of it are exactly
the marked ones: what is written as contours is read back voxel by voxel. A hole is joined to its outline by a line
that is run there and back (the keyhole of DICOM PS3.3, C.8.8.6.3), for many readers know no other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from skimage import measure

from LNStationLib.support.types import BoolArray, FloatArray


def mask_contours(mask: BoolArray) -> list[FloatArray]:
    """Closed contours of a slice.

    Args:
        mask: ``[row, column]``.

    Returns:
        Polygons ``(n, 2)`` of ``(column, row)``; the last point is joined to the first and does not repeat it. Points
        on a straight line are left out.
    """
    rings = [_ring(found) for found in measure.find_contours(np.pad(mask, 1).astype(np.float32), 0.5)]
    outlines = [ring for ring in rings if _area(ring) > 0]
    joined = list(outlines)
    for hole in (ring for ring in rings if _area(ring) < 0):
        index = _enclosing(hole, outlines)
        joined[index] = _joined(joined[index], hole)
    return joined


def contours_mask(contours: Iterable[FloatArray], shape: tuple[int, int]) -> BoolArray:
    """Pixels whose centers lie inside an odd number of polygons, so that a contour within another is a hole.

    Args:
        contours: Polygons ``(n, 2)`` of ``(column, row)``.
        shape: Rows and columns.
    """
    mask = np.zeros(shape, bool)
    for contour in contours:
        mask ^= _polygon_mask(np.asarray(contour, float), shape)
    return mask


def _ring(found: FloatArray) -> FloatArray:
    """What scikit-image found, as ``(column, row)`` of the unpadded slice without the repeated point."""
    ring = found[:-1, ::-1] - 1.0
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-9
    return ring[turns]


def _area(ring: FloatArray) -> float:
    """Signed area in pixels; scikit-image runs outlines one way around and holes the other."""
    x, y = ring.T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _enclosing(hole: FloatArray, outlines: Sequence[FloatArray]) -> int:
    """Index of the smallest outline around a hole."""
    around = [index for index, outline in enumerate(outlines) if measure.points_in_poly(hole[:1], outline)[0]]
    return min(around, key=lambda index: abs(_area(outlines[index])))


def _joined(outline: FloatArray, hole: FloatArray) -> FloatArray:
    distances = np.linalg.norm(outline[:, None] - hole[None], axis=2)
    i, j = np.unravel_index(int(distances.argmin()), distances.shape)
    around = np.concatenate([hole[j:], hole[: j + 1]])
    return np.concatenate([outline[: i + 1], around, outline[i:]])


def _polygon_mask(contour: FloatArray, shape: tuple[int, int]) -> BoolArray:
    """Even-odd rule, row by row: a center is inside where an odd number of edges cross its row left of it."""
    mask = np.zeros(shape, bool)
    start, end = contour, np.roll(contour, -1, axis=0)
    low = max(int(np.ceil(contour[:, 1].min())), 0)
    high = min(int(np.floor(contour[:, 1].max())), shape[0] - 1)
    for row in range(low, high + 1):
        crossed = (start[:, 1] > row) != (end[:, 1] > row)
        a, b = start[crossed], end[crossed]
        at = np.sort(a[:, 0] + (row - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1]))
        for left, right in zip(at[::2], at[1::2], strict=True):
            mask[row, max(int(np.ceil(left)), 0) : max(int(np.ceil(right)), 0)] = True
    return mask
