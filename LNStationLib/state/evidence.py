"""Attention of a network: the map of one station, and all of them as one volume on the CT's grid.

A network's attention is coarse (with the default strides a voxel of 20 x 6.4 x 6.4 mm), sums to 1 over its region,
and may lie outside the station, where the network sees nothing but -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_region, crop, like, within
from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import FloatArray, PointMm

_SMALLEST_BOX: Box = (slice(0, 1), slice(0, 1), slice(0, 1))


@dataclass(frozen=True)
class StationEvidence:
    """Where a network looked for one station.

    Attributes:
        values: float32 ``[z, y, x]``, at least 0, summing to 1.
        grid: Where they lie in the patient.
    """

    values: FloatArray
    grid: Grid

    @property
    def relative(self) -> sitk.Image:
        """The map divided by its highest value: float32 in [0, 1] on its own grid."""
        return self.grid.image((self.values / max(float(self.values.max()), 1e-30)).astype(np.float32))

    @property
    def peak_mm(self) -> PointMm:
        """LPS point of the highest value."""
        z, y, x = np.unravel_index(int(np.argmax(self.values)), self.values.shape)
        return self.grid.point_mm((float(z), float(y), float(x)))


def coarser_grid(grid: Grid, shape: tuple[int, int, int]) -> Grid:
    """A grid of ``shape`` voxels over the same extent as ``grid``."""
    spacing = [step * count / n for step, count, n in zip(grid.spacing_mm, grid.shape, shape, strict=True)]
    origin = [
        first - own / 2 + step / 2 for first, own, step in zip(grid.origin_mm, grid.spacing_mm, spacing, strict=True)
    ]
    return Grid(shape, (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2]))


def evidence_volume(
    attention: Mapping[str, StationEvidence], stations: sitk.Image, boxes: Mapping[str, Box], *, whole: bool = True
) -> sitk.Image:
    """All maps in one volume.

    A voxel of a station holds that station's map relative to its highest value, wherever that lies: 1 where the
    network looked most for this station. Voxels outside of stations that have a map hold 0. So stations do not
    outshine each other, maps of neighbors do not mix, and a station whose attention lies outside of it stays dark.

    Args:
        attention: By station name.
        stations: Label map on the CT's grid.
        boxes: Smallest box of every station that has voxels.
        whole: On the CT's whole grid; otherwise on the box of it that holds the stations with a map.

    Returns:
        float32 in [0, 1], linearly interpolated.
    """
    shown = {name: boxes[name] for name in attention if name in boxes}
    labels = array_view(stations)
    full: Box = (slice(0, labels.shape[0]), slice(0, labels.shape[1]), slice(0, labels.shape[2]))
    region = full if whole else bounding_region(shown.values()) or _SMALLEST_BOX
    volume = np.zeros([part.stop - part.start for part in region], np.float32)
    for name, box in shown.items():
        inside = labels[box] == anatomy.station(name).label_value
        volume[within(box, region)][inside] = on_part(attention[name], crop(stations, box))[inside]
    return like(volume, stations) if whole else like(volume, crop(stations, region))


def on_part(attention: StationEvidence, part: sitk.Image) -> FloatArray:
    """A station's relative map on the grid of ``part``, ``[z, y, x]``: linear, 0 outside the map's region."""
    image = sitk.Resample(attention.relative, part, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    return np.asarray(np.clip(sitk.GetArrayFromImage(image), 0.0, 1.0))
