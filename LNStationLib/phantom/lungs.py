"""Mediastinal pleura, lungs, fissures and the vessels and airways inside the lungs."""

from __future__ import annotations

from collections.abc import Sequence

import edt
import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.shapes import Float32Array, Tube, coordinates
from LNStationLib.types import BoolArray

_CLOSING_MM = 10.0
_COARSE_MM = 2.4


def pleural_distance(organs: BoolArray, grid: Grid, fat_mm: float) -> Float32Array:
    """Distance in mm from the mediastinal pleura, negative on the mediastinum's side.

    The pleura is the organs' surface after closing gaps up to about 2 cm, standing ``fat_mm`` off.
    """
    steps = [max(round(_COARSE_MM / s), 1) for s in grid.spacing_mm]
    coarse = organs[:: steps[0], :: steps[1], :: steps[2]]
    spacing = tuple(s * n for s, n in zip(grid.spacing_mm, steps, strict=True))
    grown = edt.edt(~coarse, anisotropy=spacing) < _CLOSING_MM + fat_mm
    distance = edt.edt(~grown, anisotropy=spacing) - edt.edt(grown, anisotropy=spacing) + _CLOSING_MM
    return resize(np.asarray(distance, np.float32), grid.shape, steps)


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


def lobes(lung: BoolArray, grid: Grid) -> dict[str, BoolArray]:
    """The five lobes of the lungs' voxels by canonical name."""
    x = grid.coordinates_mm(2)[None, None, :]
    planes = fissure_distances(grid)
    right, left = lung & (x < 0), lung & (x > 0)
    front = planes["oblique_right"] > 0
    return {
        "lung_upper_lobe_left": left & (planes["oblique_left"] > 0),
        "lung_lower_lobe_left": left & (planes["oblique_left"] <= 0),
        "lung_upper_lobe_right": right & front & (planes["horizontal"] > 0),
        "lung_middle_lobe_right": right & front & (planes["horizontal"] <= 0),
        "lung_lower_lobe_right": right & ~front,
    }


def branch_tree(rng: np.random.Generator, stems: Sequence[Tube], toward: Sequence[Sequence[float]]) -> list[Tube]:
    """Vessels that grow on from the ends of the stems, forking and tapering (Murray's law) to under 0.6 mm.

    Args:
        rng: Random generator.
        stems: Vessels whose last point and radius start a tree.
        toward: For each stem a point in LPS mm that its tree grows toward.
    """
    segments: list[Tube] = []
    for stem, goal in zip(stems, toward, strict=True):
        start = stem.points[-1]
        heading = np.asarray(goal, float) - start
        length = float(np.linalg.norm(heading)) * 0.42
        _grow(rng, start, heading / np.linalg.norm(heading), float(stem.radii[-1]), length, segments)
    return segments


def _grow(
    rng: np.random.Generator, start: np.ndarray, heading: np.ndarray, radius: float, length: float, out: list[Tube]
) -> None:
    if radius < 0.6 or length < 4:
        return
    end = start + heading * length
    out.append(Tube(np.stack([start, end]), np.array([radius, radius * 0.85])))
    share = rng.uniform(0.35, 0.65)
    side = np.cross(heading, rng.normal(size=3))
    side /= np.linalg.norm(side)
    for part, sign in ((share, 1.0), (1 - share, -1.0)):
        turned = heading + sign * side * (0.35 + 0.5 * (1 - part)) + rng.normal(scale=0.08, size=3)
        _grow(
            rng,
            end,
            turned / np.linalg.norm(turned),
            0.92 * radius * part ** (1 / 3),
            length * rng.uniform(0.68, 0.86),
            out,
        )
