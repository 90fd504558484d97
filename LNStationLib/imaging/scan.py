"""The CT on the working grid, with the part of the grid that the CT truly covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.grid import AIR_HU, Grid, field_of_view, resample_to_grid
from LNStationLib.support.types import BoolArray, HuArray

# Scanners fill the corners outside the reconstruction circle with -2000 or less; no tissue is below air.
_PADDING_HU = -1200


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


def hu_on_grid(ct: sitk.Image, grid: Grid) -> HuArray:
    """Resample a CT linearly onto ``grid``.

    Returns:
        int16 HU ``[z, y, x]``; -1024 where the CT has no voxels and where it holds the scanner's padding.
    """
    return _clipped(resample_to_grid(ct, grid, labels=False, outside=AIR_HU))


def scan_of(ct: sitk.Image, grid: Grid) -> Scan:
    """A CT as a ``Scan`` on ``grid``.

    Raises:
        ValueError: The grid is not isotropic.
    """
    if max(grid.spacing_mm) - min(grid.spacing_mm) > 1e-6:
        raise ValueError(f"organs are found on an isotropic grid, got spacing {grid.spacing_mm}")
    raw = resample_to_grid(ct, grid, labels=False, outside=AIR_HU)
    in_view = field_of_view(ct, grid) & (raw > _PADDING_HU)
    return Scan(_clipped(raw), in_view, grid)


def _clipped(raw: np.ndarray) -> HuArray:
    return np.clip(raw, AIR_HU, np.iinfo(np.int16).max).astype(np.int16)
