"""The findings of an assessment on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from LNStationLib.assessment.network_stage import network_line
from LNStationLib.export.columns import STATIONS, columns
from LNStationLib.export.wording import SYNTHETIC_MODEL

if TYPE_CHECKING:
    from LNStationLib.state.assessment import Assessment, NStaging, StationFinding

NOT_ASSESSED = "-"
"""Plain ASCII: a terminal may not know the dash of the report."""
_MEASURES = ("station", "volume_ml", "n_nodes", "largest_short_axis_mm", "suv_max_bw_g_per_ml")
_OF_A_MODEL = ("probability", "prediction_set", "attention_in_nodes")
"""Shown where any station has a value."""
_CALL_STYLES = {"positive": "bold red", "negative": "green", None: "dim"}


def show_assessment(console: Console, assessment: Assessment, outputs: Sequence[Path]) -> None:
    """Print the findings, the N category with its reason, the warnings and the paths of the outputs."""
    if assessment.trained_on_synthetic:
        console.print(Text(SYNTHETIC_MODEL, style="bold yellow"), soft_wrap=True)
    console.print(station_table(assessment.stations))
    show_staging(console, assessment.staging)
    uncalled = [f"{row.station}: {_why_not(row)}" for row in assessment.stations if row.call is None]
    _show_list(console, "Without a call", uncalled, style="yellow")
    _show_list(console, "Warnings", assessment.warnings, style="yellow")
    _show_list(console, "Written", (str(path) for path in outputs))
    console.print(Text(assessment.research_use, style="bold"), soft_wrap=True)


def station_table(stations: Iterable[StationFinding]) -> Table:
    """The findings as a table; a dash where nothing was assessed."""
    rows = list(stations)
    shown = columns(STATIONS, *_MEASURES)
    shown += tuple(column for column in columns(STATIONS, *_OF_A_MODEL) if column.has_values(rows))
    table = Table(title="Lymph node stations", title_justify="left", title_style="bold")
    for column in shown:
        justify: Literal["left", "right"] = "left" if column.digits is None else "right"
        table.add_column(column.short_heading, justify=justify, no_wrap=True)
    (call,) = columns(STATIONS, "call")
    table.add_column(call.short_heading, no_wrap=True)
    for row in rows:
        style = _CALL_STYLES[row.call if row.fit_for_staging else None]
        cells = (column.text(row, nothing=NOT_ASSESSED) for column in shown)
        table.add_row(*cells, Text(_call_words(row), style=style))
    return table


def show_staging(console: Console, staging: NStaging) -> None:
    """Print the N category and why."""
    category = staging.category or "not derived"
    bound = "at least " if staging.is_lower_bound else ""
    console.print(Text.assemble("N category: ", (f"{bound}{category}", "bold"), f" ({staging.rules})"))
    console.print(Text(staging.explanation), soft_wrap=True)
    if staging.network is not None:
        console.print(Text(f"By a network, beside the rules: {network_line(staging.network)}."), soft_wrap=True)
    _show_list(console, "Staging warnings", staging.warnings, style="yellow")


def _call_words(row: StationFinding) -> str:
    if row.call is None:
        return "not assessed" if row.volume_ml is not None else "not found"
    if not row.fit_for_staging:
        return f"{row.call}?"
    return row.call + (f" ({', '.join(row.positive_sides)})" if row.positive_sides else "")


def _why_not(row: StationFinding) -> str:
    """Why a station was not assessed; if it was not found, its warnings are more specific than its reason."""
    if row.volume_ml is None and row.warnings:
        return "; ".join(row.warnings)
    return row.reason


def _show_list(console: Console, title: str, items: Iterable[str], style: str = "") -> None:
    lines = [item for item in items if item]
    if lines:
        console.print(Text(f"{title}:", style=style))
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)
