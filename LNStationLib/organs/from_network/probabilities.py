"""What a network says of every voxel, carried to the working grid: probabilities are resampled, never labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from LNStationLib.imaging.boxes import Box, bounding_box, bounding_region, grown, within
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.interpolation import interpolated
from LNStationLib.organs.from_network.table import GroupRow
from LNStationLib.organs.supplied import box_on
from LNStationLib.support.types import BoolArray, FloatArray, LabelArray

if TYPE_CHECKING:
    from LNStationLib.models.runtime.segmentation import ClassProbabilities

_ABSENT = 0.02
"""A lower probability decides nothing: background has the rest."""
_POSSIBLE = 0.05
"""What the network gives to impossible blood goes to possible blood, where it sees at least that much of it."""


@dataclass(frozen=True)
class Voted:
    """One group on the working grid, within its box.

    Attributes:
        box: Where the group may be.
        parts: Probability of each part in the box, in the row's order.
        mask: Voxels that the group won.
    """

    box: Box
    parts: tuple[FloatArray, ...]
    mask: BoolArray

    @cached_property
    def whole(self) -> FloatArray:
        """Sum of the parts' probabilities in the box."""
        return _sum(self.parts)

    def most_probable(self, mask: BoolArray) -> LabelArray:
        """Number of the most probable part, from 1, in every voxel of a mask of the box; 0 outside."""
        labels = np.zeros(mask.shape, np.uint8)
        labels[mask] = np.argmax([part[mask] for part in self.parts], axis=0) + 1
        return labels


def vote(
    networks: Sequence[ClassProbabilities], groups: Sequence[GroupRow], grid: Grid, carina_mm: float | None
) -> dict[str, Voted]:
    """Every group that wins a voxel of the working grid, by name.

    Args:
        networks: What each says, on its own grid; of the networks of a stratified package each knows other classes.
        groups: Classes that vote together: parts of one vessel must not lose a voxel to the background because
            they share it.
        grid: The working grid.
        carina_mm: Z of the carina, by which impossible levels are known; ``None`` where it was not found.
    """
    candidates = {row.name: found for row in groups if (found := _candidate(networks, row, grid)) is not None}
    _without_impossible(candidates, groups, grid, carina_mm)
    # Background is what no network knows.
    best: FloatArray = np.minimum.reduce([interpolated(one.values[0], one.grid, grid) for one in networks])
    winner = np.zeros(grid.shape, np.uint8)
    for number, (box, parts) in enumerate(candidates.values(), start=1):
        whole = _sum(parts)
        wins = whole > best[box]
        best[box][wins] = whole[wins]
        winner[box][wins] = number
    voted = {
        name: Voted(box, parts, winner[box] == number)
        for number, (name, (box, parts)) in enumerate(candidates.items(), start=1)
    }
    return {name: group for name, group in voted.items() if group.mask.any()}


_Parts = tuple[FloatArray, ...]
_Candidate = tuple[Box, _Parts]


def _candidate(networks: Sequence[ClassProbabilities], row: GroupRow, grid: Grid) -> _Candidate | None:
    """The parts of a group on the working grid, in the box that holds them."""
    network = next(network for network in networks if row.parts[0] in network.classes)
    coarse = [network.values[network.classes.index(name)] for name in row.parts]
    tight = bounding_box(np.logical_or.reduce([_present(values) for values in coarse]))
    if tight is None:
        return None
    around = grown(tight, 1, network.grid.shape)
    part = network.grid.part(around)
    box = box_on(grid, part.image(np.ones(part.shape, np.uint8)))
    if box is None:
        return None
    return box, tuple(interpolated(values[around], part, grid.part(box)) for values in coarse)


def _present(values: np.ndarray) -> BoolArray:
    """Where probabilities in half precision decide anything.

    Numbers that are not negative have the order of their bits, which numpy compares at many times the speed.
    """
    return np.asarray(values.view(np.int16) > np.float16(_ABSENT).view(np.int16))


def _sum(parts: Sequence[FloatArray]) -> FloatArray:
    """Of arrays; of one it is the array itself, not a copy."""
    return parts[0] if len(parts) == 1 else np.sum(parts, axis=0, dtype=np.float32)


def _without_impossible(
    candidates: Mapping[str, _Candidate], groups: Sequence[GroupRow], grid: Grid, carina_mm: float | None
) -> None:
    """Empty parts where they cannot lie; blood that cannot be one vessel is another."""
    if carina_mm is None:
        return
    known = [row for row in groups if row.name in candidates]
    blood = [(row, *candidates[row.name]) for row in known if row.blood]
    for row in known:
        if not row.blood:
            box, parts = candidates[row.name]
            for name, values in zip(row.parts, parts, strict=True):
                values[_impossible(row, name, grid.part(box), carina_mm)] = 0
    if blood:
        _other_blood(blood, grid, carina_mm)


def _other_blood(blood: Sequence[tuple[GroupRow, Box, _Parts]], grid: Grid, carina_mm: float) -> None:
    """Empty vessels where they cannot lie, and give what they had there to the others, in proportion."""
    region = bounding_region(box for _, box, _ in blood)
    assert region is not None
    taken, left = (np.zeros(grid.part(region).shape, np.float32) for _ in range(2))
    for row, box, parts in blood:
        there = within(box, region)
        for name, values in zip(row.parts, parts, strict=True):
            impossible = _impossible(row, name, grid.part(box), carina_mm)
            taken[there][impossible] += values[impossible]
            values[impossible] = 0
            left[there] += values
    more = (taken > 0) & (left >= _POSSIBLE)
    if not more.any():
        return
    share = np.where(more, 1 + taken / np.maximum(left, _POSSIBLE), 1).astype(np.float32)
    for _, box, parts in blood:
        for values in parts:
            values *= share[within(box, region)]


def _impossible(row: GroupRow, part: str, grid: Grid, carina_mm: float) -> BoolArray:
    """Slices in which a part cannot lie."""
    low, high = row.carina_mm.get(part, (None, None))
    above = grid.coordinates_mm(0) - carina_mm
    return np.asarray((above < (-np.inf if low is None else low)) | (above > (np.inf if high is None else high)))
