"""Mediastinal pleura, lungs, fissures and lobes."""

from __future__ import annotations

from typing import Any

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.shapes import Float32Array, coordinates
from LNStationLib.types import BoolArray, LabelArray

_CLOSING_MM = 11.0
_COARSE_MM = 2.8


def pleural_distance(organs: BoolArray, grid: Grid, fat_mm: float) -> Float32Array:
    """Distance in mm from the mediastinal pleura, negative on the mediastinum's side.

    The pleura is the organs' surface after closing gaps up to about 2 cm, standing ``fat_mm`` off.
    """
    steps = [max(round(_COARSE_MM / s), 1) for s in grid.spacing_mm]
    coarse = organs[:: steps[0], :: steps[1], :: steps[2]]
    spacing = tuple(s * n for s, n in zip(grid.spacing_mm, steps, strict=True))
    grown = edt.edt(~coarse, anisotropy=spacing) < _CLOSING_MM + fat_mm
    distance = edt.edt(~grown, anisotropy=spacing) - edt.edt(grown, anisotropy=spacing) + _CLOSING_MM
    _fill_pockets(distance)
    return resize(np.asarray(distance, np.float32), grid.shape, steps)


def _fill_pockets(distance: npt.NDArray[np.floating[Any]]) -> None:
    """Give what the mediastinum encloses to the mediastinum: a lung is one piece."""
    labels, count = ndimage.label(distance > -0.5)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        small = np.flatnonzero(sizes < 0.02 * labels.size)
        distance[np.isin(labels, small[small > 0])] = -2.0


def resize(values: Float32Array, shape: tuple[int, int, int], steps: list[int]) -> Float32Array:
    """Interpolate linearly back to the fine grid, one axis at a time."""
    for axis in range(3):
        position = np.minimum(np.arange(shape[axis]) / steps[axis], values.shape[axis] - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        part = (position - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        values = values.take(low, axis) * (1 - part) + values.take(high, axis) * part
    return values


def fissure_distances(grid: Grid) -> dict[str, Float32Array]:
    """Signed distance in mm from the fissures, broadcasting to the grid; positive above and in front."""
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    x, y, z = coordinates(grid, whole)
    # From T4 at the back down to the anterior diaphragm, slightly curved.
    bend = np.float32(0.0015) * (np.abs(x) - 60) ** 2
    oblique = z - (np.float32(0.95) * (y - 30) - bend)
    horizontal = np.asarray(z + 26 - np.float32(0.12) * y + np.float32(0.002) * (np.abs(x) - 60) ** 2, np.float32)
    return {
        "oblique_left": (oblique + 28) * np.float32(0.72),
        "oblique_right": (oblique + 36) * np.float32(0.72),
        "horizontal": horizontal,
    }


def fissure_sheets(grid: Grid) -> dict[str, Float32Array]:
    """Distance in mm from each fissure, large where the fissure does not reach."""
    x = grid.coordinates_mm(2).astype(np.float32)[None, None, :]
    planes = fissure_distances(grid)
    right, left = np.where(x < 0, 0, 50).astype(np.float32), np.where(x > 0, 0, 50).astype(np.float32)
    return {
        "oblique_left": np.abs(planes["oblique_left"]) + left,
        "oblique_right": np.abs(planes["oblique_right"]) + right,
        "horizontal": np.maximum(np.abs(planes["horizontal"]) + right, -planes["oblique_right"]),
    }


def lobe_labels(grid: Grid) -> LabelArray:
    """The lobe that each voxel would belong to if it were lung.

    Returns:
        uint8 ``[z, y, x]``: 1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower.
    """
    left = np.broadcast_to(grid.coordinates_mm(2)[None, None, :] > 0, grid.shape)
    planes = fissure_distances(grid)
    labels = np.where(planes["oblique_left"] > 0, np.uint8(1), np.uint8(2))
    front = np.where(planes["horizontal"] > 0, np.uint8(3), np.uint8(4))
    right = np.where(planes["oblique_right"] > 0, front, np.uint8(5))
    return np.where(left, labels, right)


def end_points(
    rng: np.random.Generator,
    space: Float32Array,
    labels: LabelArray,
    grid: Grid,
    shares: dict[int, float],
    count: int,
) -> dict[int, npt.NDArray[np.float64]]:
    """Points spread through each lobe, at least 5 mm from its surface, in random order.

    Args:
        rng: Random generator.
        space: Distance in mm from the surface of the lungs, negative inside.
        labels: ``lobe_labels``.
        grid: Grid of both.
        shares: Share of each lobe in ``count``.
        count: Number of points in both lungs.

    Returns:
        LPS points in mm ``(n, 3)`` for each lobe label.
    """
    step = (3, 4, 4)
    deep = space[:: step[0], :: step[1], :: step[2]] < -5
    lobe = labels[:: step[0], :: step[1], :: step[2]]
    result = {}
    for label, share in shares.items():
        index = np.argwhere(deep & (lobe == label))
        chosen = index[rng.permutation(len(index))[: round(count * share)]] * step
        jitter = rng.uniform(-2, 2, chosen.shape)
        zyx = np.asarray(grid.origin_mm) + chosen * np.asarray(grid.spacing_mm) + jitter
        result[label] = zyx[:, ::-1].copy()
    return result
