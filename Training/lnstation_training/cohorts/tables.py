"""A cohort as tables: patients with their images and masks, and pathology by station and by node."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from lnstation_training.cohorts.errors import CohortError, listed
from lnstation_training.cohorts.rows import NodeRow, PatientRow, Row, StationRow, fault
from LNStationLib.imaging.suv import PetUnits

Need = Literal[
    "pet", "stations", "organs", "tumor", "nodes", "tumor_side", "n_category", "pathology", "node_pathology"
]
"""What a task must have of every patient: a filled column of the table of patients, or one of the other tables."""
PATHOLOGY_COLUMNS = tuple(StationRow.model_fields)
_TABLES = ("pathology", "node_pathology")
_STATIONS: tuple[Need, ...] = ("stations",)
R = TypeVar("R", bound=Row)
L = TypeVar("L", StationRow, NodeRow)
Label = TypeVar("Label")


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
    """One patient of a cohort: a case and its labels.

    Attributes:
        patient: Identifier, unique in the cohort; a pseudonym, never a name.
        ct: CT image.
        stations: Station label map on any grid, values of the station table.
        nodes: Node mask or instance map.
        tumor_side: Of the primary tumor.
        n_category: ``"N0"`` to ``"N3"``.
        dissections: By station name; a station that was not dissected is absent, and is never negative.
        pet: PET image.
        pet_units: What its values are.
        organs: Organ label map or folder of masks.
        tumor: Mask of the primary tumor.
        node_status: Whether a node is metastatic, by its value in the instance map; unknown ones are absent.
        node_stations: Station that the surgeon took a node from, likewise.
        node_significance: Whether a reader holds a node for significant, likewise.

    What the table leaves empty is ``None``.
    """

    patient: str
    ct: Path
    stations: Path | None = None
    nodes: Path | None = None
    tumor_side: Literal["L", "R"] | None = None
    n_category: str | None = None
    dissections: Mapping[str, Dissection] = field(default_factory=dict)
    pet: Path | None = None
    pet_units: PetUnits | None = None
    organs: Path | None = None
    tumor: Path | None = None
    node_status: Mapping[int, bool] = field(default_factory=dict)
    node_stations: Mapping[int, str] = field(default_factory=dict)
    node_significance: Mapping[int, bool] = field(default_factory=dict)

    def label(self, station: str) -> int | None:
        """1 metastatic, 0 not, ``None`` where the station was not dissected."""
        found = self.dissections.get(station)
        return None if found is None else int(found.positive)


class _Faults:
    """Collects faults of a table by line and column."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.lines: list[str] = []

    def add(self, line: int, column: str, text: str) -> None:
        self.lines.append(f"{self.table.name}, line {line}, column {column}: {text}")

    def add_table(self, text: str) -> None:
        self.lines.append(f"{self.table.name}: {text}")

    def raise_if_any(self) -> None:
        if self.lines:
            raise CohortError(listed(self.lines))


def read_cohort(
    patients: Path,
    pathology: Path | None = None,
    node_pathology: Path | None = None,
    needs: Collection[Need] = _STATIONS,
) -> list[CohortPatient]:
    """Read and check the tables of a cohort.

    Args:
        patients: CSV with the columns of ``PatientRow``; paths are relative to the table.
        pathology: CSV with the columns of ``StationRow``, one row for each dissected station.
        node_pathology: CSV with the columns of ``NodeRow``, one row for each node of known status.
        needs: What every patient must have.

    Returns:
        The patients in table order.

    Raises:
        CohortError: A table is missing, cannot be read, lacks a column, or has faulty rows; all are listed.
    """
    given = {"pathology": pathology, "node_pathology": node_pathology}
    missing = [name for name in _TABLES if name in needs and given[name] is None]
    if missing:
        raise CohortError(f"The cohort has no table of {missing[0].replace('_', ' ')}, and this task needs it.")
    rows = _read_patients(patients, [name for name in needs if name not in _TABLES])
    dissections = _read_pathology(pathology, set(rows)) if pathology else {}
    nodes = _read_nodes(node_pathology, set(rows)) if node_pathology else {}
    return [_patient(row, dissections.get(name, {}), nodes.get(name, {})) for name, row in rows.items()]


def _patient(row: PatientRow, dissections: Mapping[str, Dissection], nodes: Mapping[int, NodeRow]) -> CohortPatient:
    return CohortPatient(
        **row.model_dump(),
        dissections=dissections,
        node_status={node: bool(each.metastatic) for node, each in nodes.items() if each.metastatic is not None},
        node_stations={node: each.station for node, each in nodes.items() if each.station is not None},
        node_significance={n: bool(each.significant) for n, each in nodes.items() if each.significant is not None},
    )


def _read_patients(table: Path, filled: Sequence[str]) -> dict[str, PatientRow]:
    faults, found = _Faults(table), dict[str, PatientRow]()
    for line, row in _rows(table, PatientRow, faults, filled):
        if row.patient in found:
            faults.add(line, "patient", f"{row.patient} is already in the table")
        found[row.patient] = row
    if not found and not faults.lines:
        faults.add_table("has no patients")
    faults.raise_if_any()
    return found


def _read_pathology(table: Path, patients: set[str]) -> dict[str, dict[str, Dissection]]:
    return _by_patient(
        table, StationRow, patients, "station", lambda row: Dissection(row.nodes_taken, row.nodes_positive)
    )


def _read_nodes(table: Path, patients: set[str]) -> dict[str, dict[int, NodeRow]]:
    return _by_patient(table, NodeRow, patients, "node", lambda row: row)


def _by_patient(
    table: Path, kind: type[L], patients: set[str], column: str, label: Callable[[L], Label]
) -> dict[str, dict[Any, Label]]:
    """Of every patient in a table the labels by ``column``, in which no value may stand twice."""
    faults, found = _Faults(table), dict[str, dict[Any, Label]]()
    for line, row in _rows(table, kind, faults):
        _check_patient(row.patient, patients, line, faults)
        labels, key = found.setdefault(row.patient, {}), getattr(row, column)
        if key in labels:
            faults.add(line, column, f"{key} of patient {row.patient} is already in the table")
        labels[key] = label(row)
    faults.raise_if_any()
    return found


def _check_patient(patient: str, patients: set[str], line: int, faults: _Faults) -> None:
    if patient not in patients:
        faults.add(line, "patient", f"{patient!r} is not in the table of patients")


def _rows(table: Path, kind: type[R], faults: _Faults, filled: Sequence[str] = ()) -> Iterator[tuple[int, R]]:
    """The rows that can be read, each with its line; faults of the others are collected.

    Args:
        table: The table.
        kind: Of its rows.
        faults: Collects faults.
        filled: Optional columns that must be there and filled.
    """
    required = [name for name, column in kind.model_fields.items() if column.is_required()]
    for line, cells in _cells(table, [*required, *filled], faults):
        empty = [name for name in filled if name not in cells]
        for column in empty:
            faults.add(line, column, "is empty")
        try:
            yield line, kind.model_validate(cells, context={"folder": table.parent})
        except ValidationError as error:
            for each in error.errors():
                column = str(each["loc"][0])
                faults.add(line, column, fault(each, column not in required))


def _cells(table: Path, required: Sequence[str], faults: _Faults) -> Iterator[tuple[int, dict[str, str]]]:
    """Filled cells of every row that has any, with its line number as an editor shows it."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in required if name not in (reader.fieldnames or ())]
            if missing:
                faults.add_table(f"has no column {', '.join(missing)}")
                return
            for row in reader:
                cells = {
                    key: value.strip() for key, value in row.items() if key is not None and (value or "").strip()
                }
                if cells:
                    yield reader.line_num, cells
    except OSError as error:
        raise CohortError(f"{table} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CohortError(f"{table} is not a CSV table in UTF-8: {error}.") from error
