"""The station and node segmentations of a case, from label maps.

All segments of a segmentation share one label map (one layer): importing is one copy, and an edit that takes voxels
from a neighbor is seen in both. Surfaces are not made here but when they are shown (``Surfaces``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

from LNStationLib import anatomy
from LNStationLib.support import palette
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.AssessmentTypes import NodeFinding
from LNStationSlicer.exchange.Findings import isFitForStaging, nodeSegmentId
from LNStationSlicer.exchange.SegmentExport import cutToGrid
from LNStationSlicer.exchange.SegmentMasks import BINARY
from LNStationSlicer.exchange.Terminology import nodeEntry, organEntry, stationEntry
from LNStationSlicer.exchange.VolumeExchange import (
    geometryMatrix,
    gridMatrix,
    orientedImage,
    volumeArray,
)
from LNStationSlicer.support.Translation import _

if TYPE_CHECKING:
    from LNStationLib.worker.volume_files import VolumeGeometry

StationsReplacedEvent = vtk.vtkCommand.UserEvent + 4711
"""Invoked on the stations segmentation node after each programmatic replacement."""

OrgansReplacedEvent = vtk.vtkCommand.UserEvent + 4712
"""Likewise on the organs segmentation node."""

NodesReplacedEvent = vtk.vtkCommand.UserEvent + 4713
"""Likewise on the nodes segmentation node."""

DISMISSED_COLOR = (0.6, 0.6, 0.6)
NEUTRAL_NODE_COLOR = palette.rgb(palette.UNCONFIRMED)


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


def withSegments(
    array: np.ndarray,
    geometry: VolumeGeometry,
    node: slicer.vtkMRMLSegmentationNode,
    labels: Mapping[str, int],
) -> np.ndarray:
    """A label map in which some values are where segments are now, and nowhere else.

    Args:
        array: ``[z, y, x]``; stays as it is.
        geometry: Of the array.
        node: Holds the segments.
        labels: Segment id to its value.
    """
    if not labels:
        return array
    drawn = np.where(np.isin(array, list(labels.values())), 0, array)
    keys = {(node, segmentId): value for segmentId, value in labels.items()}
    cut = cutToGrid(keys, geometryMatrix(geometry), array.shape, array.dtype)
    if cut is not None:
        view = drawn[cut.box]
        view[cut.array > 0] = cut.array[cut.array > 0]
    return drawn


def writeOrgans(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    images: Mapping[str, slicer.vtkOrientedImageData],
    only: Collection[str] | None = None,
) -> None:
    """Replace organs of a case. Those of one layer share its label map; organs of several layers overlap.

    Args:
        node: The case's segmentation of the organs; may be new.
        ctNode: The case's CT.
        images: Organ name to the label map that has it, as ``OrganImages`` makes them.
        only: Names of the organs to replace, or to remove where no image has them; all where None, with whatever else
            the segmentation holds.
    """
    segmentation = node.GetSegmentation()
    if ctNode is not None:
        _prepareGrid(node, ctNode, gridMatrix(ctNode), volumeArray(ctNode).shape)
    modified = node.StartModify()
    for segmentId in segmentation.GetSegmentIDs():
        if only is None or segmentId in only:
            # Otherwise each removed segment is erased from a shared label map, voxel by voxel.
            segmentation.GetSegment(segmentId).RemoveAllRepresentations()
            if segmentId not in images or only is None:
                segmentation.RemoveSegment(segmentId)
    for row in anatomy.organs():
        image = images.get(row.name)
        segment = segmentation.GetSegment(row.name)
        if image is not None and segment is not None and only is not None and row.name in only:
            segment.SetLabelValue(row.label_value)
            segment.AddRepresentation(BINARY, image)
        elif image is not None and segment is None and (only is None or row.name in only):
            segmentation.AddSegment(_organSegment(row, image), row.name)
    if node.GetDisplayNode() is None:
        _defaultDisplay(node)
        # The organs are there to be looked up; what is judged are the stations.
        node.GetDisplayNode().SetVisibility(False)
    node.EndModify(modified)
    segmentation.InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)
    node.InvokeEvent(OrgansReplacedEvent)


def writeNodes(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    findings: Iterable[NodeFinding],
    array: np.ndarray,
    geometry: VolumeGeometry,
    color: tuple[float, float, float] = NEUTRAL_NODE_COLOR,
) -> None:
    """Replace the node candidates of a case: one segment for each node that has voxels.

    Args:
        node: The case's segmentation of the nodes; may be new.
        ctNode: The case's CT.
        findings: Those of the assessment; they give names and codes.
        array: uint16 ``[z, y, x]`` with node ids.
        geometry: Of the array.
        color: sRGB in [0, 1]; the views have others for calls.
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
            segment = _nodeSegment(nodeId, known.get(nodeId), image)
            segment.SetColor(*color)
            segmentation.AddSegment(segment, nodeSegmentId(nodeId))
    if node.GetDisplayNode() is None:
        _defaultDisplay(node)
    node.EndModify(modified)
    node.InvokeEvent(NodesReplacedEvent)


def _prepare(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    array: np.ndarray,
    geometry: VolumeGeometry,
) -> None:
    """Edit on the grid of the array, which is the CT's; the CT is said to be the source for DICOM export."""
    _prepareGrid(node, ctNode, geometryMatrix(geometry), array.shape)


def _prepareGrid(
    node: slicer.vtkMRMLSegmentationNode,
    ctNode: slicer.vtkMRMLVolumeNode | None,
    matrix: np.ndarray,
    shape: tuple[int, int, int],
) -> None:
    grid = SegmentMasks.emptyImage(matrix, shape)
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


def _organSegment(row: anatomy.OrganEntry, image: slicer.vtkOrientedImageData) -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetName(row.title)
    segment.SetColor(*(channel / 255.0 for channel in row.color))
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), organEntry(row.name))
    segment.SetLabelValue(row.label_value)
    segment.AddRepresentation(BINARY, image)
    return segment


def _nodeSegment(nodeId: int, finding: NodeFinding | None, image: slicer.vtkOrientedImageData) -> slicer.vtkSegment:
    station = finding["station"] if finding else None
    title = _("Node {number} ({station})") if station else _("Node {number}")
    doubt = "" if finding is None or isFitForStaging(finding) else "?"
    segment = slicer.vtkSegment()
    segment.SetName(title.format(number=nodeId, station=station) + doubt)
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
