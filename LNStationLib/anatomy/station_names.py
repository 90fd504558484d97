"""Which station a name means that somebody gave a file, a segment or a cell of a table."""

from __future__ import annotations

import re

from LNStationLib.anatomy import Station, stations

_IN_A_NAME = re.compile(r"(?<![0-9a-z])(1[01]|[1-9])[ _-]?([ap])?(?:[ _-]?(left|right|[lr]))?[si]?(?![0-9a-z])")
"""A number, and perhaps the prevascular or retrotracheal part and a side: ``station_4R``, ``LN 3a``, ``11 L``,
``3AR``, ``4_left``; superior and inferior ones of 11 (``11Rs``) are one here."""


def station_named(text: str) -> Station | None:
    """The station in a file's or a segment's name; ``None`` where it has none, or none of the table.

    The map of 2009 gives 3A, 3P and 5 to 9 no sides: ``7L`` is 7 here.
    """
    found = _IN_A_NAME.search(text.lower())
    if found is None:
        return None
    name, side = found[1] + (found[2] or "").upper(), (found[3] or "")[:1].upper()
    rows = {row.name: row for row in stations()}
    return rows.get(name + side) or rows.get(name)
