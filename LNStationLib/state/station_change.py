"""Where a reader changed the station map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.boxes import Box
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

    @property
    def voxels(self) -> BoolArray:
        """The changed voxels of the box."""
        return np.not_equal(self.before, self.after)

    @property
    def entered_or_left_any_station(self) -> BoolArray:
        """Voxels of the box that entered or left the stations as a whole."""
        return np.not_equal(self.before > 0, self.after > 0)
