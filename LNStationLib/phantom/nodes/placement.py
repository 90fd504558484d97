"""Find a place for every node in the free fat of its station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import grown, grown_mm, label_boxes, within
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Box, Ellipsoid, box_around
from LNStationLib.phantom.nodes.node import NodePlan, PlacedNode
from LNStationLib.phantom.nodes.spread import STATION_CENTERS_MM
from LNStationLib.support.types import BoolArray, LabelArray, PointMm

_SEARCH_MM = (9.0, 9.0, 9.0)
"""Half the box (x, y, z) around a station's usual center that is searched where no station map is given."""
_NEAR_MM = (6.0, 6.0, 6.0)
"""The same around a place that is asked for."""
_SMALLEST_MM = 2.0
"""A node that finds no room is shrunk down to this short axis, then left out."""
_TRIES, _NEAREST = 10, 60
"""Places tried for a node: drawn ones, and where a place is asked for the nearest ones."""
_GAP_MM = 0.6
"""Fat between a node and the next."""
_IN_STATION, _OVER_OTHERS = 0.4, 2.0
"""Part of a node's voxels that must lie in its station, and how many times more than in any other; the rest may reach
into what no station claims, such as the lung that it pushes aside."""


def place_nodes(
    rng: np.random.Generator,
    room: BoolArray,
    grid: Grid,
    plans: Sequence[NodePlan],
    stations: LabelArray | None = None,
) -> list[PlacedNode | None]:
    """Place nodes in free fat, the largest first; one that does not fit anywhere is rounded off, then shrunk.

    Args:
        rng: Random generator of the places.
        room: Voxels that nodes may take, ``[z, y, x]``.
        grid: Grid of ``room`` in the frame of the anatomy tables.
        plans: The nodes.
        stations: Station labels on the same grid; a node then lies in its own station. Without, it lies near the
            station's usual middle.

    Returns:
        One entry a plan, in their order; ``None`` where there is no room even for 2 mm.
    """
    placer = _Placer(rng, room.copy(), grid, stations)
    placed: list[PlacedNode | None] = [None] * len(plans)
    for number in sorted(range(len(plans)), key=lambda n: -plans[n].short_axis_mm):
        placed[number] = placer.place(plans[number])
    return placed


class _Placer:
    """Free room that gets less with every node."""

    def __init__(self, rng: np.random.Generator, room: BoolArray, grid: Grid, stations: LabelArray | None) -> None:
        self.rng, self.room, self.grid, self.stations = rng, room, grid, stations
        self.boxes = label_boxes(stations) if stations is not None else {}

    def place(self, plan: NodePlan) -> PlacedNode | None:
        found = self._fit(plan, self._region(plan))
        if found is not None:
            patch = found.ellipsoid.patch(self.grid)
            self.room[patch.box] &= patch.sdf > _GAP_MM
        return found

    def _region(self, plan: NodePlan) -> Box:
        """Box to look in: the station, or without stations what is near the wanted or the usual place."""
        whole = self._station_box(plan.station)
        if whole is not None:
            return whole
        if plan.center_mm is not None:
            low, high = np.subtract(plan.center_mm, _NEAR_MM), np.add(plan.center_mm, _NEAR_MM)
            return box_around(self.grid, low, high)
        center = STATION_CENTERS_MM[plan.station]
        if plan.station in ("8", "9") and plan.side is not None:
            center = (center[0] + (12 if plan.side == "L" else -12), center[1], center[2])
        return box_around(self.grid, np.subtract(center, _SEARCH_MM), np.add(center, _SEARCH_MM))

    def _station_box(self, station: str) -> Box | None:
        return self.boxes.get(anatomy.station(station).label_value)

    def _fit(self, plan: NodePlan, box: Box) -> PlacedNode | None:
        shape, spacing = self.grid.shape, self.grid.spacing_mm
        outer = grown(grown_mm(box, plan.short_axis_mm, spacing, shape), 1, shape)
        inner = within(box, outer)
        room = np.ascontiguousarray(self.room[outer])
        clearance = depth_mm(room, self.grid.spacing_mm)[inner]
        clearance = np.where(self._allowed(plan, box), clearance, 0.0)
        if not clearance.size or clearance.max() <= 0:
            return None
        return self._try_sizes(plan, clearance, box)

    def _allowed(self, plan: NodePlan, box: Box) -> BoolArray:
        """Voxels of a box in which the node's center may lie."""
        if self.stations is None:
            return np.ones([part.stop - part.start for part in box], bool)
        allowed = self.stations[box] == anatomy.station(plan.station).label_value
        if anatomy.station(plan.station).side is None and plan.side is not None:
            x = self.grid.coordinates_mm(2)[box[2]]
            allowed = allowed & ((x > 0) if plan.side == "L" else (x < 0))[None, None, :]
        return np.asarray(allowed)

    def _try_sizes(self, plan: NodePlan, clearance: np.ndarray, box: Box) -> PlacedNode | None:
        factor = 1.0
        while plan.short_axis_mm * factor >= min(_SMALLEST_MM, plan.short_axis_mm):
            points = self._candidates(clearance, box, plan.center_mm, plan.short_axis_mm * factor / 2)
            for rounding in (1.0, 0.4, 0.0):
                trial = replace(
                    plan.smaller(factor),
                    elongation=1 + (plan.elongation - 1) * rounding,
                    flatness=1 + (plan.flatness - 1) * rounding,
                )
                for point in points:
                    ellipsoid = trial.ellipsoid(point)
                    if self._is_free(ellipsoid, trial.station):
                        return PlacedNode(trial, ellipsoid)
            factor *= 0.9
        return None

    def _candidates(self, clearance: np.ndarray, box: Box, hint: PointMm | None, radius: float) -> list[PointMm]:
        """Points roomy enough: the nearest to the hint, or some at random; the roomiest where none is enough."""
        index = np.argwhere(clearance >= min(radius, float(clearance.max())) - 1e-6)
        start = np.array([part.start for part in box])
        points = (np.asarray(self.grid.origin_mm) + np.asarray(self.grid.spacing_mm) * (start + index))[:, ::-1]
        if hint is not None:
            away = np.linalg.norm(points - np.asarray(hint), axis=1)
            chosen = np.argsort(away, kind="stable")[:_NEAREST]
        else:
            chosen = self.rng.permutation(len(points))[:_TRIES]
        return [(float(x), float(y), float(z)) for x, y, z in points[chosen]]

    def _is_free(self, ellipsoid: Ellipsoid, station: str) -> bool:
        patch = ellipsoid.patch(self.grid, 1.0)
        inside = patch.sdf < 0
        if not patch.sdf.size or (~self.room[patch.box] & inside).any():
            return False
        if self.stations is None or not inside.any():
            return True
        counts = np.bincount(self.stations[patch.box][inside], minlength=256)
        own = int(counts[anatomy.station(station).label_value])
        others = counts[1:].sum() - own
        return own >= _IN_STATION * counts.sum() and own >= _OVER_OTHERS * others
