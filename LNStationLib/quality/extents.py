"""Measures of one mask on the working grid, and whether the view cuts it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LNStationLib.imaging.boxes import box_of
from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import BoolArray

_EDGE_VOXELS = 2
"""A structure that ends this near to the edge of the view may go on outside: interpolation blurs its last voxels."""


@dataclass(frozen=True)
class View:
    """What the CT covers of the working grid.

    Attributes:
        grid: The working grid.
        inside: Voxels that the CT covers ``[z, y, x]``.
    """

    grid: Grid
    inside: BoolArray

    @cached_property
    def rim(self) -> BoolArray | None:
        """Covered voxels beside one that is not; ``None`` where all are covered."""
        if self.inside.all():
            return None
        deep = self.inside.copy()
        for axis in range(3):
            there, back = [slice(None)] * 3, [slice(None)] * 3
            there[axis], back[axis] = slice(1, None), slice(None, -1)
            deep[tuple(there)] &= self.inside[tuple(back)]
            deep[tuple(back)] &= self.inside[tuple(there)]
        return self.inside & ~deep

    def is_edge(self, z: float) -> bool:
        """Whether a slice, by its fractional index, is one of the first or last of the grid."""
        return not _EDGE_VOXELS <= z <= self.grid.shape[0] - 1 - _EDGE_VOXELS


class Extent:
    """One mask that is not empty, measured when asked."""

    def __init__(self, mask: BoolArray, view: View) -> None:
        self._view = view
        self._grid = view.grid
        self._box = box_of(mask)
        self._mask = mask[self._box]

    @cached_property
    def volume_ml(self) -> float:
        """Volume in ml."""
        return float(np.count_nonzero(self._mask)) * self._grid.voxel_volume_ml

    @property
    def height_mm(self) -> float:
        """From the lowest to the highest slice, both included, in mm."""
        return float(self._box[0].stop - self._box[0].start) * self._grid.spacing_mm[0]

    @property
    def bottom_mm(self) -> float:
        """LPS z of the lowest slice's middle."""
        return float(self._grid.origin_mm[0] + self._grid.spacing_mm[0] * self._box[0].start)

    @property
    def top_mm(self) -> float:
        """LPS z of the highest slice's middle."""
        return float(self._grid.origin_mm[0] + self._grid.spacing_mm[0] * (self._box[0].stop - 1))

    @cached_property
    def middle_mm(self) -> tuple[float, float]:
        """LPS ``(x, z)`` of the center of gravity."""
        total = np.count_nonzero(self._mask)
        middle = []
        for axis, others in ((2, (0, 1)), (0, (1, 2))):
            index = np.arange(self._mask.shape[axis]) + self._box[axis].start
            weight = self._mask.sum(axis=others)
            middle.append(float(self._grid.origin_mm[axis] + self._grid.spacing_mm[axis] * (index @ weight) / total))
        return middle[0], middle[1]

    @cached_property
    def cut_by_rim(self) -> bool:
        """Whether an oblique view's edge runs through it."""
        rim = self._view.rim
        return rim is not None and bool((rim[self._box] & self._mask).any())

    @property
    def cut_above(self) -> bool:
        """Whether it may go on above the view."""
        return self.cut_by_rim or self._box[0].stop > self._grid.shape[0] - _EDGE_VOXELS

    @property
    def cut_below(self) -> bool:
        """Whether it may go on below the view."""
        return self.cut_by_rim or self._box[0].start < _EDGE_VOXELS

    @property
    def cut(self) -> bool:
        """Whether it may go on outside the view anywhere."""
        sides = zip(self._box, self._grid.shape, strict=True)
        return self.cut_by_rim or any(
            part.start < _EDGE_VOXELS or part.stop > size - _EDGE_VOXELS for part, size in sides
        )
