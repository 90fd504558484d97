"""The rule tables behind the N category: ``Resources/Staging/*.json``, checked on load."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from LNStationLib.support.errors import InputError
from LNStationLib.support.resources import resource_path
from LNStationLib.support.types import Side

Rules = Literal["tnm8", "tnm9", "petct_paper"]
Group = Literal["N1", "N2", "N3"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class N2Split(_Data):
    """Names of N2 with one positive N2 station and with several."""

    one: str
    several: str


class LungRuleSet(_Data):
    """One set of lung rules: which station names fall in which group, by tumor side."""

    title: str
    edition: str
    sources: list[str]
    notes: list[str]
    words: dict[Group, str]
    side_matters: list[str]
    """Names without a side that count as ipsilateral, though contralateral nodes there would be N3."""
    n2_by_number_of_stations: N2Split | None
    groups: dict[Side, dict[Group, list[str]]] | None
    same_groups_as: Rules | None
    stations_beyond_source: list[str]
    """Names that the cited source does not list; placed as ``notes`` says."""

    def group_of(self, name: str, tumor_side: Side) -> Group:
        """The group of a canonical station name for a tumor on ``tumor_side``."""
        assert self.groups is not None, "resolved on load"
        return next(group for group, names in self.groups[tumor_side].items() if name in names)


class LungRules(_Data):
    """``Resources/Staging/lung_rules.json``."""

    schema_version: str
    stations: dict[str, list[str]]
    """Station of the IASLC map to the names of the whole and of its parts."""
    rule_sets: dict[Rules, LungRuleSet]

    @model_validator(mode="after")
    def _each_name_once_per_side(self) -> LungRules:
        names = sorted(name for variants in self.stations.values() for name in variants)
        if len(set(names)) != len(names):
            raise ValueError("lung rules: a station name stands under two stations")
        for key, rule_set in self.rule_sets.items():
            self._check_rule_set(key, rule_set, names)
        return self

    def _check_rule_set(self, key: str, rule_set: LungRuleSet, names: list[str]) -> None:
        if (rule_set.groups is None) == (rule_set.same_groups_as is None):
            raise ValueError(f"lung rules {key}: needs either groups or same_groups_as")
        if rule_set.groups is not None and set(rule_set.groups) != {"L", "R"}:
            raise ValueError(f"lung rules {key}: needs groups for tumors of both sides")
        if rule_set.same_groups_as is not None and rule_set.same_groups_as not in self.rule_sets:
            raise ValueError(f"lung rules {key}: same_groups_as names no rule set: {rule_set.same_groups_as}")
        for side, groups in (rule_set.groups or {}).items():
            if sorted(name for group in groups.values() for name in group) != names:
                raise ValueError(f"lung rules {key}, tumor side {side}: every station name must stand in one group")

    def names(self) -> list[str]:
        """All accepted names in table order."""
        return [name for variants in self.stations.values() for name in variants]

    def station_of(self, name: str) -> str:
        """The station of the map that a canonical name is (part of): ``"8"`` for ``"8R"``."""
        return next(station for station, variants in self.stations.items() if name in variants)


class NodeCountCategory(_Data):
    """One category and the numbers of positive nodes that give it; ``most`` is None where open above."""

    category: str
    fewest: int
    most: int | None


class EsophagusRules(_Data):
    """``Resources/Staging/esophagus_rules.json``."""

    schema_version: str
    title: str
    edition: str
    sources: list[str]
    categories: list[NodeCountCategory]
    supraclavicular_stations: list[str]
    stations_not_on_regional_map: list[str]

    @model_validator(mode="after")
    def _counts_have_no_gap(self) -> EsophagusRules:
        expected: int | None = 0
        for row in self.categories:
            if row.fewest != expected or (row.most is not None and row.most < row.fewest):
                raise ValueError(f"esophagus rules: {row.category} must start at {expected}")
            expected = None if row.most is None else row.most + 1
        if expected is not None:
            raise ValueError("esophagus rules: the last category must be open above")
        return self


@cache
def lung_rules() -> LungRules:
    """The lung rules, with ``same_groups_as`` resolved.

    Raises:
        pydantic.ValidationError: The file is not a valid rule table.
    """
    text = resource_path("Staging", "lung_rules.json").read_text(encoding="utf-8")
    table = LungRules.model_validate_json(text)
    resolved = {
        key: rule_set
        if rule_set.groups is not None
        else rule_set.model_copy(update={"groups": table.rule_sets[rule_set.same_groups_as].groups})  # type: ignore[index]
        for key, rule_set in table.rule_sets.items()
    }
    return table.model_copy(update={"rule_sets": resolved})


@cache
def esophagus_rules() -> EsophagusRules:
    """The esophagus rules.

    Raises:
        pydantic.ValidationError: The file is not a valid rule table.
    """
    text = resource_path("Staging", "esophagus_rules.json").read_text(encoding="utf-8")
    return EsophagusRules.model_validate_json(text)


def canonical_stations(names: Iterable[str]) -> tuple[str, ...]:
    """Station names as the rule table spells them, without repeats, in table order.

    Raises:
        InputError: A name is not a station, or is one that needs a side ("4").
    """
    allowed = lung_rules().names()
    by_folded = {name.casefold(): name for name in allowed}
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if not isinstance(name, str) or name.strip().casefold() not in by_folded:
            sided = [f"{name}{side}" for side in ("R", "L") if f"{name}{side}".casefold() in by_folded]
            hint = f"say {' or '.join(sided)}" if sided else f"stations are {', '.join(allowed)}"
            raise InputError(f"unknown station {name!r}: {hint}")
    chosen = {by_folded[name.strip().casefold()] for name in given}
    return tuple(name for name in allowed if name in chosen)
