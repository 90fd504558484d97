"""Long and short axis of a node in the axial plane, sub-voxel and without bias from the voxel grid.

RECIST 1.1 (Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026) measures a node by its short axis, the largest
diameter perpendicular to its longest diameter, in the axial plane.

A hull of voxel corners is about one voxel too long, a hull of voxel centers one too short. Here a slice is smoothed
by just under a voxel and contoured at the level that keeps its area, so that steps of the grid go and size stays.
On discretized ellipses of 6 to 25 mm both axes are right within 0.15 voxel on average; only the long axis of an
exactly round node, the largest of many equal diameters, comes out up to 0.4 voxel long
(``Testing/Python/nodes/test_diameters.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform
from skimage.measure import find_contours

from LNStationLib.support.types import FloatArray

_SMOOTHING_VOXELS = 0.85
"""Sigma that rounds off the steps of voxels before the contour is drawn. Chosen in development; no published
source."""
_PADDING_PIXELS = 5
"""Empty pixels around a slice, beyond the reach of the smoothing."""


@dataclass(frozen=True)
class AxialDiameters:
    """Axial diameters of one node.

    Attributes:
        long_mm: Longest diameter over all axial slices.
        short_mm: Largest diameter perpendicular to it in the same slice; within the node where it is bent.
        slice_index: That slice.
    """

    long_mm: float
    short_mm: float
    slice_index: int


@dataclass(frozen=True)
class _Caliper:
    length_mm: float
    ends: FloatArray
    contour: FloatArray


def axial_diameters(occupancy: FloatArray, spacing_mm: tuple[float, float, float]) -> AxialDiameters:
    """Measure a node whose array axis 0 is the patient's head-foot axis.

    Args:
        occupancy: Share of each voxel that the node fills, ``[z, y, x]`` in [0, 1]; a binary mask will do.
        spacing_mm: Voxel size ``(z, y, x)`` in mm.

    Raises:
        ValueError: The node is empty.
    """
    areas = occupancy.sum(axis=(1, 2))
    if not areas.any():
        raise ValueError("a node without voxels has no diameters")
    # A resampled slice may hold a sliver of less than half a voxel: no diameter can be read from it.
    slices = np.flatnonzero(areas >= min(0.5, float(areas.max())))
    calipers = {int(z): _longest(occupancy[z], spacing_mm[1:]) for z in slices}
    z, caliper = max(calipers.items(), key=lambda item: item[1].length_mm)
    return AxialDiameters(caliper.length_mm, _longest_perpendicular(caliper), z)


def _longest(occupancy: FloatArray, spacing_mm: tuple[float, float]) -> _Caliper:
    return max((_caliper(contour) for contour in _contours(occupancy, spacing_mm)), key=lambda c: c.length_mm)


def _contours(occupancy: FloatArray, spacing_mm: tuple[float, float]) -> list[FloatArray]:
    """Closed contours ``(n, 2)`` of one slice in mm as y, x, enclosing as much area as its voxels fill."""
    padded = np.pad(np.asarray(occupancy, float), _PADDING_PIXELS)
    # The same smoothing in mm along both axes: a whole voxel of a coarse axis would blur too much.
    sigma = _SMOOTHING_VOXELS * min(spacing_mm) / np.array(spacing_mm)
    smooth = gaussian_filter(padded, sigma)
    filled = max(1, round(float(padded.sum())))
    ranked = np.sort(smooth, axis=None)[::-1]
    level = float(ranked[filled - 1] + ranked[filled]) / 2
    # Where several voxels share the highest value a level at that value would enclose nothing.
    below_top = ranked[ranked < ranked[0] * (1 - 1e-6)]
    level = min(level, float(ranked[0] + below_top[0]) / 2)
    return [np.asarray(contour * np.array(spacing_mm)) for contour in find_contours(smooth, level)]


def _caliper(contour: FloatArray) -> _Caliper:
    corners = contour
    if len(contour) > 3:
        try:
            corners = contour[ConvexHull(contour).vertices]
        except QhullError:
            corners = contour
    distances = squareform(pdist(corners))
    first, second = np.unravel_index(int(distances.argmax()), distances.shape)
    return _Caliper(float(distances[first, second]), corners[[first, second]], contour)


def _longest_perpendicular(caliper: _Caliper) -> float:
    """Longest chord inside the contour at right angles to the caliper."""
    if caliper.length_mm == 0:
        return 0.0
    along = (caliper.ends[1] - caliper.ends[0]) / caliper.length_mm
    across = np.array([-along[1], along[0]])
    t, s = caliper.contour @ along, caliper.contour @ across
    # Chord length is linear between the corners of the contour, so its maximum lies beside one of them.
    beside = np.unique(np.concatenate([t - 1e-7, t + 1e-7]))[:, None]
    crossed = (t[:-1] < beside) != (t[1:] < beside)
    step = np.where(t[1:] == t[:-1], 1.0, t[1:] - t[:-1])
    crossings = np.where(crossed, s[:-1] + (beside - t[:-1]) / step * (s[1:] - s[:-1]), np.inf)
    crossings.sort(axis=1)
    n_pairs = int(crossed.sum(axis=1).max()) // 2
    enter, leave = crossings[:, 0 : 2 * n_pairs : 2], crossings[:, 1 : 2 * n_pairs : 2]
    inside = np.isfinite(enter) & np.isfinite(leave)
    return float((leave[inside] - enter[inside]).max(initial=0.0))
