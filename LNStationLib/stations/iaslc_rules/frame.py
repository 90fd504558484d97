"""The patient's frame for the rules: the mediastinal part of the working grid, its organs, and half-spaces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.stations import left_out
from LNStationLib.stations.iaslc_rules.borders import Border, MissingAnatomyError
from LNStationLib.support.types import BoolArray, FloatArray, HuArray, PointMm

HALF_WIDTH_MM = 100.0
"""Half width of the region around the trachea that can hold a station; hila lie within 70 mm."""
_BEFORE_LUNGS_MM, _BEHIND_TRACHEA_MM = 25.0, 110.0
_BEFORE_TRACHEA_MM, _MAX_BEFORE_TRACHEA_MM = 110.0, 160.0
"""Margins of the box that the rules work in; they only have to hold every station. In front of the trachea it reaches
at least the first distance, to the front of the lungs, and at most the second."""


@dataclass(frozen=True)
class Frame:
    """Organs, landmarks and coordinates of the mediastinal region.

    Attributes:
        grid: The region's grid.
        offset: Array index ``(z, y, x)`` of the region's first voxel in the whole working grid.
        hu: CT in HU, ``[z, y, x]``.
        organs: Organs cropped to the region; an organ outside it is absent.
        landmarks: Landmark points, LPS mm.
    """

    grid: Grid
    offset: tuple[int, int, int]
    hu: HuArray
    organs: OrganSet

    @property
    def z_mm(self) -> FloatArray:
        """Z of every slice, shape ``(z, 1, 1)``."""
        return self.grid.coordinates_mm(0)[:, None, None]

    @property
    def y_mm(self) -> FloatArray:
        """Y of every row, shape ``(1, y, 1)``."""
        return self.grid.coordinates_mm(1)[None, :, None]

    @property
    def x_mm(self) -> FloatArray:
        """X of every column, shape ``(1, 1, x)``."""
        return self.grid.coordinates_mm(2)[None, None, :]

    def mask(self, name: str) -> BoolArray | None:
        """An organ's mask, or ``None`` where it is missing."""
        return self.organs.mask(name)

    def require(self, *names: str) -> Organ:
        """The first of the named organs that is there.

        Raises:
            MissingAnatomyError: None of them is.
        """
        for name in names:
            if name in self.organs:
                return self.organs[name]
        raise MissingAnatomyError(left_out.not_found(*names))

    def union(self, *names: str) -> BoolArray:
        """Union of those of the named organs that are there; empty where none is."""
        result = np.zeros(self.grid.shape, dtype=bool)
        for name in names:
            mask = self.mask(name)
            if mask is not None:
                result |= mask
        return result

    def is_surrogate(self, name: str) -> bool:
        """True where the organ is there as a surrogate."""
        return name in self.organs and self.organs[name].source is OrganSource.SURROGATE

    def landmark(self, name: str) -> tuple[PointMm, bool] | None:
        """A landmark's LPS point and whether it is a surrogate, or ``None``."""
        mark = self.organs.landmarks.get(name)
        return None if mark is None else (mark.point_mm, mark.source is OrganSource.SURROGATE)

    def above(self, border: Border) -> BoolArray:
        """Voxels cranial to a border."""
        return np.asarray(self.z_mm > border.position_mm)

    def below(self, border: Border) -> BoolArray:
        """Voxels caudal to a border, or on it."""
        return ~self.above(border)

    def left_of(self, border: Border) -> BoolArray:
        """Voxels on the patient's left of a border."""
        return np.asarray(self.x_mm > border.position_mm)

    def right_of(self, border: Border) -> BoolArray:
        """Voxels on the patient's right of a border, or on it."""
        return ~self.left_of(border)

    def behind(self, border: Border) -> BoolArray:
        """Voxels dorsal to a border."""
        return np.asarray(self.y_mm > border.position_mm)

    def in_front_of(self, border: Border) -> BoolArray:
        """Voxels ventral to a border, or on it."""
        return ~self.behind(border)

    def voxels(self, distance_mm: float) -> float:
        """A distance in voxels of the isotropic grid."""
        return distance_mm / self.grid.spacing_mm[0]


def make_frame(hu: HuArray, organs: OrganSet) -> Frame:
    """Crop the working grid to the region that can hold stations.

    Raises:
        MissingAnatomyError: There is no trachea, without which no station can be placed.
    """
    trachea = organs.mask("trachea")
    if trachea is None:
        raise MissingAnatomyError(left_out.not_found("trachea"))
    box = _region(organs, trachea)
    region = organs.grid.part(box)
    cropped = OrganSet(region, landmarks=organs.landmarks)
    for organ in organs.values():
        mask = organ.mask[box]
        if mask.any():
            cropped.add(Organ(organ.name, mask, organ.source, organ.how))
    z, y, x = (part.start for part in box)
    return Frame(region, (z, y, x), hu[box], cropped)


def _region(organs: OrganSet, trachea: BoolArray) -> tuple[slice, slice, slice]:
    grid = organs.grid
    _, ys, xs = np.nonzero(trachea)
    x_center = grid.origin_mm[2] + grid.spacing_mm[2] * float(np.median(xs))
    y_center = grid.origin_mm[1] + grid.spacing_mm[1] * float(np.median(ys))
    front = y_center - _BEFORE_TRACHEA_MM
    for name in ("lung_left", "lung_right"):
        lung = organs.mask(name)
        if lung is not None:
            front = min(front, grid.coordinates_mm(1)[lung.any(axis=(0, 2))][0] - _BEFORE_LUNGS_MM)
    front = max(front, y_center - _MAX_BEFORE_TRACHEA_MM)
    x = _within(grid, 2, x_center - HALF_WIDTH_MM, x_center + HALF_WIDTH_MM)
    y = _within(grid, 1, front, y_center + _BEHIND_TRACHEA_MM)
    return slice(0, grid.shape[0]), y, x


def _within(grid: Grid, axis: int, low: float, high: float) -> slice:
    inside = np.flatnonzero((grid.coordinates_mm(axis) >= low) & (grid.coordinates_mm(axis) <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1)
