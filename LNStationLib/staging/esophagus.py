"""N category of esophageal cancer from the number of positive nodes, or its lower bound from stations."""

from __future__ import annotations

from collections.abc import Iterable

from LNStationLib.staging.answer import NCategoryAnswer
from LNStationLib.staging.rules import canonical_stations, esophagus_rules, lung_rules
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason


def esophagus_n_category(n_positive_nodes: int) -> NCategoryAnswer:
    """N category of an esophageal tumor from the number of positive regional nodes (AJCC/UICC 8).

    Args:
        n_positive_nodes: Number of positive regional nodes: 0 is N0, 1-2 N1, 3-6 N2, 7 or more N3.

    Raises:
        InputError: The number is negative or not whole.
    """
    if isinstance(n_positive_nodes, bool) or not isinstance(n_positive_nodes, int) or n_positive_nodes < 0:
        raise InputError(f"number of positive nodes must be a whole number from 0 up, got {n_positive_nodes!r}")
    rules = esophagus_rules()
    category = next(row.category for row in rules.categories if row.most is None or n_positive_nodes <= row.most)
    why = Reason("esophageal_n_by_nodes", {"category": category, "n_nodes": n_positive_nodes})
    return NCategoryAnswer(category, rules.edition, (), why)


def esophagus_n_lower_bound(positive_stations: Iterable[str]) -> NCategoryAnswer:
    """Lowest N category of an esophageal tumor that positive stations allow.

    Each positive station holds at least one positive node. "8" and "8R" may be the same node and count once;
    8R and 8L cannot, and count twice. Stations that are not on the AJCC 8 map of regional nodes are left out of
    the count and named in a warning; station 1 also holds supraclavicular nodes, which are metastases (M1) rather
    than regional nodes, and counts with a warning.

    Raises:
        InputError: Unknown station.
    """
    rules, positive = esophagus_rules(), canonical_stations(positive_stations)
    station_of = lung_rules().station_of
    regional = tuple(name for name in positive if station_of(name) not in rules.stations_not_on_regional_map)
    parts: dict[str, list[str]] = {}
    for name in regional:
        parts.setdefault(station_of(name), []).append(name)
    fewest = sum(max(1, len([name for name in names if name != station])) for station, names in parts.items())
    category = esophagus_n_category(fewest).category
    return NCategoryAnswer(
        category=category,
        rules=rules.edition,
        deciding_stations=regional,
        why=Reason("esophageal_n_at_least", {"category": category, "stations": list(regional), "n_nodes": fewest}),
        is_lower_bound=category != rules.categories[-1].category,
        warnings=_esophagus_warnings(positive, regional),
    )


def _esophagus_warnings(positive: tuple[str, ...], regional: tuple[str, ...]) -> tuple[Reason, ...]:
    warnings = []
    left_out = [name for name in positive if name not in regional]
    if left_out:
        warnings.append(Reason("not_regional_esophageal", {"stations": left_out}))
    if any(name in esophagus_rules().supraclavicular_stations for name in regional):
        warnings.append(Reason("station_1_holds_supraclavicular"))
    return tuple(warnings)
