"""The regions of interest of one station, as a network sees them; the same functions for training and for use.

SA-MoE (Li et al. 2025), Sec. 3: a region of 96x96x32 voxels centered at the station, CT outside the station set to
-1024 HU, the node mask as second channel; median spacing of the cohort 0.795x0.795x5 mm. A station that is longer
than a region may be given several, one below the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
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
_LEAST_SCALED = -1.0
"""Of the window; what lies outside of a station may lie below."""
_MOST_REGIONS = 8
"""Of one station; bounds what a package with tiny regions makes us compute."""
_SHARED_MM = 20.0
"""Height that regions of one station share at least: a node of station size lies whole in one of them."""


class RegionSpec(CutSpec):
    """Geometry and scaling of a region. Triples are along z, y, x."""

    most_voxels_per_axis: ClassVar[int] = _MAX_VOXELS_PER_AXIS

    size: tuple[int, int, int] = Field((32, 96, 96), description="Voxels.")
    spacing_mm: tuple[float, float, float] = Field((5.0, 0.8, 0.8), description="Voxel size.")
    window_hu: tuple[float, float] = Field((-200.0, 300.0), description="HU that become -1 and 1; clipped beyond.")
    mask_outside: bool = Field(True, description="Set CT outside the station to -1024 HU.")
    outside: float = Field(
        _LEAST_SCALED,
        ge=-3.0,
        le=_LEAST_SCALED,
        description="Scaled CT outside the station; below -1 a network can tell it from fat and air inside.",
    )
    whole_station: bool = Field(
        False,
        description="As many regions, one below the other, as hold the station, whose logit is the largest of "
        "theirs; else one at its middle.",
    )


@dataclass(frozen=True)
class StationRegion:
    """A station's region; all arrays are ``[z, y, x]``.

    Attributes:
        ct: float32 CT scaled to [-1, 1], ``spec.outside`` outside the station unless the specification keeps it.
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


@dataclass(frozen=True)
class RegionCut:
    """What lies where a station's region is, before anything outside of the station is taken out.

    Attributes:
        ct: float32 CT scaled to [-1, 1], ``[z, y, x]``.
        station: bool, the station's voxels.
        nodes: Values of the node map, also outside the station.
        grid: Where the voxels lie in the patient.
    """

    ct: FloatArray
    station: BoolArray
    nodes: np.ndarray
    grid: Grid

    def seen(self, spec: RegionSpec) -> StationRegion:
        """The region as a network sees it."""
        ct = np.where(self.station, self.ct, np.float32(spec.outside)) if spec.mask_outside else self.ct
        return StationRegion(ct, self.station, np.where(self.station, self.nodes, 0), self.grid)


def station_region(
    ct: sitk.Image,
    stations: sitk.Image,
    nodes: sitk.Image | None,
    value: int,
    spec: RegionSpec,
    voxels: Box | None = None,
) -> StationRegion | None:
    """Cut out the one region at the middle of a station.

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
    one = spec.model_copy(update={"whole_station": False})
    return next((cut.seen(one) for cut in region_cuts(ct, stations, nodes, value, one, voxels)), None)


def station_regions(
    ct: sitk.Image,
    stations: sitk.Image,
    nodes: sitk.Image | None,
    value: int,
    spec: RegionSpec,
    voxels: Box | None = None,
) -> list[StationRegion]:
    """Cut out all regions of a station, from its lowest up; arguments as for ``station_region``.

    Returns:
        One region, or as many as hold the station where the specification asks for them; a region without a voxel of
        the station is left out, so none for a station without voxels.
    """
    regions = [cut.seen(spec) for cut in region_cuts(ct, stations, nodes, value, spec, voxels)]
    return [region for region in regions if region.station.any()]


def region_cuts(
    ct: sitk.Image,
    stations: sitk.Image,
    nodes: sitk.Image | None,
    value: int,
    spec: RegionSpec,
    voxels: Box | None = None,
) -> list[RegionCut]:
    """The regions of a station with all that lies in them; arguments as for ``station_region``."""
    box = _station_box(stations, value, voxels)
    if box is None:
        return []
    return [_cut(ct, stations, nodes, value, grid, spec) for grid in _grids(*box, spec)]


def _cut(
    ct: sitk.Image, stations: sitk.Image, nodes: sitk.Image | None, value: int, grid: Grid, spec: RegionSpec
) -> RegionCut:
    inside = resample_to_grid(stations, grid, labels=True) == value
    hu = resample_to_grid(smoothed_part(ct, grid), grid, labels=False, outside=AIR_HU).astype(np.float32)
    found = np.zeros(spec.size, np.uint8) if nodes is None else resample_to_grid(nodes, grid, labels=True)
    return RegionCut(_scaled(hu, spec), inside, found, grid)


def _scaled(hu: FloatArray, spec: RegionSpec) -> FloatArray:
    """HU to [-1, 1] by the window, clipped beyond it; float32 stays float32."""
    low, high = spec.window_hu
    return np.clip((hu - low) * (2.0 / (high - low)) - 1.0, _LEAST_SCALED, 1.0)


def _grids(lowest: np.ndarray, highest: np.ndarray, spec: RegionSpec) -> list[Grid]:
    """Grids of a station's regions, whose box is given by its outermost voxel centers in LPS mm ``(x, y, z)``.

    They part by whole voxels, so that a voxel of one is a voxel of its neighbor.
    """
    middle = _region_grid((lowest + highest) / 2, spec)
    count, step = (_stack(float(highest[2] - lowest[2]), spec)) if spec.whole_station else (1, 0)
    z, y, x = middle.origin_mm
    rise = spec.spacing_mm[0] * step
    first = z - rise * (count - 1) / 2
    return [Grid(spec.size, spec.spacing_mm, (first + rise * number, y, x)) for number in range(count)]


def _stack(height_mm: float, spec: RegionSpec) -> tuple[int, int]:
    """How many regions hold a station of a height between voxel centers, and by how many voxels they part."""
    rise, voxels = spec.spacing_mm[0], spec.size[0]
    beyond = ceil(height_mm / rise) + 1 - voxels
    if beyond <= 0:
        return 1, 0
    most = max(voxels - round(_SHARED_MM / rise), 1)
    count = min(1 + ceil(beyond / most), _MOST_REGIONS)
    return count, min(ceil(beyond / (count - 1)), voxels)


def _region_grid(center_mm: np.ndarray, spec: RegionSpec) -> Grid:
    """Grid of a region around a point ``(x, y, z)`` in LPS mm."""
    first = [
        float(center) - step * (count - 1) / 2
        for center, step, count in zip(reversed(center_mm), spec.spacing_mm, spec.size, strict=True)
    ]
    return Grid(spec.size, spec.spacing_mm, (first[0], first[1], first[2]))
