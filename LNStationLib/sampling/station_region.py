"""The region of interest of one station, as a network sees it; one function for training and for use.

SA-MoE (Li et al. 2025), Sec. 3: a region of 96x96x32 voxels centered at the station, CT outside the station set to
-1024 HU, the node mask as second channel; median spacing of the cohort 0.795x0.795x5 mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid
from LNStationLib.sampling.channels import stacked
from LNStationLib.sampling.cut_spec import CutSpec
from LNStationLib.sampling.smoothing import smoothed_part
from LNStationLib.support.types import BoolArray, FloatArray

_MAX_VOXELS_PER_AXIS = 512
"""A CT's own matrix; a larger region in a package would only take memory."""


class RegionSpec(CutSpec):
    """Geometry and scaling of a region. Triples are along z, y, x."""

    most_voxels_per_axis: ClassVar[int] = _MAX_VOXELS_PER_AXIS

    size: tuple[int, int, int] = Field((32, 96, 96), description="Voxels.")
    spacing_mm: tuple[float, float, float] = Field((5.0, 0.8, 0.8), description="Voxel size.")
    window_hu: tuple[float, float] = Field((-200.0, 300.0), description="HU that become -1 and 1; clipped beyond.")
    mask_outside: bool = Field(True, description="Set CT outside the station to -1024 HU.")


@dataclass(frozen=True)
class StationRegion:
    """A station's region; all arrays are ``[z, y, x]``.

    Attributes:
        ct: float32 CT scaled to [-1, 1], -1 outside the station unless the specification keeps it.
        station: bool, the station's voxels.
        nodes: Values of the node map inside the station, 0 elsewhere.
        grid: Where the voxels lie in the patient.
    """

    ct: FloatArray
    station: BoolArray
    nodes: np.ndarray
    grid: Grid

    @property
    def has_node(self) -> bool:
        """True where a node reaches into the station."""
        return bool((self.nodes > 0).any())

    def channels(self, names: Sequence[str]) -> FloatArray:
        """What a network sees, by the names of ``sampling.channels``: float32 ``[channel, z, y, x]``.

        Raises:
            ValueError: A name is not known.
        """
        return stacked(self, names)


def _station_box(stations: sitk.Image, value: int, voxels: Box | None = None) -> tuple[np.ndarray, np.ndarray] | None:
    """Lowest and highest voxel center of a station in LPS mm ``(x, y, z)``; ``None`` where it has no voxel.

    Args:
        stations: Station label map.
        value: The station's value.
        voxels: Its smallest box where that is known already; searched for where ``None``.
    """
    if voxels is None:
        voxels = bounding_box(array_view(stations) == value)
    if voxels is None:
        return None
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
        nodes: Node label map or mask, or ``None`` where there is none: no voxel is a node then.
        value: The station's value in ``stations``.
        spec: Geometry and scaling.
        voxels: The station's smallest box in the array of ``stations`` where that is known already.

    Returns:
        The region on an axis-aligned LPS grid centered at the station's box; ``None`` for a station without voxels.
    """
    box = _station_box(stations, value, voxels)
    if box is None:
        return None
    grid = _region_grid((box[0] + box[1]) / 2, spec)
    inside = resample_to_grid(stations, grid, labels=True) == value
    hu = resample_to_grid(smoothed_part(ct, grid), grid, labels=False, outside=AIR_HU).astype(np.float32)
    if spec.mask_outside:
        hu[~inside] = AIR_HU
    found = np.zeros(spec.size, np.uint8) if nodes is None else resample_to_grid(nodes, grid, labels=True)
    return StationRegion(_scaled(hu, spec), inside, np.where(inside, found, 0), grid)


def _scaled(hu: FloatArray, spec: RegionSpec) -> FloatArray:
    """HU to [-1, 1] by the window, clipped beyond it; float32 stays float32."""
    low, high = spec.window_hu
    return np.clip((hu - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)


def _region_grid(center_mm: np.ndarray, spec: RegionSpec) -> Grid:
    """Grid of a region around a point ``(x, y, z)`` in LPS mm."""
    first = [
        float(center) - step * (count - 1) / 2
        for center, step, count in zip(reversed(center_mm), spec.spacing_mm, spec.size, strict=True)
    ]
    return Grid(spec.size, spec.spacing_mm, (first[0], first[1], first[2]))
