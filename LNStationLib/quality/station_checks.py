"""Check stations against the rules: size, level, side, and how much of each lies in impossible places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from LNStationLib import anatomy
from LNStationLib.organs.groups import BONES
from LNStationLib.quality.doubts import Doubt, judge
from LNStationLib.quality.rules import Plausibility, StationMeasure, plausibility
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.profiles import first_mm
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, HuArray

_AIR_HU = -400
"""Halfway between lung and soft tissue, as in ``station_edits``."""
_BEHIND_SPINE_FRONT_MM = 25.0
"""About the depth of a thoracic vertebral body (Gray's Anatomy, 41st edition): behind it lie canal and muscle."""
_OUTSIDE_LUNGS_MM = 15.0
"""The front of the mediastinum bulges this far over the line that joins the front edges of the lungs."""
_MIN_LUNG_SLICE_MM2 = 1500.0
"""Below this area in a slice a lung is its tip, and the outline of both does not hold the mediastinum."""


def check_stations(
    station_map: StationMap, organs: OrganSet, hu: HuArray, rules: Plausibility | None = None
) -> tuple[StationMap, tuple[Doubt, ...]]:
    """Check parsed stations against the rules of the quality check.

    Args:
        station_map: As parsed; stays as it is.
        organs: Organs of the case, on the map's grid.
        hu: CT on the map's grid ``[z, y, x]``.
        rules: Those of ``Resources/Quality`` where ``None``.

    Returns:
        The map without the stations that cannot be, each with its reason in ``left_out``, and with the doubts of
        the others; and what was found, as data.
    """
    found: list[Doubt] = []
    scene = _Scene(station_map, organs, hu)
    for row in anatomy.stations():
        voxels = scene.voxels_of(row.label_value)
        if len(voxels):
            found += _doubts_of(row.name, _Region(scene, voxels).measures(), rules or plausibility())
    return _without_impossible(station_map, found), tuple(found)


def check_outline(
    station: str, volume_ml: float, height_mm: float, rules: Plausibility | None = None
) -> list[Reason]:
    """What is doubtful about the size of a station that a reader drew.

    Args:
        station: Its name.
        volume_ml: In ml.
        height_mm: Along the body, in mm.
        rules: Those of ``Resources/Quality`` where ``None``.

    Returns:
        Why; a reader's own station is never left out.
    """
    measures: dict[StationMeasure, float | None] = {"volume_ml": volume_ml, "height_mm": height_mm}
    return [_doubtful(doubt) for doubt in _doubts_of(station, measures, rules or plausibility())]


def _doubts_of(station: str, measures: dict[StationMeasure, float | None], rules: Plausibility) -> list[Doubt]:
    doubts = []
    for rule in rules.stations:
        value = measures.get(rule.measure)
        if station in rule.names and value is not None:
            doubts.append(judge(rule, value, (station,), rule.measure))
    return [doubt for doubt in doubts if doubt is not None]


def _without_impossible(station_map: StationMap, doubts: Sequence[Doubt]) -> StationMap:
    left_out = dict(station_map.left_out)
    doubtful = {station: list(reasons) for station, reasons in station_map.doubts.items()}
    for doubt in doubts:
        (station,) = doubt.names
        if doubt.severity == "leave_out":
            left_out.setdefault(station, Reason("implausible", doubt.facts))
        else:
            doubtful.setdefault(station, []).append(_doubtful(doubt))
    gone = {station for station in left_out if station not in station_map.left_out}
    labels = station_map.labels
    if gone:
        labels = labels.copy()
        labels[np.isin(labels, [anatomy.station(station).label_value for station in gone])] = 0
    return replace(
        station_map,
        labels=labels,
        borders=[note for note in station_map.borders if note.station not in gone],
        left_out=left_out,
        doubts={station: tuple(reasons) for station, reasons in doubtful.items() if station not in gone},
    )


def _doubtful(doubt: Doubt) -> Reason:
    return Reason("doubtful", doubt.facts)


@dataclass(frozen=True)
class _Scene:
    """The stations of a case and what they are held against, measured once for all of them."""

    station_map: StationMap
    organs: OrganSet
    hu: HuArray

    @cached_property
    def _labelled(self) -> tuple[np.ndarray, np.ndarray]:
        index = np.argwhere(self.station_map.labels)
        return index, self.station_map.labels[tuple(index.T)]

    def voxels_of(self, label: int) -> np.ndarray:
        """Indices ``(z, y, x)`` of one station's voxels, one a row."""
        index, labels = self._labelled
        return index[labels == label]

    @cached_property
    def carina(self) -> tuple[float, float] | None:
        """LPS ``(x, z)`` of the carina in mm."""
        mark = self.organs.landmarks.get("carina")
        return None if mark is None else (mark.point_mm[0], mark.point_mm[2])

    @cached_property
    def sternum_front_mm(self) -> FloatArray | None:
        """LPS y of the front of sternum and manubrium by slice; NaN in slices without them."""
        return self._front_of("sternum", "manubrium")

    @cached_property
    def spine_front_mm(self) -> FloatArray | None:
        """LPS y of the front of the spine by slice."""
        return self._front_of("spine")

    def _front_of(self, *names: str) -> FloatArray | None:
        masks = [mask for name in names if (mask := self.organs.mask(name)) is not None]
        if not masks:
            return None
        fronts = np.array([first_mm(mask, self.organs.grid, 1) for mask in masks])
        return np.asarray(np.fmin.reduce(fronts))

    @cached_property
    def bones(self) -> tuple[BoolArray, ...]:
        """Masks of bones."""
        return tuple(mask for name in BONES if (mask := self.organs.mask(name)) is not None)

    @cached_property
    def _lungs(self) -> tuple[BoolArray, BoolArray] | None:
        left, right = self.organs.mask("lung_left"), self.organs.mask("lung_right")
        return None if left is None or right is None else (left, right)

    @cached_property
    def outlines(self) -> dict[int, np.ndarray]:
        """Half-planes ``(a, b, c)`` of the convex outline of both lungs by slice: inside, ``ay + bx + c <= 0`` mm."""
        if self._lungs is None:
            return {}
        left, right = self._lungs
        enough = _MIN_LUNG_SLICE_MM2 / self.organs.grid.spacing_mm[1] ** 2
        areas = np.minimum(np.count_nonzero(left, axis=(1, 2)), np.count_nonzero(right, axis=(1, 2)))
        used = np.unique(self._labelled[0][:, 0])
        return {int(z): _half_planes(left[z] | right[z], self.organs) for z in used if areas[z] >= enough}


def _half_planes(mask: BoolArray, organs: OrganSet) -> np.ndarray:
    """The convex outline of one slice that is not empty, from the ends of its rows."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    index = np.concatenate([np.column_stack([rows, first]), np.column_stack([rows, last])])
    points = index * np.array(organs.grid.spacing_mm[1:]) + np.array(organs.grid.origin_mm[1:])
    try:
        return np.asarray(ConvexHull(points).equations)
    except QhullError:  # All in one line.
        return np.empty((0, 3))


@dataclass(frozen=True)
class _Region:
    """One station's voxels.

    Attributes:
        scene: What they are held against.
        voxels: Indices ``(z, y, x)``, one a row; at least one.
    """

    scene: _Scene
    voxels: np.ndarray

    def measures(self) -> dict[StationMeasure, float | None]:
        """Every measure; ``None`` where what it needs is missing."""
        grid = self.scene.station_map.grid
        return {
            "volume_ml": len(self.voxels) * grid.voxel_volume_ml,
            "height_mm": float(np.ptp(self.voxels[:, 0]) + 1) * grid.spacing_mm[0],
            **self._place(),
            "share_in_air": self._share(self.scene.hu[self._index] < _AIR_HU),
            "share_outside_body": self._outside_body(),
            "share_in_bone": self._in_bone(),
            "share_before_sternum": self._past(self.scene.sternum_front_mm, lambda y, front: y < front),
            "share_behind_spine_front": self._past(
                self.scene.spine_front_mm, lambda y, front: y > front + _BEHIND_SPINE_FRONT_MM
            ),
            "share_outside_chest": self._outside_chest(),
        }

    @property
    def _index(self) -> tuple[np.ndarray, ...]:
        return tuple(self.voxels.T)

    @cached_property
    def _points_mm(self) -> np.ndarray:
        """LPS ``(z, y, x)`` of every voxel."""
        grid = self.scene.station_map.grid
        return self.voxels * np.array(grid.spacing_mm) + np.array(grid.origin_mm)

    def _place(self) -> dict[StationMeasure, float | None]:
        if self.scene.carina is None:
            return {}
        x, z = self.scene.carina
        heights = self._points_mm[:, 0] - z
        return {
            "lowest_above_carina_mm": float(heights.min()),
            "highest_above_carina_mm": float(heights.max()),
            "left_of_carina_mm": float(self._points_mm[:, 2].mean() - x),
        }

    @staticmethod
    def _share(there: BoolArray) -> float:
        return float(there.mean())

    def _outside_body(self) -> float | None:
        body = self.scene.organs.mask("body")
        return None if body is None else self._share(~body[self._index])

    def _in_bone(self) -> float:
        inside = np.zeros(len(self.voxels), dtype=bool)
        for mask in self.scene.bones:
            inside |= mask[self._index]
        return self._share(inside)

    def _past(self, border_mm: FloatArray | None, is_past: Callable[[FloatArray, FloatArray], BoolArray]) -> float:
        """Share of the station past a border that each slice has at its own y; none where the border is missing."""
        if border_mm is None:
            return 0.0
        # NaN in slices without the border compares false.
        return self._share(is_past(self._points_mm[:, 1], border_mm[self.voxels[:, 0]]))

    def _outside_chest(self) -> float:
        outside = 0
        for z in np.unique(self.voxels[:, 0]):
            planes = self.scene.outlines.get(int(z))
            if planes is not None:
                points = self._points_mm[self.voxels[:, 0] == z, 1:]
                distance = points @ planes[:, :2].T + planes[:, 2]
                outside += int((distance > _OUTSIDE_LUNGS_MM).any(axis=1).sum())
        return outside / len(self.voxels)
