"""Display nodes of what is drawn."""

from __future__ import annotations

import slicer


def displayNode(node: slicer.vtkMRMLDisplayableNode) -> slicer.vtkMRMLDisplayNode:
    """The first display node of a node, made where it has none."""
    node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()
