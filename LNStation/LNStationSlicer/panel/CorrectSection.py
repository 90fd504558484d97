"""Section "Correct": Slicer's segment editor on stations or organs, and what was edited."""

from __future__ import annotations

from dataclasses import replace

import qt
import slicer

from LNStationLib import anatomy
from LNStationSlicer.panel.Section import ParameterBinding, Section, comboKey, fillCombo
from LNStationSlicer.support.Translation import _

_LIST_NAME = "SegmentsTableResizableFrame"
"""Name that the list of segments has in Slicer's own form."""
_EDITOR_TAG = "LNStationSegmentEditor"
_UNDO_STATES = 15
_BOUND = ("autoReassessCheck",)
_STATIONS, _ORGANS, _NODES = "stations", "organs", "nodes"
_DRAWING_EFFECT = "Paint"


class CorrectSection(Section):
    """The embedded segment editor."""

    def setUp(self) -> None:
        """The editor shows our segmentation only: its own selectors are hidden."""
        ui = self.ui
        self._binding = ParameterBinding(ui, _BOUND)
        self._isActive = self._isInFront = False
        editor = ui.segmentEditor
        editor.segmentationNodeSelectorVisible = False
        editor.sourceVolumeNodeSelectorVisible = False
        editor.switchToSegmentationsButtonVisible = False
        editor.addRemoveSegmentButtonsVisible = False
        editor.undoEnabled = True
        editor.maximumNumberOfUndoStates = _UNDO_STATES
        fillCombo(ui.editTargetCombo, _targets())
        ui.editTargetCombo.connect("currentIndexChanged(int)", self._onTarget)
        self.logic.organSelected.connect(self._onOrganSelected)
        self.logic.nodes.drawing.connect(self._onDrawNode)
        ui.reassessButton.clicked.connect(self.onReassess)
        ui.correctSection.connect("contentsCollapsed(bool)", self._onCollapsed)
        ui.autoReassessCheck.connect("toggled(bool)", self._onAutomatic)
        self.logic.stationSelected.connect(self._onStationSelected)

    def setShortcutsEnabled(self, enabled: bool) -> None:
        """Views and keys belong to the module in front: nothing that ends later may take them back."""
        super().setShortcutsEnabled(enabled)
        self._isInFront = enabled
        self.refresh()

    def connectParameters(self) -> None:
        """The switch for automatic re-assessment."""
        self._binding.connect(self.logic.getParameterNode())

    def disconnectParameters(self) -> None:
        """The editor lets go of nodes that are about to leave."""
        self._binding.disconnect()
        self.deactivate()

    def cleanup(self) -> None:
        """The same for good."""
        self.disconnectParameters()
        self.ui.segmentEditor.setMRMLSegmentEditorNode(None)

    def refresh(self) -> None:
        """Show what is stale."""
        ui, case = self.ui, self.logic.case
        hasStations = case is not None and case.stationsNode() is not None
        stale = case.review().stale() if case is not None and hasStations else []
        organs = case.review().organs.stale() if case is not None and hasStations else []
        running = self.logic.queue.runningStations(case) if case is not None else set()
        waiting = [name for name in stale if name not in running]
        drawn = case.review().nodes.stale() if case is not None and hasStations else []
        ui.reassessButton.enabled = bool(waiting or drawn or (organs and not running))
        ui.segmentEditor.enabled = ui.editTargetCombo.enabled = hasStations
        stale += [anatomy.organ(name).title for name in organs]
        stale += [_("nodes")] if drawn else []
        if not hasStations:
            ui.staleLabel.text = _("Assess the case first; then its stations can be corrected here.")
        elif stale:
            ui.staleLabel.text = _("Edited, not yet re-assessed: {names}").format(names=", ".join(stale))
        else:
            ui.staleLabel.text = _("All stations are up to date.")
        ui.editingLabel.visible = hasStations
        self._showEdited()
        if hasStations and self._isInFront and not ui.correctSection.collapsed:
            self._activate()

    def deactivate(self) -> None:
        """No effect listens to the views any more."""
        if self._isActive:
            editor = self.ui.segmentEditor
            editor.setActiveEffect(None)
            editor.uninstallKeyboardShortcuts()
            editor.removeViewObservations()
            editor.setSegmentationNode(None)
            editor.setSourceVolumeNode(None)
            self._isActive = False

    def onReassess(self) -> None:
        """Assess what was edited, now."""
        self.logic.reassess()

    def _activate(self) -> None:
        editor, case = self.ui.segmentEditor, self.logic.requireCase()
        if editor.mrmlSegmentEditorNode() is None:
            editor.setMRMLSegmentEditorNode(_editorNode())
        node = self._target()
        if editor.segmentationNode() != node:
            isOrgans = node == case.organsNode()
            isStations = node == case.stationsNode()
            modes = slicer.vtkMRMLSegmentEditorNode
            # A stroke in a station or a node takes the voxels from its neighbors; organs overlap, as the arch is part
            # of the aorta.
            mode = modes.OverwriteNone if isOrgans else modes.OverwriteAllSegments
            editor.mrmlSegmentEditorNode().SetOverwriteMode(mode)
            editor.addRemoveSegmentButtonsVisible = isOrgans
            self._showList(not isStations)
            editor.setSegmentationNode(node)
            editor.setSourceVolumeNode(case.ctNode())
            self._onStationSelected(self.logic.selectedStation)
        if not self._isActive:
            editor.setupViewObservations()
            editor.installKeyboardShortcuts()
            self._isActive = True

    def _showList(self, isShown: bool) -> None:
        """The editor's own list of segments, which has no property; stations are chosen in the table above."""
        frame = self.ui.segmentEditor.findChild(qt.QWidget, _LIST_NAME)
        if frame is not None:
            frame.visible = isShown

    def _showEdited(self) -> None:
        """What the next stroke draws, since the list that would say it is hidden."""
        name = self.logic.selectedStation
        target = comboKey(self.ui.editTargetCombo)
        if target == _ORGANS:
            text = _("Choose an organ in the list.")
        elif target == _NODES:
            text = _("Choose a node in the list, or one in the table above and press Edit.")
        elif name is None:
            text = _("Choose a station in the table above.")
        else:
            text = _("Editing {name}, {title}.").format(name=name, title=anatomy.station(name).title)
        self.ui.editingLabel.text = text

    def _target(self) -> slicer.vtkMRMLSegmentationNode | None:
        """What is edited: the stations, unless organs or nodes are wanted and there."""
        return self._nodeOf(comboKey(self.ui.editTargetCombo)) or self.logic.requireCase().stationsNode()

    def _nodeOf(self, target: str) -> slicer.vtkMRMLSegmentationNode | None:
        case = self.logic.requireCase()
        # A blind first read shows no nodes.
        nodes = None if self.logic.modelHidden() else case.nodesNode()
        return {_STATIONS: case.stationsNode(), _ORGANS: case.organsNode(), _NODES: nodes}.get(target)

    def _onTarget(self) -> None:
        """Organs and nodes that are edited are shown."""
        overlays = self.logic.overlays
        target = comboKey(self.ui.editTargetCombo)
        if target == _ORGANS and overlays is not None:
            self.logic.showOverlays(replace(overlays.options(), organsVisible=True))
        elif target == _NODES and overlays is not None:
            self.logic.showOverlays(replace(overlays.options(), nodesVisible=True))
        self.logic.updated.emit()

    def _onStationSelected(self, name: str | None) -> None:
        self._showEdited()
        if name is not None and self._isEditing(_STATIONS):
            self.ui.segmentEditor.setCurrentSegmentID(name)

    def _onOrganSelected(self, name: str) -> None:
        if self._isEditing(_ORGANS):
            self.ui.segmentEditor.setCurrentSegmentID(name)

    def _isEditing(self, target: str) -> bool:
        node = self.ui.segmentEditor.segmentationNode()
        return self.logic.case is not None and node is not None and node == self._nodeOf(target)

    def _onDrawNode(self, segmentId: str) -> None:
        """The editor, open on a node."""
        self.ui.correctSection.collapsed = False
        self.ui.editTargetCombo.currentIndex = self.ui.editTargetCombo.findData(_NODES)
        self.refresh()
        if self._isEditing(_NODES):
            self.ui.segmentEditor.setCurrentSegmentID(segmentId)
            self.ui.segmentEditor.setActiveEffectByName(_DRAWING_EFFECT)

    def _onCollapsed(self, collapsed: bool) -> None:
        if collapsed:
            self.deactivate()
        else:
            self.refresh()

    def _onAutomatic(self, checked: bool) -> None:
        if checked and self.logic.case is not None:
            self.logic.reassess()


def _targets() -> list[tuple[str, str]]:
    return [(_STATIONS, _("Stations")), (_ORGANS, _("Organs")), (_NODES, _("Nodes"))]


def _editorNode() -> slicer.vtkMRMLSegmentEditorNode:
    """One for the scene, kept apart from that of the Segment Editor module."""
    node = slicer.mrmlScene.GetSingletonNode(_EDITOR_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(_EDITOR_TAG)
        node = slicer.mrmlScene.AddNode(node)
    return node
