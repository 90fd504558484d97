"""One point set by a click into a view, with Slicer's own tool for markups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from LNStationSlicer.support.Translation import _

Point = tuple[float, float, float]

_CLASS = "vtkMRMLMarkupsFiducialNode"


class PointPlacing(VTKObservationMixin):
    """Waits for one click; Escape, or another tool, ends it.

    Args:
        onPlaced: Called with the point in RAS mm, after the tool was put down.
        onEnded: Called whenever it is over.
    """

    def __init__(self, onPlaced: Callable[[Point], None], onEnded: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onPlaced = onPlaced
        self._onEnded = onEnded
        self._markup: Any = None

    @property
    def isWaiting(self) -> bool:
        """True from ``start`` on until there is a point or the user gave up."""
        return self._markup is not None

    def start(self) -> None:
        """The next click into a view sets the point."""
        self.stop()
        scene = slicer.mrmlScene
        self._markup = scene.AddNewNodeByClass(_CLASS, _("New node"))
        # Neither listed nor saved: it is there for one click.
        self._markup.SetHideFromEditors(True)
        self._markup.SetSaveWithScene(False)
        self.addObserver(self._markup, self._markup.PointPositionDefinedEvent, self._onPoint)
        selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        selection.SetReferenceActivePlaceNodeClassName(_CLASS)
        selection.SetReferenceActivePlaceNodeID(self._markup.GetID())
        interaction = _interaction()
        interaction.SetPlaceModePersistence(False)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self._onMode)

    def stop(self) -> None:
        """Wait no more."""
        markup, self._markup = self._markup, None
        self.removeObservers()
        if markup is None:
            return
        interaction = _interaction()
        if interaction is not None and interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        if markup.GetScene() is not None:
            markup.GetScene().RemoveNode(markup)
        self._onEnded()

    def _onPoint(self, caller: Any, event: Any) -> None:
        point = [0.0, 0.0, 0.0]
        self._markup.GetNthControlPointPositionWorld(0, point)
        self.stop()
        self._onPlaced((point[0], point[1], point[2]))

    def _onMode(self, caller: Any, event: Any) -> None:
        interaction = _interaction()
        if interaction.GetCurrentInteractionMode() == interaction.Place:
            return
        # Slicer leaves the mode with the click that sets the point, before or after it tells of the point.
        if self._markup is not None and not self._markup.GetNumberOfDefinedControlPoints():
            self.stop()


def _interaction() -> Any:
    return slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
