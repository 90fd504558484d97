"""Tables that come with a data set, whatever they call their columns: stations of nodes, and facts of patients."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lnstation_training.public_data.recipe import NodeCells
from LNStationLib.anatomy.station_names import station_named
from LNStationLib.support.csv_rows import TableError
from LNStationLib.support.sentences import quoted

_SAMPLE_CHARACTERS = 4096
_STATION = re.compile(r"(?:station)?(?:1[0-4]|[1-9])([ap]?[rl]|[ap])?[si]?")
_PARTS = {"patient": ("patient", "pat", "case", "subject"), "node": ("node", "label", "instance", "value", "lymph")}
_STATION_PARTS = ("station", "primary", "secondary", "tertiary")


def plain(text: str) -> str:
    """A column's name without what spellings differ in: letters and digits, small."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table with commas, semicolons or tabs, by plain column names.

    Raises:
        TableError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        dialect = csv.Sniffer().sniff(text[:_SAMPLE_CHARACTERS].partition("\n")[0] + "\n", ",;\t")
        rows = list(csv.DictReader(text.splitlines(), dialect=dialect))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path.name} cannot be read as a table: save it as CSV in UTF-8.") from error
    return [{plain(key): (value or "").strip() for key, value in row.items() if key is not None} for row in rows]


def station_of(text: str) -> str:
    """The station of our table that a source means: its sides of 3A, 7 and 8 to ours; empty where we have none.

    "3aR", "7L" and "8R" are 3A, 7 and 8 here: the map of 2009 gives these no sides. 12 to 14 are no stations here.
    """
    row = station_named(text) if len(re.findall(r"\d+", text)) == 1 else None
    return row.name if row is not None else ""


def number_in(text: str) -> int | None:
    """The only number in a cell, if it is whole: 7 of "7", "7.0", "Pat07" and "MED_LYMPH_007"."""
    numbers = re.findall(r"\d+(?:\.\d+)?", text)
    return int(float(numbers[0])) if len(numbers) == 1 and float(numbers[0]).is_integer() else None


def node_stations(path: Path) -> dict[str, list[NodeCells]]:
    """Stations of nodes by patient, from a table with a row for each node.

    Columns are recognized by words in their names, else by what is in them: of the patient, of the node's value in
    the label map, and one or more of stations, the first of which counts. An empty cell of the patient means the one
    above, as sheets with merged cells are saved.

    Raises:
        TableError: The columns cannot be told apart, a node is no number, or no cell is a station.
    """
    rows = read_table(path)
    columns = _columns_of(path, [row for row in rows if any(row.values())])
    found: dict[str, list[NodeCells]] = {}
    patient = ""
    for line, row in enumerate(rows, 2):
        if not any(row.values()):
            continue
        patient, node = row[columns.patient] or patient, number_in(row[columns.node])
        if node is None:
            raise TableError(f"{path.name}, line {line}: {quoted(row[columns.node])!r} is not the number of a node.")
        given = tuple(word for name in columns.stations for word in _stations_in(row[name]))
        found.setdefault(patient, []).append(NodeCells(node, station_of(given[0]) if given else "", given))
    if not any(one.station for nodes in found.values() for one in nodes):
        raise TableError(f"{path.name}: no cell of {quoted(', '.join(columns.stations))} is a station, such as 4R.")
    return found


def of_patient(number: int, tables: Mapping[str, Sequence[NodeCells]]) -> tuple[NodeCells, ...]:
    """The nodes of a patient that a table calls by a number with or without words, such as ``Pat07`` or ``7``."""
    return tuple(next((nodes for name, nodes in tables.items() if number_in(name) == number), ()))


def n_category(text: str) -> str:
    """``"N0"`` to ``"N3"`` of what a table writes for it ("N2", "2", "pN2"); empty for everything else."""
    found = re.fullmatch(r"[cp]?n?([0-3])[a-c]?", plain(text))
    return f"N{found[1]}" if found else ""


def is_checked(text: str) -> bool:
    """Whether a box of a form was ticked."""
    return plain(text) in ("checked", "yes", "true", "1")


@dataclass(frozen=True)
class _Columns:
    patient: str
    node: str
    stations: tuple[str, ...]


def _columns_of(path: Path, rows: Sequence[Mapping[str, str]]) -> _Columns:
    if not rows:
        raise TableError(f"{path.name} has no rows.")
    names = [name for name in rows[0] if name]
    stations = [name for name in names if any(part in name for part in _STATION_PARTS)]
    stations = stations or [name for name in names if _holds_stations([row[name] for row in rows])]
    patient, node = _patient_and_node(rows, [name for name in names if name not in stations])
    if not (patient and node and stations):
        raise TableError(
            f"{path.name}: columns of patient, node and station cannot be told among {quoted(', '.join(names))}; "
            "name them patient, node, station, station_2 and so on."
        )
    return _Columns(patient, node, tuple(stations))


def _patient_and_node(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> tuple[str, str]:
    """By their names, else the only two columns that can be these; empty where that is not one pair."""
    patient, node = (_named_after(kind, names) for kind in ("patient", "node"))
    if patient and node:
        return patient, node
    fitting = [
        (one, other)
        for one in ([patient] if patient else names)
        for other in ([node] if node else names)
        if one != other and _can_be_nodes_of_patients([(number_in(row[one]), number_in(row[other])) for row in rows])
    ]
    return fitting[0] if len(fitting) == 1 else ("", "")


def _named_after(kind: str, names: Sequence[str]) -> str:
    """The first column whose name holds one of the words for it, tried in their order."""
    return next((name for part in _PARTS[kind] for name in names if part in name), "")


def _can_be_nodes_of_patients(pairs: Sequence[tuple[int | None, int | None]]) -> bool:
    """Numbers, patients one after the other, several nodes in some, and no node twice."""
    patients = [patient for patient, _ in pairs]
    if any(None in pair for pair in pairs) or len(set(pairs)) != len(pairs):
        return False
    return sum(1 for _ in groupby(patients)) == len(set(patients)) < len(pairs)


def _holds_stations(cells: Sequence[str]) -> bool:
    """Nothing but stations, with a side or part somewhere: numbers alone may be anything."""
    filled = [plain(cell) for cell in cells if cell]
    found = [_STATION.fullmatch(cell) for cell in filled]
    return all(found) and any(one is not None and one.lastindex for one in found)


def _stations_in(cell: str) -> list[str]:
    """The stations of a cell that may hold several ("4R/2R"); the cell itself where not every part is one."""
    parts = [part.strip() for part in re.split(r"[/,;+&]", cell) if part.strip()]
    return parts if all(_STATION.fullmatch(plain(part)) for part in parts) else [cell]
