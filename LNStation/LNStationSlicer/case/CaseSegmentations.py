"""The station and node segmentations of a case, from label maps.

All segments of a segmentation share one label map (one layer): importing is one copy, and an edit that takes voxels
from a neighbor is seen in both. Surfaces are not made here but when they are shown (``Surfaces``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

from LNStationLib import anatomy
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.AssessmentTypes import NodeFinding
from LNStationSlicer.exchange.Findings import isFitForStaging, nodeSegmentId
from LNStationSlicer.exchange.SegmentMasks import BINARY
from LNStationSlicer.exchange.Terminology import nodeEntry, stationEntry
from LNStationSlicer.exchange.VolumeExchange import geometryMatrix, orientedImage
from LNStationSlicer.support.Translation import _

if TYPE_CHECKING:
    from LNStationLib.worker.volume_files import VolumeGeometry

StationsReplacedEvent = vtk.vtkCommand.UserEvent + 4711
"""Invoked on the stations segmentation node after each programmatic replacement."""

NEUTRAL_NODE_COLOR = (0.95, 0.85, 0.25)


def writeStations(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    array: np.ndarray,
    geometry: VolumeGeometry,
) -> None:
    """Replace the stations of a case.

    Every station of the table has a segment, empty ones too, so that a missing one can be drawn.

    Args:
        node: The case's segmentation of the stations; may be new.
        ctNode: The case's CT.
        array: uint8 ``[z, y, x]`` with the label values of the table, on the CT's grid.
        geometry: Of the array.
    """
    _prepare(node, ctNode, array, geometry)
    segmentation = node.GetSegmentation()
    image = orientedImage(array, geometry)
    modified = node.StartModify()
    for row in anatomy.stations():
        segment = segmentation.GetSegment(row.name)
        if segment is None:
            segmentation.AddSegment(_stationSegment(row, image), row.name)
            continue
        segment.RemoveAllRepresentations()
        segment.SetLabelValue(row.label_value)
        segment.AddRepresentation(BINARY, image)
    if node.GetDisplayNode() is None:
        _defaultDisplay(node)
    node.EndModify(modified)
    segmentation.InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)
    node.InvokeEvent(StationsReplacedEvent)


def writeNodes(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    findings: Iterable[NodeFinding],
    array: np.ndarray,
    geometry: VolumeGeometry,
) -> None:
    """Replace the node candidates of a case: one segment for each node that has voxels.

    Args:
        node: The case's segmentation of the nodes; may be new.
        ctNode: The case's CT.
        findings: Those of the assessment; they give names and codes.
        array: uint16 ``[z, y, x]`` with node ids.
        geometry: Of the array.
    """
    _prepare(node, ctNode, array, geometry)
    segmentation = node.GetSegmentation()
    known = {finding["node_id"]: finding for finding in findings}
    image = orientedImage(array.astype(np.uint16, copy=False), geometry)
    present = np.flatnonzero(np.bincount(SegmentMasks.imageArray(image).ravel())).tolist()
    modified = node.StartModify()
    for segmentId in segmentation.GetSegmentIDs():
        # Otherwise each removed segment is erased from the shared label map, voxel by voxel.
        segmentation.GetSegment(segmentId).RemoveAllRepresentations()
    segmentation.RemoveAllSegments()
    for nodeId in present:
        if nodeId:
            segmentation.AddSegment(_nodeSegment(nodeId, known.get(nodeId), image), nodeSegmentId(nodeId))
    if node.GetDisplayNode() is None:
        _defaultDisplay(node)
    node.EndModify(modified)


def _prepare(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    array: np.ndarray,
    geometry: VolumeGeometry,
) -> None:
    """Edit on the grid of the array, which is the CT's; the CT is said to be the source for DICOM export."""
    grid = SegmentMasks.emptyImage(geometryMatrix(geometry), array.shape)
    segmentation = node.GetSegmentation()
    segmentation.SetSourceRepresentationName(BINARY)
    segmentation.SetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(),
        slicer.vtkSegmentationConverter.SerializeImageGeometry(grid),
    )
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    if ctNode is not None and node.GetNodeReferenceID(role) != ctNode.GetID():
        node.SetNodeReferenceID(role, ctNode.GetID())


def _stationSegment(row: anatomy.Station, image: slicer.vtkOrientedImageData) -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetName(row.name)
    segment.SetColor(*(channel / 255.0 for channel in row.color))
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), stationEntry(row.name))
    segment.SetLabelValue(row.label_value)
    segment.AddRepresentation(BINARY, image)
    return segment


def _nodeSegment(nodeId: int, finding: NodeFinding | None, image: slicer.vtkOrientedImageData) -> slicer.vtkSegment:
    station = finding["station"] if finding else None
    title = _("Node {number} ({station})") if station else _("Node {number}")
    doubt = "" if finding is None or isFitForStaging(finding) else "?"
    segment = slicer.vtkSegment()
    segment.SetName(title.format(number=nodeId, station=station) + doubt)
    segment.SetColor(*NEUTRAL_NODE_COLOR)
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), nodeEntry(station))
    segment.SetLabelValue(nodeId)
    segment.AddRepresentation(BINARY, image)
    return segment


def _defaultDisplay(node: slicer.vtkMRMLSegmentationNode) -> None:
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility3D(False)
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
