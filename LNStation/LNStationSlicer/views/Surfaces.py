"""The surfaces of segments for the 3D view, made one at a time: all at once would hold the GUI up for a second."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import slicer
import vtk

from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentMasks import BINARY, SURFACE

_PARAMETERS = (
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetDecimationFactorParameterName,
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetSmoothingFactorParameterName,
    slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetComputeSurfaceNormalsParameterName,
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
    rule = _rule(segmentation)
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId) if only is None or segmentId in only else None
        if segment is None or segment.GetRepresentation(SURFACE) or not segment.GetRepresentation(BINARY):
            continue
        yield partial(_makeSurface, segmentation, segmentId, rule)


def _makeSurface(
    segmentation: slicer.vtkSegmentation,
    segmentId: str,
    rule: slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule,
) -> None:
    """The surface that the rule makes, from the segment's own box: it looks through the whole label map else."""
    mask = SegmentMasks.segmentMasks(segmentation, [segmentId])[segmentId]
    cropped = slicer.vtkSegment()
    cropped.AddRepresentation(SURFACE, vtk.vtkPolyData())
    if mask is not None:
        cropped.SetLabelValue(1)
        cropped.AddRepresentation(BINARY, SegmentMasks.labelImage(mask.array.astype(np.uint8), mask.matrix))
        rule.Convert(cropped)
    segmentation.GetSegment(segmentId).AddRepresentation(SURFACE, cropped.GetRepresentation(SURFACE))


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
