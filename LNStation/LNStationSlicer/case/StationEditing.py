"""Notices what a person changes in the stations of a case."""

from __future__ import annotations

import slicer

from LNStationLib import anatomy
from LNStationSlicer.case.CaseSegmentations import StationsReplacedEvent
from LNStationSlicer.case.ContourMarks import ContourMarks
from LNStationSlicer.case.ContourWatch import ContourEdit, ContourWatch
from LNStationSlicer.case.Looks import EMPTY

__all__ = ["EMPTY", "StationEdit", "StationEditing"]

StationEdit = ContourEdit


class StationEditing(ContourWatch):
    """Watches the stations of one case; every station of the table has a segment of its name."""

    replacedEvent = StationsReplacedEvent

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The stations."""
        return self.case.stationsNode()

    def marks(self) -> ContourMarks:
        """Those of the stations."""
        return self.case.review().stations

    def structures(self, segmentation: slicer.vtkSegmentation) -> dict[str, tuple[str, ...]]:
        """All stations, those without a segment too."""
        return {row.name: (row.name,) for row in anatomy.stations()}
