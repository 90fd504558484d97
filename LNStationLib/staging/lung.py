"""N category of lung cancer from positive stations."""

from __future__ import annotations

from collections.abc import Iterable

from LNStationLib.staging.answer import NCategoryAnswer
from LNStationLib.staging.rules import Group, LungRuleSet, Rules, canonical_stations, lung_rules
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Side

_SIDES: tuple[Side, ...] = ("R", "L")


def lung_n_category(positive_stations: Iterable[str], tumor_side: Side, rules: Rules = "tnm8") -> NCategoryAnswer:
    """N category of a lung tumor from its positive stations; the highest group wins.

    ``"tnm8"``: N1 ipsilateral 10-14; N2 ipsilateral 2, 3A, 3P, 4, 5, 6, 8, 9 or 7; N3 contralateral mediastinal or
    hilar, or station 1 of either side. Stations 5 and 6 lie on the left, so a right tumor makes them N3. 3A, 3P, 8
    and 9 without a side count as ipsilateral, with a warning, and the answer is then a lower bound.

    ``"tnm9"``: as TNM 8 with N2a (one positive N2 station) and N2b (several). Stations of the map are counted, not
    names: "8" and "8R" are one station, 2R and 4R are two, 3A and 3P are two. 8R with 8L never gives N2b by itself,
    because one of them is contralateral, which is N3.

    ``"petct_paper"``: Engelson et al. 2026 (doi:10.1117/1.JMI.13.1.014507), Table 3: ipsilateral station 1 is N2
    and contralateral station 1 is N3; 3A, 3P, 5 to 9 are N2 whatever the side. Its Table 1 lists only 5 to 9 for a
    right tumor and N2; the row for a left tumor agrees with Table 3, so that row is read as an omission. Stations
    12 to 14, which the paper does not parse, go where its Section 1 puts peribronchial and contralateral hilar
    nodes, with a warning.

    Args:
        positive_stations: Station names in any order; repeats do no harm.
        tumor_side: The patient's side of the tumor.
        rules: Which rules.

    Raises:
        InputError: Unknown station, side or rules; the message lists what is allowed.
    """
    table = lung_rules()
    if rules not in table.rule_sets:
        raise InputError(f"unknown rules {rules!r}: use one of {', '.join(table.rule_sets)}")
    if tumor_side not in _SIDES:
        raise InputError(f"unknown tumor side {tumor_side!r}: use 'L' or 'R', the patient's own side")
    rule_set, positive = table.rule_sets[rules], canonical_stations(positive_stations)
    if not positive:
        return NCategoryAnswer("N0", rule_set.edition, (), Reason("lung_n0", {"rules": rules}))
    groups = {name: rule_set.group_of(name, tumor_side) for name in positive}
    highest = max(groups.values())
    deciding = tuple(name for name, group in groups.items() if group == highest)
    unsided = [name for name in deciding if name in rule_set.side_matters]
    return NCategoryAnswer(
        category=_with_n2_split(highest, deciding, rule_set),
        rules=rule_set.edition,
        deciding_stations=deciding,
        why=_why(highest, deciding, tumor_side, rules),
        is_lower_bound=bool(unsided),
        warnings=_lung_warnings(positive, unsided, rule_set),
    )


def _with_n2_split(group: Group, deciding: tuple[str, ...], rule_set: LungRuleSet) -> str:
    split = rule_set.n2_by_number_of_stations
    if group != "N2" or split is None:
        return group
    return split.one if len({lung_rules().station_of(name) for name in deciding}) == 1 else split.several


def _why(group: Group, deciding: tuple[str, ...], tumor_side: Side, rules: Rules) -> Reason:
    category = _with_n2_split(group, deciding, lung_rules().rule_sets[rules])
    facts = {"category": category, "rules": rules, "side": tumor_side, "stations": list(deciding), "group": group}
    return Reason("lung_n_by_stations", facts)


def _lung_warnings(positive: tuple[str, ...], unsided: list[str], rule_set: LungRuleSet) -> tuple[Reason, ...]:
    warnings = [Reason("side_of_station_unknown", {"station": name}) for name in unsided]
    beyond = [name for name in positive if name in rule_set.stations_beyond_source]
    if beyond:
        warnings.append(Reason("stations_beyond_rules", {"rules": rule_set.title, "stations": beyond}))
    return tuple(warnings)
