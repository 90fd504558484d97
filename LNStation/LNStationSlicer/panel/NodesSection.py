"""The nodes of the selected station, under the station table: looking at them and correcting them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from LNStationSlicer.case.NodeRows import NodeRow
from LNStationSlicer.case.OperatingPoints import OperatingPoints
from LNStationSlicer.panel import InteractiveSegmentation
from LNStationSlicer.panel.NodeTable import NodeTable
from LNStationSlicer.panel.Section import Section
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.PointPlacing import PointPlacing
from LNStationSlicer.worker.Jobs import Job, NodesJob
from LNStationSlicer.worker.WorkerErrors import WorkerError

DISMISS_KEYS = ("Delete", "Backspace")
TO_NODES_KEY, TO_STATIONS_KEY = "Right", "Left"
"""From the station table to the first of its nodes, and back."""


class NodesSection(Section):
    """The node table and its buttons."""

    def setUp(self) -> None:
        """Table, buttons and keys."""
        ui = self.ui
        self.table = NodeTable(ui.nodeTable)
        self.table.nodeSelected.connect(self.logic.nodes.select)
        self.table.changed.connect(self._refreshButtons)
        self.logic.stationSelected.connect(self._onStation)
        self.logic.queue.ended.connect(self._onEnded)
        self.placing = PointPlacing(self._onPlaced, self._refreshButtons)
        for button, slot in self._slots().items():
            button.clicked.connect(slot)
        ui.nodeScoreSlider.connect("valueChanged(double)", self._onScore)
        for key in DISMISS_KEYS:
            self.addShortcut(ui.nodeTable, qt.Qt.WidgetShortcut, key, self.onDismiss)
        self.addShortcut(ui.stationTable, qt.Qt.WidgetShortcut, TO_NODES_KEY, self._toNodes)
        self.addShortcut(ui.nodeTable, qt.Qt.WidgetShortcut, TO_STATIONS_KEY, self._toStations)

    def _slots(self) -> dict[Any, Callable[[], None]]:
        ui = self.ui
        return {
            ui.dismissNodeButton: self.onDismiss,
            ui.addNodeButton: self.onAdd,
            ui.drawNodeButton: self.onDraw,
            ui.interactiveNodeButton: self.onInteractive,
            ui.editNodeButton: self.onEdit,
            ui.splitNodeButton: self.onSplit,
            ui.mergeNodesButton: self.onMerge,
        }

    def connectParameters(self) -> None:
        """Another case, or none: no click is waited for."""
        self.placing.stop()

    def disconnectParameters(self) -> None:
        """The scene closes, or the module is left."""
        self.placing.stop()

    def cleanup(self) -> None:
        """Let go of the tool and the keys."""
        self.placing.stop()
        super().cleanup()

    def refresh(self) -> None:
        """Show the nodes of the selected station."""
        case = self.logic.case
        isShown = case is not None and case.isAssessed and not self.logic.modelHidden()
        self.ui.nodesFrame.visible = isShown
        if isShown:
            steps = [step for step in self.logic.methods.steps if step["step"] == "nodes"]
            titles = {method["name"]: method["title"] for step in steps for method in step["methods"]}
            self.table.setRows(self.logic.nodes.rows(), titles)
            self.ui.stationNodesLabel.text = self._title()
            self._refreshScores()
            self._refreshButtons()

    def _refreshScores(self) -> None:
        """A slider over the scores that the answer holds; none where it holds none."""
        ui, points = self.ui, self.logic.nodes.operatingPoints()
        ui.nodeScoreFrame.visible = points is not None
        if points is None:
            return
        least = max(self.logic.nodes.leastScore, points.lowest)
        with self.refreshing():
            ui.nodeScoreSlider.minimum = points.lowest
            ui.nodeScoreSlider.value = least
        ui.nodeScoreText.text = scoreText(points, least)

    def _onScore(self, score: float) -> None:
        """Candidates come and go at once; nothing is searched for."""
        if not self.isRefreshing:
            self.logic.nodes.showFrom(score)
            self.refresh()

    def _title(self) -> str:
        rows, station = self.logic.nodes.rows(), self.logic.selectedStation
        counted = sum(not row.isDismissed for row in rows)
        hidden = len(self.logic.nodes.allRows()) - len(rows)
        title = _("Nodes outside all stations: {count}") if station is None else _("Nodes of {station}: {count}")
        text = title.format(station=station, count=counted)
        return _("{title} ({count} more with a lower score)").format(title=text, count=hidden) if hidden else text

    def _refreshButtons(self) -> None:
        ui, chosen = self.ui, self.table.selectedRows()
        alive = [row for row in chosen if not row.isDismissed]
        ui.dismissNodeButton.enabled = bool(chosen) and _areAlike(chosen)
        ui.dismissNodeButton.text = _("Restore") if chosen and not alive else _("Dismiss")
        ui.addNodeButton.checked = self.placing.isWaiting
        ui.interactiveNodeButton.visible = InteractiveSegmentation.isInstalled()
        ui.editNodeButton.enabled = ui.splitNodeButton.enabled = len(chosen) == len(alive) == 1
        ui.mergeNodesButton.enabled = len(alive) == len(chosen) > 1

    # What the user does

    def onDismiss(self) -> None:
        """No nodes, or nodes after all."""
        chosen = self.table.selectedRows()
        numbers = [row.number for row in chosen]
        if not chosen or not _areAlike(chosen):
            return
        if chosen[0].isDismissed:
            self.logic.nodes.restore(numbers)
        else:
            self.logic.nodes.dismiss(numbers)

    def onAdd(self) -> None:
        """Wait for a click into a view; a second press gives up."""
        if self.placing.isWaiting:
            self.placing.stop()
        else:
            self.placing.start()
            self.message.emit(_("Click into the middle of the node in a slice view; Escape gives up."))
        self._refreshButtons()

    def onDraw(self) -> None:
        """A new node in the segment editor."""
        self.logic.nodes.draw()

    def onInteractive(self) -> None:
        """The selected node, or a new one, in SlicerNNInteractive."""
        chosen = [row.number for row in self.table.selectedRows() if not row.isDismissed]
        segmentId = self.logic.nodes.segmentToDraw(chosen[0] if len(chosen) == 1 else None)
        case = self.logic.requireCase()
        node = case.nodesNode()
        if node is not None and not InteractiveSegmentation.openOn(node, segmentId, case.ctNode()):
            name = node.GetName()
            self.message.emit(_("Choose the segmentation {name} and its new segment there.").format(name=name))

    def onEdit(self) -> None:
        """The selected node in the segment editor."""
        self._withOne(self.logic.nodes.draw)

    def onSplit(self) -> None:
        """The selected node in two."""
        self._withOne(self.logic.nodes.split)

    def onMerge(self) -> None:
        """The selected nodes in one."""
        numbers = [row.number for row in self.table.selectedRows() if not row.isDismissed]
        if len(numbers) > 1:
            self.logic.nodes.merge(numbers)

    def _withOne(self, action: Callable[[int], None]) -> None:
        chosen = [row for row in self.table.selectedRows() if not row.isDismissed]
        if len(chosen) == 1:
            action(chosen[0].number)

    def _onPlaced(self, point: tuple[float, float, float]) -> None:
        self.message.emit("")
        self.logic.nodes.addAt(point)

    def _onStation(self, name: str | None) -> None:
        self.logic.nodes.selected = None
        self.table.select(None)
        self.refresh()

    def _onEnded(self, job: Job, error: WorkerError | None) -> None:
        """What came of an edit is selected; a node outside the selected station takes the panel to its own."""
        if error is not None or not isinstance(job, NodesJob) or job.case != self.logic.case or not job.done:
            return
        done = job.done[-1]
        if done["station"] != self.logic.selectedStation and done["after"]:
            self.logic.selectStation(done["station"], center=False)
        self.refresh()
        number = next(iter(done["after"] or done["before"]), None)
        self.logic.nodes.mark(number)
        self.table.select(number)

    def _toNodes(self) -> None:
        if self.table.numbers and self.ui.nodesFrame.isVisible():
            self.ui.nodeTable.setFocus()
            self.table.select(self.table.numbers[0])
            self.logic.nodes.select(self.table.numbers[0])

    def _toStations(self) -> None:
        self.ui.stationTable.setFocus()


def _areAlike(rows: list[NodeRow]) -> bool:
    return len({row.isDismissed for row in rows}) == 1


def scoreText(points: OperatingPoints, least: float) -> str:
    """How many candidates of the case are shown, and what that costs where it was measured."""
    text = _("{shown} of {count} candidates of the case").format(shown=points.shown(least), count=len(points.scores))
    false, recall = points.falsePositives(least), points.recall(least)
    if false is None or recall is None:
        return text
    measured = _("measured: {false:.1f} false ones a patient, {recall:.0%} of visible nodes found")
    return _("{shown}; {measured}").format(shown=text, measured=measured.format(false=false, recall=recall))
