"""Clean-up by topology: one piece where anatomy has one, tubes without gaps, nothing outside the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric

from LNStationLib.imaging.boxes import box_of, grown, label_boxes, shared, within
from LNStationLib.imaging.grid import Grid
from LNStationLib.organs import morphology
from LNStationLib.organs.from_network.probabilities import Voted
from LNStationLib.organs.from_network.table import GroupRow
from LNStationLib.support.types import BoolArray, FloatArray, LabelArray

_TOUCH_MM = 6.0
"""Two classes at a joint are parted by a wall and by voxels of neither: three voxels of a network's grid of 2 mm."""
_BRIDGE_RADIUS_MM = 3.0
"""Half the width of the thinnest vessel of the table, as which a gap is filled."""
_TRACE, _TRACE_RADIUS_MM = 0.05, 8.0
"""A way on which the network sees nothing at all has no trace; a trace is no wider than the esophagus or a vein."""
_CERTAIN = 0.02
"""Lowest cost of a step of a bridge, so that its length counts even where the network is sure."""
_WIDENS_AGAIN = 1.5
"""Noise and thick slices change the area of neighboring sections by less than half."""
_FULL = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True)
class Place:
    """Where organs can be.

    Attributes:
        body: The patient's body ``[z, y, x]`` on ``grid``.
        grid: The working grid.
        carina_mm: Z of the carina; ``None`` where it is not known.
    """

    body: BoolArray
    grid: Grid
    carina_mm: float | None


@dataclass(frozen=True)
class CleanGroup:
    """One group after clean-up, in the box in which it was voted.

    Attributes:
        voted: Its probabilities and box.
        parts: Number of the part, from 1 in the row's order; 0 outside the group.
    """

    voted: Voted
    parts: LabelArray

    @property
    def mask(self) -> BoolArray:
        """The whole group."""
        return np.asarray(self.parts > 0)

    def on(self, grid: Grid, number: int | None = None) -> BoolArray:
        """The group, or one of its parts, on the whole grid."""
        full = np.zeros(grid.shape, dtype=bool)
        full[self.voted.box] = self.mask if number is None else self.parts == number
        return full


def clean(row: GroupRow, voted: Voted, done: Mapping[str, CleanGroup], place: Place) -> CleanGroup | None:
    """Clean one group.

    Args:
        row: What must hold together.
        voted: What the network says.
        done: Groups that are clean already, by name.
        place: Where organs can be.

    Returns:
        ``None`` where nothing is left.
    """
    neighbors = _neighbors(row, voted, done, place)
    whole = _pieces_kept(row, voted, voted.mask & place.body[voted.box], neighbors, place.grid)
    if row.tube_mm and neighbors is not None:
        whole = _tube(whole, neighbors, voted.whole, row.tube_mm, place.grid.spacing_mm[0])
    if row.neck_share:
        whole = _above_neck(whole, row.neck_share)
    if float(whole.sum()) * place.grid.voxel_volume_ml < row.least_ml:
        return None
    labels = voted.most_probable(whole)
    if row.whole_parts and len(row.parts) > 1:
        labels = _without_islands(labels, len(row.parts))
    return CleanGroup(voted, labels)


def _neighbors(row: GroupRow, voted: Voted, done: Mapping[str, CleanGroup], place: Place) -> BoolArray | None:
    """The groups that a row joins, grown by the width of a joint, in the row's box; ``None`` where none is known."""
    spacing = place.grid.spacing_mm[0]
    around = grown(voted.box, int(np.ceil(_TOUCH_MM / spacing)), place.grid.shape)
    known = np.zeros(place.grid.part(around).shape, dtype=bool)
    for group in (done[name] for name in row.joins if name in done):
        common = shared(group.voted.box, around)
        if common is not None:
            known[within(common, around)] |= group.mask[within(common, group.voted.box)]
    near = morphology.dilate(known, _TOUCH_MM, spacing)[within(voted.box, around)]
    return near if near.any() else None


def _pieces_kept(row: GroupRow, voted: Voted, mask: BoolArray, neighbors: BoolArray | None, grid: Grid) -> BoolArray:
    if not mask.any():
        return mask
    labels = morphology.components(mask, connectivity=26)
    if row.keep == "all":
        return _large(labels, row.least_ml / 2, grid)
    kept = labels == 1
    if row.keep == "joined" and neighbors is not None:
        touching = np.unique(labels[neighbors & mask])
        kept = np.isin(labels, touching[touching > 0]) if (touching > 0).any() else kept
    return _bridged(kept, labels, row, voted, grid) if row.bridge_mm else kept


def _large(labels: np.ndarray, least_ml: float, grid: Grid) -> BoolArray:
    """Pieces, numbered by falling size, of at least some volume."""
    inside = labels > 0
    count = int((np.bincount(labels[inside]) * grid.voxel_volume_ml >= least_ml).sum())
    return np.asarray(inside & (labels <= count))


def _bridged(kept: BoolArray, labels: np.ndarray, row: GroupRow, voted: Voted, grid: Grid) -> BoolArray:
    """The pieces near to those kept, with the gap filled along the most probable way.

    A network that was hardly trained leaves thousands of pieces: each is looked at in its own box.
    """
    loose = np.where(kept, 0, labels)
    if not loose.any():
        return kept
    spacing, probability, boxes = grid.spacing_mm[0], voted.whole, label_boxes(loose)
    margin = int(np.ceil(row.bridge_mm / spacing)) + 2
    kept = kept.copy()
    while (near := _near(loose, kept, row.bridge_mm, spacing)).size:
        for number in near:
            box = grown(boxes[int(number)], margin, kept.shape)
            piece = loose[box] == number
            kept[box] |= piece | _bridge(piece, kept[box], probability[box], spacing)
            loose[box][piece] = 0
    return kept


def _near(loose: np.ndarray, kept: BoolArray, reach_mm: float, spacing: float) -> np.ndarray:
    """Numbers of the loose pieces that come near to those kept."""
    around = box_of(kept, int(np.ceil(reach_mm / spacing)))
    pieces = loose[around]
    there = pieces[(pieces > 0) & (morphology.distance_to(kept[around], spacing) <= reach_mm)]
    return np.unique(there)


def _bridge(piece: BoolArray, kept: BoolArray, probability: FloatArray, spacing: float) -> BoolArray:
    """The cheapest way between two pieces: as wide as the network's faint trace, else as the thinnest vessel."""
    ends = np.argwhere(kept)
    if not len(ends):
        return np.zeros_like(kept)
    search = MCP_Geometric(np.maximum(1.0 - probability, _CERTAIN))
    total, _ = search.find_costs(np.argwhere(piece))
    end = ends[int(np.argmin(total[tuple(ends.T)]))]
    way = np.zeros_like(kept)
    way[tuple(np.array(search.traceback(end)).T)] = True
    faint = float(probability[way].mean()) / 2
    if faint < _TRACE:
        return morphology.dilate(way, _BRIDGE_RADIUS_MM, spacing)
    return morphology.dilate(way, _TRACE_RADIUS_MM, spacing) & (probability >= faint)


def _tube(mask: BoolArray, start: BoolArray, probability: FloatArray, radius_mm: float, spacing: float) -> BoolArray:
    """What lies within a radius of the way from a vessel's origin through its mask to the far end."""
    origin = np.argwhere(mask & start)
    if not len(origin):
        return mask
    search = MCP_Geometric(np.where(mask, np.maximum(1.0 - probability, _CERTAIN), -1.0))
    total, _ = search.find_costs(origin)
    lengths = MCP_Geometric(np.where(mask, 1.0, -1.0)).find_costs(origin)[0]
    reached = mask & np.isfinite(total)
    end = np.unravel_index(int(np.argmax(np.where(reached, lengths, -1.0))), mask.shape)
    way = np.zeros_like(mask)
    way[tuple(np.array(search.traceback(end)).T)] = True
    return mask & morphology.dilate(way, radius_mm, spacing)


def _above_neck(mask: BoolArray, share: float) -> BoolArray:
    """What lies above the neck below an organ's largest section; all of it where there is no neck."""
    areas = mask.sum(axis=(1, 2))
    widest = int(areas.argmax())
    narrow = np.flatnonzero(areas[:widest] < share * areas[widest])
    if not narrow.size:
        return mask
    # The first stretch below the widest section that is narrow, and its narrowest slice before it widens again.
    top = int(narrow[-1])
    lowest = np.minimum.accumulate(areas[top::-1])
    again = np.flatnonzero(areas[top::-1] > _WIDENS_AGAIN * np.maximum(lowest, 1))
    if not again.size:
        return mask
    neck = top - int(areas[top : top - int(again[0]) : -1].argmin())
    above = mask.copy()
    above[:neck] = False
    return above


def _without_islands(labels: LabelArray, count: int) -> LabelArray:
    """Each part as its largest piece; its other pieces go to the part that they touch most."""
    result = labels.copy()
    for number in range(1, count + 1):
        pieces = morphology.components(labels == number, connectivity=26)
        for piece, tight in label_boxes(pieces).items():
            if piece == 1:
                continue
            box = grown(tight, 1, labels.shape)
            island = pieces[box] == piece
            shell = ndimage.binary_dilation(island, _FULL) & ~island
            around = np.bincount(labels[box][shell], minlength=count + 1)
            around[[0, number]] = 0
            result[box][island] = int(around.argmax()) if around.any() else number
    return result
