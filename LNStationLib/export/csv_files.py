"""Stations and nodes as CSV (RFC 4180: comma, CRLF, quotes doubled), UTF-8, one header line with units.

An empty field is ``None``: not assessed or not measured. Text that a spreadsheet would take for a formula gets a
leading apostrophe (OWASP, "CSV Injection"); numbers are written as numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from LNStationLib.assessment.review import Review
from LNStationLib.export.columns import EDITS, NODES, READER_CALLS, STATIONS, Column, Value
from LNStationLib.state.assessment import Assessment, NStaging

CsvValue = str | int | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet take text for a formula (OWASP, "CSV Injection"); full-width forms too."""

_DECIMALS = 4
"""Digits after the decimal point: 0.1 µm of a position in mm, far below what any scan resolves."""

N_CATEGORY_COLUMNS = (
    "source",
    "reader",
    "blind",
    "n_category",
    "is_lower_bound",
    "rules",
    "deciding_stations",
    "positive_stations",
    "not_assessed_stations",
    "explanation",
)


def stations_csv(assessment: Assessment, review: Review | None = None) -> str:
    """One line per station; with a review, the reader's call and note beside the model's."""
    if review is None:
        return _table(STATIONS, assessment.stations)
    header = [column.key for column in (*STATIONS, *READER_CALLS)]
    rows = [
        [*_values(STATIONS, row), *_values(READER_CALLS, review.calls.get(row.station))]
        for row in assessment.stations
    ]
    return _csv(header, rows)


def edits_csv(review: Review) -> str:
    """One line per edit of an outline, oldest first."""
    return _table(EDITS, review.edits)


def n_category_csv(assessment: Assessment, review: Review) -> str:
    """The N category by the model and, where there is one, by the reader."""
    rows = [_category_row("model", None, None, assessment.staging)]
    if review.n_category is not None:
        rows.append(_category_row("reader", review.reader, review.blind, review.n_category))
    return _csv(N_CATEGORY_COLUMNS, rows)


def nodes_csv(assessment: Assessment) -> str:
    """One line per node."""
    return _table(NODES, assessment.nodes)


def csv_fields(table: Sequence[Column], row: object) -> list[str | int]:
    """The values of a row as its line of a CSV file has them, before quoting."""
    return [_field(value) for value in _values(table, row)]


def plain_values(table: Sequence[Column], row: object) -> list[CsvValue]:
    """The values of a row, lists joined as in CSV files, ``None`` where there is none."""
    return [_joined(column.value(row), column.separator) for column in table]


def safe_text(text: str) -> str:
    """Text that no spreadsheet evaluates."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _table(table: Sequence[Column], rows: Sequence[object]) -> str:
    return _csv([column.key for column in table], [_values(table, row) for row in rows])


def _values(table: Sequence[Column], row: object) -> list[CsvValue]:
    return [_yes_no(value) if isinstance(value, bool) else value for value in plain_values(table, row)]


def _pairs(values: Mapping[str, float]) -> list[str]:
    """Named numbers as text."""
    return [f"{name}={value:.4g}" for name, value in values.items()]


def _joined(value: Value, separator: str) -> CsvValue:
    if value is None or isinstance(value, str | int | float):
        return value
    return separator.join(_pairs(value) if isinstance(value, Mapping) else map(str, value))


def _csv(header: Sequence[str], rows: Sequence[Sequence[CsvValue]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_field(value) for value in row])
    return buffer.getvalue()


def _field(value: CsvValue) -> str | int:
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, float):
        return repr(round(value, _DECIMALS))
    return value


def _category_row(source: str, reader: str | None, blind: bool | None, staging: NStaging) -> list[CsvValue]:
    return [
        source,
        reader,
        None if blind is None else _yes_no(blind),
        staging.category,
        _yes_no(staging.is_lower_bound),
        staging.rules,
        " ".join(staging.deciding_stations),
        " ".join(staging.positive_stations),
        " ".join(staging.not_assessed_stations),
        staging.explanation,
    ]


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"
