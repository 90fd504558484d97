"""How an annotator differs from the truth: borders a little off, levels a slice off."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import box_of, grown, grown_mm
from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import LabelArray

_GRAIN_MM = 18.0
"""Borders drift off and back over about two centimeters."""
_COARSE_MM = 6.0
"""Voxels of the random field, a third of its grain."""
_LARGEST = 2.5
"""The displacement ends at this many times ``strength_mm``."""
_SHIFT_CHANCE = 0.3
"""Chance that an annotator ends a station one slice too high or too low."""


def annotator(labels: LabelArray, grid: Grid, seed: int, strength_mm: float) -> LabelArray:
    """Station labels as one annotator might have drawn them.

    Borders are moved in plane by a smooth random field, and the upper or lower end of a station may come a whole
    slice higher or lower, since readers decide slice by slice.

    Args:
        labels: True labels ``[z, y, x]``.
        grid: Their grid.
        seed: The annotator; the same one draws the same way.
        strength_mm: Root mean square of the in-plane displacement along each axis; 0 returns the truth.

    Returns:
        uint8 ``[z, y, x]``. Only voxels that are in some station of the truth, or beside one, change.

    Raises:
        ValueError: ``strength_mm`` is negative.
    """
    if strength_mm < 0:
        raise ValueError(f"strength_mm must not be negative, got {strength_mm}")
    if strength_mm == 0 or not labels.any():
        return labels.copy()
    rng = np.random.default_rng(seed)
    return _displaced(_shifted(labels, rng), grid, strength_mm, rng)


def _shifted(labels: LabelArray, rng: np.random.Generator) -> LabelArray:
    """Let some stations end a slice higher or lower; the neighbor gives or takes the slice."""
    result = labels.copy()
    for row in anatomy.stations():
        moves = rng.uniform(size=2) < _SHIFT_CHANCE
        inward = rng.uniform(size=2) < 0.5
        slices = np.flatnonzero((labels == row.label_value).any((1, 2)))
        if slices.size < 4:
            continue
        for end, move, shrink in zip((0, -1), moves, inward, strict=True):
            if move:
                _move_end(result, row.label_value, int(slices[end]), 1 if end == 0 else -1, bool(shrink))
    return result


def _move_end(labels: LabelArray, value: int, last: int, into: int, shrink: bool) -> None:
    """Move one end of a station by a slice; ``into`` points from its last slice into it."""
    if shrink:
        next_station = labels[last - into] if 0 <= last - into < len(labels) else np.zeros_like(labels[0])
        own = labels[last] == value
        labels[last][own] = next_station[own]
    elif 0 <= last - into < len(labels):
        beyond = labels[last - into]
        # Only what another station holds there is known to be tissue.
        beyond[(labels[last] == value) & (beyond > 0)] = value


def _displaced(labels: LabelArray, grid: Grid, strength_mm: float, rng: np.random.Generator) -> LabelArray:
    reach = grown_mm(box_of(labels), _LARGEST * strength_mm, grid.spacing_mm, labels.shape)
    box = grown(reach, 1, labels.shape)
    part = labels[box]
    fields = [_smooth_field(part.shape, grid.spacing_mm, rng) * strength_mm for _ in range(2)]
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in part.shape), indexing="ij")
    y += np.clip(fields[0], -_LARGEST * strength_mm, _LARGEST * strength_mm) / grid.spacing_mm[1]
    x += np.clip(fields[1], -_LARGEST * strength_mm, _LARGEST * strength_mm) / grid.spacing_mm[2]
    result = labels.copy()
    result[box] = map_coordinates(part, [z, y, x], order=0, mode="nearest")
    return result


def _smooth_field(
    shape: tuple[int, ...], spacing_mm: tuple[float, float, float], rng: np.random.Generator
) -> np.ndarray:
    """Random field of unit variance that changes over about ``_GRAIN_MM``."""
    coarse = [max(int(np.ceil(n * s / _COARSE_MM)), 1) + 2 for n, s in zip(shape, spacing_mm, strict=True)]
    field = gaussian_filter(rng.standard_normal(coarse), _GRAIN_MM / _COARSE_MM / 2, mode="wrap")
    field /= max(float(field.std()), 1e-9)
    factors = [n / c for n, c in zip(shape, coarse, strict=True)]
    fine = zoom(field.astype(np.float32), factors, order=1, mode="nearest")
    return np.asarray(fine[tuple(slice(0, n) for n in shape)])
