"""Where a reader changed the station map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box
from LNStationLib.support.types import BoolArray, LabelArray


@dataclass(frozen=True)
class StationChange:
    """Where the station map changed.

    Attributes:
        box: Smallest box of the CT's array that holds every changed voxel.
        before: Station labels in the box before, ``[z, y, x]``.
        after: And now.
        stations: Names of the stations that won or lost voxels, in table order.
        earlier: The whole label map before the edit, on the CT's grid.
    """

    box: Box
    before: LabelArray
    after: LabelArray
    stations: tuple[str, ...]
    earlier: sitk.Image

    @classmethod
    def between(cls, earlier: sitk.Image, now: sitk.Image) -> StationChange | None:
        """The change from one label map to another on the same grid; ``None`` where they are the same."""
        before, after = array_view(earlier), array_view(now)
        box = bounding_box(before != after)
        return None if box is None else cls.within(box, before[box].copy(), after[box].copy(), earlier)

    @classmethod
    def within(cls, box: Box, before: LabelArray, after: LabelArray, earlier: sitk.Image) -> StationChange:
        """The change in a box, which is the smallest that holds it."""
        values = np.unique(np.concatenate([side[before != after] for side in (before, after)]))
        names = tuple(row.name for row in anatomy.stations() if row.label_value in values)
        return cls(box, before, after, names, earlier)

    @property
    def voxels(self) -> BoolArray:
        """The changed voxels of the box."""
        return np.not_equal(self.before, self.after)

    @property
    def entered_or_left_any_station(self) -> BoolArray:
        """Voxels of the box that entered or left the stations as a whole."""
        return np.not_equal(self.before > 0, self.after > 0)
