"""Notices what a person draws in the nodes of a case: a node that is redrawn, erased or new."""

from __future__ import annotations

import slicer

from LNStationSlicer.case.CaseSegmentations import NodesReplacedEvent
from LNStationSlicer.case.ContourMarks import ContourMarks
from LNStationSlicer.case.ContourWatch import ContourWatch
from LNStationSlicer.case.Looks import EMPTY


class NodeEditing(ContourWatch):
    """Watches the nodes of one case; every segment is one node, one that was added too."""

    replacedEvent = NodesReplacedEvent

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The nodes."""
        return self.case.nodesNode()

    def marks(self) -> ContourMarks:
        """Those of the nodes."""
        return self.case.review().nodes

    def structures(self, segmentation: slicer.vtkSegmentation) -> dict[str, tuple[str, ...]]:
        """All segments, by their ids."""
        return {segmentId: (segmentId,) for segmentId in segmentation.GetSegmentIDs()}

    def unknown(self) -> str:
        """A node that was never assessed was not there."""
        return EMPTY
