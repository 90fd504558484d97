"""Paths of vessels through soft tissue, and what they are found by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.spine import Spine
from LNStationLib.support.types import BoolArray, FloatArray


@dataclass(frozen=True)
class Surroundings:
    """What the veins are found by.

    Attributes:
        scan: The scan.
        carina: Carina as a voxel index ``(z, y, x)``.
        trachea: Lumen of the trachea.
        ascending_aorta: The ascending aorta, or ``None``.
        blocked: Voxels no vein can hold: airways, lungs, bone, known arteries, heart.
        bright: Enhanced blood that belongs to no known vessel; empty without contrast.
        spine: The spine, or ``None``.
        notch_z: Slice of the upper border of the manubrium, or ``None``.
        trunk_z: Slice of the origin of the brachiocephalic trunk, or ``None``.
        arch_z: Slice in which the aorta ends before the trachea, or ``None``.
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
    hu = ndimage.uniform_filter(around.scan.hu, size=3)
    return np.asarray((hu > 25) & (hu < 130) & ~around.blocked)


def trachea_edges(around: Surroundings) -> FloatArray:
    """Front row and right column of the trachea per slice of the scan; beyond its ends the nearest slice's."""
    known = np.flatnonzero(around.trachea.any(axis=(1, 2)))
    front = [np.flatnonzero(around.trachea[z].any(axis=1))[0] for z in known]
    right = [np.percentile(np.nonzero(around.trachea[z])[1], 5) for z in known]
    # At the carina the lumen widens into the right main bronchus: take the wall a little above it.
    steady = known >= min(known[-1], around.carina[0] + around.scan.voxels(12.0))
    z = np.arange(around.scan.grid.shape[0])
    pairs = [np.interp(z, known[steady], np.array(values)[steady]) for values in (front, right)]
    return np.stack(pairs, axis=1)


def cheapest(
    around: Surroundings,
    region: tuple[slice, ...],
    soft: BoolArray,
    start: BoolArray,
    goal: BoolArray,
    extra: FloatArray | None = None,
) -> np.ndarray | None:
    """Cheapest path of voxels from ``start`` to ``goal`` within a region, in indices of the whole grid."""
    size = 2 * around.scan.voxels(2.0) + 1
    fill = ndimage.uniform_filter(soft[region].astype(np.float32), size=size)
    cost = np.where(around.bright[region], 0.4, 1.0 + 6.0 * (1.0 - fill) ** 2)
    if extra is not None:
        cost = cost + extra
    cost = np.where(around.blocked[region], -1.0, cost)
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


def tube_along(
    scan: Scan, path: np.ndarray, region: tuple[slice, ...], blocked: BoolArray, radius_mm: float
) -> BoolArray:
    """Free voxels within a radius of a path smoothed along its length."""
    smooth = ndimage.gaussian_filter1d(path.astype(float), 2.5, axis=0, mode="nearest")
    line = np.zeros(scan.grid.shape, dtype=bool)
    index = np.clip(np.round(smooth).astype(int), 0, np.array(scan.grid.shape) - 1)
    line[tuple(index.T)] = True
    return morphology.dilate(line, radius_mm, scan.spacing_mm) & ~blocked & (scan.hu > -120)
