"""Thoracic cavity, chest wall, skin and diaphragm as closed surfaces over z, in the frame of ``central``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Float32Array, coordinates, smooth_minimum
from LNStationLib.support.types import PointMm

_CAVITY_Z_MM = (-215, -150, -100, -50, 0, 40, 70, 95, 135)
"""Heights of the nodes of the three curves below."""
CAVITY_POWER = 2.35
"""Superellipse of an axial section: 2 would be an ellipse."""
_cavity_half_width = PchipInterpolator(_CAVITY_Z_MM, (130, 133, 132, 127, 119, 104, 82, 60, 50))
_cavity_front = PchipInterpolator(_CAVITY_Z_MM, (-84, -88, -88, -82, -67, -53, -42, -36, -32))
_cavity_back = PchipInterpolator(_CAVITY_Z_MM, (92, 99, 103, 102, 93, 78, 60, 46, 36))

BODY_POWER = 2.6
"""The same of the skin, which is more nearly a rounded box."""
_BODY_Z_MM = (-215, -150, -100, -50, 0, 40, 70, 90, 105, 118, 135)
"""Heights of the nodes of the three curves below."""
_body_half_width = PchipInterpolator(_BODY_Z_MM, (157, 160, 161, 158, 155, 157, 168, 166, 128, 82, 66))
_body_front = PchipInterpolator(_BODY_Z_MM, (-112, -116, -118, -113, -99, -87, -77, -68, -58, -53, -50))
_body_back = PchipInterpolator(_BODY_Z_MM, (116, 121, 127, 129, 125, 118, 108, 97, 86, 76, 70))

APEX_CENTER_MM = (45.0, 20.0, 38.0)
"""Middle of the ellipsoid that closes the left pleural cupola; the right one is its mirror image."""
APEX_SEMI_AXES_MM = (46.0, 52.0, 50.0)
"""Its semi-axes."""


def over_height(grid: Grid, *curves: Callable[[np.ndarray], np.ndarray]) -> list[Float32Array]:
    """Values ``[z, 1, 1]`` of curves over the grid's heights."""
    z = grid.coordinates_mm(0)
    return [curve(z).astype(np.float32)[:, None, None] for curve in curves]


def radial_distance(
    grid: Grid, half_width: Float32Array, front: Float32Array, back: Float32Array, power: float
) -> Float32Array:
    """Distance in mm from a superellipse in each axial plane, measured along the ray from its center.

    Args:
        grid: Where.
        half_width: Of the superellipse ``[z, 1, 1]`` in mm.
        front: Its y in front, ``[z, 1, 1]`` in mm.
        back: Its y behind, ``[z, 1, 1]`` in mm.
        power: 2 for an ellipse, more for a rounded box.
    """
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    x, y, _ = coordinates(grid, whole)
    y = y - (front + back) * np.float32(0.5)
    half_depth = (back - front) / 2
    inside = (np.abs(x) / half_width) ** np.float32(power) + (np.abs(y) / half_depth) ** np.float32(power)
    level = np.maximum(inside, np.float32(1e-4), out=inside)
    level **= np.float32(1 / power)
    np.divide(1, level, out=level)
    np.subtract(1, level, out=level)
    level *= np.sqrt(x * x + y * y)
    return np.asarray(level, np.float32)


def cavity_axis_y(z: np.ndarray) -> Float32Array:
    """The y of the cavity's axis at some heights, in mm."""
    return np.asarray((_cavity_front(z) + _cavity_back(z)) / 2, np.float32)


def wall_angle(x: Float32Array, y: Float32Array, axis_y: Float32Array) -> Float32Array:
    """Angle in degrees about the cavity's axis: 0 at the spine, 180 at the sternum.

    Args:
        x: LPS mm of points.
        y: The same.
        axis_y: ``cavity_axis_y`` of their heights.
    """
    return np.asarray(np.degrees(np.arctan2(np.abs(x), y - axis_y)), np.float32)


def cavity_distance(grid: Grid) -> Float32Array:
    """Distance in mm from the inner chest wall, negative inside; open above (see ``apex_distance``)."""
    curves = over_height(grid, _cavity_half_width, _cavity_front, _cavity_back)
    return radial_distance(grid, curves[0], curves[1], curves[2], CAVITY_POWER)


def body_distance(grid: Grid, fat_mm: float = 4.0) -> Float32Array:
    """Distance in mm from the skin of the trunk without breasts and arms, negative inside.

    Args:
        grid: Where.
        fat_mm: Thickness of the fat at the side of the chest; the neck gets a fifth of what is more than 4 mm.
    """
    curves = over_height(grid, _body_half_width, _body_front, _body_back)
    z = grid.coordinates_mm(0)
    more = ((fat_mm - 4) * np.interp(z, [60, 112], [1, 0.2])).astype(np.float32)[:, None, None]
    return radial_distance(grid, curves[0] + more, curves[1] - more * np.float32(0.8), curves[2] + more, BODY_POWER)


def apex_distance(grid: Grid) -> Float32Array:
    """Rough distance in mm from the dome over either lung apex; negative below it."""
    # Below the domes' widest height the distance is the same everywhere.
    first = int(np.searchsorted(grid.coordinates_mm(0), APEX_CENTER_MM[2]))
    distance = np.full(grid.shape, -min(APEX_SEMI_AXES_MM), np.float32)
    x, y, z = coordinates(grid, (slice(first, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2])))
    dx, dy = (np.abs(x) - APEX_CENTER_MM[0]) / APEX_SEMI_AXES_MM[0], (y - APEX_CENTER_MM[1]) / APEX_SEMI_AXES_MM[1]
    dz = np.maximum(z - APEX_CENTER_MM[2], 0) / APEX_SEMI_AXES_MM[2]
    # Weighted in with height, so that the domes bind only at the apex.
    weight = np.clip((z - APEX_CENTER_MM[2]) / 25, 0, 1)
    level = np.sqrt((dx * dx + dy * dy) * weight + dz * dz)
    distance[first:] = (level - 1) * min(APEX_SEMI_AXES_MM)
    return distance


def diaphragm_height(grid: Grid, shift_mm: float, raise_mm: tuple[float, float] = (0.0, 0.0)) -> Float32Array:
    """Height (z) in mm of the diaphragm's upper surface over ``[y, x]``: two domes, and the tendon.

    The central tendon, which the heart rests on, moves by less than a third of the domes' way.

    Args:
        grid: Its plane is meant.
        shift_mm: Of both domes along z.
        raise_mm: How much higher the right and the left dome stand beyond that.
    """
    y, x = grid.coordinates_mm(1)[:, None], grid.coordinates_mm(2)[None, :]

    def dome(top: float, center: tuple[float, float], width: float, depth: float, drop: float) -> Float32Array:
        level = ((x - center[0]) / width) ** 2 + ((y - center[1]) / depth) ** 2
        return np.asarray(top - drop * level, np.float32)

    right = dome(-96 + shift_mm + raise_mm[0], (-66, -10), 60, 84, 44)
    left = dome(-107 + shift_mm + raise_mm[1], (66, -2), 58, 78, 44)
    tendon = dome(-110 + 0.3 * shift_mm, (14, -36), 84, 56, 26)
    return -smooth_minimum(smooth_minimum(-right, -left, 14.0), -tendon, 14.0)


def liver_distance(grid: Grid, cavity: Float32Array, above_diaphragm: Float32Array) -> Float32Array:
    """Distance in mm from the liver, negative inside: under the right dome, its left lobe past the midline."""
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    x, y, _ = coordinates(grid, whole)
    # The back border runs from beside the right kidney's place to the front left of the stomach.
    back = (y - 50 + np.float32(0.75) * (x + 60)) * np.float32(0.8)
    below = np.maximum(cavity + 3, above_diaphragm + 3)
    free_border = -smooth_minimum(-back, 48 - x, 40.0)
    return -smooth_minimum(-below, -free_border, 12.0)


def chest_wall_point(angle_deg: float, z_mm: float, offset_mm: float, side: int) -> PointMm:
    """Point on the chest wall.

    Args:
        angle_deg: 0 at the spine, 90 at the side, 180 at the sternum.
        z_mm: Height.
        offset_mm: Distance outside the cavity.
        side: +1 for the patient's left, -1 for the right.
    """
    front, back = float(_cavity_front(z_mm)), float(_cavity_back(z_mm))
    half_width, half_depth = float(_cavity_half_width(z_mm)), (back - front) / 2
    sin, cos = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    p = CAVITY_POWER
    radius = ((abs(sin) / half_width) ** p + (abs(cos) / half_depth) ** p) ** (-1 / p) + offset_mm
    return float(side * radius * sin), float((front + back) / 2 + radius * cos), float(z_mm)
