"""The region of interest of one station, as a network sees it; one function for training and for use.

SA-MoE (Li et al. 2025), Sec. 3: a region of 96x96x32 voxels centered at the station, CT outside the station set to
-1024 HU, the node mask as second channel; median spacing of the cohort 0.795x0.795x5 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from pydantic import BaseModel, ConfigDict, Field, field_validator

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid

_MAX_LENGTH = 512
SMOOTHING_PER_STEP = 0.42
"""Standard deviation of the filter before resampling to a coarser grid, in target voxels (a slice's own width)."""


class RegionSpec(BaseModel):
    """Geometry and scaling of a region. Triples are along z, y, x."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: tuple[int, int, int] = Field((32, 96, 96), description="Voxels.")
    spacing_mm: tuple[float, float, float] = Field((5.0, 0.8, 0.8), description="Voxel size.")
    window_hu: tuple[float, float] = Field((-200.0, 300.0), description="HU that become -1 and 1; clipped beyond.")
    mask_outside: bool = Field(True, description="Set CT outside the station to -1024 HU.")

    @field_validator("size", "spacing_mm")
    @classmethod
    def _positive(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0:
            raise ValueError(f"must be positive, got {value}")
        return value

    @field_validator("size")
    @classmethod
    def _fits_in_memory(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if max(value) > _MAX_LENGTH:
            raise ValueError(f"must not exceed {_MAX_LENGTH} voxels along an axis, got {value}")
        return value

    @field_validator("window_hu")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not value[0] < value[1]:
            raise ValueError(f"the lower end must be below the upper, got {value}")
        return value


@dataclass(frozen=True)
class StationRegion:
    """A station's region.

    Attributes:
        array: float32 ``[2, z, y, x]``: CT scaled to [-1, 1], -1 outside the station, and the mask (0 or 1) of the
            nodes inside it.
        station: bool ``[z, y, x]``, the station's voxels.
        nodes: ``[z, y, x]``, values of the node map inside the station, 0 elsewhere; its positive voxels are the
            second channel of ``array``.
        grid: Where the voxels lie in the patient.
    """

    array: np.ndarray
    station: np.ndarray
    nodes: np.ndarray
    grid: Grid

    @property
    def has_node(self) -> bool:
        """True where a node reaches into the station."""
        return bool(self.array[1].any())


def station_box(stations: sitk.Image, value: int, voxels: Box | None = None) -> tuple[np.ndarray, np.ndarray] | None:
    """Lowest and highest voxel center of a station in LPS mm ``(x, y, z)``; ``None`` where it has no voxel.

    Args:
        stations: Station label map.
        value: The station's value.
        voxels: Its smallest box where that is known already; searched for where ``None``.
    """
    if voxels is None:
        labels = array_view(stations) == value
        where = [np.flatnonzero(labels.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        if any(found.size == 0 for found in where):
            return None
        ends = [(int(found[0]), int(found[-1])) for found in reversed(where)]
    else:
        ends = [(int(part.start), int(part.stop) - 1) for part in reversed(voxels)]
    corners = [stations.TransformIndexToPhysicalPoint((i, j, k)) for i in ends[0] for j in ends[1] for k in ends[2]]
    return np.min(corners, axis=0), np.max(corners, axis=0)


def station_region(
    ct: sitk.Image,
    stations: sitk.Image,
    nodes: sitk.Image | None,
    value: int,
    spec: RegionSpec,
    voxels: Box | None = None,
) -> StationRegion | None:
    """Cut out the region of one station.

    Args:
        ct: CT in HU, any orthonormal orientation.
        stations: Station label map; its grid need not be the CT's.
        nodes: Node label map or mask, or ``None`` where there is none: the channel is 0 then.
        value: The station's value in ``stations``.
        spec: Geometry and scaling.
        voxels: The station's smallest box in the array of ``stations`` where that is known already.

    Returns:
        The region on an axis-aligned LPS grid centered at the station's box; ``None`` for a station without voxels.
    """
    box = station_box(stations, value, voxels)
    if box is None:
        return None
    grid = region_grid((box[0] + box[1]) / 2, spec)
    inside = resample_to_grid(stations, grid, labels=True) == value
    hu = resample_to_grid(_smoothed_part(ct, grid), grid, labels=False, outside=AIR_HU).astype(np.float32)
    if spec.mask_outside:
        hu[~inside] = AIR_HU
    array = np.zeros((2, *spec.size), dtype=np.float32)
    array[0] = scaled(hu, spec)
    found = np.zeros(spec.size, np.uint8) if nodes is None else resample_to_grid(nodes, grid, labels=True)
    found = np.where(inside, found, 0)
    array[1] = found > 0
    return StationRegion(array, inside, found, grid)


def scaled(hu: np.ndarray, spec: RegionSpec) -> np.ndarray:
    """HU to [-1, 1] by the window, clipped beyond it."""
    low, high = spec.window_hu
    return np.clip((hu - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)


def region_grid(center_mm: np.ndarray, spec: RegionSpec) -> Grid:
    """Grid of a region around a point ``(x, y, z)`` in LPS mm."""
    first = [
        float(center) - step * (count - 1) / 2
        for center, step, count in zip(reversed(center_mm), spec.spacing_mm, spec.size, strict=True)
    ]
    return Grid(spec.size, spec.spacing_mm, (first[0], first[1], first[2]))


def _smoothed_part(ct: sitk.Image, grid: Grid) -> sitk.Image:
    """The part of ``ct`` around ``grid``, smoothed along axes that lose resolution, so that noise does not alias."""
    part = _part_around(ct, grid)
    # Axis of the patient that each image axis runs along most.
    axes = np.abs(np.array(ct.GetDirection()).reshape(3, 3)).argmax(axis=0)
    for image_axis, patient_axis in enumerate(axes):
        step, own = grid.spacing_mm[2 - int(patient_axis)], ct.GetSpacing()[image_axis]
        if step > 1.5 * own and part.GetSize()[image_axis] >= 4:
            part = sitk.RecursiveGaussian(
                sitk.Cast(part, sitk.sitkFloat32), sigma=SMOOTHING_PER_STEP * step, direction=image_axis
            )
    return sitk.Cast(part, sitk.sitkFloat32)


def _part_around(ct: sitk.Image, grid: Grid) -> sitk.Image:
    """Crop to the box of ``grid`` with a margin of two of its voxels; the whole image where they do not meet."""
    ends = [(-2.0, count + 1.0) for count in grid.shape]
    corners = [grid.point_mm((z, y, x)) for z in ends[0] for y in ends[1] for x in ends[2]]
    indices = np.array([ct.TransformPhysicalPointToContinuousIndex(corner) for corner in corners])
    low = np.maximum(np.floor(indices.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(indices.max(axis=0)).astype(int) + 1, np.array(ct.GetSize()))
    if (high <= low).any():
        return ct
    return sitk.RegionOfInterest(ct, [int(n) for n in high - low], [int(n) for n in low])


def on_image_grid(volume: np.ndarray, grid: Grid, reference: sitk.Image) -> sitk.Image:
    """Bring a volume of a region (an attention map) to the grid of ``reference``: float32, linear, 0 outside."""
    return sitk.Resample(
        grid.image(volume.astype(np.float32)), reference, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32
    )
