"""Nodes that a method puts into stations, held to the stations that readers gave them.

The test of Engelson et al. 2026, Sec. 4.1 and Fig. 8: a node counts as mapped where its zone is the reader's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lnstation_training.evaluation.patient_bootstrap import patient_bootstrap
from lnstation_training.evaluation.staging import PairedTest, mcnemar
from LNStationLib import anatomy

Level = Literal["station", "zone"]
LEVELS: tuple[Level, ...] = ("station", "zone")
Reading = Literal["largest_part", "largest_weight", "nearest"]
READINGS: Mapping[Reading, str] = {
    "largest_part": "the station that holds most of the node",
    "largest_weight": "the station with the largest weight (Eq. 1 of Engelson et al. 2026) at any voxel of the node",
    "nearest": "the station that holds most of the node, else the nearest within 20 mm",
}
"""How a node gets its station from outlines. The first is what an assessment does, the second what the paper does."""
Accepted = Literal["first", "any"]
ACCEPTED: Mapping[Accepted, str] = {
    "first": "only the first station that the reader gave a node is right",
    "any": "each of the stations that the reader gave a node is right",
}
"""What counts as right. LyNoS gives some nodes a second and a third station; its readers' first is the usual one."""
OUTSIDE = "outside"
"""Where a node is called that lies in no station."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Frozen):
    """Where one node lies among the stations of one method; ``None`` outside all of them.

    Attributes:
        station: That holds most of it.
        share: Part of the node in that station, 0 to 1.
        largest_weight: Station with the largest weight at any of its voxels.
        nearest: ``station``, else the nearest station within 20 mm.
        nearest_mm: How far that is from the node's nearest voxel.
    """

    station: str | None
    share: float | None
    largest_weight: str | None
    nearest: str | None
    nearest_mm: float | None

    def read(self, reading: Reading) -> str | None:
        """The node's station."""
        return self.station if reading == "largest_part" else getattr(self, reading)


class PlacedNode(_Frozen):
    """One node.

    Attributes:
        patient: Identifier.
        node: Its value in the patient's map.
        station: By the reader.
        further: Others that the reader counts it to.
        places: By method; without those that gave no answer for its patient.
    """

    patient: str
    node: int
    station: str
    further: list[str] = Field(default_factory=list)
    places: dict[str, Place]

    def is_right(self, method: str, level: Level, reading: Reading, accepted: Accepted = "first") -> bool:
        """Whether a method's station, or its zone, is the reader's, or one of the reader's."""
        called = self.places[method].read(reading)
        right = [self.station, *self.further] if accepted == "any" else [self.station]
        return called is not None and at_level(called, level) in {at_level(name, level) for name in right}


class Rate(_Frozen):
    """A part of nodes with its 95 % interval by patients, which a single patient does not allow."""

    value: float
    low: float | None
    high: float | None
    n: int


Rates = dict[Reading, dict[Level, Rate]]


class GroupCounts(_Frozen):
    """Nodes of one station, or of one zone, by the reader.

    Attributes:
        name: Of the station or zone.
        n: How many.
        right_station: How many of them a method puts into their station.
        right_zone: How many of them into their zone.
        outside: How many of them into none.
    """

    name: str
    n: int
    right_station: int
    right_zone: int
    outside: int


class PlacementFigures(_Frozen):
    """How well one method places nodes.

    Attributes:
        n: Number of nodes.
        outside: Those that it puts into no station.
        n_further: Those that the reader counts to more than one station.
        accepted: What counts as right in ``stations`` and ``zones``.
        rates: By reading and level where the reader's first station alone is right; the first reading counts a node
            outside all stations as wrong.
        rates_any: The same where any of the reader's stations is; equal to ``rates`` without such nodes.
        stations: By the reader's first station, in the order of the table.
        zones: By its zone, likewise.
        confusion: The reader's first station to the method's, or ``"outside"``, to a count.
    """

    n: int
    outside: int
    n_further: int
    accepted: Accepted
    rates: Rates
    rates_any: Rates
    stations: list[GroupCounts]
    zones: list[GroupCounts]
    confusion: dict[str, dict[str, int]]

    @property
    def chosen_rates(self) -> Rates:
        """Those of what counts as right."""
        return self.rates_any if self.accepted == "any" else self.rates


class Gain(_Frozen):
    """One method against another on the nodes that both have.

    Attributes:
        first: Name of a method.
        second: Of another.
        level: What counts as right.
        n: Number of nodes.
        difference: Of their accuracies, the first's less the second's.
        low: Of its 95 % interval by patients.
        high: Likewise.
        p_value: Of McNemar's test, which takes nodes as independent.
    """

    first: str
    second: str
    level: Level
    n: int
    difference: float
    low: float
    high: float
    p_value: float


def at_level(station: str, level: Level) -> str:
    """The station itself, or its IASLC zone."""
    return station if level == "station" else anatomy.station(station).zone


def placement_figures(nodes: Sequence[PlacedNode], method: str, accepted: Accepted = "first") -> PlacementFigures:
    """Figures of a method on the nodes for whose patients it gave an answer.

    Raises:
        ValueError: There are none.
    """
    own = [node for node in nodes if method in node.places]
    return PlacementFigures(
        n=len(own),
        outside=sum(node.places[method].station is None for node in own),
        n_further=sum(bool(node.further) for node in own),
        accepted=accepted,
        rates=_rates(own, method, "first"),
        rates_any=_rates(own, method, "any"),
        stations=_groups(own, method, "station", accepted),
        zones=_groups(own, method, "zone", accepted),
        confusion=_confusion(own, method),
    )


def _right(
    nodes: Sequence[PlacedNode], method: str, level: Level, accepted: Accepted, reading: Reading = "largest_part"
) -> np.ndarray:
    return np.array([node.is_right(method, level, reading, accepted) for node in nodes])


def _patients(nodes: Sequence[PlacedNode]) -> np.ndarray:
    return np.array([node.patient for node in nodes])


def _rates(nodes: Sequence[PlacedNode], method: str, accepted: Accepted) -> Rates:
    return {
        reading: {level: _rate(nodes, _right(nodes, method, level, accepted, reading)) for level in LEVELS}
        for reading in READINGS
    }


def _rate(nodes: Sequence[PlacedNode], right: np.ndarray) -> Rate:
    patients = _patients(nodes)
    value, low, high = patient_bootstrap(right.astype(float), patients)
    if len(set(patients)) < 2:
        return Rate(value=value, low=None, high=None, n=len(nodes))
    return Rate(value=value, low=low, high=high, n=len(nodes))


def _groups(nodes: Sequence[PlacedNode], method: str, level: Level, accepted: Accepted) -> list[GroupCounts]:
    """In the order of the table of stations, without those that no node is of."""
    by_name: dict[str, list[PlacedNode]] = {at_level(row.name, level): [] for row in anatomy.stations()}
    for node in nodes:
        by_name[at_level(node.station, level)].append(node)
    return [_counts(name, group, method, accepted) for name, group in by_name.items() if group]


def _counts(name: str, nodes: Sequence[PlacedNode], method: str, accepted: Accepted) -> GroupCounts:
    return GroupCounts(
        name=name,
        n=len(nodes),
        right_station=int(_right(nodes, method, "station", accepted).sum()),
        right_zone=int(_right(nodes, method, "zone", accepted).sum()),
        outside=sum(node.places[method].station is None for node in nodes),
    )


def _confusion(nodes: Sequence[PlacedNode], method: str) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for node in nodes:
        counts.setdefault(node.station, Counter())[node.places[method].station or OUTSIDE] += 1
    return {station: dict(row) for station, row in counts.items()}


def gain(
    nodes: Sequence[PlacedNode], first: str, second: str, level: Level, accepted: Accepted = "first"
) -> Gain | None:
    """One method against another; ``None`` where they share nodes of fewer than two patients."""
    both = [node for node in nodes if first in node.places and second in node.places]
    if len({node.patient for node in both}) < 2:
        return None
    right, other = (_right(both, name, level, accepted) for name in (first, second))
    test: PairedTest = mcnemar(right, other, _patients(both))
    return Gain(
        first=first,
        second=second,
        level=level,
        n=len(both),
        difference=test.difference,
        low=test.low,
        high=test.high,
        p_value=test.p_value,
    )
