"""Tissue of a synthetic patient that may hold a node, as points in the frame of the anatomy tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import skeleton, wall
from LNStationLib.phantom.anatomy.central import BRONCHUS_WALL_MM, TRACHEA_WALL_MM
from LNStationLib.phantom.anatomy.shape_tables import group_shapes
from LNStationLib.phantom.anatomy.shapes import Blend, Shape, Tube
from LNStationLib.phantom.anatomy.variants.shifts import dome_raise_mm
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.phantom.station_truth.borders import Borders, Extents
from LNStationLib.phantom.station_truth.points import Tissue
from LNStationLib.phantom.station_truth.room import Room, Scene
from LNStationLib.phantom.station_truth.surfaces import Array, filled, spheres, wall_distance
from LNStationLib.phantom.station_truth.surfaces import wall as outer_wall
from LNStationLib.support.types import BoolArray, Side

_BLOCKING_GROUPS = (
    "neck_muscles", "subclavian_veins", "cartilage", "small_arteries", "hemiazygos", "neck_veins",
    "deep_neck_muscles",
)  # fmt: skip
"""Shapes without a mask in which no node lies."""
_WALLS = {
    "trachea": TRACHEA_WALL_MM,
    **dict.fromkeys(
        (
            "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "upper_lobe_bronchus_right",
            "middle_lobe_bronchus_right", "lower_lobe_bronchus_right", "upper_lobe_bronchus_left",
            "lower_lobe_bronchus_left",
        ),
        BRONCHUS_WALL_MM,
    ),
}  # fmt: skip
"""Wall in mm of each airway, outside its lumen."""
_SIDES: tuple[Side, Side] = ("L", "R")
_LUNGS: dict[Side, str] = {"L": "lung_left", "R": "lung_right"}
_PLEURA_MM = 25.0
"""Medial border of a lung that does not reach above the manubrium."""
_RETROSTERNAL_MM = 8.0
"""How far outside the chest's inner wall fat behind the sternum counts as inside."""
_EVERY = 5
"""A profile needs no more than every fifth voxel of a slice."""
_Z_MM = np.arange(-230.0, 146.0, 1.0)
"""Heights at which the spine's width is read."""


def measure(scene: Scene, manubrium_z: float) -> Extents:
    """Measure what is not a tube; see ``Extents``."""
    half_slice = scene.grid.spacing_mm[0] / 2
    apex: dict[Side, float] = {}
    medial: dict[Side, float] = {}
    for side in _SIDES:
        sign = 1 if side == "L" else -1
        points = _medial_points(scene, _LUNGS[side], sign)
        apex[side] = float(points[:, 2].max()) + half_slice
        upper = points[points[:, 2] > manubrium_z]
        medial[side] = sign * float(np.median(sign * upper[:, 0])) if len(upper) else sign * _PLEURA_MM
    cricoid = scene.organs.get("cricoid_cartilage")
    index = np.argwhere(cricoid) if cricoid is not None else np.empty((0, 3))
    bottom = float(scene.points(index)[:, 2].min()) - half_slice if len(index) else np.inf
    half_width = skeleton.spine_half_width(_Z_MM)
    return Extents(
        apex_mm=apex,
        pleura_x_mm=medial,
        cricoid_bottom_mm=bottom,
        spine_z=_Z_MM,
        spine_front_y=skeleton.spine_y(_Z_MM) - skeleton.spine_half_depth(_Z_MM),
        spine_x=np.stack([-half_width, half_width], axis=1),
    )


def _medial_points(scene: Scene, name: str, side: int) -> Array:
    """Model points of the medialmost voxel of every row of a mask."""
    mask = scene.organs[name]
    rows = np.argwhere(mask.any(2))
    line = mask[rows[:, 0], rows[:, 1]]
    first = line.argmax(1) if side > 0 else mask.shape[2] - 1 - line[:, ::-1].argmax(1)
    return scene.points(np.column_stack([rows, first]))


@dataclass(frozen=True)
class Walls:
    """Edges of lungs and sternum over ``_Z_MM``, in mm.

    Attributes:
        lung_middle_x: Middle of each lung.
        sternum_sides_x: Right and left edge of the sternum.
        sternum_back_y: Back of the sternum.
    """

    lung_middle_x: dict[Side, Array]
    sternum_sides_x: tuple[Array, Array]
    sternum_back_y: Array


def measure_walls(scene: Scene) -> Walls:
    """Measure lungs and sternum slice by slice."""
    half = scene.grid.spacing_mm[1] / 2
    sternum = _profile(
        scene, "sternum", lambda p: (*np.quantile(p[:, 0], (0.02, 0.98)), np.quantile(p[:, 1], 0.98) + half)
    )
    middles = {side: _profile(scene, name, lambda p: (np.median(p[:, 0]),))[0] for side, name in _LUNGS.items()}
    return Walls(middles, (sternum[0], sternum[1]), sternum[2])


def describe(
    scene: Scene, room: Room, walls: Walls, index: np.ndarray, borders: Borders, variation: Variation
) -> Tissue:
    """Tissue of some free voxels with what the definitions ask of it.

    Args:
        scene: The patient.
        room: The patient's free voxels.
        walls: The patient's lungs and sternum.
        index: Array indices ``(n, 3)`` of some of them on the scene's grid.
        borders: The patient's borders.
        variation: The patient's traits.
    """
    points, local = scene.points(index), room.local(index)
    return Tissue(
        points=points,
        in_chest=_in_chest(points, walls, room.lung_behind[local]),
        above_diaphragm=_above_diaphragm(points, borders, variation),
        pleura_mm=room.pleura_mm[local].astype(np.float64),
        neck_side_x=_neck_sides(points[:, 2], variation),
        neck_front_y=_neck_front(points[:, 0], points[:, 2], variation),
        sternum_y=np.interp(points[:, 2], _Z_MM, walls.sternum_back_y),
    )


def blocked(points: Array, borders: Borders, variation: Variation) -> BoolArray:
    """Which points lie in airway walls, muscles of the neck, costal cartilage or small vessels: no organ masks."""
    blocked = np.zeros(len(points), bool)
    for name, thickness in _WALLS.items():
        blocked |= wall_distance(borders.tube(name), points, 4.0)[0] < thickness
    shapes = group_shapes(variation)
    for group in _BLOCKING_GROUPS:
        for tube in _tubes(shapes.get(group, ())):
            blocked |= wall_distance(spheres(tube), points, 2.0)[0] < 0
    return blocked


def _tubes(shapes: Iterable[Shape]) -> list[Tube]:
    found: list[Tube] = []
    for shape in shapes:
        if isinstance(shape, Tube):
            found.append(shape)
        elif isinstance(shape, Blend):
            found += _tubes(shape.shapes)
    return found


@lru_cache(maxsize=1)
def _cavity() -> RegularGridInterpolator:
    """Distance in mm from the inner chest wall at points ``(z, y, x)``; every patient has the same."""
    axes = [np.arange(lo, hi, 2.0) for lo, hi in ((-160.0, 140.0), (-110.0, 70.0), (-80.0, 82.0))]
    shape = (axes[0].size, axes[1].size, axes[2].size)
    lattice = Grid(shape, (2.0, 2.0, 2.0), (float(axes[0][0]), float(axes[1][0]), float(axes[2][0])))
    return RegularGridInterpolator(tuple(axes), wall.cavity_distance(lattice), bounds_error=False, fill_value=5.0)


def _in_chest(points: Array, walls: Walls, lung_behind: BoolArray) -> BoolArray:
    """Between the middles of the lungs and within the chest wall.

    In front the sternum bounds the mediastinum, so the layer of muscle between it and the prevascular fat counts; not
    so where lung lies behind that layer.
    """
    depth = _cavity()(points[:, ::-1])
    right, left = (np.interp(points[:, 2], _Z_MM, edge) for edge in walls.sternum_sides_x)
    behind_bone = (points[:, 0] < left) & (points[:, 0] > right)
    inside = (depth < -1.0) | ((depth < _RETROSTERNAL_MM) & behind_bone & ~lung_behind)
    for side, middle in walls.lung_middle_x.items():
        sign = 1 if side == "L" else -1
        inside &= sign * points[:, 0] < sign * np.interp(points[:, 2], _Z_MM, middle)
    return np.asarray(inside)


def _profile(scene: Scene, name: str, measure_slice: Callable[[Array], Sequence[float]]) -> list[Array]:
    """Numbers per height from the voxels of a mask in each slice, each over ``_Z_MM``."""
    heights, values = [], []
    mask = scene.organs[name]
    for k in np.flatnonzero(mask.any((1, 2))):
        rows = np.argwhere(mask[k])[::_EVERY]
        points = scene.points(np.column_stack([np.full(len(rows), k), rows]))
        heights.append(points[0, 2])
        values.append(measure_slice(points))
    return [np.interp(_Z_MM, heights, column) for column in zip(*values, strict=True)]


def _above_diaphragm(points: Array, borders: Borders, variation: Variation) -> BoolArray:
    axes = [np.arange(lo, hi, 2.0) for lo, hi in ((-110.0, 110.0), (-80.0, 82.0))]
    lattice = Grid((1, axes[0].size, axes[1].size), (2.0, 2.0, 2.0), (0.0, float(axes[0][0]), float(axes[1][0])))
    heights = wall.diaphragm_height(lattice, variation.dome_mm, dome_raise_mm(variation))
    height = RegularGridInterpolator(tuple(axes), heights, bounds_error=False, fill_value=None)
    course = borders.tube("esophagus").centers
    passed = course[course[:, 2] < height(course[:, 1::-1]), 2]
    hiatus = float(passed.max()) if passed.size else -np.inf
    return np.asarray((points[:, 2] > height(points[:, 1::-1])) & (points[:, 2] > hiatus))


def _neck_sides(z: Array, variation: Variation) -> Array:
    """Right and left edge of scalene or sternocleidomastoid muscle; below the scalene's end as far out as there."""
    muscles = [spheres(tube) for tube in _tubes(group_shapes(variation)["neck_muscles"])]
    sides = []
    for sign in (-1, 1):
        own = [tube for tube in muscles if sign * tube.centers[:, 0].mean() > 0]
        edges = []
        for tube in own:
            edge = outer_wall([tube], "x", sign, _Z_MM)
            edge[tube.centers[:, 2].min() > _Z_MM] = np.nan
            edges.append(sign * np.interp(z, _Z_MM, filled(edge)))
        sides.append(np.asarray(sign * np.max(edges, axis=0)))
    return np.stack(sides, axis=1)


def _neck_front(x: Array, z: Array, variation: Variation) -> Array:
    """Line through the middles of the strap and sternocleidomastoid muscles in each slice, straight on beyond."""
    muscles = [spheres(tube) for tube in _tubes(group_shapes(variation)["neck_muscles"])]
    foremost = sorted(muscles, key=lambda muscle: float(muscle.centers[:, 1].mean()))[:4]
    middles = []
    for muscle in foremost:
        axis = muscle.centers[np.argsort(muscle.centers[:, 2])]
        middles.append([np.interp(z, axis[:, 2], axis[:, a]) for a in (0, 1)])
    middles.sort(key=lambda middle: float(middle[0].mean()))
    result = middles[0][1]
    for (x0, y0), (x1, y1) in pairwise(middles):
        share = np.clip((x - x0) / np.maximum(x1 - x0, 1.0), 0, 1)
        result = np.where(x > x0, y0 + share * (y1 - y0), result)
    return np.asarray(result)
