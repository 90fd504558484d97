"""A cohort as two tables: its patients with their images, and what the pathologist found by station."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from lnstation_training.tasks.station_classification.samples import CohortInfo
from LNStationLib import anatomy
from LNStationLib.support.errors import InputError

PATIENT_COLUMNS = ("patient", "ct", "stations")
OPTIONAL_COLUMNS = ("nodes", "tumor_side", "n_category")
PATHOLOGY_COLUMNS = ("patient", "station", "nodes_taken", "nodes_positive")
N_CATEGORIES = ("N0", "N1", "N2", "N3")
MOST_ERRORS = 20


class CohortError(InputError):
    """A table cannot be used; the message lists its faults, one line each, with the row."""


@dataclass(frozen=True)
class Dissection:
    """What the pathologist found in one station.

    Attributes:
        nodes_taken: Nodes that were examined, at least 1.
        nodes_positive: How many of them were metastatic.
    """

    nodes_taken: int
    nodes_positive: int

    @property
    def positive(self) -> bool:
        """At least one metastatic node: the station is metastatic (SA-MoE, Sec. 1)."""
        return self.nodes_positive >= 1


@dataclass(frozen=True)
class CohortPatient:
    """One patient of a cohort.

    Attributes:
        patient: Identifier, unique in the cohort; a pseudonym, never a name.
        ct: CT image.
        stations: Station label map on any grid, values of the station table.
        nodes: Node mask or label map; ``None`` where there is none.
        tumor_side: ``"L"``, ``"R"`` or ``None``.
        n_category: ``"N0"`` to ``"N3"`` or ``None``.
        dissections: By station name; a station that was not dissected is absent, and is never negative.
    """

    patient: str
    ct: Path
    stations: Path
    nodes: Path | None = None
    tumor_side: Literal["L", "R"] | None = None
    n_category: str | None = None
    dissections: Mapping[str, Dissection] = field(default_factory=dict)

    def label(self, station: str) -> int | None:
        """1 metastatic, 0 not, ``None`` where the station was not dissected."""
        found = self.dissections.get(station)
        return None if found is None else int(found.positive)


class _Faults:
    """Collects faults of a table by row."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.lines: list[str] = []

    def add(self, row: int | None, text: str) -> None:
        self.lines.append(f"{self.table.name}, row {row}: {text}" if row else f"{self.table.name}: {text}")

    def raise_if_any(self) -> None:
        if self.lines:
            shown = self.lines[:MOST_ERRORS]
            if len(self.lines) > MOST_ERRORS:
                shown.append(f"... and {len(self.lines) - MOST_ERRORS} more")
            raise CohortError("\n".join(shown))


def read_cohort(patients_table: Path, pathology_table: Path) -> list[CohortPatient]:
    """Read and check both tables.

    Args:
        patients_table: CSV with the columns of ``PATIENT_COLUMNS`` and, if there, ``OPTIONAL_COLUMNS``. Paths are
            relative to the table.
        pathology_table: CSV with the columns of ``PATHOLOGY_COLUMNS``, one row a dissected station.

    Returns:
        The patients in table order.

    Raises:
        CohortError: A table cannot be read, lacks a column, or has faulty rows; all are listed.
    """
    patients = _read_patients(patients_table)
    dissections = _read_pathology(pathology_table, set(patients))
    return [_with_dissections(row, dissections.get(name, {})) for name, row in patients.items()]


def cohort_info(patients_table: Path, pathology_table: Path, title: str | None, description: str = "") -> CohortInfo:
    """What a cohort is; synthetic where a ``cohort.json`` beside the table of patients says so.

    Args:
        patients_table: The table.
        pathology_table: The other one.
        title: Name of the cohort; ``None`` takes that of ``cohort.json``, or of the table's folder.
        description: More about it.

    Raises:
        CohortError: ``cohort.json`` cannot be read.
    """
    beside = patients_table.parent / "cohort.json"
    said: dict = {}
    if beside.exists():
        try:
            said = json.loads(beside.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CohortError(f"{beside} is not JSON: {error}.") from error
    digest = hashlib.sha256(patients_table.read_bytes() + pathology_table.read_bytes()).hexdigest()
    return CohortInfo(
        title=title or said.get("title") or patients_table.resolve().parent.name,
        synthetic=said.get("synthetic") is True,
        description=description,
        tables_digest=digest,
    )


def _with_dissections(row: CohortPatient, dissections: dict[str, Dissection]) -> CohortPatient:
    return CohortPatient(row.patient, row.ct, row.stations, row.nodes, row.tumor_side, row.n_category, dissections)


def _rows(table: Path, required: tuple[str, ...], faults: _Faults) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with their line number as a spreadsheet shows it; blank lines are skipped."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in required if name not in (reader.fieldnames or ())]
            if missing:
                faults.add(None, f"has no column {', '.join(missing)}")
                return
            for row in reader:
                cells = {key: (value or "").strip() for key, value in row.items() if key is not None}
                if any(cells.values()):
                    yield reader.line_num, cells
    except OSError as error:
        raise CohortError(f"{table} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CohortError(f"{table} is not a CSV table in UTF-8: {error}.") from error


def _read_patients(table: Path) -> dict[str, CohortPatient]:
    faults, found = _Faults(table), dict[str, CohortPatient]()
    for line, row in _rows(table, PATIENT_COLUMNS, faults):
        name = row["patient"]
        if not name:
            faults.add(line, "has no patient")
        elif name in found:
            faults.add(line, f"patient {name} is already in the table")
        elif any(character in name for character in "/\\:") or name.startswith("."):
            faults.add(line, f"patient {name!r} cannot name a file: use letters, digits, - and _")
        else:
            found[name] = _patient(name, row, partial(faults.add, line), table.parent)
    if not found and not faults.lines:
        faults.add(None, "has no patients")
    faults.raise_if_any()
    return found


def _patient(name: str, row: Mapping[str, str], fault: Callable[[str], None], base: Path) -> CohortPatient:
    def path(column: str) -> Path:
        if not row[column]:
            fault(f"patient {name} has no {column}")
            return base
        file = base / row[column]
        if not file.exists():
            fault(f"{column} {row[column]} does not exist")
        return file

    side, category = row.get("tumor_side", ""), row.get("n_category", "")
    if side not in ("", "L", "R"):
        fault(f"tumor_side is {side!r}, and must be L, R or empty")
    if category not in ("", *N_CATEGORIES):
        fault(f"n_category is {category!r}, and must be {', '.join(N_CATEGORIES)} or empty")
    return CohortPatient(
        patient=name,
        ct=path("ct"),
        stations=path("stations"),
        nodes=path("nodes") if row.get("nodes") else None,
        tumor_side="L" if side == "L" else "R" if side == "R" else None,
        n_category=category or None,
    )


def _read_pathology(table: Path, patients: set[str]) -> dict[str, dict[str, Dissection]]:
    faults, found = _Faults(table), dict[str, dict[str, Dissection]]()
    known = {row.name for row in anatomy.stations()}
    for line, row in _rows(table, PATHOLOGY_COLUMNS, faults):
        patient, station = row["patient"], row["station"]
        if patient not in patients:
            faults.add(line, f"patient {patient!r} is not in the table of patients")
        if station not in known:
            faults.add(line, f"unknown station {station!r}; stations are {', '.join(sorted(known))}")
        elif station in found.get(patient, {}):
            faults.add(line, f"station {station} of patient {patient} is already in the table")
        else:
            dissection = _dissection(row, partial(faults.add, line))
            if dissection is not None:
                found.setdefault(patient, {})[station] = dissection
    faults.raise_if_any()
    return found


def _dissection(row: Mapping[str, str], fault: Callable[[str], None]) -> Dissection | None:
    try:
        taken, positive = int(row["nodes_taken"]), int(row["nodes_positive"])
    except ValueError:
        fault(f"nodes_taken and nodes_positive are {row['nodes_taken']!r} and {row['nodes_positive']!r}, not numbers")
        return None
    if not 0 <= positive <= taken or taken == 0:
        fault(f"{positive} of {taken} nodes positive is impossible; leave out a station that was not dissected")
        return None
    return Dissection(taken, positive)
