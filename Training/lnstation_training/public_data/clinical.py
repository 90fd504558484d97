"""Cells of the table of patients from a data set's own table of clinical data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lnstation_training.public_data.given_tables import read_table
from lnstation_training.public_data.recipe import Found, PatientSource, Search
from LNStationLib.support.errors import InputError


@dataclass(frozen=True)
class Column:
    """A column of ours, and where it comes from.

    Attributes:
        name: Ours.
        given: Theirs, by plain names; the first that is there.
        value: Ours, of theirs; empty where it means nothing here.
        of_row: Ours, of a whole row, where several of their columns make it.
    """

    name: str
    given: tuple[str, ...]
    value: Callable[[str], str] = str
    of_row: Callable[[Mapping[str, str]], str] | None = None

    def cell(self, row: Mapping[str, str]) -> str:
        """Our cell."""
        if self.of_row is not None:
            return self.of_row(row)
        return next((self.value(row[name]) for name in self.given if row.get(name)), "")


def with_clinical(found: Found, search: Search, patient: Sequence[str], columns: Sequence[Column]) -> Found:
    """Patients with cells of the table that ``--labels`` names; as they are without one.

    Args:
        found: The patients.
        search: Where the table lies.
        patient: Plain names of the column with Patient IDs, the first that is there.
        columns: Which cells.

    Raises:
        InputError: The table lacks the column of patients, or knows none of them.
    """
    if search.labels is None:
        return found
    rows = _by_patient(search.labels, patient)
    if not any(source.patient in rows for source in found.patients):
        raise InputError(f"{search.labels.name} names none of the patients: give the data set's own table.")
    return Found(
        [_with_cells(source, rows.get(source.patient, {}), columns) for source in found.patients], found.left_out
    )


def _by_patient(path: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    rows = read_table(path)
    column = next((name for name in names if rows and name in rows[0]), None)
    if column is None:
        raise InputError(f"{path.name} has no column of Patient IDs: give the data set's own table.")
    return {row[column]: row for row in rows}


def _with_cells(source: PatientSource, row: Mapping[str, str], columns: Sequence[Column]) -> PatientSource:
    cells = {column.name: column.cell(row) for column in columns}
    return replace(source, cells={**source.cells, **{name: cell for name, cell in cells.items() if cell}})
