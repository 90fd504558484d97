"""Layouts of the module: views of their own, and the layout before that comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from weakref import WeakSet

import slicer

from LNStationSlicer.case.CaseScene import CaseScene


class OwnLayout:
    """A layout of the module, for one case at a time; the one before comes back when it is left.

    Args:
        number: Of the layout, above those of Slicer and of extensions that are known.
    """

    _all: ClassVar[WeakSet[OwnLayout]] = WeakSet()

    def __init__(self, number: int) -> None:
        self._all.add(self)
        self._number = number
        self._before: int | None = None
        self._case: CaseScene | None = None

    @property
    def isShown(self) -> bool:
        """True while the views are in this layout."""
        manager = slicer.app.layoutManager()
        return self._before is not None and manager is not None and manager.layout == self._number

    @property
    def isFilled(self) -> bool:
        """True while its views show a case."""
        return self._case is not None

    @property
    def isAbandoned(self) -> bool:
        """True where the user left it by Slicer's own menu."""
        return self._before is not None and not self.isShown

    @property
    def isLeftOver(self) -> bool:
        """True where a scene was saved in this layout: its views are there, and what they showed was not saved."""
        manager = slicer.app.layoutManager()
        return self._before is None and manager is not None and manager.layout == self._number

    def hide(self) -> None:
        """The layout before."""
        raise NotImplementedError

    def takeUp(self) -> None:
        """Begin with a layout that is left over; Slicer's usual one will follow it."""
        self._before = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView

    def _enter(self, case: CaseScene, xml: str) -> None:
        manager = slicer.app.layoutManager()
        for other in list(self._all):
            if other is not self and other.isShown:  # what is left later is not the reader's own
                other.hide()
        if not self.isShown:
            self._before = manager.layout
        self._case = case
        register(self._number, xml)
        manager.setLayout(self._number)

    def _leave(self) -> None:
        """The layout before, with outlines in all of its views."""
        if self.isShown:
            slicer.app.layoutManager().setLayout(self._before)
        if self._case is not None and self._case.isAlive():
            limitTo(outlines(self._case), [])
        self._before = self._case = None


def outlines(case: CaseScene) -> list[Any]:
    """Segmentations of a case that are drawn over slices; None for those that it has not."""
    return [case.stationsNode(), case.nodesNode(), case.dismissedNode(), case.organsNode()]


def register(number: int, xml: str) -> None:
    """Tell Slicer of a layout, once in a scene."""
    node = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    if not node.IsLayoutDescription(number):
        node.AddLayoutDescription(number, xml)


def gridXml(rows: Sequence[Sequence[str]], looks: Mapping[str, tuple[str, str, str]]) -> str:
    """A layout of slice views as Slicer reads it.

    Args:
        rows: Names of the views, row by row.
        looks: Orientation, title and color of each.
    """
    lines = "".join(
        f'<item><layout type="horizontal">{"".join(_viewXml(name, *looks[name]) for name in row)}</layout></item>'
        for row in rows
    )
    return f'<layout type="vertical">{lines}</layout>'


def _viewXml(name: str, orientation: str, title: str, color: str) -> str:
    values = {"orientation": orientation, "viewlabel": title, "viewcolor": color}
    properties = "".join(
        f'<property name="{key}" action="default">{value}</property>' for key, value in values.items()
    )
    return f'<item><view class="vtkMRMLSliceNode" singletontag="{name}">{properties}</view></item>'


def fill(widget: Any, background: Any, foreground: Any = None) -> None:
    """Put volumes into a view, which scrolls with the others of its layout."""
    composite = widget.mrmlSliceCompositeNode()
    composite.SetLinkedControl(True)
    composite.SetBackgroundVolumeID(background.GetID())
    composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
    widget.fitSliceToBackground()


def hidden(scene: Any, className: str, title: str) -> Any:
    """A node that is neither listed nor saved."""
    node = scene.AddNewNodeByClass(className, title)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return node


def allViews(scene: Any) -> list[Any]:
    """Nodes of all slice views and 3D views."""
    found = [scene.GetNodesByClass(name) for name in ("vtkMRMLSliceNode", "vtkMRMLViewNode")]
    return [nodes.GetItemAsObject(i) for nodes in found for i in range(nodes.GetNumberOfItems())]


def limitTo(segmentations: Sequence[Any], viewIds: Sequence[str]) -> None:
    """Draw segmentations in these views alone; in all where there are none."""
    for node in segmentations:
        display = node.GetDisplayNode() if node is not None else None
        if display is not None and list(display.GetViewNodeIDs() or ()) != list(viewIds):
            display.SetViewNodeIDs(list(viewIds))


def remove(nodes: Sequence[Any]) -> None:
    """Take nodes out of their scene."""
    for node in nodes:
        if node is not None and node.GetScene() is not None:
            node.GetScene().RemoveNode(node)
