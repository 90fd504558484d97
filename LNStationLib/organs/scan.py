"""The CT on the working grid, with the part of the grid that the CT truly covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.case import Case
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid
from LNStationLib.types import BoolArray, HuArray

# Scanners fill the corners outside the reconstruction circle with -2000 or less; no tissue is below air.
_PADDING_HU = -1200
# Contributions to a voxel index below this are rounding of a direction that is along an axis.
_NO_VOXEL = 1e-7


@dataclass(frozen=True)
class Scan:
    """A CT on an isotropic, axis-aligned LPS grid.

    Attributes:
        hu: int16 HU ``[z, y, x]``, -1024 outside the CT's field of view.
        in_view: Voxels that the CT covers, ``[z, y, x]``.
        grid: The grid of both.
    """

    hu: HuArray
    in_view: BoolArray
    grid: Grid

    @property
    def spacing_mm(self) -> float:
        """Voxel edge in mm."""
        return self.grid.spacing_mm[0]

    def voxels(self, length_mm: float) -> int:
        """A length in whole voxels, at least 1."""
        return max(1, round(length_mm / self.spacing_mm))

    def window(self, axis: int, center: float, before_mm: float, after_mm: float) -> slice:
        """``Grid.window`` of the scan's grid: voxels about an index, clamped to the array, perhaps none."""
        return self.grid.window(axis, center, before_mm, after_mm)


def hu_on_grid(case: Case, grid: Grid) -> HuArray:
    """Resample the CT of a case linearly onto ``grid``.

    Returns:
        int16 HU ``[z, y, x]``; -1024 where the CT has no voxels and where it holds the scanner's padding.
    """
    return _clipped(resample_to_grid(case.ct, grid, labels=False, outside=AIR_HU))


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
            if abs(coefficient) * float(np.abs(values).max()) > _NO_VOXEL
        ]
        index = sum(terms[1:], start=terms[0]) - offset[axis] if terms else np.zeros((1, 1, 1)) - offset[axis]
        inside &= (index >= -0.5 - 1e-6) & (index <= size - 0.5 + 1e-6)
    return inside


def scan_of(case: Case, grid: Grid) -> Scan:
    """The CT of a case as a ``Scan`` on ``grid``.

    Raises:
        ValueError: The grid is not isotropic.
    """
    if max(grid.spacing_mm) - min(grid.spacing_mm) > 1e-6:
        raise ValueError(f"organs are found on an isotropic grid, got spacing {grid.spacing_mm}")
    raw = resample_to_grid(case.ct, grid, labels=False, outside=AIR_HU)
    in_view = field_of_view(case.ct, grid) & (raw > _PADDING_HU)
    return Scan(_clipped(raw), in_view, grid)


def _clipped(raw: np.ndarray) -> HuArray:
    return np.clip(raw, AIR_HU, np.iinfo(np.int16).max).astype(np.int16)
