"""A double click in a view gives the point under the cursor, unless it belongs to a tool of Slicer's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import slicer
import vtk

Point = tuple[float, float, float]

_PRIORITY = 10.0
# A surface drawn in 3D is smoothed: looked for a little behind it too, in mm.
_DEPTHS_MM = (0.5, 1.5, 3.0, 5.0)


class ViewPicking:
    """Listens for double clicks in the slice views and the 3D views.

    Args:
        onPicked: Called with a point (RAS mm) under the cursor until it returns True, which keeps Slicer's own answer
            to a double click (the view fills the window) from happening. In 3D called with points ever deeper. Not
            called while an effect of a segment editor is active or a markup is being placed: the click ends its
            contour or places its last point.
    """

    def __init__(self, onPicked: Callable[[Point], bool]) -> None:
        self._onPicked = onPicked
        self._observed: list[tuple[Any, int]] = []

    def start(self) -> None:
        """Listen to the views there are now."""
        self.stop()
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        for name in manager.sliceViewNames():
            widget = manager.sliceWidget(name)
            self._observe(widget.sliceView().interactor(), partial(_slicePoints, widget.mrmlSliceNode()))
        for number in range(manager.threeDViewCount):
            view = manager.threeDWidget(number).threeDView()
            self._observe(view.interactor(), partial(_surfacePoints, view))

    def stop(self) -> None:
        """Listen no more."""
        for interactor, tag in self._observed:
            interactor.RemoveObserver(tag)
        self._observed = []

    def _observe(self, interactor: Any, points: Callable[[int, int], Iterator[Point]]) -> None:
        def clicked(caller: Any, _event: str) -> None:
            if isClickTaken(slicer.mrmlScene):
                return
            if any(self._onPicked(point) for point in points(*caller.GetEventPosition())):
                caller.GetCommand(tag).SetAbortFlag(1)

        tag = interactor.AddObserver(vtk.vtkCommand.LeftButtonDoubleClickEvent, clicked, _PRIORITY)
        self._observed.append((interactor, tag))


def isClickTaken(scene: Any) -> bool:
    """True while clicks in the views belong to an effect of a segment editor, or to a markup that is being placed."""
    editors = _nodes(scene, "vtkMRMLSegmentEditorNode")
    if any(editor.GetActiveEffectName() for editor in editors):
        return True
    return any(
        node.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
        for node in _nodes(scene, "vtkMRMLInteractionNode")
    )


def _nodes(scene: Any, className: str) -> list[Any]:
    found = scene.GetNodesByClass(className)
    return [found.GetItemAsObject(i) for i in range(found.GetNumberOfItems())]


def _slicePoints(sliceNode: Any, x: int, y: int) -> Iterator[Point]:
    point = sliceNode.GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))
    yield point[0], point[1], point[2]


def _surfacePoints(view: Any, x: int, y: int) -> Iterator[Point]:
    renderer = view.renderWindow().GetRenderers().GetFirstRenderer()
    picker = vtk.vtkCellPicker()
    picker.SetTolerance(0.002)
    if not picker.Pick(x, y, 0, renderer):
        return
    eye, hit = renderer.GetActiveCamera().GetPosition(), picker.GetPickPosition()
    way = [h - e for h, e in zip(hit, eye)]  # noqa: B905 - both have three
    length = vtk.vtkMath.Normalize(way)
    for depth in _DEPTHS_MM if length else ():
        yield tuple(h + depth * w for h, w in zip(hit, way))  # noqa: B905
