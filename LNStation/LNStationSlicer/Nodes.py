"""What the reader does with the nodes of the case under review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.NodeEditing import NodeEditing
from LNStationSlicer.case.NodeRows import NodeRow, nodeRows
from LNStationSlicer.case.OperatingPoints import OperatingPoints, operatingPoints
from LNStationSlicer.case.Parameters import ModuleParameters
from LNStationSlicer.exchange.Findings import nodeIdOf, nodeSegmentId
from LNStationSlicer.exchange.VolumeExchange import pointToLps
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views import Navigation
from LNStationSlicer.views.CaseDrawing import CaseDrawing
from LNStationSlicer.views.Overlays import Overlays
from LNStationSlicer.worker.JobQueue import JobQueue
from LNStationSlicer.worker.Jobs import Edits, NodeRequest, NodesJob
from LNStationSlicer.worker.ModelCatalog import ModelCatalog

_NEW_SEGMENT = "new_node"


class CaseWithNodes(Protocol):
    """What is asked of the logic."""

    queue: JobQueue
    selectedStation: str | None
    updated: Signal

    models: ModelCatalog
    drawing: CaseDrawing | None

    @property
    def case(self) -> CaseScene | None: ...  # noqa: D102
    @property
    def overlays(self) -> Overlays | None: ...  # noqa: D102
    def requireCase(self) -> CaseScene: ...  # noqa: D102
    def modelHidden(self) -> bool: ...  # noqa: D102
    def edits(self) -> Edits: ...  # noqa: D102
    def getParameterNode(self) -> ModuleParameters: ...  # noqa: D102


class Nodes:
    """Selection and edits of nodes; the worker does them, and assesses again what they affect.

    Attributes:
        selected: Number of the node that is looked at, or None.
        drawing: Emitted with the id of a segment that the reader wants to draw.
    """

    def __init__(self, logic: CaseWithNodes) -> None:
        self.selected: int | None = None
        self.drawing = Signal()
        self._logic = logic
        self._editing: NodeEditing | None = None

    @property
    def editing(self) -> NodeEditing | None:
        """Watches what is drawn in the case under review."""
        return self._editing

    # Life, with the case under review

    def begin(self, case: CaseScene) -> None:
        """Watch what is drawn in a case."""
        self._editing = NodeEditing(case, lambda edits: self._onDrawn(), onLooked=self._logic.updated.emit)
        self._editing.start()

    def end(self) -> None:
        """Another case comes under review."""
        if self._editing is not None:
            self._editing.stop()
        self._editing = self.selected = None

    def flush(self) -> None:
        """Look now at what was drawn a moment ago."""
        if self._editing is not None:
            self._editing.flush()

    # Looking

    def rows(self) -> list[NodeRow]:
        """The nodes of the selected station; without one, those outside all stations. None in a blind first read."""
        return [row for row in self.allRows() if row.isScored(self.leastScore)]

    def allRows(self) -> list[NodeRow]:
        """Those too that have a lower score than is shown."""
        case = self._logic.case
        if case is None or self._logic.modelHidden():
            return []
        return nodeRows(case.assessment(), self._logic.selectedStation)

    def select(self, number: int | None) -> None:
        """Look at a node: all slice views go to it, and it stands out."""
        self.mark(number)
        row = next((row for row in self.rows() if row.number == number), None)
        if row is not None:
            Navigation.centerOnPoint(self._logic.requireCase(), row.pointMm)

    def mark(self, number: int | None) -> None:
        """Let a node stand out where the views are, or none."""
        self.selected = number
        if self._logic.drawing is not None:
            self._logic.drawing.highlightNode(number)

    # The operating point

    @property
    def leastScore(self) -> float:
        """Candidates with a lower score are neither drawn nor listed."""
        return self._logic.overlays.options().leastScore if self._logic.overlays is not None else 0.0

    def showFrom(self, score: float) -> None:
        """Show candidates from a score on, at once: the answer holds the score of each."""
        overlays = self._logic.overlays
        if overlays is not None:
            overlays.applyToNodes(replace(overlays.options(), leastScore=score))

    def operatingPoints(self) -> OperatingPoints | None:
        """The scores of the case and what they mean; None where its nodes have none, and in a blind first read."""
        case = self._logic.case
        if case is None or self._logic.modelHidden():
            return None
        return operatingPoints(case.assessment())

    # Editing

    def dismiss(self, numbers: Sequence[int]) -> None:
        """No nodes: they count nowhere, and stay in the log and in the table."""
        self._ask(NodeRequest("dismiss", tuple(numbers)))

    def restore(self, numbers: Sequence[int]) -> None:
        """Nodes after all."""
        self._ask(NodeRequest("restore", tuple(numbers)))

    def split(self, number: int) -> None:
        """Two nodes, cut at the waist."""
        self._ask(NodeRequest("split", (number,)))

    def merge(self, numbers: Sequence[int]) -> None:
        """One node; it keeps the lowest number."""
        self._ask(NodeRequest("merge", tuple(numbers)))

    def addAt(self, ras: Sequence[float]) -> None:
        """A node around a point of the scene."""
        self._ask(NodeRequest("grow", pointMm=pointToLps(ras)))

    def draw(self, number: int | None = None) -> None:
        """Let the segment editor draw a node, a new one without a number."""
        self.drawing.emit(self.segmentToDraw(number))

    def segmentToDraw(self, number: int | None = None) -> str:
        """The segment of a node, made for a new one without a number."""
        return nodeSegmentId(number) if number is not None else self._newSegment()

    def reassess(self) -> None:
        """Send what was drawn, unless it is on its way."""
        case = self._logic.case
        stale = case.review().nodes.stale() if case is not None else []
        drawn = [one for one in stale if not self._isOnItsWay(one)]
        requests = [NodeRequest("draw", (nodeIdOf(one),) if nodeIdOf(one) else (), segmentId=one) for one in drawn]
        # A new segment without a voxel is not drawn yet.
        requests = [one for one in requests if one.nodes or self._hasSegment(one.segmentId)]
        if requests:
            self._ask(*requests)

    def _isOnItsWay(self, segmentId: str) -> bool:
        jobs = [job for job in self._logic.queue.jobs() if isinstance(job, NodesJob) and job.case == self._logic.case]
        return any(job.brings(segmentId) for job in jobs)

    def _ask(self, *requests: NodeRequest) -> None:
        station = self._logic.selectedStation
        stations = [station] if station else []
        self._logic.queue.add(NodesJob(self._logic.requireCase(), self._logic.edits(), requests, stations))

    def _onDrawn(self) -> None:
        self._logic.updated.emit()
        if self._logic.getParameterNode().autoReassess:
            self.reassess()

    def _newSegment(self) -> str:
        node = self._logic.requireCase().nodesNode()
        assert node is not None
        segmentation = node.GetSegmentation()
        if segmentation.GetSegment(_NEW_SEGMENT) is None:
            segment = slicer.vtkSegment()
            segment.SetName(_("New node"))
            segment.SetNameAutoGenerated(False)
            segmentation.AddSegment(segment, _NEW_SEGMENT)
        return _NEW_SEGMENT

    def _hasSegment(self, segmentId: str) -> bool:
        node = self._logic.requireCase().nodesNode()
        return node is not None and node.GetSegmentation().GetSegment(segmentId) is not None
