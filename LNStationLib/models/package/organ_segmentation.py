"""Packages that find organs: one network for all, or DeepStationing's stratified pair (Guo et al. 2021, Sec. 2.1).

In a stratified package the network ``anchor`` finds the organs of high contrast, and the network ``non_anchor`` sees
their probabilities as channels ``organ:NAME`` beside the CT.

A class is an organ of the table, or stands for several of them (``joint_classes``) where training did not part them.
An organ may be the union of several classes (``organ_unions``): the aorta of its three segments, or a heart whose
left atrium has a class of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from LNStationLib import anatomy
from LNStationLib.models.package.parts import CardRow
from LNStationLib.models.package.volumes import VolumeSection

ALL, ANCHOR, NON_ANCHOR = "all", "anchor", "non_anchor"
"""Roles of the networks: the first alone, or the other two together."""


class OrganSegmentation(VolumeSection):
    """Organs of a chest CT by one network or two.

    Attributes:
        joint_classes: Class that stands for several organs of the table to those organs.
        organ_unions: Organ of the table to the classes of one network that make it up together.
    """

    task: ClassVar[str] = "organ_segmentation"
    task_title: ClassVar[str] = "Organs on CT"
    roles: ClassVar[tuple[str, ...]] = (ALL, ANCHOR, NON_ANCHOR)

    joint_classes: dict[str, list[str]] = Field(default_factory=dict)
    organ_unions: dict[str, list[str]] = Field(default_factory=dict)

    @field_validator("classes")
    @classmethod
    def _one_or_a_pair(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        if set(value) not in ({ALL}, {ANCHOR, NON_ANCHOR}):
            raise ValueError(f"networks must be {ALL}, or {ANCHOR} and {NON_ANCHOR}, got {', '.join(value)}")
        return value

    @model_validator(mode="after")
    def _known_organs(self) -> OrganSegmentation:
        known = {row.name for row in anatomy.organs()}
        names = [name for classes in self.classes.values() for name in classes[1:]]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two networks find {', '.join(twice)}")
        _refuse_unknown("classes", set(names) - set(self.joint_classes), known)
        _refuse_unknown("joint_classes", set(self.joint_classes), set(names) - known)
        _refuse_unknown("joint_classes", {organ for part in self.joint_classes.values() for organ in part}, known)
        _refuse_unknown("organ_unions", set(self.organ_unions), known)
        for organ, parts in self.organ_unions.items():
            if not any(set(parts) <= set(classes[1:]) for classes in self.classes.values()):
                raise ValueError(f"organ_unions: {organ} is of classes that no network has together")
        return self

    @model_validator(mode="after")
    def _anchors_first(self) -> OrganSegmentation:
        known_before = set(self.organs_of(ANCHOR)) if ANCHOR in self.classes else set()
        for role, spec in self.volumes.items():
            missing = set(spec.organs) - (known_before if role == NON_ANCHOR else set())
            if missing:
                raise ValueError(f"{role} needs organs that no network before it finds: {', '.join(sorted(missing))}")
        return self

    def organs_of(self, role: str) -> dict[str, tuple[int, ...]]:
        """Organs of the table that a network finds, to the classes whose probabilities add up to the organ's."""
        classes = self.classes[role]
        found: dict[str, tuple[int, ...]] = {
            name: (place,) for place, name in enumerate(classes) if place and name not in self.joint_classes
        }
        for organ, parts in self.organ_unions.items():
            if set(parts) <= set(classes):
                found[organ] = tuple(classes.index(name) for name in parts)
        return found

    def card_rows(self) -> list[CardRow]:
        """Unions beside classes, channels and grids."""
        unions = [f"{name}: {', '.join(parts)}" for name, parts in self.organ_unions.items()]
        joint = [f"{name}: {', '.join(organs)} in one" for name, organs in self.joint_classes.items()]
        rows = super().card_rows()
        return [*rows, CardRow("Made up of several", tuple(unions + joint))] if unions or joint else rows

    def _classes_title(self) -> str:
        return "Organs"


def _refuse_unknown(field: str, names: Iterable[str], known: set[str]) -> None:
    unknown = sorted(set(names) - known)
    if unknown:
        raise ValueError(f"{field}: unknown organs {', '.join(unknown)}")
