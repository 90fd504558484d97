"""Which station, organ or side a code means that came in with a DICOM object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from LNStationLib import anatomy
from LNStationLib.anatomy import OrganEntry, Side, Station

Entry = TypeVar("Entry", Station, OrganEntry)
_SIDES: tuple[Side, ...] = ("L", "R")


def side_with_code(value: str) -> Side | None:
    """The side that a SNOMED CT laterality means (DICOM CID 244), or ``None``."""
    return next((side for side in _SIDES if anatomy.side_code(side).value == value), None)


def station_with_code(value: str, scheme: str, side: Side | None) -> Station | None:
    """The station of a code and a laterality; ``None`` where they mean none, or one of several."""
    return _with_code(anatomy.stations(), value, scheme, side)


def organ_with_code(value: str, scheme: str, side: Side | None) -> OrganEntry | None:
    """The organ of a code and a laterality; ``None`` where they mean none, or one of several."""
    return _with_code(anatomy.organs(), value, scheme, side)


def _with_code(rows: Iterable[Entry], value: str, scheme: str, side: Side | None) -> Entry | None:
    found = [row for row in rows if (row.code.value, row.code.scheme) == (value, scheme)]
    if len(found) > 1:
        found = [row for row in found if row.side == side]
    return found[0] if len(found) == 1 else None
