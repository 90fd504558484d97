"""Mediastinal pleura, lungs, fissures and lobes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LNStationLib.imaging.distances import depth_mm
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Float32Array, box_around, coordinates
from LNStationLib.phantom.anatomy.variants import shifts
from LNStationLib.phantom.anatomy.variants.pleural_space import (
    fissure_offsets_mm,
    removed_lung,
    side_distance,
)
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.support.types import BoolArray, LabelArray

_CLOSING_MM = 11.0
"""Half the width of gaps between organs over which the pleura passes."""
_COARSE_MM = 2.8
"""Voxels on which that closing is worked out; its result is smooth."""
_FAR_MM = 40.0
"""Where distances end: nothing further off is ever asked for."""
_HILAR_CLOSING_MM = 5.0
"""As ``_CLOSING_MM``, at the hila, where lung reaches between vessels and bronchi."""
_HILA_MM = ((-98.0, -72.0, -80.0), (98.0, 80.0, 6.0))
"""Corners (x, y, z) of what holds both hila, between the azygos arch and the inferior pulmonary veins."""
_BETWEEN_HILA_MM = (-20.0, 24.0)
"""Right and left end of what lies between the hila: the azygoesophageal recess begins behind the bronchus
intermedius, and on the left lung lies between the hilum and the descending aorta."""
_IN_PLANE = np.array([np.zeros((3, 3)), [[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.zeros((3, 3))], bool)
"""Neighbors within an axial plane."""
_GREAT_VESSELS_MM = (-40.0, 44.0)
"""As ``_BETWEEN_HILA_MM``, for what lies in front of ``_GREAT_VESSELS_Y_MM``."""
_GREAT_VESSELS_Y_MM = -9.0
"""The same in front of the hila, where superior vena cava, aorta and pulmonary trunk lie in one bed of fat."""


def pleural_distance(organs: BoolArray, grid: Grid, fat_mm: float) -> Float32Array:
    """Distance in mm from a pleura that leaves room for nodes everywhere, negative on the mediastinum's side.

    It is the organs' surface after closing gaps up to about 2 cm, standing ``fat_mm`` off; distances end at
    ``_FAR_MM``.
    """
    steps = [max(round(_COARSE_MM / s), 1) for s in grid.spacing_mm]
    coarse = organs[:: steps[0], :: steps[1], :: steps[2]]
    spacing = tuple(s * n for s, n in zip(grid.spacing_mm, steps, strict=True))
    distance = np.full(coarse.shape, _FAR_MM, np.float32)
    # To both sides of the mediastinum there is much that is further off than anyone asks.
    used = np.flatnonzero(coarse.any((0, 1)))
    pad = int(np.ceil((_FAR_MM + _CLOSING_MM) / spacing[2]))
    near = slice(max(int(used[0]) - pad, 0), int(used[-1]) + pad + 1) if used.size else slice(0, 0)
    np.minimum(_closed(coarse[:, :, near], spacing, _CLOSING_MM, fat_mm), _FAR_MM, out=distance[:, :, near])
    labels, count = ndimage.label(distance > -0.5)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        _fill(distance, labels, np.flatnonzero(sizes < 0.02 * labels.size))
    return resize(distance, grid.shape, steps)


def fitted_pleural_distance(organs: BoolArray, grid: Grid, fat_mm: float) -> Float32Array:
    """Distance in mm from the mediastinal pleura, negative on the mediastinum's side.

    As ``pleural_distance``, but at the hila lung reaches between vessels and bronchi, which only a few millimetres of
    fat cover.
    """
    hila = box_around(grid, *_HILA_MM)
    x, y, _ = coordinates(grid, hila)
    right, left = (
        np.where(y < _GREAT_VESSELS_Y_MM, front, back)
        for front, back in zip(_GREAT_VESSELS_MM, _BETWEEN_HILA_MM, strict=True)
    )
    central = organs.copy()
    central[hila] &= (x > right) & (x < left)
    distance = pleural_distance(central, grid, fat_mm)
    part = distance[hila]
    np.minimum(part, _closed(organs[hila], grid.spacing_mm, _HILAR_CLOSING_MM, hilar_fat_mm(fat_mm)), out=part)
    # Slice by slice: what would look like a bubble in an axial image is a pocket too.
    labels, count = ndimage.label(part > 0, _IN_PLANE)
    edge = np.concatenate([labels.take([0, -1], axis).ravel() for axis in (1, 2)])
    _fill(part, labels, np.setdiff1d(np.arange(count + 1), edge))
    return distance


def _fill(
    distance: Float32Array, labels: npt.NDArray[np.integer[Any]], pockets: npt.NDArray[np.integer[Any]]
) -> None:
    """Give pockets of lung to the mediastinum that encloses them: a lung is one piece."""
    pockets = pockets[pockets > 0]
    if pockets.size:
        distance[np.isin(labels, pockets)] = -2.0


def hilar_fat_mm(fat_mm: float) -> float:
    """Fat around hilar vessels and bronchi of a patient whose mediastinal pleura stands ``fat_mm`` off."""
    return 0.6 + 0.4 * fat_mm


def _closed(organs: BoolArray, spacing: tuple[float, ...], closing_mm: float, fat_mm: float) -> Float32Array:
    grown = depth_mm(~organs, spacing) < closing_mm + fat_mm
    # As two labels, both sides of the surface come from one call.
    distance = edt.edt(grown.view(np.uint8) + np.uint8(1), anisotropy=spacing)
    np.negative(distance, out=distance, where=grown)
    return np.asarray(distance + np.float32(closing_mm), np.float32)


def resize(values: Float32Array, shape: tuple[int, int, int], steps: Sequence[int]) -> Float32Array:
    """Interpolate linearly back to the fine grid, one axis at a time."""
    for axis in (2, 1, 0):
        values = _stretched(values, axis, shape[axis], steps[axis])
    return values


def _stretched(values: Float32Array, axis: int, size: int, step: int) -> Float32Array:
    """``step`` times as many samples along one axis, linear between the given ones and constant after the last."""
    fine = np.empty([size if a == axis else n for a, n in enumerate(values.shape)], np.float32)
    source, target = np.moveaxis(values, axis, 0), np.moveaxis(fine, axis, 0)
    for phase in range(step):
        rows = target[phase::step]
        low = source[: len(rows)]
        inner = min(len(rows), len(source) - 1) if phase else 0
        rise = rows[:inner]
        np.subtract(source[1 : inner + 1], source[:inner], out=rise)
        rise *= np.float32(phase / step)
        rise += source[:inner]
        rows[inner : len(low)] = low[inner:]
        rows[len(low) :] = source[-1:]
    return fine


def fissure_distances(grid: Grid, variation: Variation) -> dict[str, Float32Array]:
    """Signed distance in mm from the fissures, broadcasting to the grid; positive above and in front."""
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    x, y, z = coordinates(grid, whole)
    # From T4 at the back down to the anterior diaphragm, slightly curved.
    bend = np.float32(0.0015) * (np.abs(x) - 60) ** 2
    oblique = z - (np.float32(0.95) * (y - 30) - bend)
    horizontal = np.asarray(z + 26 - np.float32(0.12) * y + np.float32(0.002) * (np.abs(x) - 60) ** 2, np.float32)
    planes = {
        "oblique_left": (oblique + 28) * np.float32(0.72),
        "oblique_right": (oblique + 36) * np.float32(0.72),
        "horizontal": horizontal,
    }
    for name, offset in fissure_offsets_mm(variation, x).items():
        planes[name] = planes[name] + offset * np.float32(1.0 if name == "horizontal" else 0.72)
    return planes


def fissure_sheets(grid: Grid, variation: Variation) -> dict[str, Float32Array]:
    """Distance in mm from each fissure, large where the fissure does not reach."""
    x = _from_middle(grid, variation)
    planes = fissure_distances(grid, variation)
    right, left = np.where(x < 0, 0, 50).astype(np.float32), np.where(x > 0, 0, 50).astype(np.float32)
    return {
        "oblique_left": np.abs(planes["oblique_left"]) + left,
        "oblique_right": np.abs(planes["oblique_right"]) + right,
        "horizontal": np.maximum(np.abs(planes["horizontal"]) + right, -planes["oblique_right"]),
    }


def _from_middle(grid: Grid, variation: Variation) -> Float32Array:
    """How far to the left of the mediastinum's middle, in mm, broadcasting to the grid."""
    if shifts.mediastinal_shift_mm(variation) == 0:
        return grid.coordinates_mm(2).astype(np.float32)[None, None, :]
    return -side_distance(grid, variation, 1)


def lobe_labels(grid: Grid, variation: Variation) -> LabelArray:
    """The lobe that each voxel would belong to if it were lung.

    Returns:
        uint8 ``[z, y, x]``: 1 left upper, 2 left lower, 3 right upper, 4 right middle, 5 right lower.
    """
    removed = removed_lung(variation)
    left = np.broadcast_to(_from_middle(grid, variation) > 0 if removed == 0 else np.array(removed < 0), grid.shape)
    planes = fissure_distances(grid, variation)
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
