"""The surfaces of segments for the 3D view, made one at a time: all at once would hold the GUI up for a second."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

import slicer

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
        yield partial(rule.Convert, segment)


def _rule(segmentation: slicer.vtkSegmentation) -> slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule:
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule()
    for parameterName in _PARAMETERS:
        value = segmentation.GetConversionParameter(parameterName())
        if value:
            rule.SetConversionParameter(parameterName(), value)
    return rule
