"""Names of the stations in the slice views, each in the middle of what the slice shows of its station.

Any plane will do, a rotated one too: a station is known by points spread over its voxels, and its name stands at the
point nearest to the middle of those that lie in the slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.util import VTKObservationMixin

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentExport import worldMatrix
from LNStationSlicer.exchange.SegmentMasks import BINARY, SegmentMask
from LNStationSlicer.views import PetViews, PriorViews

_MOST_POINTS = 3000
"""Of one station: a plane through 5 ml then holds some hundred."""
_FEWEST_IN_SLICE = 6
"""Of its points, from which on a slice shows enough of a station to be named."""
_FONT_SIZE = 13
_UNNAMED = frozenset({PetViews.MIP, PriorViews.THEN, PriorViews.THEN_CORONAL})
"""Views that show no slice of the case."""


class StationNames(VTKObservationMixin):
    """The names of one case's stations, in all slice views of the layout."""

    def __init__(self, case: CaseScene) -> None:
        VTKObservationMixin.__init__(self)
        self._case = case
        self._known: dict[str, tuple[int, float, np.ndarray]] = {}
        self._looks = 0
        self._places: dict[str, tuple[Any, dict[str, tuple[float, float]]]] = {}
        self._actors: dict[str, dict[str, Any]] = {}
        self._highlighted: str | None = None

    def show(self, highlighted: str | None = None) -> None:
        """Name the stations as they are now; they follow the slices from here on.

        Args:
            highlighted: Station whose name is bold.
        """
        self._highlighted = highlighted
        manager, node = slicer.app.layoutManager(), self._case.stationsNode()
        if manager is None or node is None:
            return
        for name in manager.sliceViewNames():
            sliceNode = manager.sliceWidget(name).mrmlSliceNode()
            if name in _UNNAMED or not sliceNode.IsMappedInLayout():
                continue
            if not self.hasObserver(sliceNode, vtk.vtkCommand.ModifiedEvent, self._onSlice):
                self.addObserver(sliceNode, vtk.vtkCommand.ModifiedEvent, self._onSlice)
            self._draw(name)

    def hide(self) -> None:
        """No names, and no eye on the views any more."""
        self.removeObservers()
        manager = slicer.app.layoutManager()
        for name, actors in self._actors.items():
            widget = manager.sliceWidget(name) if manager is not None else None
            if widget is not None:
                for actor in actors.values():
                    _renderer(widget).RemoveActor2D(actor)
                widget.sliceView().scheduleRender()
        self._actors = {}

    def placesIn(self, sliceNode: slicer.vtkMRMLSliceNode) -> dict[str, tuple[float, float]]:
        """Where in a view each name stands, in its pixels; stations that the slice does not show have none."""
        toRas = _array(sliceNode.GetSliceToRAS())
        normal, origin = toRas[:3, 2], toRas[:3, 3]
        fromRas = np.linalg.inv(_array(sliceNode.GetXYToRAS()))
        places = {}
        for name, (thickness, points) in self._stations().items():
            inSlice = points[np.abs(points @ normal - origin @ normal) <= thickness / 2]
            if len(inSlice) >= _FEWEST_IN_SLICE:
                middle = inSlice.mean(axis=0)
                nearest = inSlice[np.argmin(((inSlice - middle) ** 2).sum(axis=1))]
                x, y = (fromRas @ [*nearest, 1.0])[:2]
                places[name] = (float(x), float(y))
        return places

    # Stations as points

    def missingPoints(self) -> Iterator[Callable[[], object]]:
        """Pieces of work for ``Steps``: look at the stations that are new or changed, one by one, then name them.

        As surfaces are made: no piece holds the panel up, however large the CT is.
        """
        stale = [name for name in self._times() if self._known.get(name, (0,))[0] != self._times()[name]]
        for name in stale:
            yield partial(self._look, name)
        if stale:
            yield lambda: self.show(self._highlighted)

    def _look(self, name: str) -> None:
        node, time = self._case.stationsNode(), self._times().get(name)
        if node is not None and time is not None:
            self._known[name] = (time, *_points(node, name))
            self._looks += 1

    def _times(self) -> dict[str, int]:
        """When the voxels of each station last changed."""
        node = self._case.stationsNode()
        if node is None:
            return {}
        segmentation = node.GetSegmentation()
        images = {
            name: segmentation.GetSegment(name).GetRepresentation(BINARY) for name in segmentation.GetSegmentIDs()
        }
        return {name: image.GetMTime() for name, image in images.items() if image is not None}

    def _stations(self) -> dict[str, tuple[float, np.ndarray]]:
        """Thickness of a voxel in mm and points in world RAS of each station that was looked at and has voxels."""
        there = self._times()
        return {name: known[1:] for name, known in self._known.items() if name in there and len(known[2])}

    # Text

    def _onSlice(self, caller: Any, event: Any) -> None:
        if self._case.isAlive():
            self._draw(caller.GetLayoutName())

    def _draw(self, view: str) -> None:
        widget = slicer.app.layoutManager().sliceWidget(view)
        # Another layout's view is named when it is shown again.
        if widget is None or not widget.mrmlSliceNode().IsMappedInLayout():
            return
        places, actors = self._placesOf(view, widget.mrmlSliceNode()), self._actors.setdefault(view, {})
        for name in {*places, *actors}:
            if name not in actors:
                actors[name] = _textActor(name, self._color(name))
                _renderer(widget).AddActor2D(actors[name])
            actors[name].SetVisibility(name in places)
            actors[name].GetTextProperty().SetBold(name == self._highlighted)
            actors[name].SetPosition(*places.get(name, (0.0, 0.0)))
        widget.sliceView().scheduleRender()

    def _placesOf(self, view: str, sliceNode: slicer.vtkMRMLSliceNode) -> dict[str, tuple[float, float]]:
        """As ``placesIn``; those of the last time where neither the slice nor a station has changed."""
        node = self._case.stationsNode()
        there = tuple(node.GetSegmentation().GetSegmentIDs()) if node is not None else ()
        state = (_array(sliceNode.GetXYToRAS()).tobytes(), self._looks, there)
        if view not in self._places or self._places[view][0] != state:
            self._places[view] = (state, self.placesIn(sliceNode))
        return self._places[view][1]

    def _color(self, name: str) -> tuple[float, float, float]:
        node = self._case.stationsNode()
        segment = node.GetSegmentation().GetSegment(name) if node is not None else None
        return tuple(segment.GetColor()) if segment is not None else (1.0, 1.0, 1.0)


def _points(node: slicer.vtkMRMLSegmentationNode, name: str) -> tuple[float, np.ndarray]:
    """Thickness of a voxel in mm, and points in world RAS spread evenly over the voxels of a station."""
    mask = SegmentMasks.segmentMasks(node.GetSegmentation(), [name]).get(name)
    if mask is None:
        return 0.0, np.zeros((0, 3))
    mask = SegmentMask(mask.array, worldMatrix(node) @ mask.matrix)
    places = np.argwhere(mask.array)[:, ::-1]
    places = places[:: max(1, len(places) // _MOST_POINTS)]
    thickness = float(np.linalg.norm(mask.matrix[:3, :3], axis=0).max()) * 1.01
    return thickness, places @ mask.matrix[:3, :3].T + mask.matrix[:3, 3]


def _textActor(text: str, color: tuple[float, float, float]) -> vtk.vtkTextActor:
    actor = vtk.vtkTextActor()
    actor.SetInput(text)
    look = actor.GetTextProperty()
    look.SetFontSize(_FONT_SIZE)
    look.SetColor(*(0.35 + 0.65 * part for part in color))
    look.ShadowOn()
    look.SetJustificationToCentered()
    look.SetVerticalJustificationToCentered()
    actor.PickableOff()
    return actor


def _renderer(sliceWidget: Any) -> vtk.vtkRenderer:
    return sliceWidget.sliceView().renderWindow().GetRenderers().GetFirstRenderer()


def _array(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
