"""The columns of tables as the library defines them: title, unit, digits and meaning are the report's.

``Testing/Tools/definitions.py`` keeps the worker's answer to ``columns`` in ``Resources/Definitions/columns.json``.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal, TypedDict

from LNStationLib.support.resources import resource_path

Table = Literal["stations", "nodes", "reader_calls", "edits"]


class ColumnDefinition(TypedDict):
    """One column (docs/worker.md, ``columns``); the fields that the module reads."""

    key: str
    title: str
    abbreviation: str
    unit: str
    digits: int | None
    meaning: str
    path: list[str | int]
    shown_per_value: float


@cache
def _tables() -> dict[str, dict[str, ColumnDefinition]]:
    tables = json.loads(resource_path("Definitions", "columns.json").read_text(encoding="utf-8"))
    return {name: {column["key"]: column for column in columns} for name, columns in tables.items()}


def columnDefinition(table: Table, key: str) -> ColumnDefinition:
    """The column of a key.

    Raises:
        KeyError: The table has no such column.
    """
    return _tables()[table][key]


def heading(column: ColumnDefinition) -> str:
    """Title and unit, as in ``"Volume, ml"``."""
    return f"{column['title']}, {column['unit']}" if column["unit"] not in ("", "%") else column["title"]


def narrowHeading(column: ColumnDefinition) -> str:
    """For a column that is a few characters wide."""
    return column["abbreviation"] or column["title"]


def cellValue(column: ColumnDefinition, row: Any) -> Any:
    """What a row of the assessment holds there; None where it was not assessed, and in one of an older version."""
    for step in column["path"]:
        if row is None:
            return None
        row = row.get(step) if isinstance(row, dict) else row[step]
    return row


def formatted(column: ColumnDefinition, value: Any, nothing: str = "") -> str:
    """A value as people read it, ``nothing`` for None."""
    if value is None:
        return nothing
    if column["digits"] is None:
        return str(value)
    sign = column["unit"] if column["unit"] == "%" else ""
    return f"{value * column['shown_per_value']:.{column['digits']}f}{sign}"
