"""What the module lays into the slice views, and what the reader had there before.

Backgrounds, foregrounds and windows are the reader's. The module lays a volume over them when it is asked to, leaves
views alone that the reader has changed since, and gives back what lay there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.SceneTexts import LAID_OVER
from LNStationSlicer.views import PetViews, PriorViews

_NOT_OURS = PetViews.OWN_VIEWS | PriorViews.OWN_VIEWS
"""Views of the module's own layouts, which say themselves what they show."""


class SliceLayers:
    """The layers of one case; what lay below is kept in the case's node, so that a saved scene can give it back."""

    def __init__(self, case: CaseScene) -> None:
        self._case = case

    def setBackground(self, volume: slicer.vtkMRMLVolumeNode, insteadOf: Collection[str] | None = None) -> None:
        """Put a volume under the slice views.

        Args:
            volume: The volume.
            insteadOf: Ids of the volumes that give way; a view without any is filled too. None: all give way.
        """
        for composite in self._composites():
            shown = composite.GetBackgroundVolumeID()
            if insteadOf is None or not shown or shown in insteadOf:
                composite.SetBackgroundVolumeID(volume.GetID())

    def layOver(self, volume: slicer.vtkMRMLVolumeNode | None, opacity: float) -> None:
        """Show a volume as foreground; None takes the module's own away.

        Only a change of what is asked for, and a new view, change anything: whoever sets another foreground in a view
        keeps it.
        """
        laid = self._laid()
        if volume is None:
            self._giveBack(laid)
            return
        asked = {"volume": volume.GetID(), "opacity": opacity}
        before: dict[str, Any] = laid.get("asked", {})
        views = dict(laid.get("views", {}))
        for composite in self._composites():
            name = composite.GetLayoutName()
            if name not in views or before["volume"] != asked["volume"]:
                if not _isOurs(composite, before):
                    views[name] = _foreground(composite)
                composite.SetForegroundVolumeID(asked["volume"])
                composite.SetForegroundOpacity(opacity)
            elif before["opacity"] != opacity and _isOurs(composite, before):
                composite.SetForegroundOpacity(opacity)
        self._keep({"asked": asked, "views": views})

    def _giveBack(self, laid: dict[str, Any]) -> None:
        """Views that still show what was laid over them, or show nothing since it left the scene, get theirs back."""
        if not laid:
            return
        isGone = self._case.scene.GetNodeByID(laid["asked"]["volume"]) is None
        for composite in self._composites():
            before = laid["views"].get(composite.GetLayoutName())
            nothing = isGone and not composite.GetForegroundVolumeID()
            if before is not None and (nothing or _isOurs(composite, laid["asked"])):
                known = self._case.scene.GetNodeByID(before["volume"]) if before["volume"] else None
                composite.SetForegroundVolumeID(before["volume"] if known else None)
                composite.SetForegroundOpacity(before["opacity"])
        self._keep({})

    def _composites(self) -> list[slicer.vtkMRMLSliceCompositeNode]:
        nodes = self._case.scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
        found = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]
        return [node for node in found if node.GetLayoutName() not in _NOT_OURS]

    def _laid(self) -> dict[str, Any]:
        return LAID_OVER.read(self._case.node) or {}

    def _keep(self, laid: dict[str, Any]) -> None:
        if laid != self._laid():
            LAID_OVER.write(self._case.node, laid)


def _foreground(composite: slicer.vtkMRMLSliceCompositeNode) -> dict[str, Any]:
    return {"volume": composite.GetForegroundVolumeID() or "", "opacity": composite.GetForegroundOpacity()}


def _isOurs(composite: slicer.vtkMRMLSliceCompositeNode, asked: dict[str, Any]) -> bool:
    return bool(asked) and composite.GetForegroundVolumeID() == asked["volume"]
