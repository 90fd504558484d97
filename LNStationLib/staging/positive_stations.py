"""The positive stations of a patient as staging takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from LNStationLib import anatomy
from LNStationLib.state.assessment import Call
from LNStationLib.support.types import Side


class CalledStation(Protocol):
    """What staging needs of a station: a ``StationCall`` and a ``StationFinding`` have it."""

    @property
    def station(self) -> str:
        """Name of the table."""
        ...

    @property
    def call(self) -> Call | None:
        """The call; ``None`` where not assessed."""
        ...

    @property
    def positive_sides(self) -> Sequence[Side]:
        """Sides of the evidence."""
        ...


def positive_station_names(calls: Iterable[CalledStation]) -> list[str]:
    """Names of the positive stations as staging takes them, in the order of the calls.

    A station without a side of its own gets the sides of its evidence ("8R", or "8R" and "8L"), and stays without
    where these are unknown; station 7, which is both sides' own, never has one.
    """
    names: list[str] = []
    for call in calls:
        if call.call != "positive":
            continue
        sided = anatomy.station(call.station).side is None and call.station != "7"
        names += [f"{call.station}{side}" for side in call.positive_sides if sided] or [call.station]
    return names
