"""Voxels of segments as numpy arrays, with where they lie; the edge between ``vtkSegmentation`` and arrays.

Arrays are ``[z, y, x]`` (``[k, j, i]``); matrices are 4x4 and take voxel indices ``(i, j, k, 1)`` of an array,
counted from its own first voxel, to RAS millimetres.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

BINARY = "Binary labelmap"
SURFACE = "Closed surface"
_MANY_SEGMENTS = 16
"""Of one label map, from which it pays to look first for the slices of each."""

Box = tuple[slice, slice, slice]
SliceRanges = dict[int, tuple[int, int]]
"""Each value of a label map that is not 0, to the first slice that has it and the one after the last."""


@dataclass(frozen=True)
class SegmentMask:
    """The voxels of one segment, cropped to them.

    Attributes:
        array: bool ``[z, y, x]``; touches all six sides of its box.
        matrix: Voxel indices of ``array`` to RAS of the segmentation node, without its parent transform.
    """

    array: np.ndarray
    matrix: np.ndarray

    @property
    def nVoxels(self) -> int:
        """Number of voxels of the segment."""
        return int(np.count_nonzero(self.array))

    @property
    def volumeMl(self) -> float:
        """Volume in milliliters."""
        return self.nVoxels * abs(float(np.linalg.det(self.matrix[:3, :3]))) / 1000.0

    def centroid(self) -> np.ndarray:
        """Mean of the voxel centers, RAS."""
        return (self.matrix @ [*np.argwhere(self.array).mean(axis=0)[::-1], 1.0])[:3]

    def nearestVoxel(self, point: Iterable[float]) -> np.ndarray:
        """The center, RAS, of the voxel of the segment nearest to a point in RAS."""
        voxels = np.argwhere(self.array)[:, ::-1]
        centers = voxels @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return centers[np.argmin(((centers - np.asarray(list(point))) ** 2).sum(axis=1))]

    def contains(self, point: Iterable[float]) -> bool:
        """True where the voxel at a point in RAS belongs to the segment."""
        i, j, k = np.rint((np.linalg.inv(self.matrix) @ [*point, 1.0])[:3]).astype(int)
        inside = all(0 <= index < size for index, size in zip((k, j, i), self.array.shape, strict=True))
        return inside and bool(self.array[k, j, i])

    def fingerprint(self, gridMatrix: np.ndarray) -> str:
        """A short text that is the same for the same voxels of a grid, however they are cropped or stored.

        Args:
            gridMatrix: Voxel indices of the grid to RAS.
        """
        first = np.rint((np.linalg.inv(gridMatrix) @ self.matrix[:, 3])[:3]).astype(int)
        bits = zlib.crc32(np.packbits(self.array).tobytes())
        return f"{first[0]},{first[1]},{first[2]}+{'x'.join(map(str, self.array.shape))}:{bits:08x}"


def matrixToArray(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """A vtkMatrix4x4 as a 4x4 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def arrayToMatrix(array: np.ndarray) -> vtk.vtkMatrix4x4:
    """A 4x4 array as a vtkMatrix4x4."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, dtype=float).ravel())
    return matrix


def imageMatrix(image: slicer.vtkOrientedImageData) -> np.ndarray:
    """Voxel indices of an image's array, counted from its first voxel, to its world."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    toWorld = matrixToArray(matrix)
    extent = image.GetExtent()
    toWorld[:, 3] = toWorld @ [extent[0], extent[2], extent[4], 1.0]
    return toWorld


def imageArray(image: vtk.vtkImageData | None) -> np.ndarray:
    """The voxels ``[z, y, x]`` of a scalar image, not copied; shape ``(0, 0, 0)`` where it has none."""
    scalars = image.GetPointData().GetScalars() if image else None
    if image is None or scalars is None or not scalars.GetNumberOfTuples():
        return np.zeros((0, 0, 0), dtype=np.uint8)
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def labelImage(array: np.ndarray, matrix: np.ndarray, box: Box | None = None) -> slicer.vtkOrientedImageData:
    """A label map for a segmentation.

    Args:
        array: uint8 or uint16 ``[z, y, x]``; copied.
        matrix: Voxel indices of ``array`` to RAS.
        box: Part of ``array`` to hold. The image's extent then starts at the box, so that its indices stay those
            of the whole array.
    """
    parts = box or (slice(None), slice(None), slice(None))
    z, y, x = (slice(*part.indices(size)[:2]) for part, size in zip(parts, array.shape, strict=True))
    image = slicer.vtkOrientedImageData()
    image.SetExtent(x.start, x.stop - 1, y.start, y.stop - 1, z.start, z.stop - 1)
    image.SetImageToWorldMatrix(arrayToMatrix(matrix))
    image.GetPointData().SetScalars(scalarsOf(array[z, y, x]))
    return image


def scalarsOf(array: np.ndarray) -> vtk.vtkDataArray:
    """A copy of voxels ``[z, y, x]`` as the scalars of an image; copied once, whatever part of an array they are."""
    scalars = vtk.vtkDataArray.CreateDataArray(get_vtk_array_type(array.dtype))
    scalars.SetName("ImageScalars")
    scalars.SetNumberOfTuples(array.size)
    if array.size:
        vtk_to_numpy(scalars).reshape(array.shape)[...] = array
    return scalars


def emptyImage(matrix: np.ndarray, shape: tuple[int, int, int]) -> slicer.vtkOrientedImageData:
    """An image without voxels that only says a grid."""
    image = slicer.vtkOrientedImageData()
    image.SetExtent(0, shape[2] - 1, 0, shape[1] - 1, 0, shape[0] - 1)
    image.SetImageToWorldMatrix(arrayToMatrix(matrix))
    return image


def foregroundBox(mask: np.ndarray, margin: int = 0) -> Box | None:
    """The smallest box around all that is not 0, widened by ``margin`` within the array; None where all is 0."""
    # All slices laid over each other first: the quickest pass over the whole.
    plane = np.asarray(mask.any(axis=0))
    rows, columns = (np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    slices = np.flatnonzero(mask[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].any(axis=(1, 2)))
    z, y, x = (
        slice(max(int(used[0]) - margin, 0), min(int(used[-1]) + 1 + margin, n))
        for used, n in zip((slices, rows, columns), mask.shape, strict=True)
    )
    return z, y, x


def segmentMasks(segmentation: slicer.vtkSegmentation, segmentIds: Iterable[str]) -> dict[str, SegmentMask | None]:
    """The voxels of segments that have a binary label map.

    Returns:
        Segment id to its voxels; None where it is empty. Segments without a binary label map have no key.
    """
    layers: dict[slicer.vtkOrientedImageData, list[tuple[str, int]]] = {}
    for segmentId in segmentIds:
        segment = segmentation.GetSegment(segmentId)
        image = segment.GetRepresentation(BINARY) if segment else None
        if image is not None:
            layers.setdefault(image, []).append((segmentId, segment.GetLabelValue()))
    masks: dict[str, SegmentMask | None] = {}
    for image, segments in layers.items():
        masks.update(_layerMasks(image, segments))
    return masks


def referenceMatrix(segmentation: slicer.vtkSegmentation) -> tuple[np.ndarray, tuple[int, int, int]] | None:
    """Matrix and shape ``[z, y, x]`` of the grid on which a segmentation is edited; None where it has none."""
    text = segmentation.GetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    )
    image = slicer.vtkOrientedImageData()
    if not text or not slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, image, False):
        return None
    extent = image.GetExtent()
    shape = (extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1)
    return imageMatrix(image), shape


def valueMasks(
    image: slicer.vtkOrientedImageData, values: Iterable[int], ranges: Mapping[int, tuple[int, int]] | None = None
) -> dict[int, SegmentMask | None]:
    """The voxels of each of some values of a label map; None where none has it.

    Args:
        image: The label map.
        values: Values to look for.
        ranges: Of all its values, where they are known (``sliceRanges``); it is looked through for each else.
    """
    labels, matrix = imageArray(image), imageMatrix(image)
    return masksIn(labels, matrix, values, ranges)


def masksIn(
    labels: np.ndarray, matrix: np.ndarray, values: Iterable[int], ranges: Mapping[int, tuple[int, int]] | None = None
) -> dict[int, SegmentMask | None]:
    """As ``valueMasks``, in an array ``[z, y, x]`` whose voxel indices the matrix takes to RAS."""
    if not labels.size:
        return dict.fromkeys(values)
    masks: dict[int, SegmentMask | None] = {}
    # One for all: to take memory anew for each costs more than the comparison.
    buffer = np.empty(labels.shape, bool)
    for value in values:
        first, last = (0, labels.shape[0]) if ranges is None else ranges.get(value, (0, 0))
        mask = np.equal(labels[first:last], value, out=buffer[first:last])
        masks[value] = _cropped(mask, first, matrix)
    return masks


def sliceRanges(labels: np.ndarray) -> SliceRanges:
    """Find the slices of each value of a label map ``[z, y, x]``: spares looking through all for each."""
    found: SliceRanges = {}
    for k, plane in enumerate(labels):
        counts = np.bincount(plane.ravel()) if plane.any() else np.empty(0, int)
        for value in np.flatnonzero(counts[1:]) + 1:
            found[int(value)] = (found.get(int(value), (k, k))[0], k + 1)
    return found


def _layerMasks(image: slicer.vtkOrientedImageData, segments: list[tuple[str, int]]) -> dict[str, SegmentMask | None]:
    labels = imageArray(image)
    # Most label maps are as large as a CT and hold a small part of it: one pass finds it, each value would take two.
    box = foregroundBox(labels) if labels.size else None
    if box is None:
        return dict.fromkeys(segmentId for segmentId, _ in segments)
    labels, matrix = labels[box], movedMatrix(imageMatrix(image), box)
    ranges = sliceRanges(labels) if len(segments) > _MANY_SEGMENTS else None
    masks = masksIn(labels, matrix, {value for _, value in segments}, ranges)
    return {segmentId: masks[value] for segmentId, value in segments}


def movedMatrix(matrix: np.ndarray, box: Box) -> np.ndarray:
    """Of a part of an array, from that of the whole."""
    moved = matrix.copy()
    moved[:, 3] = matrix @ [box[2].start, box[1].start, box[0].start, 1.0]
    return moved


def _cropped(mask: np.ndarray, firstSlice: int, matrix: np.ndarray) -> SegmentMask | None:
    box = foregroundBox(mask) if mask.size else None
    if box is None:
        return None
    z = slice(box[0].start + firstSlice, box[0].stop + firstSlice)
    return SegmentMask(mask[box].copy(), movedMatrix(matrix, (z, *box[1:])))
