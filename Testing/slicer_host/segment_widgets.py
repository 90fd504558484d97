"""Stand-ins for the segment editor and the segments table.

The editor draws nothing by mouse; it has the real one's methods, shows the segments, and undoes with Slicer's own
``vtkSegmentationHistory``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import qt
import slicer

from .ctk_sections import StandIn
from .signals import OwnSignal


class qMRMLSegmentsTableView(StandIn, qt.QWidget):
    """The segments of a segmentation: color and name."""

    selectionChanged = OwnSignal("selectionChanged(QItemSelection,QItemSelection)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._node: Any = None
        self._scene: Any = None
        self._ids: list[str] = []
        self._table = qt.QTableWidget(0, 2)
        self._table.setHorizontalHeaderLabels(["Color", "Name"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().hide()
        self._table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._table.itemSelectionChanged.connect(lambda: self.selectionChanged.emit(None, None))

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def setSegmentationNode(self, node: Any) -> None:
        self._node = node
        self.refresh()

    def segmentationNode(self) -> Any:
        return self._node

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        rows = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        return tuple(self._ids[row] for row in rows)

    def setSelectedSegmentIDs(self, identifiers: Any) -> None:
        self._table.clearSelection()
        for identifier in identifiers:
            self._table.selectRow(self._ids.index(identifier))

    def refresh(self) -> None:
        segmentation = self._node.GetSegmentation() if self._node is not None else None
        self._ids = list(segmentation.GetSegmentIDs()) if segmentation is not None else []
        self._table.setRowCount(len(self._ids))
        for row, identifier in enumerate(self._ids):
            segment = segmentation.GetSegment(identifier)
            color = qt.QTableWidgetItem()
            color.setBackground(qt.QBrush(qt.QColor.fromRgbF(*segment.GetColor())))
            self._table.setItem(row, 0, color)
            self._table.setItem(row, 1, qt.QTableWidgetItem(segment.GetName()))


class qMRMLSegmentEditorWidget(StandIn, qt.QWidget):
    """The segment editor's methods over its MRML node; effects are buttons that only get chosen."""

    segmentationNodeChanged = OwnSignal("segmentationNodeChanged(vtkMRMLSegmentationNode*)")
    sourceVolumeNodeChanged = OwnSignal("sourceVolumeNodeChanged(vtkMRMLVolumeNode*)")
    currentSegmentIDChanged = OwnSignal("currentSegmentIDChanged(QString)")
    EFFECTS = (
        "None",
        "Threshold",
        "Paint",
        "Draw",
        "Erase",
        "Level tracing",
        "Margin",
        "Smoothing",
        "Scissors",
        "Islands",
    )
    FLAGS: ClassVar[dict[str, Any]] = {
        "segmentationNodeSelectorVisible": True,
        "sourceVolumeNodeSelectorVisible": True,
        "switchToSegmentationsButtonVisible": True,
        "autoShowSourceVolumeNode": True,
        "readOnly": False,
        "undoEnabled": True,
        "maximumNumberOfUndoStates": 10,
        "unorderedEffectsVisible": True,
        "addRemoveSegmentButtonsVisible": True,
        "show3DButtonVisible": True,
    }
    """Properties that are only kept."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None
        self._node: Any = None
        self._flags = dict(self.FLAGS)
        self._order: tuple[str, ...] = ()
        self._effect = ""
        self._history = slicer.vtkSegmentationHistory()
        self._buttons: dict[str, Any] = {}
        self._table = qMRMLSegmentsTableView()
        # As in Slicer's own form, where people look it up to hide it.
        self._table.setObjectName("SegmentsTableResizableFrame")
        self._table.connect("selectionChanged(QItemSelection,QItemSelection)", self._row_chosen)
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        layout.addLayout(self._effect_buttons())
        layout.addLayout(self._undo_buttons())

    def _effect_buttons(self) -> Any:
        grid = qt.QGridLayout()
        for index, name in enumerate(self.EFFECTS):
            button = qt.QToolButton()
            button.text, button.checkable, button.autoExclusive = name, True, True
            button.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
            button.clicked.connect(lambda chosen=name: self.setActiveEffectByName(chosen))
            self._buttons[name] = button
            grid.addWidget(button, index // 5, index % 5)
        return grid

    def _undo_buttons(self) -> Any:
        row = qt.QHBoxLayout()
        row.addStretch(1)
        for text, function in (("Undo", self.undo), ("Redo", self.redo)):
            button = qt.QToolButton()
            button.text = text
            button.clicked.connect(function)
            row.addWidget(button)
        return row

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._node = node
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def segmentationNode(self) -> Any:
        return self._node.GetSegmentationNode() if self._node is not None else None

    def setSegmentationNode(self, node: Any) -> None:
        if self._node is None:
            raise RuntimeError("setMRMLSegmentEditorNode first: the editor keeps its state in that node")
        self._node.SetAndObserveSegmentationNode(node)
        self._history.SetSegmentation(node.GetSegmentation() if node is not None else None)
        self.updateWidgetFromMRML()
        self.segmentationNodeChanged.emit(node)

    def sourceVolumeNode(self) -> Any:
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def setSourceVolumeNode(self, node: Any) -> None:
        if self._node is None:
            raise RuntimeError("setMRMLSegmentEditorNode first: the editor keeps its state in that node")
        self._node.SetAndObserveSourceVolumeNode(node)
        self.sourceVolumeNodeChanged.emit(node)

    def currentSegmentID(self) -> str:
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def setCurrentSegmentID(self, identifier: str) -> None:
        if identifier == self.currentSegmentID():
            return
        self._node.SetSelectedSegmentID(identifier)
        self._table.setSelectedSegmentIDs([identifier] if identifier else [])
        self.currentSegmentIDChanged.emit(identifier)

    def _row_chosen(self) -> None:
        chosen = self._table.selectedSegmentIDs()
        if chosen:
            self.setCurrentSegmentID(chosen[0])

    def availableEffectNames(self) -> tuple[str, ...]:
        return tuple(name for name in self.EFFECTS if name != "None")

    def setEffectNameOrder(self, names: Any) -> None:
        self._order = tuple(names)
        for name, button in self._buttons.items():
            button.setVisible(self._flags["unorderedEffectsVisible"] or name in (*self._order, "None"))

    def effectNameOrder(self) -> tuple[str, ...]:
        return self._order

    def setActiveEffectByName(self, name: str) -> None:
        self._effect = "" if name in ("", "None") else name
        self._buttons[self._effect or "None"].checked = True
        if self._node is not None:
            self._node.SetActiveEffectName(self._effect)

    def activeEffectName(self) -> str:
        return self._effect

    def activeEffect(self) -> Any:
        """No effect objects in the stand-in."""
        return None

    def setActiveEffect(self, effect: Any) -> None:
        self.setActiveEffectByName("")

    def saveStateForUndo(self) -> None:
        self._history.SetMaximumNumberOfStates(self._flags["maximumNumberOfUndoStates"])
        self._history.SaveState()

    def undo(self) -> None:
        self._history.RestorePreviousState()

    def redo(self) -> None:
        self._history.RestoreNextState()

    def updateWidgetFromMRML(self) -> None:
        self._table.setSegmentationNode(self.segmentationNode())

    def setupViewObservations(self) -> None:
        """The stand-in takes no mouse events from views."""

    def removeViewObservations(self) -> None:
        """The stand-in takes no mouse events from views."""

    def installKeyboardShortcuts(self, parent: Any = None) -> None:
        """The stand-in has no shortcuts."""

    def uninstallKeyboardShortcuts(self) -> None:
        """The stand-in has no shortcuts."""

    def setUndoEnabled(self, value: bool) -> None:
        self._flags["undoEnabled"] = value

    def setMaximumNumberOfUndoStates(self, value: int) -> None:
        self._flags["maximumNumberOfUndoStates"] = value

    def setSegmentationNodeSelectorVisible(self, value: bool) -> None:
        self._flags["segmentationNodeSelectorVisible"] = value

    def setSourceVolumeNodeSelectorVisible(self, value: bool) -> None:
        self._flags["sourceVolumeNodeSelectorVisible"] = value

    def setSwitchToSegmentationsButtonVisible(self, value: bool) -> None:
        self._flags["switchToSegmentationsButtonVisible"] = value

    def setAddRemoveSegmentButtonsVisible(self, value: bool) -> None:
        self._flags["addRemoveSegmentButtonsVisible"] = value

    def setReadOnly(self, value: bool) -> None:
        self._flags["readOnly"] = value


def _flag(name: str) -> property:
    return property(lambda self: self._flags[name], lambda self, value: self._flags.update({name: value}))


for _name in qMRMLSegmentEditorWidget.FLAGS:
    setattr(qMRMLSegmentEditorWidget, _name, _flag(_name))
