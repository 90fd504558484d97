"""The tables of a batch, written row by row: CSV always, Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib.util
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from LNStationLib.batch.columns import (
    CASE_ID,
    CASES,
    CHOICES,
    COSTS,
    FAILURES,
    CaseRow,
    ChoiceRow,
    CostRow,
    FailureRow,
)
from LNStationLib.export.columns import NODES, STATIONS, Column
from LNStationLib.export.csv_files import csv_fields, plain_values
from LNStationLib.state.assessment import NodeFinding, StationFinding

_ROWS_IN_MEMORY = 5000
"""Of one Parquet row group: some megabytes at 45 columns."""


@dataclass(frozen=True)
class Table:
    """A table of a batch.

    Attributes:
        name: Of its files, without their endings.
        columns: After the column with the case, where rows do not know their case.
        model: Of a row.
        of_case: Rows do not know their case: it goes before them.
    """

    name: str
    columns: tuple[Column, ...]
    model: type[BaseModel]
    of_case: bool = False


TABLES = (
    Table("cases", CASES, CaseRow),
    Table("stations", STATIONS, StationFinding, of_case=True),
    Table("nodes", NODES, NodeFinding, of_case=True),
    Table("failures", FAILURES, FailureRow),
    Table("choices", CHOICES, ChoiceRow),
    Table("costs", COSTS, CostRow),
)
ENDINGS = (".csv", ".parquet")


def has_parquet() -> bool:
    """Whether what writes Parquet is installed."""
    return importlib.util.find_spec("pyarrow") is not None


class TableFiles:
    """A table being written, as CSV and, where possible, as Parquet.

    Args:
        table: Which.
        folder: Where its files go.
    """

    def __init__(self, table: Table, folder: Path) -> None:
        self._table = table
        self._columns = (CASE_ID, *table.columns) if table.of_case else table.columns
        self._file: IO[str] = (folder / f"{table.name}.csv").open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file, lineterminator="\r\n")
        self._csv.writerow([column.key for column in self._columns])
        self._parquet = _Parquet(table, self._columns, folder) if has_parquet() else None

    def add(self, row: object, case_id: str = "") -> None:
        """Add a row; with its case where the rows of the table do not know it."""
        case = [case_id] if self._table.of_case else []
        self._csv.writerow([*case, *csv_fields(self._table.columns, row)])
        if self._parquet is not None:
            self._parquet.add([*case, *plain_values(self._table.columns, row)])

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
        if self._parquet is not None:
            self._parquet.close()


class _Parquet:
    """Rows to a Parquet file, group by group; types of columns come from the published model, not from the values."""

    def __init__(self, table: Table, columns: Sequence[Column], folder: Path) -> None:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        fields = [pa.field(column.key, arrow_type(column, table.model)) for column in columns]
        self._schema = pa.schema(fields)
        self._writer = ParquetWriter(folder / f"{table.name}.parquet", self._schema, compression="zstd")
        self._rows: list[list[Any]] = []

    def add(self, row: list[Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS_IN_MEMORY:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        values = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        arrays = [pa.array(column, field.type) for column, field in zip(values, self._schema, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows = []


def arrow_type(column: Column, model: type[BaseModel]) -> Any:
    """The type of a column in Parquet, by the type of its field in the model; text for all that is no number."""
    import pyarrow as pa

    if column is CASE_ID:
        return pa.string()
    found: Any = model
    for step in column.path:
        found = _field_type(_without_none(found), step)
    kind = _without_none(found)
    return {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}.get(kind, pa.string())


def _field_type(holder: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return get_args(holder)[step]
    return holder.model_fields[step].annotation


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [one for one in get_args(kind) if one is not type(None)]
        return kinds[0]
    return kind if get_origin(kind) is not Literal else str
