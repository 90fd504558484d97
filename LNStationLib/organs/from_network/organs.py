"""Organs, each with its confidence, from a network's probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib import anatomy
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.from_network.cleanup import CleanGroup, Place, clean
from LNStationLib.organs.from_network.probabilities import ClassProbabilities, vote
from LNStationLib.organs.from_network.table import CleanUp, GroupRow, clean_up_table
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray


@dataclass(frozen=True)
class NetworkOrgan:
    """One organ that a network found.

    Attributes:
        name: In the organ table.
        mask: On the working grid.
        confidence: Mean probability of its voxels, 0 to 1.
        sure: Whether the confidence suffices to use it.
    """

    name: str
    mask: BoolArray
    confidence: float
    sure: bool


def network_organs(
    probabilities: ClassProbabilities, place: Place, table: CleanUp | None = None
) -> list[NetworkOrgan]:
    """Every organ that a network found, sure or not, after clean-up.

    Args:
        probabilities: On the network's grid.
        place: Where organs can be; gives the working grid.
        table: What must hold together; that of ``Resources/Organs`` where ``None``.
    """
    table = table or clean_up_table()
    voted = vote(probabilities, table.groups, place.grid, place.carina_mm)
    done: dict[str, CleanGroup] = {}
    organs: list[NetworkOrgan] = []
    for row in table.groups:
        group = clean(row, voted[row.name], done, place) if row.name in voted else None
        if group is None:
            continue
        done[row.name] = group
        organs += _organs_of(row, group, place)
    return organs


def _organs_of(row: GroupRow, group: CleanGroup, place: Place) -> list[NetworkOrgan]:
    known = {entry.name for entry in anatomy.organs()}
    whole = group.voted.whole
    organs = []
    if row.name in known and row.name not in row.parts:
        confidence = float(whole[group.mask].mean())
        organs.append(NetworkOrgan(row.name, group.on(place.grid), confidence, confidence >= row.least_confidence))
    for number, name in enumerate(row.parts, start=1):
        mask = group.parts == number
        if name not in known or not mask.any():
            continue
        # The whole vouches for its parts' voxels; which part it is, the part's own probability says.
        confidence = float(np.maximum(group.voted.parts[number - 1], 0)[mask].mean())
        full = group.on(place.grid, None if name == row.name else number)
        if name == row.name and len(row.parts) > 1:
            confidence = float(whole[group.mask].mean())
        organs.append(NetworkOrgan(name, full, confidence, confidence >= row.least_confidence))
    return organs


def findings_of(organs: list[NetworkOrgan], source: str) -> Findings:
    """The organs that are sure, as findings; ``source`` names the network."""
    found = Findings()
    for organ in organs:
        if organ.sure:
            detail = f"{source}, confidence {organ.confidence:.2f}"
            found.organ(organ.name, organ.mask, OrganSource.NETWORK, detail)
    return found
