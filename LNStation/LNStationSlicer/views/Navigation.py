"""Moving through a case: views to a station, the next relevant station, the station under a point. Points are RAS."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer

from LNStationLib import anatomy
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.StationRows import stationRows
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.Findings import nodeToLookAt
from LNStationSlicer.exchange.SegmentExport import worldMatrix
from LNStationSlicer.exchange.SegmentMasks import BINARY, SegmentMask
from LNStationSlicer.exchange.VolumeExchange import pointToRas

PointRas = tuple[float, float, float]


def stationPoint(case: CaseScene, station: str, modelHidden: bool = False) -> PointRas | None:
    """A point inside a station that is worth looking at.

    The centroid of the node that a network looked at most, else of its largest, where that lies in the station, else
    the voxel of the station nearest to it; without nodes the centroid of the station, or its voxel nearest to that
    (stations are not convex). While the model is hidden its nodes are not used: the views would point at them.

    Returns:
        The point, or None where the station is empty.
    """
    mask = _mask(case.stationsNode(), station)
    if mask is None:
        return None
    node = None if modelHidden else nodeToLookAt(case.assessment(), station)
    wanted = mask.centroid() if node is None else np.asarray(pointToRas(node["centroid_mm"]))
    return _tuple(wanted if mask.contains(wanted) else mask.nearestVoxel(wanted))


def centerOn(case: CaseScene, station: str, modelHidden: bool = False) -> PointRas | None:
    """Center all slice views on a station; returns the point, or None where the station is empty."""
    point = stationPoint(case, station, modelHidden)
    if point is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(case.scene, *point, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    return point


def centerOnOrgan(case: CaseScene, name: str) -> PointRas | None:
    """Center all slice views on an organ; returns the point, or None where it has no voxels."""
    mask = _mask(case.organsNode(), name)
    if mask is None:
        return None
    centroid = mask.centroid()
    point = _tuple(centroid if mask.contains(centroid) else mask.nearestVoxel(centroid))
    slicer.vtkMRMLSliceNode.JumpAllSlices(case.scene, *point, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    return point


def centerOnPoint(case: CaseScene, pointMm: Iterable[float]) -> PointRas:
    """Center all slice views on a point in LPS mm; returns it in RAS."""
    point = _tuple(np.asarray(pointToRas(list(pointMm))))
    slicer.vtkMRMLSliceNode.JumpAllSlices(case.scene, *point, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    return point


def stationAt(case: CaseScene, point: Iterable[float]) -> str | None:
    """The station at a point in world RAS; None outside all. Where stations overlap, the first of the table."""
    node = case.stationsNode()
    if node is None:
        return None
    local = (np.linalg.inv(worldMatrix(node)) @ [*point, 1.0])[:3]
    segmentation = node.GetSegmentation()
    for row in anatomy.stations():
        segment = segmentation.GetSegment(row.name)
        image = segment.GetRepresentation(BINARY) if segment else None
        if image is not None and _labelAt(image, local) == segment.GetLabelValue():
            return row.name
    return None


def relevantStations(case: CaseScene, modelHidden: bool = False) -> list[str]:
    """Stations worth stepping through, in table order: the relevant rows of the table that can be looked at.

    While the model is hidden that would give its answer away: then the stations that the reader has not called yet.
    """
    shown, review = _parsed(case), case.review()
    if modelHidden:
        return review.uncalled(shown)
    relevant = {row.name for row in stationRows(case.assessment(), review) if row.isRelevant}
    return [name for name in shown if name in relevant]


def nextStation(case: CaseScene, current: str | None, step: int = 1, modelHidden: bool = False) -> str | None:
    """The next (``step`` 1) or previous (-1) relevant station, around the end; None where none is relevant.

    The current station need not be relevant itself: the walk goes on from its place in the table.
    """
    relevant = set(relevantStations(case, modelHidden))
    names = [row.name for row in anatomy.stations()]
    start = names.index(current) if current in names else (-1 if step > 0 else 0)
    around = (names[(start + step * n) % len(names)] for n in range(1, len(names) + 1))
    return next((name for name in around if name in relevant), None)


def _parsed(case: CaseScene) -> list[str]:
    """Stations that have voxels, or of which the assessment has a volume."""
    assessment = case.assessment()
    findings = assessment["stations"] if assessment else []
    known = {finding["station"] for finding in findings if finding["volume_ml"]}
    known |= set(case.review().stale())
    return [row.name for row in anatomy.stations() if row.name in known]


def _mask(node: slicer.vtkMRMLSegmentationNode | None, segmentId: str) -> SegmentMask | None:
    """The voxels of a segment with a matrix to world."""
    if node is None or node.GetSegmentation().GetSegment(segmentId) is None:
        return None
    mask = SegmentMasks.segmentMasks(node.GetSegmentation(), [segmentId]).get(segmentId)
    return SegmentMask(mask.array, worldMatrix(node) @ mask.matrix) if mask else None


def _labelAt(image: slicer.vtkOrientedImageData, point: np.ndarray) -> int:
    """The label at a point in the image's world; 0 outside."""
    labels = SegmentMasks.imageArray(image)
    i, j, k = np.rint((np.linalg.inv(SegmentMasks.imageMatrix(image)) @ [*point, 1.0])[:3]).astype(int)
    inside = all(0 <= index < size for index, size in zip((k, j, i), labels.shape, strict=True))
    return int(labels[k, j, i]) if inside else 0


def _tuple(point: np.ndarray) -> PointRas:
    r, a, s = (float(value) for value in point)
    return r, a, s
