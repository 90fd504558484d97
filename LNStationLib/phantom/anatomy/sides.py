"""The names of organs, landmarks and stations in a mirrored patient."""

from __future__ import annotations

from LNStationLib.support.types import Side

_OTHER: dict[Side, Side] = {"L": "R", "R": "L"}
_WORDS = (("left", "right"), ("right", "left"))


def mirrored_name(name: str) -> str:
    """An organ or landmark by the name of its mirror image, such as ``"lung_left"`` to ``"lung_right"``."""
    for this, other in _WORDS:
        if name.endswith(f"_{this}"):
            return f"{name.removesuffix(this)}{other}"
        if name.startswith(f"{this}_"):
            return f"{other}{name.removeprefix(this)}"
    return name


def mirrored_site(site: str) -> str:
    """A tumor's site in words, such as ``"left lower lobe"`` to ``"right lower lobe"``."""
    first, space, rest = site.partition(" ")
    return f"{dict(_WORDS).get(first, first)}{space}{rest}"


def mirrored_station(station: str) -> str:
    """A station by the name of its mirror image, such as ``"4R"`` to ``"4L"``; those of no side stay."""
    return station[:-1] + _OTHER[side] if (side := _side_of(station)) else station


def _side_of(station: str) -> Side | None:
    return "L" if station.endswith("L") else "R" if station.endswith("R") else None


def mirrored_side(side: Side | None) -> Side | None:
    """The other side; ``None`` stays."""
    return _OTHER[side] if side else None
