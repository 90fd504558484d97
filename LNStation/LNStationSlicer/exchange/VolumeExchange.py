"""MRML volumes and segments to the worker's volumes and back.

The one place where RAS (MRML) meets LPS (library). The worker's volumes lie in world coordinates: a linear parent
transform is applied to the geometry that is handed over, the scene stays as it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
import vtk.util.numpy_support

from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.worker.volume_files import VolumeGeometry, write_slabs, write_volume
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentExport import cutToGrid, worldMatrix
from LNStationSlicer.support.Translation import _

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""RAS to LPS and back."""

SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes of a volume that still count as orthogonal; DICOM headers are rounded."""

_INT16 = np.iinfo(np.int16)


# Geometry


def pointToRas(point: Iterable[float]) -> tuple[float, float, float]:
    """A point from LPS to RAS."""
    x, y, z = point
    return -x, -y, z


def pointToLps(point: Iterable[float]) -> tuple[float, float, float]:
    """A point from RAS to LPS."""
    r, a, s = point
    return -r, -a, s


def gridMatrix(volumeNode: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Voxel indices to world RAS of a volume node, its linear parent transform included.

    Raises:
        GeometryError: The transform is not linear or mirrors, or the axes are not orthogonal.
    """
    name = volumeNode.GetName()
    toRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(toRas)
    matrix = worldMatrix(volumeNode) @ SegmentMasks.matrixToArray(toRas)
    axes = matrix[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(matrix).all() or (lengths < 1e-6).any():
        raise GeometryError(_("The volume '{name}' has no usable spacing; load it again.").format(name=name))
    cosines = (axes / lengths).T @ (axes / lengths) - np.eye(3)
    if np.abs(cosines).max() > SHEAR_TOLERANCE:
        raise GeometryError(
            _(
                "The axes of the volume '{name}' are not at right angles (gantry tilt or a shearing transform); "
                "resample it to a regular grid first, for example with the Resample Scalar/Vector/DWI Volume module."
            ).format(name=name)
        )
    return matrix


def matrixGeometry(matrix: np.ndarray) -> VolumeGeometry:
    """The worker's geometry (LPS) of voxel indices to RAS."""
    lps = FLIP @ matrix
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    direction = lps[:3, :3] / spacing
    return VolumeGeometry(
        origin_mm=tuple(lps[:3, 3].tolist()),
        spacing_mm=tuple(spacing.tolist()),
        direction=tuple(direction.ravel().tolist()),
    )


def geometryMatrix(geometry: VolumeGeometry) -> np.ndarray:
    """Voxel indices to RAS of the worker's geometry."""
    lps = np.eye(4)
    lps[:3, :3] = np.asarray(geometry.direction, dtype=float).reshape(3, 3) * np.asarray(geometry.spacing_mm)
    lps[:3, 3] = geometry.origin_mm
    return FLIP @ lps


def volumeGeometry(volumeNode: slicer.vtkMRMLVolumeNode) -> VolumeGeometry:
    """The geometry of a volume node in world LPS.

    Raises:
        GeometryError: See ``gridMatrix``.
    """
    return matrixGeometry(gridMatrix(volumeNode))


# Volumes


def volumeArray(volumeNode: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """The voxels ``[z, y, x]`` of a scalar volume, not copied.

    Raises:
        InputError: It has no voxels, is no single volume, or has several values a voxel.
    """
    image = volumeNode.GetImageData()
    array = SegmentMasks.imageArray(image) if image and image.GetNumberOfScalarComponents() == 1 else None
    if array is None and image is not None:
        message = _("The volume '{name}' has several values in each voxel; choose a scalar volume.")
        raise InputError(message.format(name=volumeNode.GetName()))
    if array is None or min(array.shape) < 2:
        message = _("The volume '{name}' holds no three-dimensional image; load the series again.")
        raise InputError(message.format(name=volumeNode.GetName()))
    return array


def exportVolume(
    volumeNode: slicer.vtkMRMLVolumeNode, folder: Path, name: str, dtype: str | None = None
) -> dict[str, Any]:
    """Write a scalar volume for the worker.

    Args:
        volumeNode: May be under a linear transform.
        folder: The worker's private folder.
        name: Of the file.
        dtype: "int16" or "float32"; by default int16 for integers that fit, else float32.

    Raises:
        GeometryError: The grid cannot be used.
        InputError: There are no voxels to use.
    """
    return write_volume(folder, name, *_exported(volumeNode, dtype))


def exportVolumeSlabs(
    volumeNode: slicer.vtkMRMLVolumeNode, folder: Path, name: str
) -> Generator[None, None, dict[str, Any]]:
    """Write as :func:`exportVolume` does, a few megabytes each time the next is asked for; returns the reference."""
    return write_slabs(folder, name, *_exported(volumeNode, None))


def _exported(volumeNode: slicer.vtkMRMLVolumeNode, dtype: str | None) -> tuple[np.ndarray, VolumeGeometry]:
    geometry = volumeGeometry(volumeNode)
    array = volumeArray(volumeNode)
    return array.astype(np.dtype(dtype or _smallType(array)), copy=False), geometry


def importVolume(array: np.ndarray, geometry: VolumeGeometry, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Put the worker's voxels into a scalar volume node; they are copied."""
    image = vtk.vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    image.GetPointData().SetScalars(SegmentMasks.scalarsOf(array))
    modified = volumeNode.StartModify()
    volumeNode.SetIJKToRASMatrix(SegmentMasks.arrayToMatrix(geometryMatrix(geometry)))
    volumeNode.SetAndObserveImageData(image)
    volumeNode.EndModify(modified)


def croppedVolume(array: np.ndarray, geometry: VolumeGeometry) -> tuple[np.ndarray, VolumeGeometry]:
    """The part of a volume around all that is not 0, at least two voxels a side; where all is 0 a corner of it."""
    box = SegmentMasks.foregroundBox(array, margin=1) or (slice(0, 2),) * 3
    return array[box], matrixGeometry(SegmentMasks.movedMatrix(geometryMatrix(geometry), box))


def orientedImage(array: np.ndarray, geometry: VolumeGeometry) -> slicer.vtkOrientedImageData:
    """The worker's labels (uint8 or uint16) as a label map for segments, cropped to what is not 0."""
    box = SegmentMasks.foregroundBox(array) or (slice(0, 1),) * 3
    return SegmentMasks.labelImage(array, geometryMatrix(geometry), box)


def orientedBox(array: np.ndarray, geometry: VolumeGeometry, matrix: np.ndarray) -> slicer.vtkOrientedImageData:
    """The worker's labels on a box of a grid as a label map for segments, with the indices of the whole grid.

    Args:
        array: uint8 or uint16 ``[z, y, x]``.
        geometry: Of the box.
        matrix: Voxel indices of the whole grid to RAS.
    """
    i, j, k = np.rint((np.linalg.inv(matrix) @ geometryMatrix(geometry)[:, 3])[:3]).astype(int).tolist()
    image = SegmentMasks.labelImage(array, matrix)
    nz, ny, nx = array.shape
    image.SetExtent(i, i + nx - 1, j, j + ny - 1, k, k + nz - 1)
    return image


# Segments


def exportSegments(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segmentIds: Iterable[str],
    ctNode: slicer.vtkMRMLVolumeNode,
    folder: Path,
    name: str,
) -> dict[str, Any] | None:
    """Write the union of segments as a uint8 mask, a box of the CT's grid.

    Returns:
        The reference, or None where no voxel of it lies in the CT.

    Raises:
        GeometryError: The CT's grid or the segmentation's transform cannot be used.
    """
    return exportUnion([(segmentationNode, segmentId) for segmentId in segmentIds], ctNode, folder, name)


def exportUnion(
    segments: Iterable[tuple[slicer.vtkMRMLSegmentationNode, str]],
    ctNode: slicer.vtkMRMLVolumeNode,
    folder: Path,
    name: str,
) -> dict[str, Any] | None:
    """Like ``exportSegments``, for segments of several nodes."""
    labels = dict.fromkeys(segments, 1)
    return _exportCut(labels, ctNode, np.dtype(np.uint8), folder, name)


def exportInstances(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segmentIds: Iterable[str],
    ctNode: slicer.vtkMRMLVolumeNode,
    folder: Path,
    name: str,
) -> dict[str, Any] | None:
    """Write segments as uint16 instances 1, 2, ... in the order given; where they overlap the later one wins."""
    labels = {(segmentationNode, segmentId): i for i, segmentId in enumerate(segmentIds, start=1)}
    return _exportCut(labels, ctNode, np.dtype(np.uint16), folder, name)


def exportLabels(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labels: Mapping[str, int],
    ctNode: slicer.vtkMRMLVolumeNode,
    dtype: str,
    folder: Path,
    name: str,
) -> dict[str, Any]:
    """Write segments as one label map on the whole grid of the CT.

    Args:
        segmentationNode: Holds the segments.
        labels: Segment id to its value.
        ctNode: Gives the grid.
        dtype: "uint8" or "uint16".
        folder: The worker's private folder.
        name: Of the file.
    """
    matrix, shape = gridMatrix(ctNode), volumeArray(ctNode).shape
    whole = np.zeros(shape, dtype=dtype)
    cut = cutToGrid({(segmentationNode, key): value for key, value in labels.items()}, matrix, shape, whole.dtype)
    if cut is not None:
        whole[cut.box] = cut.array
    return write_volume(folder, name, whole, matrixGeometry(matrix))


def exportLabelBox(
    segments: Iterable[tuple[slicer.vtkMRMLSegmentationNode, str]],
    value: int,
    ctNode: slicer.vtkMRMLVolumeNode,
    folder: Path,
    name: str,
) -> dict[str, Any] | None:
    """Write the union of segments as a uint8 label map of one value, the box of the CT's grid that holds it.

    Returns:
        The reference, or None where no voxel of it lies in the CT.
    """
    return _exportCut(dict.fromkeys(segments, value), ctNode, np.dtype(np.uint8), folder, name)


def exportValues(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labels: Mapping[str, int],
    ctNode: slicer.vtkMRMLVolumeNode,
    folder: Path,
    name: str,
) -> dict[str, Any] | None:
    """Write segments as one uint16 label map, the box of the CT's grid that holds them; None where they are empty."""
    keys = {(segmentationNode, segmentId): value for segmentId, value in labels.items()}
    return _exportCut(keys, ctNode, np.dtype(np.uint16), folder, name)


def exportBox(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    segmentId: str,
    ctNode: slicer.vtkMRMLVolumeNode,
    folder: Path,
    name: str,
) -> dict[str, Any]:
    """Write a segment as a uint8 mask, the box of the CT's grid that holds it; shape (0, 0, 0) where it is empty."""
    found = exportSegments(segmentationNode, [segmentId], ctNode, folder, name)
    return found or exportEmpty(ctNode, folder, name)


def exportEmpty(ctNode: slicer.vtkMRMLVolumeNode, folder: Path, name: str) -> dict[str, Any]:
    """Write a mask without voxels, shape (0, 0, 0)."""
    return write_volume(folder, name, np.zeros((0, 0, 0), dtype=np.uint8), volumeGeometry(ctNode))


def _exportCut(
    labels: Mapping[tuple[slicer.vtkMRMLSegmentationNode, str], int],
    ctNode: slicer.vtkMRMLVolumeNode,
    dtype: np.dtype,
    folder: Path,
    name: str,
) -> dict[str, Any] | None:
    matrix = gridMatrix(ctNode)
    cut = cutToGrid(labels, matrix, volumeArray(ctNode).shape, dtype)
    if cut is None:
        return None
    return write_volume(folder, name, cut.array, matrixGeometry(SegmentMasks.movedMatrix(matrix, cut.box)))


def _smallType(array: np.ndarray) -> str:
    if array.dtype == np.int16:
        return "int16"
    integers = np.issubdtype(array.dtype, np.integer)
    return "int16" if integers and array.min() >= _INT16.min and array.max() <= _INT16.max else "float32"
