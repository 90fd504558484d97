"""From registered atlases to stations on the working grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box, bounding_box
from LNStationLib.imaging.grid import Grid
from LNStationLib.organs.groups import AIRWAYS, BONES, HEART, LUNGS, VESSELS
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.atlas_registration.carrying import Carried
from LNStationLib.stations.atlas_registration.fusion import Vote, fused, likeness
from LNStationLib.stations.atlas_registration.guides import windowed
from LNStationLib.stations.atlas_registration.voxel_maps import voxel_maps
from LNStationLib.stations.left_out import not_parsed
from LNStationLib.stations.midline import midline_x_mm
from LNStationLib.stations.network_outlines import MIN_STATION_ML, largest_pieces
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, LabelArray

_DRAWS_NONE = Reason("atlases_draw_none")
_LEAST_SHARE = 0.6
"""Mean part of the votes in a station below which the atlases disagree: three of five."""
_NO_NODE_INSIDE = (*LUNGS, *BONES, *VESSELS, *AIRWAYS, *HEART, "esophagus")
_OUTSIDE_HU = -1024.0


def votes_of(kept: Sequence[Carried], state: PatientState, coarse: Grid, fusion: str) -> tuple[list[Vote], Box]:
    """What each atlas says, on the part of the working grid that holds all their stations.

    Args:
        kept: Registered atlases, at least one.
        state: With the CT on the working grid.
        coarse: The grid of the registration.
        fusion: ``"majority"`` or ``"weighted"``.
    """
    onto = state.working_ct.grid
    box = _box_of_stations(kept, coarse, onto)
    part = onto.part(box)
    patient = windowed(state.working_ct.hu[box]) if fusion == "weighted" else None
    return [_vote(one, part, patient) for one in kept], box


def _vote(one: Carried, part: Grid, patient: FloatArray | None) -> Vote:
    atlas, found = one.atlas, one.found
    stations = found.carry(atlas.grid.image(atlas.stations), part, labels=True)
    if patient is None:
        # Of atlases that disagree in equal numbers, those that fit better win.
        return Vote(stations, 1.0 + 1e-3 * found.mean_overlap)
    hu = found.carry(atlas.grid.image(atlas.hu.astype(np.float32)), part, labels=False, outside=_OUTSIDE_HU)
    return Vote(stations, likeness(patient, windowed(hu), part.spacing_mm[0]))


def _box_of_stations(kept: Sequence[Carried], coarse: Grid, onto: Grid) -> Box:
    """Where any atlas has a station, to a voxel of the coarse grid."""
    anywhere = np.zeros(coarse.shape, bool)
    for one in kept:
        anywhere |= one.found.carry(one.atlas.grid.image(one.atlas.stations), coarse, labels=True) > 0
    box = bounding_box(anywhere) or (slice(0, 1), slice(0, 1), slice(0, 1))
    low = coarse.point_mm((box[0].start - 1, box[1].start - 1, box[2].start - 1))
    high = coarse.point_mm((box[0].stop, box[1].stop, box[2].stop))
    z, y, x = (onto.between(axis, onto.index(low)[axis], onto.index(high)[axis]) for axis in range(3))
    return z, y, x


def drawn(votes: Sequence[Vote], box: Box, organs: OrganSet) -> StationMap:
    """The fused stations without the patient's own organs, each in one piece a side, with maps of the votes."""
    grid, midline = organs.grid, midline_x_mm(organs)
    labels, shares = fused(votes)
    labels[_organs_in(organs, box)] = 0
    on_left = np.broadcast_to(grid.coordinates_mm(2)[None, None, box[2]] >= midline[box[0], None, None], labels.shape)
    left_out: dict[str, Reason] = {}
    doubts: dict[str, tuple[Reason, ...]] = {}
    for row in anatomy.stations():
        kept = _cleaned(labels, row, on_left, grid.voxel_volume_ml)
        if not kept.any():
            left_out[row.name] = not_parsed(_DRAWS_NONE)
            continue
        share = float(shares[kept].mean())
        if len(votes) > 1 and share < _LEAST_SHARE:
            doubts[row.name] = (Reason("atlases_disagree", {"share": share, "limit": _LEAST_SHARE}),)
    whole = np.zeros(grid.shape, np.uint8)
    whole[box] = labels
    failure = None if labels.any() else _DRAWS_NONE
    found = StationMap(grid, whole, midline, left_out=left_out, doubts=doubts, failure=failure)
    return replace(found, maps=voxel_maps(shares, box, found))


def _cleaned(labels: LabelArray, row: anatomy.Station, on_left: BoolArray, voxel_ml: float) -> BoolArray:
    """The station's largest piece on each of its sides; all else of it is taken out of the labels."""
    voxels = labels == row.label_value
    kept = largest_pieces(voxels, on_left, row) if voxels.any() else voxels
    if np.count_nonzero(kept) * voxel_ml < MIN_STATION_ML:
        kept = np.zeros_like(voxels)
    labels[voxels & ~kept] = 0
    return kept


def _organs_in(organs: OrganSet, box: Box) -> BoolArray:
    """What the patient's organs take, without surrogates: their place is a guess."""
    taken = np.zeros([part.stop - part.start for part in box], bool)
    for name in _NO_NODE_INSIDE:
        if name in organs and organs[name].source != OrganSource.SURROGATE:
            taken |= organs[name].mask[box]
    return taken


def nothing(organs: OrganSet, reason: Reason) -> StationMap:
    """No station, and why."""
    left_out = {row.name: not_parsed(reason) for row in anatomy.stations()}
    labels = np.zeros(organs.grid.shape, np.uint8)
    return StationMap(organs.grid, labels, midline_x_mm(organs), left_out=left_out, failure=reason)
