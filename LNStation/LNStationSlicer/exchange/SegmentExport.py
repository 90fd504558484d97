"""Segments of any segmentation, cut to the grid of a volume: other grids, transforms and surfaces included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from LNStationLib.support.errors import GeometryError
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentMasks import BINARY, SURFACE, Box, SegmentMask
from LNStationSlicer.support.Translation import _

ALIGNED_TOLERANCE = 1e-3
"""How far, in voxels, two grids may differ at any voxel of a segment and still count as the same."""


@dataclass(frozen=True)
class Cut:
    """A box of a grid.

    Attributes:
        array: Labels ``[z, y, x]`` of the box.
        box: Where it lies in the grid.
    """

    array: np.ndarray
    box: Box


def worldMatrix(node: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """A node's own RAS to world RAS.

    Raises:
        GeometryError: A parent transform is not linear, or mirrors, so that left would become right.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    toWorld = vtk.vtkMatrix4x4()
    if not parent.IsTransformToWorldLinear() or not parent.GetMatrixTransformToWorld(toWorld):
        raise GeometryError(
            _("'{name}' is under the warping transform '{transform}'; harden it first (Transforms module).").format(
                name=node.GetName(), transform=parent.GetName()
            )
        )
    matrix = SegmentMasks.matrixToArray(toWorld)
    if np.linalg.det(matrix[:3, :3]) <= 0:
        raise GeometryError(
            _("The transform '{transform}' of '{name}' mirrors left and right; remove it first.").format(
                name=node.GetName(), transform=parent.GetName()
            )
        )
    return matrix


def cutToGrid(
    labels: Mapping[tuple[slicer.vtkMRMLSegmentationNode, str], int],
    matrix: np.ndarray,
    shape: tuple[int, int, int],
    dtype: np.dtype,
) -> Cut | None:
    """Draw segments into the smallest box of a grid that holds them.

    Args:
        labels: (segmentation node, segment id) to the value to draw; where segments overlap the later one wins.
        matrix: Voxel indices of the grid to world RAS.
        shape: Of the grid, ``[z, y, x]``.
        dtype: Of the labels.

    Returns:
        The labels, or None where no voxel lies in the grid.

    Raises:
        GeometryError: A segmentation is under a transform that cannot be used.
    """
    pieces: list[tuple[Cut, int]] = []
    for node in dict.fromkeys(node for node, _id in labels):
        ids = [segmentId for owner, segmentId in labels if owner is node]
        for segmentId, mask in _worldMasks(node, ids, matrix, shape).items():
            piece = _onGrid(mask, matrix, shape) if mask is not None else None
            if piece is not None:
                pieces.append((piece, labels[node, segmentId]))
    if not pieces:
        return None
    box = _commonBox([piece.box for piece, _value in pieces])
    array = np.zeros([part.stop - part.start for part in box], dtype=dtype)
    for piece, value in pieces:
        array[_within(piece.box, box)][piece.array] = value
    return Cut(array, box)


def _worldMasks(
    node: slicer.vtkMRMLSegmentationNode, segmentIds: list[str], matrix: np.ndarray, shape: tuple[int, int, int]
) -> dict[str, SegmentMask | None]:
    """Voxels of segments with matrices to world; surfaces without a label map are filled on the given grid."""
    toWorld = worldMatrix(node)
    segmentation = node.GetSegmentation()
    masks = {
        segmentId: SegmentMask(mask.array, toWorld @ mask.matrix) if mask else None
        for segmentId, mask in SegmentMasks.segmentMasks(segmentation, segmentIds).items()
    }
    for segmentId in segmentIds:
        segment = segmentation.GetSegment(segmentId)
        if segmentId not in masks and segment is not None:
            masks[segmentId] = _filledSurface(segment, toWorld, matrix, shape)
    return {segmentId: masks[segmentId] for segmentId in segmentIds if segmentId in masks}


def _filledSurface(
    segment: slicer.vtkSegment, toWorld: np.ndarray, matrix: np.ndarray, shape: tuple[int, int, int]
) -> SegmentMask | None:
    """Fill a closed surface, on a copy: the user's segmentation gets no new representation."""
    surface = segment.GetRepresentation(SURFACE)
    if surface is None or not surface.GetNumberOfPoints():
        return None
    transform = vtk.vtkTransform()
    transform.SetMatrix(SegmentMasks.arrayToMatrix(toWorld))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetTransform(transform)
    moved.SetInputData(surface)
    moved.Update()
    copy = slicer.vtkSegment()
    copy.AddRepresentation(SURFACE, moved.GetOutput())
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName(SURFACE)
    segmentation.SetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(),
        slicer.vtkSegmentationConverter.SerializeImageGeometry(SegmentMasks.emptyImage(matrix, shape)),
    )
    segmentation.AddSegment(copy, "surface")
    if not segmentation.CreateRepresentation(BINARY):
        return None
    return SegmentMasks.segmentMasks(segmentation, ["surface"])["surface"]


def _onGrid(mask: SegmentMask, matrix: np.ndarray, shape: tuple[int, int, int]) -> Cut | None:
    """The mask on another grid: copied where the grids agree, else by nearest neighbor; None where it is outside."""
    toGrid = np.linalg.inv(matrix) @ mask.matrix
    offset = np.rint(toGrid[:3, 3])
    difference = np.hstack([toGrid[:3, :3] - np.eye(3), (toGrid[:3, 3] - offset)[:, None]])
    reach = np.abs(difference) @ [*mask.array.shape[::-1], 1.0]
    if reach.max() < ALIGNED_TOLERANCE:
        return _shifted(mask.array, offset.astype(int)[::-1], shape)
    return _resampled(mask, toGrid, matrix, shape)


def _shifted(array: np.ndarray, offset: np.ndarray, shape: tuple[int, int, int]) -> Cut | None:
    low = np.maximum(offset, 0)
    high = np.minimum(offset + array.shape, shape)
    if (low >= high).any():
        return None
    inside = array[tuple(slice(a - o, b - o) for a, b, o in zip(low, high, offset, strict=True))]
    return _tight(inside, low)


def _resampled(mask: SegmentMask, toGrid: np.ndarray, matrix: np.ndarray, shape: tuple[int, int, int]) -> Cut | None:
    corners = np.array([(i, j, k, 1.0) for k in _ends(mask, 0) for j in _ends(mask, 1) for i in _ends(mask, 2)])
    reached = (corners @ toGrid.T)[:, 2::-1]
    low = np.maximum(np.floor(reached.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(reached.max(axis=0)).astype(int) + 1, shape)
    if (low >= high).any():
        return None
    origin = matrix.copy()
    origin[:, 3] = matrix @ [*low[::-1], 1.0]
    target = SegmentMasks.emptyImage(origin, tuple((high - low).tolist()))
    source = SegmentMasks.labelImage(mask.array.astype(np.uint8), mask.matrix)
    result = slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample
    if not resample.ResampleOrientedImageToReferenceOrientedImage(source, target, result, False, False):
        raise GeometryError(_("A segment could not be resampled to the grid of the CT."))
    return _tight(SegmentMasks.imageArray(result) > 0, low)


def _ends(mask: SegmentMask, axis: int) -> tuple[float, float]:
    return -0.5, mask.array.shape[axis] - 0.5


def _tight(array: np.ndarray, low: Iterable[int]) -> Cut | None:
    box = SegmentMasks.foregroundBox(array)
    if box is None:
        return None
    z, y, x = (slice(int(o) + part.start, int(o) + part.stop) for part, o in zip(box, low, strict=True))
    return Cut(array[box], (z, y, x))


def _commonBox(boxes: list[Box]) -> Box:
    z, y, x = (slice(min(b[i].start for b in boxes), max(b[i].stop for b in boxes)) for i in range(3))
    return z, y, x


def _within(inner: Box, outer: Box) -> Box:
    z, y, x = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return z, y, x
