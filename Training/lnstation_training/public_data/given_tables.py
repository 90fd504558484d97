"""Tables that come with a data set, whatever they call their columns: stations of nodes, and facts of patients."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lnstation_training.public_data.recipe import NodeCells
from LNStationLib import anatomy
from LNStationLib.support.csv_rows import TableError
from LNStationLib.support.sentences import quoted

_SAMPLE_CHARACTERS = 4096
_STATION = re.compile(r"(1[0-4]|[1-9])([ap]?)([rl]?)")
_PARTS = {"patient": ("patient", "pat", "case"), "node": ("node", "label", "instance", "value", "lymph")}
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
    found = _STATION.fullmatch(plain(text).removeprefix("station"))
    if found is None:
        return ""
    number, part, side = found[1], found[2].upper(), found[3].upper()
    known = {row.name for row in anatomy.stations()}
    return next((name for name in (f"{number}{part}{side}", f"{number}{part}") if name in known), "")


def node_stations(path: Path) -> dict[str, list[NodeCells]]:
    """Stations of nodes by patient, from a table with a row for each node.

    Columns are recognized by words in their names: of the patient, of the node's value in the label map, and one or
    more of stations, the first of which counts.

    Raises:
        TableError: The columns cannot be told apart, or a node is no number.
    """
    rows = read_table(path)
    if not rows:
        raise TableError(f"{path.name} has no rows.")
    stations = [name for name in rows[0] if any(part in name for part in _STATION_PARTS)]
    patient, node = (_column(kind, rows[0], stations) for kind in ("patient", "node"))
    if not (patient and node and stations):
        raise TableError(
            f"{path.name}: columns of patient, node and station cannot be told among {quoted(', '.join(rows[0]))}; "
            "name them patient, node, station, station_2 and so on."
        )
    found: dict[str, list[NodeCells]] = {}
    for line, row in enumerate(rows, 2):
        if not row[node].isdigit():
            raise TableError(f"{path.name}, line {line}: {quoted(row[node])!r} is not the number of a node.")
        given = tuple(row[name] for name in stations if row[name])
        cells = NodeCells(int(row[node]), station_of(given[0]) if given else "", given)
        found.setdefault(row[patient], []).append(cells)
    return found


def of_patient(number: int, tables: Mapping[str, Sequence[NodeCells]]) -> tuple[NodeCells, ...]:
    """The nodes of a patient that a table calls by a number with or without words, such as ``Pat07`` or ``7``."""
    named = (nodes for name, nodes in tables.items() if re.sub(r"\D", "", name).lstrip("0") == str(number))
    return tuple(next(named, ()))


def n_category(text: str) -> str:
    """``"N0"`` to ``"N3"`` of what a table writes for it ("N2", "2", "pN2"); empty for everything else."""
    found = re.fullmatch(r"[cp]?n?([0-3])[a-c]?", plain(text))
    return f"N{found[1]}" if found else ""


def is_checked(text: str) -> bool:
    """Whether a box of a form was ticked."""
    return plain(text) in ("checked", "yes", "true", "1")


def _column(kind: str, row: Mapping[str, str], others: Sequence[str]) -> str:
    """The first column whose name holds one of the words for it, tried in their order."""
    names = [name for name in row if name not in others]
    return next((name for part in _PARTS[kind] for name in names if part in name), "")
