"""Layouts of the module: views of their own, and the layout before that comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import slicer


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
