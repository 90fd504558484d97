"""SUVmax of every station, as in Engelson et al. 2026, Sec. 4.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, box_around_points, empty_part, overlap, station_boxes
from LNStationLib.imaging.checks import corners_mm
from LNStationLib.imaging.masks import mask_on
from LNStationLib.nodes.uptake import sample_pet
from LNStationLib.support.types import PointMm


@dataclass(frozen=True)
class StationUptake:
    """Uptake of one station.

    Attributes:
        suv_max: Highest PET voxel value in the part of the station that PET covers.
        hottest_mm: LPS point of it in mm.
        fully_covered: False where PET covers only part of the station.
    """

    suv_max: float
    hottest_mm: PointMm
    fully_covered: bool


@dataclass(frozen=True)
class StationUptakes:
    """Uptake of all stations.

    Attributes:
        by_station: Stations that PET covers at least in part, by name.
        filled_by_tumor: Names of stations of which the tumor mask leaves nothing to assess.
    """

    by_station: dict[str, StationUptake] = field(default_factory=dict)
    filled_by_tumor: frozenset[str] = frozenset()


def station_uptakes(
    pet: sitk.Image | None,
    stations: sitk.Image,
    tumor: sitk.Image | None,
    boxes: Mapping[str, Box] | None = None,
) -> StationUptakes:
    """SUVmax per station.

    Args:
        pet: SUVbw on its own grid, or ``None``.
        stations: uint8 label map, values of the station table.
        tumor: Binary mask on any grid whose voxels are left out, so that a tumor next to a station does not count
            for it (the paper leaves it in); or ``None``.
        boxes: Boxes of the stations to measure, by name; of all of them where ``None``.
    """
    labels = array_view(stations)
    boxes = station_boxes(stations) if boxes is None else boxes
    near = None if tumor is None else box_around_points(stations, corners_mm(tumor))
    by_station, filled = {}, set()
    for name, box in boxes.items():
        row = anatomy.station(name)
        mask = labels[box] == row.label_value
        if tumor is not None and near is not None and overlap(box, near):
            mask &= ~mask_on(tumor, empty_part(stations, box))
        if not mask.any():
            filled.add(row.name)
        elif pet is not None:
            samples = sample_pet(pet, stations, np.argwhere(mask) + [part.start for part in box])
            hottest = samples.hottest()
            if hottest is not None:
                by_station[row.name] = StationUptake(*hottest, samples.fully_covered)
    return StationUptakes(by_station, frozenset(filled))
