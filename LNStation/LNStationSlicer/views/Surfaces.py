"""The surfaces of segments for the 3D view, made one at a time: all at once would hold the GUI up for a second."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import numpy as np
import slicer
import vtk

from LNStationSlicer.case.Looks import State, stateOf
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentMasks import BINARY, SURFACE

_NORMALS = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetComputeSurfaceNormalsParameterName
_PARAMETERS = (
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetDecimationFactorParameterName,
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetSmoothingFactorParameterName,
    _NORMALS,
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetConversionMethodParameterName,
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetSurfaceNetInternalSmoothingParameterName,
)
"""What the user may have chosen for a segmentation's surfaces; joint smoothing needs all at once and is left out."""


def missingSurfaces(
    node: slicer.vtkMRMLSegmentationNode | None, only: Collection[str] | None = None
) -> Iterator[Callable[[], object]]:
    """Pieces of work that make the surfaces that segments lack, for ``Steps``; of all segments, or of some."""
    if node is None:
        return
    segmentation = node.GetSegmentation()
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId) if only is None or segmentId in only else None
        if segment is None or segment.GetRepresentation(SURFACE) or not segment.GetRepresentation(BINARY):
            continue
        surface = _Surface(segmentation, segmentId)
        yield surface.shape
        yield surface.show


class _Surface:
    """The surface that Slicer would make of one segment, in two pieces: its shape, then its normals.

    It is made from the segment's own box: Slicer looks through the whole label map, for each of its segments.
    """

    def __init__(self, segmentation: slicer.vtkSegmentation, segmentId: str) -> None:
        self._segmentation = segmentation
        self._id = segmentId
        self._state: State = ()
        self._made = vtk.vtkPolyData()

    def shape(self) -> None:
        """All that takes long but the normals."""
        self._state = stateOf(self._segmentation, [self._id])
        mask = SegmentMasks.segmentMasks(self._segmentation, [self._id]).get(self._id)
        if mask is None:
            self._made = vtk.vtkPolyData()
            return
        cropped = slicer.vtkSegment()
        cropped.SetLabelValue(1)
        cropped.AddRepresentation(BINARY, SegmentMasks.labelImage(mask.array.astype(np.uint8), mask.matrix))
        rule = _rule(self._segmentation)
        rule.SetConversionParameter(_NORMALS(), "0")
        rule.Convert(cropped)
        self._made = cropped.GetRepresentation(SURFACE)

    def show(self) -> None:
        """Give the surface to the segment; whoever drew in it meanwhile sees what was drawn."""
        segment = self._segmentation.GetSegment(self._id)
        if segment is None:
            return
        if self._state != stateOf(self._segmentation, [self._id]):
            self.shape()
        hasNormals = float(_rule(self._segmentation).GetConversionParameter(_NORMALS())) > 0
        segment.AddRepresentation(SURFACE, _withNormals(self._made) if hasNormals else self._made)


def _withNormals(surface: vtk.vtkPolyData) -> vtk.vtkPolyData:
    """As Slicer's rule has them: no edge is split, for a smoothed surface has none."""
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.ConsistencyOn()
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def pretendWhole(node: slicer.vtkMRMLSegmentationNode | None) -> None:
    """Let the 3D view show the surfaces that some segments alone have.

    As soon as one is shown, Slicer makes those of all others, which takes longer than the panel may pause where there
    are lungs among them: the others get empty ones. Views hear of it once and not of every segment: all would look
    at all segments each time, for seconds.
    """
    if node is None:
        return
    with _oneChange(node):
        for segment in _segments(node):
            if segment.GetRepresentation(SURFACE) is None:
                segment.AddRepresentation(SURFACE, vtk.vtkPolyData())


def endPretending(node: slicer.vtkMRMLSegmentationNode) -> None:
    """Take the empty surfaces away again, so that Slicer makes true ones where somebody asks for them."""
    with _oneChange(node):
        for segment in _segments(node):
            surface = segment.GetRepresentation(SURFACE)
            if surface is not None and not surface.GetNumberOfPoints():
                segment.RemoveRepresentation(SURFACE)


@contextmanager
def _oneChange(node: slicer.vtkMRMLSegmentationNode) -> Iterator[None]:
    """Tell of what happens to all segments together, at the end."""
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)


def _segments(node: slicer.vtkMRMLSegmentationNode | None) -> list[slicer.vtkSegment]:
    """From the last id to the first: Slicer asks the first whether a segmentation has surfaces."""
    if node is None:
        return []
    segmentation = node.GetSegmentation()
    return [segmentation.GetSegment(one) for one in sorted(segmentation.GetSegmentIDs(), reverse=True)]


def _rule(segmentation: slicer.vtkSegmentation) -> slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule:
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule()
    for parameterName in _PARAMETERS:
        value = segmentation.GetConversionParameter(parameterName())
        if value:
            rule.SetConversionParameter(parameterName(), value)
    return rule
