"""Classes of segmentation networks: which organs of the anatomy table an output channel stands for.

Patients are stored with the values of the anatomy table, whatever network learns from them; a set of classes maps
those values to channels. A patient of a hospital rarely has all organs drawn, and may have an aorta where a network
has its three parts, so a voxel allows a *set* of classes (label-set supervision: Fidon et al., MICCAI 2021).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from LNStationLib import anatomy
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray

CLASSES_FILE = Path(__file__).with_name("organ_classes.json")
BACKGROUND = "background"
N_VALUES = 256
"""Values that a label map of 8 bits can have."""


@dataclass(frozen=True)
class ClassSet:
    """What the output channels of a network stand for.

    Attributes:
        name: In settings.
        names: Of the classes, the background first.
        members: Organs of the anatomy table that each class is made of; none for the background.
    """

    name: str
    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.names)

    def of_values(self) -> np.ndarray:
        """Class of every value of the anatomy table: uint8 ``[256]``, 0 where it belongs to no class."""
        table = np.zeros(N_VALUES, np.uint8)
        for number, organs in enumerate(self.members):
            for organ in organs:
                table[anatomy.organ(organ).label_value] = number
        return table

    def allowed(self, annotated: Collection[str] | None) -> BoolArray:
        """Classes that a voxel may have, by its value in a patient's label map: ``[256, class]``.

        Args:
            annotated: Organs that were drawn in this patient; ``None`` where all of the table were. What was not
                drawn may be anywhere that no organ was drawn.
        """
        classes = self.of_values()
        table: BoolArray = np.eye(len(self), dtype=bool)[classes]
        for organ, names in _table()["indifferent"].items():
            table[
                anatomy.organ(organ).label_value, [self.names.index(each) for each in names if each in self.names]
            ] = 1
        if annotated is None:
            return table
        table[classes == 0] |= self._missing(annotated)
        for organ in annotated:
            inside = self._inside(organ, annotated)
            if inside.any():
                table[anatomy.organ(organ).label_value] = inside
        return table

    def _inside(self, organ: str, annotated: Collection[str]) -> BoolArray:
        """Classes that lie in an organ and were not drawn on their own: the parts of a drawn aorta."""
        candidates = {organ, *(part for part in parts_of(organ) if part not in annotated)}
        return np.array([bool(candidates & set(each)) for each in self.members])

    def _missing(self, annotated: Collection[str]) -> BoolArray:
        """Classes that were not drawn whole, neither by themselves nor in a whole; never the background."""
        drawn = {part for organ in annotated for part in (organ, *parts_of(organ))}
        drawn |= {row.name for row in anatomy.organs() if row.parts and drawn >= set(row.parts)}
        return np.array([not set(each) <= drawn for each in self.members])

    def colors(self) -> np.ndarray:
        """A color for every class, uint8 ``[class, 3]``, black for the background."""
        return np.array([(0, 0, 0), *(anatomy.organ(each[0]).color for each in self.members[1:])], np.uint8)


def parts_of(organ: str) -> tuple[str, ...]:
    """Parts of an organ that can be drawn on their own: where a label map has them, the organ's value is the rest."""
    return (*anatomy.organ(organ).parts, *_table()["further_wholes"].get(organ, ()))


@cache
def _table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    content: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))
    return content


def package_unions(classes: ClassSet) -> dict[str, list[str]]:
    """Organs of the table that a network with these classes gives as several classes together."""
    unions = _table()["package_unions"].items()
    return {organ: list(parts) for organ, parts in unions if set(parts) <= set(classes.names)}


def class_set_names() -> list[str]:
    """Names of all sets."""
    return list(_table()["sets"])


def class_set(name: str) -> ClassSet:
    """A set of classes.

    Raises:
        InputError: There is none of that name; the message lists those there are.
    """
    sets = _table()["sets"]
    if name not in sets:
        raise InputError(f"There is no set of classes {name!r}: choose {', '.join(sets)}.")
    return classes_of(name, sets[name])


def classes_of(name: str, organs: Sequence[str]) -> ClassSet:
    """A set of classes by the names of its classes, organs of the table or unions, without the background."""
    unions = _table()["unions"]
    members = ((), *(tuple(unions.get(organ, (organ,))) for organ in organs))
    return ClassSet(name, (BACKGROUND, *organs), members)


def paint_order() -> list[anatomy.OrganEntry]:
    """Organs in the order in which they are painted into one label map, later over earlier: wholes before parts.

    The anatomy table's ``priority`` decides, as everywhere.
    """
    return sorted(anatomy.organs(), key=lambda row: row.priority)


def station_values() -> np.ndarray:
    """Class of every value of a station map: uint8 ``[256]``; class k is the k-th station of the table."""
    table = np.zeros(N_VALUES, np.uint8)
    for number, row in enumerate(anatomy.stations(), start=1):
        table[row.label_value] = number
    return table
