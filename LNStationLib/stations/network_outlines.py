"""From a network's probabilities to stations: one label a voxel, one piece a station, none where it is unsure."""

from __future__ import annotations

from collections.abc import Sequence

import cc3d
import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box, bounding_box, grown
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.comparison import NOT_COVERED
from LNStationLib.stations.left_out import not_parsed
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, LabelArray

MIN_STATION_ML = 0.1
"""Less tissue than this holds no node of 5 mm, as in the rules."""
_SURELY_BACKGROUND = 0.95
"""Probability of no station from which a voxel of the network's grid needs no finer look."""


def outlined(
    probabilities: FloatArray,
    classes: Sequence[str],
    grid: Grid,
    onto: Grid,
    midline_x_mm: FloatArray,
    least_probability: float,
) -> StationMap:
    """Stations of a network's answer.

    Args:
        probabilities: ``[class, z, y, x]`` on ``grid``, which sum to 1 in every voxel.
        classes: Names of the classes, the background first, then stations.
        grid: The network's.
        onto: The grid of the station map.
        midline_x_mm: One LPS x in mm for every slice of ``onto``.
        least_probability: A station whose voxels have a lower mean probability is left out.

    Returns:
        The map; a station that the network does not draw, does not find, or is not sure of is in ``left_out``.
    """
    labels, certainty = _most_probable(probabilities, classes, grid, onto)
    left_out = {}
    for row in anatomy.stations():
        if row.name not in classes:
            left_out[row.name] = not_parsed(Reason(NOT_COVERED, {"station": row.name}))
            continue
        reason = _clean(labels, certainty, row, onto, midline_x_mm, least_probability)
        if reason is not None:
            left_out[row.name] = not_parsed(reason)
            labels[labels == row.label_value] = 0
    failure = None if labels.any() else Reason("network_finds_no_station")
    return StationMap(onto, labels, midline_x_mm, left_out=left_out, failure=failure)


def _most_probable(
    probabilities: FloatArray, classes: Sequence[str], grid: Grid, onto: Grid
) -> tuple[LabelArray, FloatArray]:
    """The label with the highest probability in each voxel of ``onto``, and that probability, 0 outside stations."""
    labels, certainty = np.zeros(onto.shape, np.uint8), np.zeros(onto.shape, np.float32)
    near = bounding_box(probabilities[0] < _SURELY_BACKGROUND)
    if near is None:
        return labels, certainty
    box = grown(near, 1, grid.shape)
    there = _covered(grid.part(box), onto)
    part, target = grid.part(box), onto.part(there)
    best = np.full(target.shape, -np.inf, np.float32)
    for place, name in enumerate(classes):
        # Beyond the network's grid lies no station.
        outside = 0.0 if place else 1.0
        values = np.ascontiguousarray(probabilities[place][box], dtype=np.float32)
        value = resample_to_grid(part.image(values), target, labels=False, outside=outside)
        wins = value > best
        best[wins] = value[wins]
        labels[there][wins] = anatomy.station(name).label_value if place else 0
    certainty[there] = np.where(labels[there] > 0, best, 0)
    return labels, certainty


def _covered(part: Grid, onto: Grid) -> Box:
    """Voxels of ``onto`` within the box of another grid."""
    ends = ((part.origin_mm[axis], part.coordinates_mm(axis)[-1]) for axis in range(3))
    z, y, x = (
        onto.between(
            axis,
            (low - onto.origin_mm[axis]) / onto.spacing_mm[axis],
            (high - onto.origin_mm[axis]) / onto.spacing_mm[axis],
        )
        for axis, (low, high) in enumerate(ends)
    )
    return z, y, x


def _clean(
    labels: LabelArray,
    certainty: FloatArray,
    station: anatomy.Station,
    grid: Grid,
    midline_x_mm: FloatArray,
    least_probability: float,
) -> Reason | None:
    """Keep the largest piece of a station in place; why the station is left out, ``None`` where it is not."""
    voxels = labels == station.label_value
    box = bounding_box(voxels)
    if box is None:
        return Reason("network_finds_none")
    on_left = grid.coordinates_mm(2)[None, box[2]] >= midline_x_mm[box[0], None]
    kept = largest_pieces(voxels[box], np.broadcast_to(on_left[:, None], voxels[box].shape), station)
    labels[box][voxels[box] & ~kept] = 0
    volume_ml = float(np.count_nonzero(kept)) * grid.voxel_volume_ml
    if volume_ml < MIN_STATION_ML:
        return Reason("network_finds_none")
    probability = float(certainty[box][kept].mean())
    if probability < least_probability:
        return Reason("network_unsure", {"probability": probability, "limit": least_probability})
    return None


def largest_pieces(voxels: BoolArray, on_left: BoolArray, station: anatomy.Station) -> BoolArray:
    """The largest connected piece of a station; of one that has a part on each side, the largest on each.

    Args:
        voxels: The station's, ``[z, y, x]``.
        on_left: Which voxels lie left of the patient's midline.
        station: Stations 8 and 9 lie on both sides of the midline without touching.
    """
    pieces = cc3d.connected_components(voxels, connectivity=26)
    sides = (on_left, ~on_left) if station.side_variants else (np.ones_like(voxels),)
    kept = np.zeros_like(voxels)
    for side in sides:
        counts = np.bincount(pieces[side & voxels], minlength=2)
        if counts[1:].any():
            kept |= pieces == 1 + int(counts[1:].argmax())
    return kept
