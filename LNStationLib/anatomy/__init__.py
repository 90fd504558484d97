"""The anatomy tables: stations and organs, read once from ``Resources/Anatomy`` and checked on load.

Standard library only, so that the Slicer module can import it too.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from LNStationLib.support.resources import resource_path

Side = Literal["L", "R"]
Color = tuple[int, int, int]

PRIVATE_SCHEME = "99LNSTATION"
"""Coding scheme designator of the codes that no public terminology has."""

N_DEEPSTATIONING_KEY_ORGANS = 6
"""DeepStationing (Guo et al. 2021) uses the six organs of best rank in the table."""

_BORDERS = frozenset({"upper", "lower", "medial", "lateral", "anterior", "posterior"})
_ZONES = frozenset({"supraclavicular", "upper", "aortopulmonary", "subcarinal", "lower", "hilar/interlobar"})
_FILE_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".dcm")
_SIDE_WORDS = {"left": "left", "lt": "left", "l": "left", "right": "right", "rt": "right", "r": "right"}
_AMERICAN = {"oesophagus": "esophagus", "oesophageal": "esophageal"}
_ORGAN_SIDES: dict[str, Side] = {"left": "L", "right": "R"}


@dataclass(frozen=True)
class Code:
    """A coded concept as DICOM writes it."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Station:
    """One lymph node station of the IASLC map (Rusch et al. 2009).

    Attributes:
        name: IASLC name, e.g. ``"4R"``.
        label_value: Value in ``stations.nii.gz``, 1 to 255.
        title: Title of the station, e.g. "right lower paratracheal".
        side: ``"L"``, ``"R"`` or ``None`` for stations without a side of their own.
        side_variants: Names of its sided parts, e.g. ``("8R", "8L")``; empty where it has a side or none apply.
        zone: IASLC zone.
        color: sRGB in [0, 255].
        borders: Border name ("upper", "lower", "medial", "lateral", "anterior", "posterior") to its definition.
        groups: Grouping name (a paper's) to the group this station falls in; a paper that does not cover the
            station has no key.
        code: Code for DICOM. It names the station without its side, which goes into a laterality modifier
            (``side_code``); a private code names the side too.
    """

    name: str
    label_value: int
    title: str
    side: Side | None
    side_variants: tuple[str, ...]
    zone: str
    color: Color
    borders: Mapping[str, str]
    groups: Mapping[str, str]
    code: Code


@dataclass(frozen=True)
class OrganEntry:
    """One organ of the table.

    Attributes:
        name: Canonical name, e.g. ``"main_bronchus_left"``.
        label_value: Value in ``organs.nii.gz``, 1 to 255; where organs overlap the higher ``priority`` wins.
        title: For people to read.
        color: sRGB in [0, 255].
        aliases: Every other name it arrives under, in the normal form of ``normal_name``; masks that arrive
            under several of them are united.
        priority: Drawing order where organs overlap in a label map; no two are equal.
        parts: Organs of this table whose union is this one ("lung_left" from its lobes); all are needed.
        code: Code for DICOM, without the side.
        pieces: Names of what arrives one by one ("vertebrae_t12" for the spine), in normal form. They are
            united too, but the union may be less than the whole organ.
        deepstationing_rank: Searched rank among the 22 organs of DeepStationing (Guo et al. 2021, Section 3),
            1 to 22, or ``None``. Pairs that the paper lists jointly take two ranks, right first.
    """

    name: str
    label_value: int
    title: str
    color: Color
    aliases: tuple[str, ...]
    priority: int
    parts: tuple[str, ...]
    code: Code
    pieces: tuple[str, ...] = ()
    deepstationing_rank: int | None = None

    @property
    def side(self) -> Side | None:
        """The patient's side that the name says, or ``None``."""
        return _ORGAN_SIDES.get(self.name.rpartition("_")[2])

    @property
    def is_deepstationing_key(self) -> bool:
        """True for the six key organs that the search of DeepStationing kept."""
        rank = self.deepstationing_rank
        return rank is not None and rank <= N_DEEPSTATIONING_KEY_ORGANS


@cache
def stations() -> tuple[Station, ...]:
    """All stations in label order."""
    rows = [_station_row(entry) for entry in _read("stations.json")["stations"]]
    _unique((row.name for row in rows), "station name")
    _unique((row.label_value for row in rows), "station label value")
    return tuple(sorted(rows, key=lambda row: row.label_value))


@cache
def organs() -> tuple[OrganEntry, ...]:
    """All organs in label order."""
    rows = [_organ_row(entry) for entry in _read("organs.json")["organs"]]
    _unique((row.label_value for row in rows), "organ label value")
    _unique((row.priority for row in rows), "organ priority")
    _unique((name for row in rows for name in (row.name, *row.aliases, *row.pieces)), "organ name or alias")
    known = {row.name for row in rows}
    for row in rows:
        _require(set(row.parts) <= known, f"parts of organ {row.name} that are not organs: {row.parts}")
    return tuple(sorted(rows, key=lambda row: row.label_value))


@cache
def unions() -> Mapping[str, tuple[str, ...]]:
    """Names, in normal form, that mean several organs at once ("lungs"), to those organs' canonical names."""
    table = {name: tuple(parts) for name, parts in _read("organs.json")["unions"].items()}
    known = {row.name for row in organs()}
    for name, parts in table.items():
        _require(name == normal_name(name), f"union {name!r} is not in normal form")
        _require(name not in _organ_names(), f"union {name!r} is an organ too")
        _require(set(parts) <= known, f"union {name!r} of things that are not organs: {parts}")
    return table


def station(name: str) -> Station:
    """The station of that name.

    Raises:
        KeyError: There is no such station; the message lists those there are.
    """
    for row in stations():
        if row.name == name:
            return row
    raise KeyError(f"no station {name!r}; there are {', '.join(row.name for row in stations())}")


def organ(name: str) -> OrganEntry:
    """The organ of that canonical name; ``find_organ`` takes aliases too.

    Raises:
        KeyError: There is no such organ; the message suggests similar ones.
    """
    for row in organs():
        if row.name == name:
            return row
    raise KeyError(f"no organ {name!r}; did you mean {', '.join(suggest_organs(name)) or 'none of the table'}?")


@cache
def side_code(side: Side) -> Code:
    """SNOMED CT laterality modifier of the patient's side ``"L"`` or ``"R"`` (DICOM CID 244).

    Raises:
        KeyError: Another side.
    """
    return _code(_read("stations.json")["sides"][side])


def normal_name(name: str) -> str:
    """Return the form in which names are compared.

    Lower case, words joined by underscores, image file endings dropped, American spelling, and the side as the
    last word, whether it came as ``"Left"``, ``"lt"`` or ``"L"``.

    Examples:
        >>> normal_name("Left Subclavian artery.nii.gz")
        'subclavian_artery_left'
        >>> normal_name("V.BCV (L)")
        'v_bcv_left'
        >>> normal_name("Oesophagus")
        'esophagus'
    """
    text = name.strip().lower()
    for ending in _FILE_ENDINGS:
        text = text.removesuffix(ending)
    words = [_AMERICAN.get(word, word) for word in re.split(r"[^a-z0-9]+", text) if word]
    side_words = [word for word in words if word in _SIDE_WORDS]
    if len(side_words) == 1:
        words.remove(side_words[0])
        words.append(_SIDE_WORDS[side_words[0]])
    return "_".join(words)


def find_organ(name: str) -> OrganEntry | None:
    """The organ that goes by ``name``: canonical, alias or piece, in any spelling that ``normal_name`` levels.

    Returns:
        The entry, or ``None`` where the table has no organ of that name; ``find_union`` and ``is_unused`` tell
        whether the name is known all the same.
    """
    return _organ_names().get(normal_name(name))


def is_piece(name: str) -> bool:
    """True where ``name`` is a piece of an organ, e.g. one vertebra: the organ's mask may then be incomplete."""
    entry = find_organ(name)
    return entry is not None and normal_name(name) in entry.pieces


def find_union(name: str) -> tuple[str, ...]:
    """Canonical names of the organs that ``name`` means together ("lungs"); empty if ``name`` is not a union."""
    return unions().get(normal_name(name), ())


def is_unused(name: str) -> bool:
    """True for a structure that segmentation tools deliver and LNStation has no use for ("spleen")."""
    return normal_name(name) in _unused()


def suggest_organs(name: str, n: int = 3) -> list[str]:
    """Canonical names of up to ``n`` organs whose names resemble ``name``, best first."""
    names = _organ_names()
    close = difflib.get_close_matches(normal_name(name), names, n=4 * n, cutoff=0.6)
    return list(dict.fromkeys(names[match].name for match in close))[:n]


@cache
def _organ_names() -> dict[str, OrganEntry]:
    return {name: row for row in organs() for name in (row.name, *row.aliases, *row.pieces)}


@cache
def _unused() -> frozenset[str]:
    names = frozenset(_read("organs.json")["unused"])
    both = sorted(names & {*_organ_names(), *unions()})
    _require(not both, f"names that are unused and used: {both}")
    return names


def _station_row(entry: dict[str, Any]) -> Station:
    name = entry["name"]
    _check_row(entry, f"station {name}")
    _require(entry["side"] in ("L", "R", None), f"station {name}: side {entry['side']!r}")
    _require(entry["zone"] in _ZONES, f"station {name}: zone {entry['zone']!r}")
    borders = entry["borders"]
    _require(bool(borders) and set(borders) <= _BORDERS, f"station {name}: borders {sorted(borders)}")
    return Station(
        name=name,
        label_value=entry["label_value"],
        title=entry["title"],
        side=entry["side"],
        side_variants=tuple(entry["side_variants"]),
        zone=entry["zone"],
        color=tuple(entry["color"]),
        borders=borders,
        groups=entry["groups"],
        code=_code(entry["code"]),
    )


def _organ_row(entry: dict[str, Any]) -> OrganEntry:
    name = entry["name"]
    _check_row(entry, f"organ {name}")
    for other in (name, *entry["aliases"], *entry.get("pieces", [])):
        _require(other == normal_name(other), f"organ {name}: {other!r} is not in normal form")
    return OrganEntry(
        name=name,
        label_value=entry["label_value"],
        title=entry["title"],
        color=tuple(entry["color"]),
        aliases=tuple(entry["aliases"]),
        priority=entry["priority"],
        parts=tuple(entry["parts"]),
        code=_code(entry["code"]),
        pieces=tuple(entry.get("pieces", [])),
        deepstationing_rank=entry.get("deepstationing_rank"),
    )


def _check_row(entry: dict[str, Any], what: str) -> None:
    color = entry["color"]
    _require(len(color) == 3 and all(type(c) is int and 0 <= c <= 255 for c in color), f"{what}: color {color}")
    _require(1 <= entry["label_value"] <= 255, f"{what}: label value {entry['label_value']}")
    _require(bool(entry["title"]), f"{what}: no title")


def _code(entry: dict[str, str]) -> Code:
    return Code(entry["value"], entry["scheme"], entry["meaning"])


@cache
def _read(name: str) -> Any:
    return json.loads(resource_path("Anatomy", name).read_text(encoding="utf-8"))


def _unique(values: Iterable[object], what: str) -> None:
    repeated = sorted(str(value) for value, count in Counter(values).items() if count > 1)
    _require(not repeated, f"{what} used twice: {', '.join(repeated)}")


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(f"anatomy table: {complaint}")
