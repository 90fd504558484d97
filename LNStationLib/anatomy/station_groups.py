"""Station groups for experts and for results by group (SA-MoE, Sec. 2.2 and Table 4)."""

from __future__ import annotations

from collections.abc import Mapping

from LNStationLib import anatomy

STATIONS: tuple[str, ...] = tuple(row.name for row in anatomy.stations() if "sa_moe_group" in row.groups)
"""The stations that the paper classifies: 1 to 8. Stations 9 to 11 are in no group."""

_BY_NUMBER = {
    # Table 4: "two experts (S1-S4 in one group and S5-S8 in another group)".
    2: (("1", "2", "3A", "3P", "4"), ("5", "6", "7", "8")),
    # Sec. 2.2: upper, middle, lower.
    3: (("1", "2"), ("3A", "3P", "4"), ("5", "6", "7", "8")),
    # The paper does not say which six: numbered stations, the aortic ones and the lower ones in pairs.
    6: (("1",), ("2",), ("3A", "3P"), ("4",), ("5", "6"), ("7", "8")),
}
_TITLES = {
    2: ("stations 1-4", "stations 5-8"),
    3: ("upper", "middle", "lower"),
    6: ("station 1", "station 2", "station 3", "station 4", "stations 5-6", "stations 7-8"),
}


def station_groups(n_groups: int) -> Mapping[str, int]:
    """Index of the group of every station that is in one.

    Args:
        n_groups: 2, 3 or 6.

    Raises:
        ValueError: Another number of groups.
    """
    if n_groups not in _BY_NUMBER:
        raise ValueError(f"there are 2, 3 or 6 station groups, not {n_groups}")
    index = {number: group for group, numbers in enumerate(_BY_NUMBER[n_groups]) for number in numbers}
    return {name: index[name if name in index else name.rstrip("RL")] for name in STATIONS}


def group_titles(n_groups: int) -> tuple[str, ...]:
    """Name of every group, in the order of their indices.

    Raises:
        ValueError: Another number of groups than 2, 3 or 6.
    """
    station_groups(n_groups)
    return _TITLES[n_groups]
