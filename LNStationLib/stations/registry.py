"""Station parsers by name."""

from __future__ import annotations

from collections.abc import Callable

from LNStationLib.state.station_map import StationParser
from LNStationLib.stations.iaslc_rules import IaslcRulesParser
from LNStationLib.support.errors import InputError

_PARSERS: dict[str, Callable[[], StationParser]] = {IaslcRulesParser.name: IaslcRulesParser}


def station_parser(name: str) -> StationParser:
    """The parser of that name.

    Raises:
        InputError: There is none; the message lists those there are.
    """
    if name not in _PARSERS:
        raise InputError(f"No station parser '{name}'; there are: {', '.join(sorted(_PARSERS))}.")
    return _PARSERS[name]()
