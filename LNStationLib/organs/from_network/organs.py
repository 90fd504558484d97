"""Organs, each with its confidence, from a network's probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from LNStationLib import anatomy
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.from_network.cleanup import CleanGroup, Place, clean
from LNStationLib.organs.from_network.probabilities import vote
from LNStationLib.organs.from_network.table import CleanUp, GroupRow, clean_up_table, rows_for
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

if TYPE_CHECKING:
    from LNStationLib.models.runtime.segmentation import ClassProbabilities


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
    networks: Sequence[ClassProbabilities], place: Place, table: CleanUp | None = None
) -> list[NetworkOrgan]:
    """Every organ that a package's networks found, sure or not, after clean-up.

    Args:
        networks: What each says, on its own grid.
        place: Where organs can be; gives the working grid.
        table: What must hold together; that of ``Resources/Organs`` where ``None``.
    """
    rows = rows_for(table or clean_up_table(), [network.classes[1:] for network in networks])
    voted = vote(networks, rows, place.grid, place.carina_mm)
    done: dict[str, CleanGroup] = {}
    organs: list[NetworkOrgan] = []
    for row in rows:
        group = clean(row, voted[row.name], done, place) if row.name in voted else None
        if group is not None:
            done[row.name] = group
            organs += _organs_of(row, group, place)
    return organs


def _organs_of(row: GroupRow, group: CleanGroup, place: Place) -> list[NetworkOrgan]:
    """The whole of a group where it has a name, and its parts."""
    known = {entry.name for entry in anatomy.organs()}
    whole, mask = group.voted.whole, group.mask
    organs = []
    if row.name in known:
        # A part that bears the name of the whole (the heart beside its left atrium) is what is left of it.
        organs.append(_organ(row, row.name, group.on(place.grid), float(whole[mask].mean())))
    for number, name in enumerate(row.parts, start=1):
        part = group.parts == number
        if name in known and name != row.name and part.any():
            confidence = float(group.voted.parts[number - 1][part].mean())
            organs.append(_organ(row, name, group.on(place.grid, number), confidence))
    return organs


def _organ(row: GroupRow, name: str, mask: BoolArray, confidence: float) -> NetworkOrgan:
    return NetworkOrgan(name, mask, min(confidence, 1.0), confidence >= row.least_confidence)


_ANCHORS = ("aorta", "heart")


def findings_of(organs: Sequence[NetworkOrgan], package: str) -> Findings:
    """The organs that are sure, as findings; none where neither aorta nor heart is.

    Every part of a chest shows one of the two largest structures of blood. A network that does not recognize them is
    asked about something that it has never seen, and its other answers mean nothing.

    Args:
        organs: As found.
        package: Id of the model package that the network belongs to.
    """
    found = Findings()
    if not any(organ.sure for organ in organs if organ.name in _ANCHORS):
        found.warn("network_unsure_of_organs")
        return found
    for organ in organs:
        if organ.sure:
            how = Reason("organ_of_network", {"package": package, "confidence": organ.confidence})
            found.organ(organ.name, organ.mask, OrganSource.NETWORK, how, organ.confidence)
    return found
