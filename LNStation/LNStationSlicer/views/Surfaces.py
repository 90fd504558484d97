"""The surfaces of segments for the 3D view, made one at a time: all at once would hold the GUI up for a second.

Nine tenths of the time go into smoothing and normals, which VTK computes in a thread that sees no scene.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import slicer
import vtk

from LNStationSlicer.case.Looks import State, stateOf
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentMasks import BINARY, SURFACE, SegmentMask
from LNStationSlicer.support.Aside import Aside
from LNStationSlicer.support.Steps import AGAIN

_Rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule
_NORMALS, _SMOOTHING = _Rule.GetComputeSurfaceNormalsParameterName, _Rule.GetSmoothingFactorParameterName
_METHOD = _Rule.GetConversionMethodParameterName
_DECIMATION = _Rule.GetDecimationFactorParameterName
_PARAMETERS = (_DECIMATION, _SMOOTHING, _NORMALS, _METHOD, _Rule.GetSurfaceNetInternalSmoothingParameterName)
"""What the user may have chosen for a segmentation's surfaces; joint smoothing needs all at once and is left out."""
_FLYING_EDGES = 0
"""The usual method of conversion; another, and decimation, are left to Slicer's rule whole."""
_ITERATIONS, _MORE_ITERATIONS = 20, 40
"""Of the smoothing at factor 0, and how many more at 1, as in Slicer's rule (Slicer, pull request 7643)."""
_MOST_REDUCTION, _MOST_MM = 0.75, 0.1
"""Share of the triangles of a surface that go, and how far one may move it away from where it was, in all."""
_FEW_TRIANGLES = 2000
"""Of a surface that is not worth thinning: as many nodes as a case has do not slow the 3D view."""


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
        yield surface.refine
        yield surface.show


class _Surface:
    """The surface that Slicer would make of a segment, thinned, in three pieces: shape, refinement, place.

    It is made from the segment's own box: Slicer looks through the whole label map, for each of its segments.
    """

    def __init__(self, segmentation: slicer.vtkSegmentation, segmentId: str) -> None:
        self._segmentation = segmentation
        self._id = segmentId
        self._state: State = ()
        self._refined: Aside[vtk.vtkPolyData] | None = None

    def shape(self) -> None:
        """What is read from the scene; the rest begins in a thread."""
        self._state = stateOf(self._segmentation, [self._id])
        mask = SegmentMasks.segmentMasks(self._segmentation, [self._id]).get(self._id)
        if mask is None:
            self._refined = Aside(vtk.vtkPolyData)
            return
        rule = _rule(self._segmentation)
        smoothing, hasNormals = _value(rule, _SMOOTHING), _value(rule, _NORMALS) > 0
        if _value(rule, _METHOD) == _FLYING_EDGES and not _value(rule, _DECIMATION):
            rule.SetConversionParameter(_SMOOTHING(), "0")
            rule.SetConversionParameter(_NORMALS(), "0")
        else:
            smoothing, hasNormals = 0.0, False
        self._refined = Aside(partial(_refined, _shape(rule, mask), mask.matrix, smoothing, hasNormals))

    def refine(self) -> object:
        """Wait for the thread."""
        return None if self._refined is None or self._refined.isDone() else AGAIN

    def show(self) -> None:
        """Give the surface to the segment; whoever drew in it meanwhile sees what was drawn."""
        segment = self._segmentation.GetSegment(self._id)
        if segment is None:
            return
        if self._refined is None or self._state != stateOf(self._segmentation, [self._id]):
            self.shape()
        if self._refined is not None:
            segment.AddRepresentation(SURFACE, self._refined.result())


def _shape(rule: slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule, mask: SegmentMask) -> vtk.vtkPolyData:
    """In voxels of the mask, as Slicer's rule has it until the end."""
    cropped = slicer.vtkSegment()
    cropped.SetLabelValue(1)
    cropped.AddRepresentation(BINARY, SegmentMasks.labelImage(mask.array.astype(np.uint8), np.eye(4)))
    rule.Convert(cropped)
    return cropped.GetRepresentation(SURFACE)


def _refined(shape: vtk.vtkPolyData, matrix: np.ndarray, smoothing: float, hasNormals: bool) -> vtk.vtkPolyData:
    """Smoothed, brought to RAS, with normals, by the filters and settings of Slicer's rule; thinned where smooth."""
    if smoothing > 0:
        surface = _thinned(_through(_mover(matrix), _through(_smoother(smoothing), shape)))
    else:
        surface = _through(_mover(matrix), shape)
    return _through(_normals(), surface) if hasNormals else surface


def _through(one: vtk.vtkPolyDataAlgorithm, surface: vtk.vtkPolyData) -> vtk.vtkPolyData:
    one.SetInputData(surface)
    one.Update()
    return one.GetOutput()


def _thinned(surface: vtk.vtkPolyData) -> vtk.vtkPolyData:
    """With fewer triangles where nobody sees a difference; what has few, as a node has, stays as it is.

    Made from voxels, a surface has two triangles for each face of a voxel, flat or not, and the 3D view takes the
    longer to render. Specks stay, for the topology does: quadric decimation drops them, and shortens thin tongues.
    """
    if surface.GetNumberOfPolys() <= _FEW_TRIANGLES:
        return surface
    decimation = vtk.vtkDecimatePro()
    decimation.SetTargetReduction(_MOST_REDUCTION)
    decimation.PreserveTopologyOn()
    decimation.SplittingOff()
    decimation.SetErrorIsAbsolute(1)
    decimation.SetAbsoluteError(_MOST_MM)
    decimation.AccumulateErrorOn()
    return _through(decimation, surface)


def _smoother(smoothing: float) -> vtk.vtkWindowedSincPolyDataFilter:
    smoother = vtk.vtkWindowedSincPolyDataFilter()
    smoother.SetNumberOfIterations(round(_ITERATIONS + _MORE_ITERATIONS * smoothing))
    smoother.SetPassBand(10.0 ** (-4.0 * smoothing))
    smoother.BoundarySmoothingOff()
    smoother.FeatureEdgeSmoothingOff()
    smoother.NonManifoldSmoothingOn()
    smoother.NormalizeCoordinatesOn()
    return smoother


def _mover(matrix: np.ndarray) -> vtk.vtkTransformPolyDataFilter:
    transform, mover = vtk.vtkTransform(), vtk.vtkTransformPolyDataFilter()
    transform.SetMatrix(SegmentMasks.arrayToMatrix(matrix))
    mover.SetTransform(transform)
    return mover


def _normals() -> vtk.vtkPolyDataNormals:
    """No edge is split, for a smoothed surface has none."""
    normals = vtk.vtkPolyDataNormals()
    normals.ConsistencyOn()
    normals.SplittingOff()
    return normals


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
    rule = _Rule()
    for parameterName in _PARAMETERS:
        value = segmentation.GetConversionParameter(parameterName())
        if value:
            rule.SetConversionParameter(parameterName(), value)
    return rule


def _value(rule: slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule, parameterName: Callable[[], str]) -> float:
    return float(rule.GetConversionParameter(parameterName()))
