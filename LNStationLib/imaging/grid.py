"""The working grid: axis-aligned LPS, isotropic, on which organs and stations are computed.

A CT arrives in any orientation and spacing. Rules such as "above the arch" or "right of the trachea" read
plainly only on a grid whose axes are the patient's, so organs and stations are computed on one such grid, and
label maps go back to the CT's own grid at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.boxes import Box, bounding_box
from LNStationLib.imaging.checks import corners_mm
from LNStationLib.support.types import BoolArray, PointMm

AIR_HU = -1024
"""Lowest value that a 12-bit scanner stores: outside the field of view is air."""

_ROUNDING_VOXELS = 1e-7
"""Contributions to a voxel index below this are rounding of a direction that is along an axis."""


@dataclass(frozen=True)
class Grid:
    """An axis-aligned LPS voxel grid: +x to the patient's left, +y to the back, +z to the head.

    Attributes:
        shape: Number of voxels ``(z, y, x)``.
        spacing_mm: Voxel size ``(z, y, x)`` in mm.
        origin_mm: LPS position ``(z, y, x)`` of the centre of voxel ``[0, 0, 0]`` in mm.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in ml."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def coordinates_mm(self, axis: int) -> np.ndarray:
        """LPS coordinate in mm of every voxel centre along array axis 0 (z), 1 (y) or 2 (x)."""
        return self.origin_mm[axis] + self.spacing_mm[axis] * np.arange(self.shape[axis])

    def point_mm(self, index: tuple[float, float, float]) -> PointMm:
        """LPS point ``(x, y, z)`` in mm of a (fractional) array index ``(z, y, x)``."""
        z, y, x = (o + s * i for o, s, i in zip(self.origin_mm, self.spacing_mm, index, strict=True))
        return float(x), float(y), float(z)

    def index(self, point_mm: PointMm) -> tuple[float, float, float]:
        """Fractional array index ``(z, y, x)`` of an LPS point ``(x, y, z)`` in mm."""
        z, y, x = ((p - o) / s for p, o, s in zip(reversed(point_mm), self.origin_mm, self.spacing_mm, strict=True))
        return z, y, x

    def window(self, axis: int, center: float, before_mm: float, after_mm: float) -> slice:
        """Whole voxels from ``before_mm`` before an index to ``after_mm`` behind it, clamped to the array.

        A length in mm beside a landmark easily leaves the array: a negative start would count from its end, and a
        slice cut short no longer fits what was made for its full length. Every slice made from mm is made here.

        Args:
            axis: Array axis: 0 (z), 1 (y) or 2 (x).
            center: Index along that axis; it may be fractional and lie outside the array.
            before_mm: Length towards lower indices in mm; negative where the window starts behind the index.
            after_mm: Length towards higher indices in mm; negative where the window ends before the index.

        Returns:
            A slice with ``0 <= start <= stop <= shape[axis]`` that holds both ends; empty where it lies outside the
            array or ``-before_mm`` exceeds ``after_mm``.
        """
        return self.between(
            axis, center - before_mm / self.spacing_mm[axis], center + after_mm / self.spacing_mm[axis]
        )

    def between(self, axis: int, first: float, last: float) -> slice:
        """Whole voxels from one index to another, both included and rounded, clamped to the array as ``window``."""
        size = self.shape[axis]
        start = int(np.clip(round(first), 0, size))
        return slice(start, int(np.clip(round(last) + 1, start, size)))

    @property
    def reference(self) -> sitk.Image:
        """An empty uint8 image on this grid, for what needs its place alone."""
        image = sitk.Image([int(n) for n in reversed(self.shape)], sitk.sitkUInt8)
        image.SetSpacing(tuple(reversed(self.spacing_mm)))
        image.SetOrigin(tuple(reversed(self.origin_mm)))
        return image

    def part(self, box: Box) -> Grid:
        """The grid of the voxels in a box of this one."""
        z, y, x = (part.stop - part.start for part in box)
        first = (o + s * part.start for o, s, part in zip(self.origin_mm, self.spacing_mm, box, strict=True))
        origin_z, origin_y, origin_x = (float(o) for o in first)
        return Grid((z, y, x), self.spacing_mm, (origin_z, origin_y, origin_x))

    def image(self, array: np.ndarray) -> sitk.Image:
        """Wrap an array ``[z, y, x]`` of this grid's shape as an image; bool becomes uint8.

        Raises:
            ValueError: The array's shape is not the grid's.
        """
        if array.shape != self.shape:
            raise ValueError(f"array shape {array.shape} is not the grid's {self.shape}")
        image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
        image.SetSpacing(tuple(reversed(self.spacing_mm)))
        image.SetOrigin(tuple(reversed(self.origin_mm)))
        return image


def working_grid(image: sitk.Image, spacing_mm: float, within_mm: tuple[PointMm, PointMm] | None = None) -> Grid:
    """Return the isotropic LPS grid that covers ``image``, whatever its orientation.

    Args:
        image: Three-dimensional image with any orthonormal direction.
        spacing_mm: Voxel edge of the new grid in mm.
        within_mm: Lower and upper corner, LPS ``(x, y, z)`` in mm, of a box that the grid does not leave; it must
            meet the image.

    Raises:
        ValueError: ``spacing_mm`` is not positive.
    """
    if not spacing_mm > 0:
        raise ValueError(f"spacing_mm must be positive, got {spacing_mm}")
    corners = corners_mm(image)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if within_mm is not None:
        low, high = np.maximum(low, within_mm[0]), np.minimum(high, within_mm[1])
    size = np.maximum(np.round((high - low) / spacing_mm).astype(int), 1)
    first_center = (low + high) / 2 - spacing_mm * (size - 1) / 2
    shape = (int(size[2]), int(size[1]), int(size[0]))
    origin = (float(first_center[2]), float(first_center[1]), float(first_center[0]))
    return Grid(shape, (spacing_mm,) * 3, origin)


def scaled_grid(extent: Grid, spacing_mm: tuple[float, float, float]) -> Grid:
    """The grid of another spacing that covers the same box, centered on it, to within half a voxel.

    Args:
        extent: Grid whose box is covered.
        spacing_mm: Voxel size ``(z, y, x)`` of the new grid in mm.

    Raises:
        ValueError: A spacing is not positive.
    """
    if not min(spacing_mm) > 0:
        raise ValueError(f"spacing_mm must be positive, got {spacing_mm}")
    shape, origin = [], []
    for count, own, first, step in zip(extent.shape, extent.spacing_mm, extent.origin_mm, spacing_mm, strict=True):
        length, low = count * own, first - own / 2
        shape.append(max(round(length / step), 1))
        origin.append(low + length / 2 - step * (shape[-1] - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), spacing_mm, (origin[0], origin[1], origin[2]))


def resample_to_grid(image: sitk.Image, grid: Grid, *, labels: bool, outside: float = 0.0) -> np.ndarray:
    """Resample an image onto ``grid``.

    Args:
        image: Any image in LPS physical space.
        grid: Target grid.
        labels: Nearest neighbour for label maps and masks; linear otherwise.
        outside: Value where ``image`` has no voxels.

    Returns:
        Array ``[z, y, x]`` of the image's pixel type.
    """
    interpolator = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
    return sitk.GetArrayFromImage(
        sitk.Resample(image, grid.reference, sitk.Transform(), interpolator, outside, image.GetPixelID())
    )


def field_of_view(image: sitk.Image, grid: Grid) -> BoolArray:
    """Voxels of ``grid`` whose centre lies inside a voxel of ``image``, ``[z, y, x]``.

    Outside it the CT says nothing: the -1024 HU put there is not air.
    """
    direction = np.array(image.GetDirection()).reshape(3, 3)
    to_index = np.linalg.inv(direction @ np.diag(image.GetSpacing()))
    offset = to_index @ np.array(image.GetOrigin())
    z, y, x = (grid.coordinates_mm(axis) for axis in range(3))
    coordinates = (x[None, None, :], y[None, :, None], z[:, None, None])
    inside = np.ones(grid.shape, dtype=bool)
    for axis, size in enumerate(image.GetSize()):
        # Of an image along the patient's axes only one term is left, which spares three arrays of the grid's size.
        terms = [
            coefficient * values
            for coefficient, values in zip(to_index[axis], coordinates, strict=True)
            if abs(coefficient) * float(np.abs(values).max()) > _ROUNDING_VOXELS
        ]
        index = sum(terms[1:], start=terms[0]) - offset[axis] if terms else np.zeros((1, 1, 1)) - offset[axis]
        inside &= (index >= -0.5 - 1e-6) & (index <= size - 0.5 + 1e-6)
    return inside


def labels_to_image_grid(labels: np.ndarray, grid: Grid, reference: sitk.Image, *, smooth: bool = True) -> sitk.Image:
    """Carry a label map from the working grid to the grid of ``reference``.

    Args:
        labels: uint8 ``[z, y, x]`` on ``grid``.
        grid: The working grid.
        reference: Image with the target grid.
        smooth: Give each voxel the label with the largest trilinear weight, so that borders on a finer grid do not
            show the steps of the working grid; otherwise the nearest voxel's, in a tenth of the time.
            (``sitkLabelGaussian`` would be smoother still but costs minutes at 512 x 512.)
    """
    result = sitk.Image(reference.GetSize(), sitk.sitkUInt8)
    result.CopyInformation(reference)
    box = _box_in(reference, labels, grid)
    if box is None:
        return result
    interpolator = sitk.sitkLabelLinear if smooth else sitk.sitkNearestNeighbor
    start, size = box
    part = sitk.RegionOfInterest(reference, size, start)
    carried = sitk.Resample(grid.image(labels), part, sitk.Transform(), interpolator, 0, sitk.sitkUInt8)
    return sitk.Paste(result, carried, size, destinationIndex=start)


def _box_in(reference: sitk.Image, labels: np.ndarray, grid: Grid) -> tuple[list[int], list[int]] | None:
    """Start and size, in voxels ``(i, j, k)``, of the box of ``reference`` that can hold a label; None if none."""
    box = bounding_box(labels)
    if box is None:
        return None
    edges = [(float(part.start) - 1, float(part.stop)) for part in box]
    corners = [grid.point_mm((z, y, x)) for z in edges[0] for y in edges[1] for x in edges[2]]
    indices = np.array([reference.TransformPhysicalPointToContinuousIndex(corner) for corner in corners])
    low = np.maximum(np.floor(indices.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(indices.max(axis=0)).astype(int), np.array(reference.GetSize()) - 1)
    if (high < low).any():
        return None
    return [int(v) for v in low], [int(v) for v in high - low + 1]
