"""The subject hierarchy folder of a case.

The folder carries the case's key as an item attribute; it is found through the review, which lies in it, so that a
scene imported twice has two folders that are told apart.
"""

from __future__ import annotations

import slicer
import vtk

from LNStationSlicer.support.Translation import _

ROLE_ATTRIBUTE = "LNStation.role"
KEY_ATTRIBUTE = "LNStation.key"
ATTENTION = "attention"
STATION_MAPS = {"probability": "stationProbability", "weight": "stationWeight"}
"""Kind of voxel map that a method for stations gives, as the worker's answer calls it, to the role of its volume."""
MAP_ROLES = (ATTENTION, *STATION_MAPS.values())
"""Roles of the volumes for maps of voxels that methods may give."""


def colorsRole(role: str) -> str:
    """Role of the color table that a volume of a role is drawn with."""
    return f"{role}Colors"


_COLOR_ROLES = tuple(colorsRole(role) for role in (*MAP_ROLES, "pet"))
_SEGMENTATION_ROLES = ("stations", "nodes", "dismissedNodes", "caseOrgans")
OWN_ROLES = (*_SEGMENTATION_ROLES, *MAP_ROLES, "table", "assessment", "review", "otherReviews", *_COLOR_ROLES)
"""Roles of the nodes that a case makes, and that go with it."""
DAMAGED_ROLE = "damagedText"
"""Role of the nodes, any number, that keep what could not be read any more."""


def hierarchyOf(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSubjectHierarchyNode:
    """The subject hierarchy of a scene."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


class CaseFolder:
    """The folder of one case.

    Args:
        anchor: The node that holds the case together.
    """

    def __init__(self, anchor: slicer.vtkMRMLScriptedModuleNode):
        self._anchor = anchor

    @property
    def _hierarchy(self) -> slicer.vtkMRMLSubjectHierarchyNode:
        return hierarchyOf(self._anchor.GetScene())

    @property
    def name(self) -> str:
        """What the user reads."""
        return self._hierarchy.GetItemName(self.item())

    @name.setter
    def name(self, name: str) -> None:
        self._hierarchy.SetItemName(self.item(), name)

    def item(self) -> int:
        """The item; recreated where the user removed it."""
        hierarchy = self._hierarchy
        key = self._anchor.GetAttribute(KEY_ATTRIBUTE)
        item = self._itemOf("review")
        while item and hierarchy.GetItemAttribute(item, KEY_ATTRIBUTE) != key:
            item = hierarchy.GetItemParent(item) if item != hierarchy.GetSceneItemID() else 0
        return item or self._itemByKey(key) or self.make(_("LNStation case"))

    def make(self, name: str) -> int:
        """A folder beside the CT (in its study, if it has one), with all nodes of the case that there are."""
        hierarchy = self._hierarchy
        ctItem = self._itemOf("ct")
        parent = hierarchy.GetItemParent(ctItem) if ctItem else 0
        folder = hierarchy.CreateFolderItem(parent or hierarchy.GetSceneItemID(), name)
        hierarchy.SetItemAttribute(folder, KEY_ATTRIBUTE, self._anchor.GetAttribute(KEY_ATTRIBUTE))
        for item in filter(None, map(self._itemOf, OWN_ROLES)):
            hierarchy.SetItemParent(item, folder)
        return folder

    def put(self, node: slicer.vtkMRMLNode) -> None:
        """Put a node in. Slicer makes an item for each node by itself; where it does not, it is made here."""
        hierarchy = self._hierarchy
        folder = self.item()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, folder)
        else:
            hierarchy.CreateItem(folder, node)

    def gather(self) -> None:
        """Put nodes back that lie beside the CT; those that the user put elsewhere stay there."""
        hierarchy = self._hierarchy
        ctItem = self._itemOf("ct")
        beside = hierarchy.GetItemParent(ctItem) if ctItem else 0
        for item in filter(None, map(self._itemOf, OWN_ROLES)):
            if hierarchy.GetItemParent(item) == beside:
                hierarchy.SetItemParent(item, self.item())

    def remove(self, folder: int) -> None:
        """Remove a folder; what the user put into it moves one floor up."""
        hierarchy = self._hierarchy
        parent = hierarchy.GetItemParent(folder)
        for item in self._children(folder):
            hierarchy.SetItemParent(item, parent)
        hierarchy.RemoveItem(folder)

    def _itemOf(self, role: str) -> int:
        node = self._anchor.GetNodeReference(role)
        return self._hierarchy.GetItemByDataNode(node) if node is not None else 0

    def _itemByKey(self, key: str) -> int:
        hierarchy = self._hierarchy
        items = self._children(hierarchy.GetSceneItemID(), recursive=True)
        return next((item for item in items if hierarchy.GetItemAttribute(item, KEY_ATTRIBUTE) == key), 0)

    def _children(self, item: int, recursive: bool = False) -> list[int]:
        ids = vtk.vtkIdList()
        self._hierarchy.GetItemChildren(item, ids, recursive)
        return [ids.GetId(i) for i in range(ids.GetNumberOfIds())]
