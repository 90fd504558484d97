"""Per-slice profiles of masks: where an organ begins and ends along an axis, gaps filled and smoothed."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import BoolArray, FloatArray


def first_mm(mask: BoolArray, grid: Grid, axis: int) -> FloatArray:
    """Lowest coordinate in mm of the mask's outer voxel faces along array ``axis`` (1 or 2) in every slice.

    Returns:
        One value per slice; NaN where the slice is empty.
    """
    occupied = np.asarray(mask.any(axis=3 - axis))
    filled_slices = np.asarray(occupied.any(axis=1))
    index = np.where(filled_slices, occupied.argmax(axis=1), np.nan)
    return np.asarray(grid.origin_mm[axis] + grid.spacing_mm[axis] * (index - 0.5))


def last_mm(mask: BoolArray, grid: Grid, axis: int) -> FloatArray:
    """Highest coordinate in mm, as :func:`first_mm`."""
    occupied = np.asarray(mask.any(axis=3 - axis))
    size = occupied.shape[1]
    filled_slices = np.asarray(occupied.any(axis=1))
    index = np.where(filled_slices, size - 1 - occupied[:, ::-1].argmax(axis=1), np.nan)
    return np.asarray(grid.origin_mm[axis] + grid.spacing_mm[axis] * (index + 0.5))


def center_mm(mask: BoolArray, grid: Grid, axis: int) -> FloatArray:
    """Centroid in mm along ``axis`` in every slice; NaN where the slice is empty."""
    weights = mask.sum(axis=3 - axis, dtype=np.float64)
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(weights @ grid.coordinates_mm(axis) / total)


def filled(values: FloatArray, *, sigma: float, slope_from: int = 0) -> FloatArray:
    """Interpolate over NaN slices, extrapolate at both ends and smooth along z.

    Args:
        values: One value per slice, NaN where unknown; at least one known.
        sigma: Smoothing in slices.
        slope_from: Number of known slices at each end whose line is continued; 0 keeps the end value.

    Raises:
        ValueError: Every value is NaN.
    """
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        raise ValueError("no slice has a value")
    index = np.arange(values.size)
    full = np.interp(index, known, values[known])
    smooth = np.asarray(gaussian_filter1d(full, sigma, mode="nearest"))
    if slope_from >= 2 and known.size >= slope_from:
        for end, outside in ((known[:slope_from], index < known[0]), (known[-slope_from:], index > known[-1])):
            slope, offset = np.polyfit(end, values[end], 1)
            smooth[outside] = slope * index[outside] + offset
    return smooth


def lowest_z_mm(mask: BoolArray, grid: Grid) -> float:
    """Z in mm of the mask's caudal voxel face."""
    return float(grid.origin_mm[0] + grid.spacing_mm[0] * (np.flatnonzero(mask.any(axis=(1, 2)))[0] - 0.5))


def highest_z_mm(mask: BoolArray, grid: Grid) -> float:
    """Z in mm of the mask's cranial voxel face."""
    return float(grid.origin_mm[0] + grid.spacing_mm[0] * (np.flatnonzero(mask.any(axis=(1, 2)))[-1] + 0.5))
