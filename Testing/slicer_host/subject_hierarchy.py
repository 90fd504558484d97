"""Puts nodes into the subject hierarchy as they are added, which Slicer's Qt plugins do."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

SHOWN = (
    "vtkMRMLVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLModelNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLTransformNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotChartNode",
)
"""Classes whose nodes get an item."""


def follow(scene: Any) -> None:
    """Keep the hierarchy of a scene for as long as it lives."""
    scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, _node_added)
    scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, _node_leaves)


def _hierarchy(scene: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _node_added(scene: Any, event: str, node: Any) -> None:
    # A scene that is read brings its own hierarchy.
    if scene.IsImporting() or scene.IsClosing() or node.GetHideFromEditors():
        return
    hierarchy = _hierarchy(scene)
    if hierarchy is not None and any(node.IsA(name) for name in SHOWN) and not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _node_leaves(scene: Any, event: str, node: Any) -> None:
    if scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
        return
    hierarchy = _hierarchy(scene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    if item:
        hierarchy.RemoveItem(item, False, False)
