"""Tissue of a synthetic patient that may hold a node, as points in the frame of the anatomy tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import edt
import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import binary_opening, generate_binary_structure

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import skeleton, wall
from LNStationLib.phantom.central import BRONCHUS_WALL_MM, TRACHEA_WALL_MM
from LNStationLib.phantom.shape_tables import group_shapes
from LNStationLib.phantom.shapes import Blend, Box, Shape, Tube
from LNStationLib.phantom.station_truth.borders import Borders, Extents
from LNStationLib.phantom.station_truth.points import Tissue
from LNStationLib.phantom.station_truth.surfaces import Array, filled, spheres, wall_distance
from LNStationLib.phantom.station_truth.surfaces import wall as outer_wall
from LNStationLib.phantom.variation import Variation
from LNStationLib.types import BoolArray, Side

ToModel = Callable[[Array], Array]
"""LPS points ``(n, 3)`` of the masks' grid to the frame of the anatomy tables."""
_REGIONS = ("body", "thoracic_cavity", "mediastinum", "lungs")
_BLOCKING_GROUPS = ("neck_muscles", "subclavian_veins", "cartilage", "small_arteries", "hemiazygos")
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
_SIDES: tuple[Side, Side] = ("L", "R")
_LUNGS: dict[Side, str] = {"L": "lung_left", "R": "lung_right"}
_PLEURA_MM = 25.0
_HALF_WIDTH_MM = 66.0
_THIN_MM = 3.0
"""Layers thinner than this hold no node that could be seen, and no annotator draws them."""
_RETROSTERNAL_MM = 8.0
_EVERY = 5
"""A profile needs no more than every fifth voxel of a slice."""
_Z = np.arange(-230.0, 146.0, 1.0)


@dataclass(frozen=True)
class Scene:
    """Masks of one patient on one grid, not mirrored, and the way from its points to the anatomy tables.

    Attributes:
        grid: Grid of the masks.
        organs: Masks ``[z, y, x]`` by canonical name.
        to_model: See ``ToModel``.
    """

    grid: Grid
    organs: Mapping[str, BoolArray]
    to_model: ToModel

    def points(self, index: np.ndarray) -> Array:
        """Model points ``(n, 3)`` of array indices ``(n, 3)`` in the order ``z, y, x``."""
        lps = np.asarray(self.grid.origin_mm) + index * np.asarray(self.grid.spacing_mm)
        return self.to_model(lps[:, ::-1])


def measure(scene: Scene, manubrium_z: float) -> Extents:
    """Measure what is no tube; see ``Extents``."""
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
    half_width = skeleton.spine_half_width(_Z)
    return Extents(
        apex_mm=apex,
        pleura_x_mm=medial,
        cricoid_bottom_mm=bottom,
        spine_z=_Z,
        spine_front_y=skeleton.spine_y(_Z) - skeleton.spine_half_depth(_Z),
        spine_x=np.stack([-half_width, half_width], axis=1),
    )


def _medial_points(scene: Scene, name: str, side: int) -> Array:
    """Model points of the medialmost voxel of every row of a mask."""
    mask = scene.organs[name]
    rows = np.argwhere(mask.any(2))
    line = mask[rows[:, 0], rows[:, 1]]
    first = line.argmax(1) if side > 0 else mask.shape[2] - 1 - line[:, ::-1].argmax(1)
    return scene.points(np.column_stack([rows, first]))


def gather(scene: Scene, borders: Borders, variation: Variation) -> tuple[Tissue, np.ndarray]:
    """All tissue between sternum and spine that is in no organ's mask; see ``blocked`` for what has none.

    Returns:
        The tissue, and the array indices ``(n, 3)`` of its voxels on the scene's grid.
    """
    box = _box(scene)
    free, lung = _free(scene, box)
    index = np.argwhere(free) + [part.start for part in box]
    points = scene.points(index)
    pleura = edt.edt(~lung, anisotropy=scene.grid.spacing_mm) if lung.any() else np.full(lung.shape, np.inf)
    local = tuple((index - [part.start for part in box]).T)
    return (
        Tissue(
            points=points,
            in_chest=_in_chest(points, scene, _lung_behind(lung, scene.grid)[local]),
            above_diaphragm=_above_diaphragm(points, borders, variation),
            pleura_mm=pleura[local].astype(np.float64),
            neck_side_x=_neck_sides(points[:, 2]),
            neck_front_y=_neck_front(points[:, 0], points[:, 2]),
            sternum_y=_sternum_back(scene, points[:, 2]),
        ),
        index,
    )


def _box(scene: Scene) -> Box:
    """Part of the grid between sternum and spine and around the trachea."""
    middle = scene.points(np.argwhere(scene.organs["trachea"])).mean(0)
    shape, spacing, origin = scene.grid.shape, scene.grid.spacing_mm, scene.grid.origin_mm
    corners = scene.points(
        np.array([(k, j, i) for k in (0, shape[0] - 1) for j in (0, shape[1] - 1) for i in (0, shape[2] - 1)])
    )
    slope = (corners[:, 0].max() - corners[:, 0].min()) / max(spacing[2] * (shape[2] - 1), 1e-6)
    columns = [(middle[0] + sign * _HALF_WIDTH_MM) / slope for sign in (-1, 1)]
    low, high = (int(np.clip(round((c - origin[2]) / spacing[2]), 0, shape[2])) for c in columns)
    rows = np.flatnonzero(scene.organs["sternum"].any((0, 2)))
    back = np.flatnonzero(scene.organs["spine"].any((0, 2)))
    return slice(0, shape[0]), slice(int(rows[0]), int(back[-1]) + 1), slice(low, high)


def _free(scene: Scene, box: Box) -> tuple[BoolArray, BoolArray]:
    """Voxels of the body in no organ, and voxels of lung."""
    lung = scene.organs["lung_left"][box] | scene.organs["lung_right"][box]
    # The mask of the lungs stands a fraction of a millimetre off the chest wall; that gap is no tissue.
    free = scene.organs["body"][box] & binary_opening(~lung, generate_binary_structure(3, 1))
    for name, mask in scene.organs.items():
        if name not in _REGIONS and not name.startswith("lung"):
            free &= ~mask[box]
    return _roomy(free, scene.grid), lung


def _roomy(free: BoolArray, grid: Grid) -> BoolArray:
    """Without layers that are too thin to hold a node, as between aorta and lung."""
    deep = edt.edt(free, anisotropy=grid.spacing_mm) > _THIN_MM / 2
    return np.asarray(free & (edt.edt(~deep, anisotropy=grid.spacing_mm) <= _THIN_MM / 2 + min(grid.spacing_mm)))


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


def _in_chest(points: Array, scene: Scene, lung_behind: BoolArray) -> BoolArray:
    """Between the middles of the lungs and within the chest wall.

    In front the sternum bounds the mediastinum, so the layer of muscle between it and the prevascular fat counts; not
    so where lung lies behind that layer.
    """
    axes = [np.arange(lo, hi, 2.0) for lo, hi in ((-160.0, 140.0), (-110.0, 70.0), (-80.0, 82.0))]
    shape = (axes[0].size, axes[1].size, axes[2].size)
    lattice = Grid(shape, (2.0, 2.0, 2.0), (float(axes[0][0]), float(axes[1][0]), float(axes[2][0])))
    cavity = RegularGridInterpolator(tuple(axes), wall.cavity_distance(lattice), bounds_error=False, fill_value=5.0)
    depth = cavity(points[:, ::-1])
    right, left = (np.interp(points[:, 2], _Z, edge) for edge in _sternum_sides(scene))
    behind_bone = (points[:, 0] < left) & (points[:, 0] > right)
    inside = (depth < -1.0) | ((depth < _RETROSTERNAL_MM) & behind_bone & ~lung_behind)
    for name, sign in (("lung_left", 1), ("lung_right", -1)):
        middle = _profile(scene, name, lambda p: float(np.median(p[:, 0])))
        inside &= sign * points[:, 0] < sign * np.interp(points[:, 2], _Z, middle)
    return np.asarray(inside)


def _sternum_sides(scene: Scene) -> tuple[Array, Array]:
    return (
        _profile(scene, "sternum", lambda p: float(np.quantile(p[:, 0], 0.02))),
        _profile(scene, "sternum", lambda p: float(np.quantile(p[:, 0], 0.98))),
    )


def _profile(scene: Scene, name: str, measure_slice: Callable[[Array], float]) -> Array:
    """A number per height from the voxels of a mask in each slice, over ``_Z``."""
    heights, values = [], []
    mask = scene.organs[name]
    for k in np.flatnonzero(mask.any((1, 2))):
        rows = np.argwhere(mask[k])[::_EVERY]
        points = scene.points(np.column_stack([np.full(len(rows), k), rows]))
        heights.append(points[0, 2])
        values.append(measure_slice(points))
    return np.interp(_Z, heights, values)


def _lung_behind(lung: BoolArray, grid: Grid) -> BoolArray:
    """Voxels with lung within 12 mm behind them."""
    steps = max(round(12.0 / grid.spacing_mm[1]), 1)
    behind = np.zeros_like(lung)
    for step in range(1, steps + 1):
        behind[:, :-step] |= lung[:, step:]
    return behind


def _above_diaphragm(points: Array, borders: Borders, variation: Variation) -> BoolArray:
    axes = [np.arange(lo, hi, 2.0) for lo, hi in ((-110.0, 110.0), (-80.0, 82.0))]
    lattice = Grid((1, axes[0].size, axes[1].size), (2.0, 2.0, 2.0), (0.0, float(axes[0][0]), float(axes[1][0])))
    heights = wall.diaphragm_height(lattice, variation.dome_mm)
    height = RegularGridInterpolator(tuple(axes), heights, bounds_error=False, fill_value=None)
    course = borders.tube("esophagus").centers
    passed = course[course[:, 2] < height(course[:, 1::-1]), 2]
    hiatus = float(passed.max()) if passed.size else -np.inf
    return np.asarray((points[:, 2] > height(points[:, 1::-1])) & (points[:, 2] > hiatus))


def _neck_sides(z: Array) -> Array:
    """Right and left edge of scalene or sternocleidomastoid muscle; below the scalene's end as far out as there."""
    muscles = [spheres(tube) for tube in _tubes(group_shapes()["neck_muscles"])]
    sides = []
    for sign in (-1, 1):
        own = [tube for tube in muscles if sign * tube.centers[:, 0].mean() > 0]
        edges = []
        for tube in own:
            edge = outer_wall([tube], "x", sign, _Z)
            edge[tube.centers[:, 2].min() > _Z] = np.nan
            edges.append(sign * np.interp(z, _Z, filled(edge)))
        sides.append(np.asarray(sign * np.max(edges, axis=0)))
    return np.stack(sides, axis=1)


def _neck_front(x: Array, z: Array) -> Array:
    """Line through the middles of the strap and sternocleidomastoid muscles in each slice, straight on beyond."""
    muscles = [spheres(tube) for tube in _tubes(group_shapes()["neck_muscles"])]
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


def _sternum_back(scene: Scene, z: Array) -> Array:
    half = scene.grid.spacing_mm[1] / 2
    back = _profile(scene, "sternum", lambda p: float(np.quantile(p[:, 1], 0.98)) + half)
    return np.interp(z, _Z, back)
