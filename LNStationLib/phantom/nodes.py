"""Lymph nodes: soft ellipsoids in the fat of their stations, with the table of their true attributes."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.shapes import Ellipsoid, box_around, frame_along
from LNStationLib.types import BoolArray, PointMm

_GAP_MM = 0.6
_NORMAL_MIN_MM = 2.0


@dataclass(frozen=True)
class NodePlan:
    """Where a node is meant to lie.

    Attributes:
        station: IASLC station.
        center: LPS mm in the average adult.
        short_mm: Intended short axis.
        elongation: Long over short axis.
        direction: Of the long axis, LPS.
        search_mm: How far the center may move to find room, along x, y, z.
        suv: Uptake (SUVbw) before blurring; malignant where above 4.
    """

    station: str
    center: PointMm
    short_mm: float
    elongation: float
    direction: PointMm
    search_mm: PointMm = (5.0, 5.0, 6.0)
    suv: float = 1.6

    @property
    def malignant(self) -> bool:
        """True where the node holds tumor."""
        return self.suv > 4


@dataclass(frozen=True)
class NodeTruth:
    """One node as it was placed.

    Attributes:
        node_id: Value in the node label map.
        station: Station that it was placed in (IASLC name).
        center_mm: LPS center on the case's grid.
        short_axis_mm: Shortest diameter of the ellipsoid.
        long_axis_mm: Longest diameter of the ellipsoid.
        malignant: True where it holds tumor.
        suv: Uptake (SUVbw) before the scanner's blur.
        hu: Mean attenuation before noise.
    """

    node_id: int
    station: str
    center_mm: PointMm
    short_axis_mm: float
    long_axis_mm: float
    malignant: bool
    suv: float
    hu: float


PLANS = (
    NodePlan("4R", (-19, -4, 26), 14, 1.25, (0.2, 0.2, 1), (5, 5, 6), 8.5),
    NodePlan("7", (2, 19, -26), 18, 1.35, (1, 0.1, -0.1), (5, 5, 5), 9.5),
    NodePlan("10R", (-35, 3, -8), 12, 1.2, (0.3, 0.2, 1), (6, 7, 6), 6.5),
    NodePlan("1R", (-44, -14, 96), 6, 1.4, (1, 0.2, 0.2)),
    NodePlan("1L", (44, -16, 96), 5, 1.5, (1, 0.2, 0.2)),
    NodePlan("2R", (-18, -10, 62), 6.5, 1.3, (0, 0.1, 1)),
    NodePlan("2L", (19, -2, 62), 5, 1.4, (0, 0.1, 1)),
    NodePlan("3A", (2, -48, 24), 6, 1.5, (1, 0, 0.4)),
    NodePlan("4R", (-12, -12, 14), 7, 1.3, (0.5, 0.2, 1)),
    NodePlan("4L", (14, 9, 8), 6, 1.4, (0.1, 0.6, 1)),
    NodePlan("5", (38, 12, 14), 7.5, 1.4, (0.2, 1, 0.1)),
    NodePlan("6", (28, -24, 35), 6, 1.4, (0.6, 1, 0.1)),
    NodePlan("8", (14, 30, -62), 5, 1.5, (0, 0.1, 1)),
    NodePlan("9", (-22, 34, -84), 5, 1.4, (0, 0.1, 1)),
    NodePlan("10L", (42, 22, -17), 6.5, 1.3, (0.6, 0, -0.6)),
    NodePlan("11R", (-34, 26, -28), 6, 1.3, (0, 0.2, 1)),
    NodePlan("11L", (50, 26, -34), 5.5, 1.3, (0, 0.2, 1)),
)


def place_nodes(rng: np.random.Generator, room: BoolArray, grid: Grid) -> list[tuple[NodePlan, Ellipsoid]]:
    """Place the planned nodes in free fat, moving each a little or, where that is not enough, shrinking it.

    A node that finds no room even at 4 mm is left out.

    Args:
        rng: Random generator for small differences between patients.
        room: Voxels that nodes may take, ``[z, y, x]``.
        grid: Grid of ``room`` in the frame of the anatomy tables.
    """
    room = room.copy()
    placed = []
    for plan in PLANS:
        center = np.asarray(plan.center) + rng.normal(scale=0.8, size=3)
        ellipsoid = _fit(plan, center, float(rng.uniform(0.92, 1.08)), room, grid)
        if ellipsoid is not None:
            placed.append((plan, ellipsoid))
            patch = ellipsoid.patch(grid)
            room[patch.box] &= patch.sdf > 1.0
    return placed


def _fit(plan: NodePlan, center: np.ndarray, factor: float, room: BoolArray, grid: Grid) -> Ellipsoid | None:
    reach = np.asarray(plan.search_mm) + plan.short_mm * plan.elongation
    box = box_around(grid, center - reach, center + reach)
    clearance = edt.edt(np.ascontiguousarray(room[box]), anisotropy=grid.spacing_mm, black_border=False)
    inner = box_around(grid, center - plan.search_mm, center + plan.search_mm)
    local = tuple(slice(i.start - b.start, i.stop - b.start) for i, b in zip(inner, box, strict=True))
    if not clearance[local].size:
        return None
    candidates = _by_preference(clearance[local], grid, inner, center, plan.short_mm * factor / 2)
    for radius in np.arange(plan.short_mm * factor / 2, _NORMAL_MIN_MM - 0.01, -0.5):
        for elongation in (plan.elongation, 1.15, 1.0):
            for point in candidates:
                ellipsoid = _ellipsoid(plan, point, float(radius), elongation)
                if _is_free(ellipsoid, room, grid):
                    return ellipsoid
    return None


def _by_preference(
    clearance: np.ndarray, grid: Grid, box: tuple[slice, slice, slice], center: np.ndarray, radius: float
) -> list[PointMm]:
    """The 24 voxels that are roomiest and nearest to the wanted center."""
    x, y, z = np.meshgrid(*(grid.coordinates_mm(a)[box[a]] for a in (2, 1, 0)), indexing="ij")
    away = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
    cost = 0.25 * away - np.minimum(clearance.transpose(2, 1, 0), radius + _GAP_MM)
    order = np.argsort(cost, axis=None, kind="stable")[:24]
    return [(float(x.flat[i]), float(y.flat[i]), float(z.flat[i])) for i in order]


def _ellipsoid(plan: NodePlan, center: PointMm, radius: float, elongation: float) -> Ellipsoid:
    return Ellipsoid(center, (radius * elongation, radius, radius), frame_along(plan.direction))


def _is_free(ellipsoid: Ellipsoid, room: BoolArray, grid: Grid) -> bool:
    patch = ellipsoid.patch(grid, 1.0)
    return bool(patch.sdf.size) and not (~room[patch.box] & (patch.sdf < 0)).any()
