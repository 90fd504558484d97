"""Paths of vessels through soft tissue, and the structures that guide them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.spine import Spine
from LNStationLib.support.types import BoolArray, FloatArray

_SOFT_HU, _SOFT_WINDOW_VOXELS = (25, 130), 3
"""Unenhanced to slightly enhanced blood and muscle, without fat and contrast, smoothed against noise."""
_STEADY_ABOVE_CARINA_MM = 12.0
"""Above it the trachea is not yet widened by the right main bronchus."""
_EDGE_PERCENTILE = 5
"""The right column of the lumen, without single noisy voxels."""
_FILL_HALF_MM = 2.0
"""Smallest vein that is a continuous channel of tissue, 4 mm wide."""
_BRIGHT_COST, _FAT_COST = 0.4, 6.0
"""Per voxel, against 1 for solid soft tissue: contrast attracts, strands in fat repel; chosen on phantoms and one
CT."""
_SMOOTH_VOXELS = 2.5
"""Sigma along the path: removes its staircase on the grid."""
_ABOVE_LUNG_HU = -120
"""Fat may lie in a tube that is only a surrogate; lung may not."""


@dataclass(frozen=True)
class Surroundings:
    """The structures by which the veins are found.

    Attributes:
        scan: The scan.
        carina: Carina as a voxel index ``(z, y, x)``.
        trachea: Lumen of the trachea.
        ascending_aorta: The ascending aorta, or ``None``.
        blocked: Voxels outside any vein: airways, lungs, bone, known arteries, heart.
        bright: Enhanced blood that belongs to no known vessel; empty without contrast.
        spine: The spine, or ``None``.
        notch_z: Slice of the upper border of the manubrium, or ``None``.
        trunk_z: Slice of the origin of the brachiocephalic trunk, or ``None``.
        arch_z: Slice in which the aorta ends in front of the trachea, or ``None``.
    """

    scan: Scan
    carina: tuple[float, float, float]
    trachea: BoolArray
    ascending_aorta: BoolArray | None
    blocked: BoolArray
    bright: BoolArray
    spine: Spine | None
    notch_z: float | None
    trunk_z: float | None
    arch_z: float | None


def soft_tissue(around: Surroundings) -> BoolArray:
    """Soft tissue that may be an unenhanced vein."""
    hu = ndimage.uniform_filter(around.scan.hu, size=_SOFT_WINDOW_VOXELS)
    return np.asarray((hu > _SOFT_HU[0]) & (hu < _SOFT_HU[1]) & ~around.blocked)


def trachea_edges(around: Surroundings) -> FloatArray:
    """Front row and right column of the trachea per slice; beyond its ends those of the nearest slice."""
    return _per_slice(
        around, lambda cut: (np.flatnonzero(cut.any(axis=1))[0], _percentile_column(cut, _EDGE_PERCENTILE))
    )


def trachea_sides(around: Surroundings) -> FloatArray:
    """Right and left column of the trachea per slice; beyond its ends those of the nearest slice."""
    return _per_slice(
        around,
        lambda cut: (_percentile_column(cut, _EDGE_PERCENTILE), _percentile_column(cut, 100 - _EDGE_PERCENTILE)),
    )


def _percentile_column(cut: BoolArray, percentile: float) -> float:
    return float(np.percentile(np.nonzero(cut)[1], percentile))


def _per_slice(around: Surroundings, measure: Callable[[BoolArray], tuple[float, float]]) -> FloatArray:
    """Two measures of the trachea's cut per slice, ``(slices, 2)``, interpolated and held beyond its ends."""
    known = np.flatnonzero(around.trachea.any(axis=(1, 2)))
    # At the carina the lumen widens into the right main bronchus: take the wall a little above it.
    steady = known[known >= min(known[-1], around.carina[0] + around.scan.voxels(_STEADY_ABOVE_CARINA_MM))]
    values = np.array([measure(around.trachea[z]) for z in steady], dtype=float)
    z = np.arange(around.scan.grid.shape[0])
    return np.stack([np.interp(z, steady, column) for column in values.T], axis=1)


def cheapest(
    around: Surroundings,
    region: tuple[slice, ...],
    soft: BoolArray,
    start: BoolArray,
    goal: BoolArray,
    extra: FloatArray | None = None,
) -> np.ndarray | None:
    """Cheapest path of voxels from ``start`` to ``goal`` within a region, in indices of the whole grid."""
    cost = _cost(around, region, soft, extra)
    starts = np.argwhere(start & ~around.blocked[region])
    goals = np.argwhere(goal & ~around.blocked[region])
    if not len(starts) or not len(goals):
        return None
    finder = MCP_Geometric(cost)
    totals, _ = finder.find_costs(starts, goals, find_all_ends=False)
    best = goals[int(np.argmin(totals[tuple(goals.T)]))]
    if not np.isfinite(totals[tuple(best)]):
        return None
    path = np.array(finder.traceback(tuple(best)))
    return path + np.array([s.start for s in region])


def _cost(around: Surroundings, region: tuple[slice, ...], soft: BoolArray, extra: FloatArray | None) -> FloatArray:
    """Cost of every voxel of a region; negative where blocked, as ``MCP_Geometric`` expects."""
    size = 2 * around.scan.voxels(_FILL_HALF_MM) + 1
    fill = ndimage.uniform_filter(soft[region].astype(np.float32), size=size)
    cost = np.where(around.bright[region], _BRIGHT_COST, 1.0 + _FAT_COST * (1.0 - fill) ** 2)
    if extra is not None:
        cost = cost + extra
    return np.asarray(np.where(around.blocked[region], -1.0, cost))


def tube_along(
    scan: Scan, path: np.ndarray, region: tuple[slice, ...], blocked: BoolArray, radius_mm: float
) -> BoolArray:
    """Free voxels within a radius of a path smoothed along its length."""
    smooth = ndimage.gaussian_filter1d(path.astype(float), _SMOOTH_VOXELS, axis=0, mode="nearest")
    line = np.zeros(scan.grid.shape, dtype=bool)
    index = np.clip(np.round(smooth).astype(int), 0, np.array(scan.grid.shape) - 1)
    line[tuple(index.T)] = True
    return morphology.dilate(line, radius_mm, scan.spacing_mm) & ~blocked & (scan.hu > _ABOVE_LUNG_HU)
