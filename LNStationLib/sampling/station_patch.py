"""Patches of PET/CT around stations, as the networks of Engelson et al. 2026 see them; for training and for use.

Sec. 3.2: isotropic voxels of 1 mm, CT from -200 to 400 HU scaled to [0, 1], SUV over 4 without clipping, patches of
64 voxels. In use a patch lies where the station's weight map (eq. 1) is largest, in training where the map draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, points_mm
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid
from LNStationLib.sampling.cut_spec import CutSpec
from LNStationLib.sampling.pet_and_tumor import pet_on_grid
from LNStationLib.sampling.smoothing import smoothed_part
from LNStationLib.sampling.weight_map import weight_map
from LNStationLib.support.types import FloatArray, LabelArray

PET_CT_CHANNELS: Mapping[str, str] = {
    "ct": "CT, scaled to [0, 1] by the HU window",
    "pet": "PET in SUVbw over a fixed SUV, not clipped",
}
LEAST_COVERED = 0.9
"""Part of a station that PET must reach, in training and in use: with less the metastasis may be what is missing."""
Index = tuple[int, int, int]


class StationPatchSpec(CutSpec):
    """Geometry and scaling of a patch. Triples are along z, y, x."""

    most_voxels_per_axis: ClassVar[int] = 256

    size: Index = Field((64, 64, 64), description="Voxels.")
    spacing_mm: tuple[float, float, float] = Field((1.0, 1.0, 1.0), description="Voxel size.")
    window_hu: tuple[float, float] = Field((-200.0, 400.0), description="HU that become 0 and 1; clipped beyond.")
    suv_of_one: float = Field(4.0, gt=0, description="SUV that becomes 1; more is not clipped.")


@dataclass(frozen=True)
class PetCtVolume:
    """All stations of a patient with as much around them as a patch at any of their voxels needs.

    Attributes:
        grid: Axis-aligned LPS.
        channels: float32 ``[2, z, y, x]``, in the order of ``PET_CT_CHANNELS``; 0 where PET does not reach.
        stations: uint8 ``[z, y, x]``, values of the station table.
        covered: By label value, the part of the station's voxels that PET reaches, 0 to 1.
    """

    grid: Grid
    channels: FloatArray
    stations: LabelArray
    covered: Mapping[int, float]

    def centers(self, spacing_mm: Sequence[float]) -> dict[int, Index]:
        """By label value, where the station's weight map is largest: array index ``(z, y, x)``."""
        return {value: center_of(self.stations, value, spacing_mm) for value in self.covered}

    def patch(self, center: Index, size: Index) -> FloatArray:
        """The patch around a voxel of a station, float32 ``[2, z, y, x]``."""
        return np.ascontiguousarray(self.channels[(slice(None), *patch_box(center, size))])


def patch_box(center: Index, size: Index) -> Box:
    """Slices of the patch of a size around a voxel, which lies just behind the middle of an even size."""
    z, y, x = (slice(at - count // 2, at - count // 2 + count) for at, count in zip(center, size, strict=True))
    return z, y, x


def center_of(stations: LabelArray, value: int, spacing_mm: Sequence[float]) -> Index:
    """The voxel of a station with the largest weight, of several the first.

    Raises:
        ValueError: The station has no voxel.
    """
    mask = stations == value
    box = bounding_box(mask)
    if box is None:
        raise ValueError(f"no voxel has the value {value}")
    weights = weight_map(mask[box], spacing_mm)
    z, y, x = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(z) + box[0].start, int(y) + box[1].start, int(x) + box[2].start


def pet_ct_volume(
    ct: sitk.Image, pet: sitk.Image, stations: sitk.Image, spec: StationPatchSpec
) -> PetCtVolume | None:
    """Put a patient on the grid of the patches.

    Args:
        ct: CT in HU, any orthonormal orientation.
        pet: SUVbw on its own grid.
        stations: uint8 label map on any grid, values of the station table.
        spec: Geometry and scaling.

    Returns:
        The patient around its stations; ``None`` where no station has a voxel on that grid.
    """
    box = bounding_box(array_view(stations))
    if box is None:
        return None
    grid = _grid_around(stations, box, spec)
    labels = resample_to_grid(stations, grid, labels=True).astype(np.uint8)
    values = [int(value) for value in np.unique(labels) if value]
    if not values:
        return None
    suv = pet_on_grid(pet, grid)
    reached = ~np.isnan(suv)
    covered = {value: float(reached[labels == value].mean()) for value in values}
    low, high = spec.window_hu
    hu = resample_to_grid(smoothed_part(ct, grid), grid, labels=False, outside=AIR_HU)
    scaled = np.clip((hu - low) / (high - low), 0.0, 1.0)
    uptake = np.nan_to_num(suv, nan=0.0) / spec.suv_of_one
    return PetCtVolume(grid, np.stack([scaled, uptake]).astype(np.float32), labels, covered)


def _grid_around(stations: sitk.Image, box: Box, spec: StationPatchSpec) -> Grid:
    """The grid that holds a patch around any voxel of a box."""
    ends = np.array(np.meshgrid(*[(part.start, part.stop - 1) for part in box])).reshape(3, -1).T
    corners = points_mm(stations, ends)[:, ::-1]
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape, origin = [], []
    for first, last, step, size in zip(low, high, spec.spacing_mm, spec.size, strict=True):
        count = ceil((last - first) / step) + 3 + size
        shape.append(count)
        origin.append(float(first + last) / 2 - step * (count - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), spec.spacing_mm, (origin[0], origin[1], origin[2]))
