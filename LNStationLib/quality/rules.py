"""The rules of the quality check: ``Resources/Quality/plausibility.json``, checked on load."""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from LNStationLib import anatomy
from LNStationLib.support.resources import resource_path

OrganMeasure = Literal["volume_ml", "height_mm"]
Relation = Literal["above_mm", "left_of_mm"]
StationMeasure = Literal[
    "volume_ml",
    "height_mm",
    "lowest_above_carina_mm",
    "highest_above_carina_mm",
    "left_of_carina_mm",
    "share_in_air",
    "share_outside_body",
    "share_in_bone",
    "share_before_sternum",
    "share_behind_spine_front",
    "share_outside_chest",
]
Measure = OrganMeasure | Relation | StationMeasure
Bounds = tuple[float | None, float | None]
"""Lowest and highest value; ``None`` where there is no bound."""

LANDMARKS = (
    "carina",
    "right_upper_lobe_bronchus_origin",
    "bronchus_intermedius_end",
    "left_upper_lobe_bronchus_origin",
    "left_lower_lobe_bronchus_origin",
    "aortic_arch_top",
    "aortic_arch_underside",
    "left_pulmonary_artery_top",
    "manubrium_top",
    "clavicle_left_bottom",
    "clavicle_right_bottom",
    "left_brachiocephalic_vein_crossing",
    "inferior_pulmonary_vein_left",
    "inferior_pulmonary_vein_right",
)
"""Landmarks that a rule may name; docs/organs.md says how each is found."""
PARTS = ("top", "bottom", "middle")
"""What a term of a relation may take of an organ: ``"top:lung_left"``."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Data):
    """What every rule has.

    Attributes:
        usual: Outside of it a value is doubtful.
        possible: Outside of it what was measured is left out.
        sources: Keys of the table's sources.
        why: What the bounds follow from.
    """

    usual: Bounds
    possible: Bounds
    sources: list[str] = Field(min_length=1)
    why: str = Field(min_length=1)

    @model_validator(mode="after")
    def _possible_holds_usual(self) -> Self:
        (low, high), (lowest, highest) = self.usual, self.possible
        if low is None and high is None:
            raise ValueError(f"a rule without bounds: {self}")
        ordered = [value for value in (lowest, low, high, highest) if value is not None]
        if ordered != sorted(ordered) or (low is None) != (lowest is None) or (high is None) != (highest is None):
            raise ValueError(f"`possible` must hold `usual` and have the same bounds: {self}")
        return self


class OrganRule(Rule):
    """Bounds of one measure of organs."""

    names: list[str] = Field(min_length=1)
    measure: OrganMeasure


class RelationRule(Rule):
    """How far one landmark or organ lies above or to the left of another, in mm.

    Attributes:
        measure: Along the body, or across it.
        first: A landmark, or a part of an organ: ``"top:lung_left"``.
        second: As ``first``.
        suspects: Organs and landmarks that are wrong where the rule does not hold.
    """

    measure: Relation
    first: str
    second: str
    suspects: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_point_outward(self) -> Self:
        # So that a view that cuts one of them can only make the measured distance too short.
        if self.first.startswith("bottom:") or self.second.startswith("top:"):
            raise ValueError(f"the first of a relation may be a top, the second a bottom: {self}")
        return self


class StationRule(Rule):
    """Bounds of one measure of stations."""

    names: list[str] = Field(min_length=1)
    measure: StationMeasure


class Plausibility(_Data):
    """The whole table.

    Attributes:
        sources: Key to the reference.
        belongs_to: Organ to the organs and landmarks that were cut out of it and leave with it.
        organs: Bounds of organs, each by itself.
        relations: Order along the body, and sides.
        stations: Bounds of stations.
    """

    schema_version: Literal["1"]
    note: str
    sources: dict[str, str]
    belongs_to: dict[str, list[str]]
    organs: list[OrganRule]
    relations: list[RelationRule]
    stations: list[StationRule]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        organs = {row.name for row in anatomy.organs()}
        stations = {row.name for row in anatomy.stations()}
        known = organs | set(LANDMARKS)
        _none_of("organ", {name for rule in self.organs for name in rule.names} - organs)
        _none_of("station", {name for rule in self.stations for name in rule.names} - stations)
        _none_of("organ or landmark", {name for rule in self.relations for name in rule.suspects} - known)
        _none_of("organ", set(self.belongs_to) - organs)
        _none_of("organ or landmark", {name for names in self.belongs_to.values() for name in names} - known)
        terms = {term for rule in self.relations for term in (rule.first, rule.second)}
        parts = {f"{part}:{name}" for part in PARTS for name in organs}
        _none_of("landmark or part of an organ", terms - parts - set(LANDMARKS))
        return self

    @model_validator(mode="after")
    def _sources_are_known_and_used(self) -> Self:
        used = {key for rule in (*self.organs, *self.relations, *self.stations) for key in rule.sources}
        _none_of("source", used - set(self.sources))
        _none_of("rule for source", set(self.sources) - used)
        return self


def _none_of(what: str, names: set[str]) -> None:
    if names:
        raise ValueError(f"there is no {what} {', '.join(sorted(names))}")


@cache
def plausibility() -> Plausibility:
    """The rules.

    Raises:
        pydantic.ValidationError: The file is not a valid table.
    """
    text = resource_path("Quality", "plausibility.json").read_text(encoding="utf-8")
    return Plausibility.model_validate_json(text)
