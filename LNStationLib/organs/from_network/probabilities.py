"""What a network says of every voxel, carried to the working grid: probabilities are resampled, never labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LNStationLib.imaging.boxes import Box, bounding_box, grown
from LNStationLib.imaging.grid import Grid, resample_to_grid
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

    @property
    def whole(self) -> FloatArray:
        """Sum of the parts' probabilities in the box."""
        return np.sum(self.parts, axis=0, dtype=np.float32)

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
    best: FloatArray = np.minimum.reduce([_on(network.values[0], network.grid, grid) for network in networks])
    winner = np.zeros(grid.shape, np.uint8)
    for number, (box, parts) in enumerate(candidates.values(), start=1):
        whole: FloatArray = np.add.reduce(parts)
        wins = whole > best[box]
        best[box][wins] = whole[wins]
        winner[box][wins] = number
    voted = {
        name: Voted(box, parts, winner[box] == number)
        for number, (name, (box, parts)) in enumerate(candidates.items(), start=1)
    }
    return {name: group for name, group in voted.items() if group.mask.any()}


_Candidate = tuple[Box, tuple[FloatArray, ...]]


def _candidate(networks: Sequence[ClassProbabilities], row: GroupRow, grid: Grid) -> _Candidate | None:
    """The parts of a group on the working grid, in the box that holds them."""
    network = next(network for network in networks if row.parts[0] in network.classes)
    coarse = network.values[[network.classes.index(name) for name in row.parts]]
    tight = bounding_box(coarse.max(axis=0) > _ABSENT)
    if tight is None:
        return None
    around = grown(tight, 1, coarse.shape[1:])
    part = network.grid.part(around)
    box = box_on(grid, part.image(np.ones(part.shape, np.uint8)))
    if box is None:
        return None
    return box, tuple(_on(values[around], part, grid.part(box)) for values in coarse)


def _without_impossible(
    candidates: dict[str, _Candidate], groups: Sequence[GroupRow], grid: Grid, carina_mm: float | None
) -> None:
    """Empty parts where they cannot lie; blood that cannot be one vessel is another."""
    if carina_mm is None:
        return
    taken, left = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    for row in groups:
        if row.name not in candidates:
            continue
        box, parts = candidates[row.name]
        for name, values in zip(row.parts, parts, strict=True):
            impossible = _impossible(row, name, grid.part(box), carina_mm)
            if row.blood:
                taken[box][impossible] += values[impossible]
            values[impossible] = 0
            if row.blood:
                left[box] += values
    share = np.where((taken > 0) & (left >= _POSSIBLE), 1 + taken / np.maximum(left, _POSSIBLE), 1).astype(np.float32)
    for row in groups:
        if row.blood and row.name in candidates:
            box, parts = candidates[row.name]
            for values in parts:
                values *= share[box]


def _impossible(row: GroupRow, part: str, grid: Grid, carina_mm: float) -> BoolArray:
    """Slices in which a part cannot lie."""
    low, high = row.carina_mm.get(part, (None, None))
    above = grid.coordinates_mm(0) - carina_mm
    return np.asarray((above < (-np.inf if low is None else low)) | (above > (np.inf if high is None else high)))


def _on(values: np.ndarray, grid: Grid, target: Grid) -> FloatArray:
    """Values of one grid on another, linearly; 0 outside."""
    return resample_to_grid(grid.image(values.astype(np.float32)), target, labels=False)
