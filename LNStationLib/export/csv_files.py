"""Stations and nodes as CSV (RFC 4180: comma, CRLF, quotes doubled), UTF-8, one header line with units.

An empty field is ``None``: not assessed or not measured. Text that a spreadsheet would take for a formula gets a
leading apostrophe (OWASP, "CSV Injection"); numbers are written as numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from LNStationLib.assessment.review import ReaderCall, Review
from LNStationLib.state.assessment import Assessment, NodeFinding, NStaging, Point, StationFinding

CsvValue = str | int | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_DECIMALS = 4

STATION_COLUMNS = (
    "station",
    "label_value",
    "title",
    "zone",
    "side",
    "volume_ml",
    "centroid_x_lps_mm",
    "centroid_y_lps_mm",
    "centroid_z_lps_mm",
    "n_nodes",
    "largest_short_axis_mm",
    "suv_max_bw_g_per_ml",
    "probability",
    "attention_in_nodes",
    "attention_node",
    "call",
    "positive_sides",
    "reason",
    "warnings",
    "edited",
    "fit_for_staging",
)
READER_COLUMNS = ("reader_call", "reader_note", "reader_call_time")
"""Follow those of a station where a reader reviewed the case."""
EDIT_COLUMNS = ("time", "reader", "station", "volume_before_ml", "volume_after_ml")
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
NODE_COLUMNS = (
    "node_id",
    "source",
    "station",
    "station_fraction",
    "side",
    "volume_mm3",
    "short_axis_mm",
    "long_axis_mm",
    "extent_x_mm",
    "extent_y_mm",
    "extent_z_mm",
    "mean_hu",
    "suv_max_bw_g_per_ml",
    "suv_mean_bw_g_per_ml",
    "suv_peak_bw_g_per_ml",
    "centroid_x_lps_mm",
    "centroid_y_lps_mm",
    "centroid_z_lps_mm",
    "box_min_x_lps_mm",
    "box_min_y_lps_mm",
    "box_min_z_lps_mm",
    "box_max_x_lps_mm",
    "box_max_y_lps_mm",
    "box_max_z_lps_mm",
    "call",
    "probability",
    "reason",
    "warnings",
    "fit_for_staging",
)


def stations_csv(assessment: Assessment, review: Review | None = None) -> str:
    """One line per station; with a review, the reader's call and note beside the model's."""
    if review is None:
        return _csv(STATION_COLUMNS, [_station_row(row) for row in assessment.stations])
    rows = [[*_station_row(row), *_reader_row(review.calls.get(row.station))] for row in assessment.stations]
    return _csv((*STATION_COLUMNS, *READER_COLUMNS), rows)


def edits_csv(review: Review) -> str:
    """One line per edit of a station's outline, oldest first."""
    rows = [[edit.when, edit.who, edit.station, edit.volume_before_ml, edit.volume_after_ml] for edit in review.edits]
    return _csv(EDIT_COLUMNS, rows)


def n_category_csv(assessment: Assessment, review: Review) -> str:
    """The N category by the model and, where there is one, by the reader."""
    rows = [_category_row("model", None, None, assessment.staging)]
    if review.n_category is not None:
        rows.append(_category_row("reader", review.reader, review.blind, review.n_category))
    return _csv(N_CATEGORY_COLUMNS, rows)


def nodes_csv(assessment: Assessment) -> str:
    """One line per node."""
    return _csv(NODE_COLUMNS, [_node_row(row) for row in assessment.nodes])


def safe_text(text: str) -> str:
    """Text that no spreadsheet evaluates."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


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


def _point(point: Point | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if point is None else point


def _station_row(row: StationFinding) -> list[CsvValue]:
    return [
        row.station,
        row.label_value,
        row.title,
        row.zone,
        row.side,
        row.volume_ml,
        *_point(row.centroid_mm),
        row.n_nodes,
        row.largest_short_axis_mm,
        row.suv_max,
        row.probability,
        row.attention_in_nodes,
        row.attention_node,
        row.call,
        " ".join(row.positive_sides),
        row.reason,
        " | ".join(row.warnings),
        _yes_no(row.edited),
        _yes_no(row.fit_for_staging),
    ]


def _reader_row(said: ReaderCall | None) -> list[CsvValue]:
    return [None, None, None] if said is None else [said.call, said.note or None, said.when]


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


def _node_row(row: NodeFinding) -> list[CsvValue]:
    low, high = row.bounding_box_mm
    return [
        row.node_id,
        row.source,
        row.station,
        row.station_fraction,
        row.side,
        row.volume_mm3,
        row.short_axis_mm,
        row.long_axis_mm,
        *row.extent_mm,
        row.mean_hu,
        row.suv_max,
        row.suv_mean,
        row.suv_peak,
        *row.centroid_mm,
        *low,
        *high,
        row.call,
        row.probability,
        row.reason,
        " | ".join(row.warnings),
        _yes_no(row.fit_for_staging),
    ]
