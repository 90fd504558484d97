"""Stand-ins for Slicer's MRML widgets: selectors that follow the scene, sliders, and holders of a scene."""

from __future__ import annotations

from typing import Any, ClassVar

import qt
import shiboken6
import slicer
import vtk

from .ctk_numbers import ctkSliderWidget
from .ctk_sections import StandIn
from .signals import OwnSignal


class qMRMLWidget(StandIn, qt.QWidget):
    """A widget that knows the scene and tells its children."""

    mrmlSceneChanged = OwnSignal("mrmlSceneChanged(vtkMRMLScene*)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene


class qSlicerWidget(qMRMLWidget):
    """The same under its other name."""


class SceneObserver:
    """Calls a function at changes of a scene and its nodes, as long as a widget lives."""

    SCENE_EVENTS = ("NodeAddedEvent", "NodeRemovedEvent", "EndBatchProcessEvent")
    """Closing a scene and importing one are batches; what asks for a batch's end needs no event of theirs."""

    def __init__(self, widget: Any, function: Any) -> None:
        self._function = function
        self._watched: list[tuple[Any, int]] = []
        self._nodes: dict[Any, int] = {}
        widget.connect("destroyed()", self.release)
        self._widget = widget

    def watch(self, scene: Any) -> None:
        """Follow this scene from now on, and no other."""
        self.release()
        if scene is not None:
            for name in self.SCENE_EVENTS:
                event = getattr(slicer.vtkMRMLScene, name)
                self._watched.append((scene, scene.AddObserver(event, self._call)))

    def watch_nodes(self, nodes: list[Any]) -> None:
        """Follow these nodes, and no others."""
        for node in self._nodes.keys() - set(nodes):
            node.RemoveObserver(self._nodes.pop(node))
        for node in nodes:
            if node not in self._nodes:
                self._nodes[node] = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._call)

    def release(self) -> None:
        """Observe nothing any more."""
        for watched, tag in self._watched:
            watched.RemoveObserver(tag)
        for node, tag in self._nodes.items():
            node.RemoveObserver(tag)
        self._watched, self._nodes = [], {}

    def _call(self, *_: Any) -> None:
        if shiboken6.isValid(self._widget):
            self._function()


class qMRMLNodeComboBox(StandIn, qt.QWidget):
    """Chooses a node of the scene among those of the wanted types."""

    currentNodeChanged = OwnSignal("currentNodeChanged(vtkMRMLNode*)", "currentNodeChanged(bool)")
    currentNodeIDChanged = OwnSignal("currentNodeIDChanged(QString)")
    nodeAddedByUser = OwnSignal("nodeAddedByUser(vtkMRMLNode*)")
    nodeAdded = OwnSignal("nodeAdded(vtkMRMLNode*)")
    nodeActivated = OwnSignal("nodeActivated(vtkMRMLNode*)")
    mrmlSceneChanged = OwnSignal("mrmlSceneChanged(vtkMRMLScene*)")
    FLAGS: ClassVar[dict[str, Any]] = {
        "noneEnabled": False,
        "addEnabled": True,
        "removeEnabled": True,
        "editEnabled": False,
        "renameEnabled": False,
        "showHidden": False,
        "showChildNodeTypes": True,
        "selectNodeUponCreation": True,
        "interactionNodeSingletonTag": "",
        "baseName": "",
        "noneDisplay": "None",
        "nodeTypes": (),
        "hideChildNodeTypes": (),
    }
    """Properties that are only kept, with their values in a new widget."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None
        self._flags = dict(self.FLAGS)
        self._filters: list[tuple[str, str, Any]] = []
        self._rows: list[tuple[str, str]] = []
        self._ids: list[str] = [""]
        self._current = ""
        self._requested = ""
        self._busy = False
        self._box = qt.QComboBox()
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(self._chosen)
        self._observer = SceneObserver(self, self._refresh)

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._scene = scene
        self._observer.watch(scene)
        self._refresh()
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene

    def addAttribute(self, nodeType: str, name: str, value: Any = None) -> None:
        """Show nodes of a type only where they have an attribute (of that value)."""
        self._filters.append((nodeType, name, value))
        self._refresh()

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene is not None and self._current else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, identifier: str | None) -> None:
        wanted = identifier or ""
        # A node that the list does not have yet, as while a scene is read, is chosen once it is there.
        self._requested = wanted
        self._refresh()
        if wanted in self._ids:
            self._select(wanted)
        elif self._flags["noneEnabled"]:
            self._select("")

    @property
    def currentNodeID(self) -> str:
        return self._current

    @currentNodeID.setter
    def currentNodeID(self, identifier: str) -> None:
        self.setCurrentNodeID(identifier)

    def setCurrentNodeIndex(self, index: int) -> None:
        self._box.currentIndex = index + (1 if self._flags["noneEnabled"] else 0)

    @property
    def currentNodeIndex(self) -> int:
        return int(self._box.currentIndex) - (1 if self._flags["noneEnabled"] else 0)

    def nodeCount(self) -> int:
        return sum(1 for identifier in self._ids if identifier)

    def nodeFromIndex(self, index: int) -> Any:
        shown = [identifier for identifier in self._ids if identifier]
        return self._scene.GetNodeByID(shown[index]) if 0 <= index < len(shown) else None

    def addNode(self, nodeType: str = "") -> Any:
        """Make a node, as the entry "Create new" of the real box does, and choose it."""
        kind = nodeType or self._flags["nodeTypes"][0]
        node = self._scene.AddNewNodeByClass(kind, self._flags["baseName"] or kind.replace("vtkMRML", ""))
        if self._flags["selectNodeUponCreation"]:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        if self.currentNode() is not None:
            self._scene.RemoveNode(self.currentNode())

    def _candidates(self) -> list[Any]:
        """Nodes of the wanted types, in the order of the scene."""
        scene, flags = self._scene, self._flags
        if scene is None:
            return []
        kinds, hidden, exact = flags["nodeTypes"], flags["hideChildNodeTypes"], not flags["showChildNodeTypes"]
        if len(kinds) == 1:
            # Most boxes want one type, and the scene finds its nodes faster than Python.
            nodes = [scene.GetNthNodeByClass(n, kinds[0]) for n in range(scene.GetNumberOfNodesByClass(kinds[0]))]
        else:
            nodes = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
        return [
            node
            for node in nodes
            if any(node.GetClassName() == kind if exact else node.IsA(kind) for kind in kinds)
            and not any(node.IsA(kind) for kind in hidden)
        ]

    def _shown(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self._flags["showHidden"]:
            return False
        return all(
            node.GetAttribute(name) is not None and (value is None or node.GetAttribute(name) == str(value))
            for kind, name, value in self._filters
            if node.IsA(kind)
        )

    def _refresh(self) -> None:
        scene = self._scene
        if self._busy or (scene is not None and scene.IsBatchProcessing()):
            return
        candidates = self._candidates()
        # Their names, attributes and whether they are hidden may change.
        self._observer.watch_nodes(candidates)
        shown = [node for node in candidates if self._shown(node)]
        none = [("", self._flags["noneDisplay"] if self._flags["noneEnabled"] else "")]
        rows = none if self._flags["noneEnabled"] or not shown else []
        self._fill(rows + [(node.GetID(), node.GetName()) for node in shown])
        kept = [one for one in (self._requested, self._current) if one and one in self._ids]
        self._select(kept[0] if kept else self._ids[0])

    def _fill(self, rows: list[tuple[str, str]]) -> None:
        """Show these identifiers and names; most changes of a scene leave them as they are."""
        if rows == self._rows:
            return
        self._rows, self._ids = rows, [identifier for identifier, _name in rows]
        self._busy = True
        self._box.clear()
        for _identifier, name in rows:
            self._box.addItem(name)
        self._busy = False

    def _select(self, identifier: str) -> None:
        self._busy = True
        self._box.currentIndex = self._ids.index(identifier)
        self._busy = False
        if identifier != self._current:
            self._current = identifier
            node = self.currentNode()
            self.currentNodeChanged.emit(node)
            type(self).currentNodeChanged.of(self, "currentNodeChanged(bool)").emit(node is not None)
            self.currentNodeIDChanged.emit(identifier)

    def _chosen(self, index: int) -> None:
        if not self._busy and 0 <= index < len(self._ids):
            self._requested = self._ids[index]
            self._select(self._ids[index])

    def _set_flag(self, name: str, value: Any) -> None:
        self._flags[name] = tuple(value) if isinstance(value, (list, tuple)) else value
        self._refresh()


def _flag(name: str) -> property:
    return property(lambda self: self._flags[name], lambda self, value: self._set_flag(name, value))


for _name in qMRMLNodeComboBox.FLAGS:
    setattr(qMRMLNodeComboBox, _name, _flag(_name))


class qMRMLColorTableComboBox(qMRMLNodeComboBox):
    """Chooses a color table."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.nodeTypes = ("vtkMRMLColorNode",)
        self.showHidden = True


class qMRMLSliderWidget(ctkSliderWidget):
    """A slider that knows the scene (and, in Slicer, its units)."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene, self._quantity = None, ""

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def mrmlScene(self) -> Any:
        return self._scene

    quantity = property(lambda self: self._quantity, lambda self, value: self.__dict__.update(_quantity=value))


class qMRMLSegmentSelectorWidget(StandIn, qt.QWidget):
    """Chooses a segmentation and one of its segments."""

    currentNodeChanged = OwnSignal("currentNodeChanged(vtkMRMLNode*)")
    currentSegmentChanged = OwnSignal("currentSegmentChanged(QString)")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._nodes, self._segments = qMRMLNodeComboBox(), qt.QComboBox()
        self._nodes.nodeTypes = ("vtkMRMLSegmentationNode",)
        self._nodes.noneEnabled = True
        self._ids: list[str] = []
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._nodes)
        layout.addWidget(self._segments)
        self._nodes.currentNodeChanged.connect(self._node_chosen)
        self._segments.currentIndexChanged.connect(
            lambda index: self.currentSegmentChanged.emit(self.currentSegmentID())
        )

    def setMRMLScene(self, scene: Any) -> None:
        self._nodes.setMRMLScene(scene)

    def currentNode(self) -> Any:
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        return str(self._nodes.currentNodeID)

    def setCurrentNode(self, node: Any) -> None:
        self._nodes.setCurrentNode(node)
        self._node_chosen(node)

    def currentSegmentID(self) -> str:
        index = int(self._segments.currentIndex)
        return self._ids[index] if 0 <= index < len(self._ids) else ""

    def setCurrentSegmentID(self, identifier: str) -> None:
        if identifier in self._ids:
            self._segments.currentIndex = self._ids.index(identifier)

    def _node_chosen(self, node: Any) -> None:
        segmentation = node.GetSegmentation() if node is not None else None
        self._ids = list(segmentation.GetSegmentIDs()) if segmentation is not None else []
        self._segments.clear()
        for identifier in self._ids:
            self._segments.addItem(segmentation.GetSegment(identifier).GetName())
        self.currentNodeChanged.emit(node)
