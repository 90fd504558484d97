"""The findings of an assessment on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from LNStationLib.export.wording import SYNTHETIC_MODEL

if TYPE_CHECKING:
    from LNStationLib.state.assessment import Assessment, NStaging, StationFinding

NOT_ASSESSED = "-"
_CALL_STYLES = {"positive": "bold red", "negative": "green", None: "dim"}


def show_assessment(console: Console, assessment: Assessment, outputs: Sequence[Path]) -> None:
    """Print the findings, the N category with its reason, the warnings and the paths of the outputs."""
    if assessment.trained_on_synthetic:
        console.print(Text(SYNTHETIC_MODEL, style="bold yellow"), soft_wrap=True)
    console.print(station_table(assessment.stations))
    show_staging(console, assessment.staging)
    uncalled = [f"{row.station}: {_why_not(row)}" for row in assessment.stations if row.call is None]
    _show_list(console, "Not assessed", uncalled, style="yellow")
    _show_list(console, "Warnings", assessment.warnings, style="yellow")
    _show_list(console, "Written", (str(path) for path in outputs))
    console.print(Text(assessment.research_use, style="bold"), soft_wrap=True)


def station_table(stations: Iterable[StationFinding]) -> Table:
    """The findings as a table; a dash where nothing was assessed."""
    rows = list(stations)
    with_probability = any(row.probability is not None for row in rows)
    table = Table(title="Lymph node stations", title_justify="left", title_style="bold")
    headings = ["station", "volume (ml)", "nodes", "short axis (mm)", "SUVmax", "call"]
    headings[5:5] = ["probability", "attention in nodes"] if with_probability else []
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("station", "call") else "right", no_wrap=True)
    for row in rows:
        cells: list[str | Text] = [
            row.station,
            _number(row.volume_ml, 1),
            _number(row.n_nodes, 0),
            _number(row.largest_short_axis_mm, 1),
            _number(row.suv_max, 1),
        ]
        cells += [_number(row.probability, 2), _part(row.attention_in_nodes)] if with_probability else []
        style = _CALL_STYLES[row.call if row.fit_for_staging else None]
        table.add_row(*cells, Text(_call_words(row), style=style))
    return table


def show_staging(console: Console, staging: NStaging) -> None:
    """Print the N category and why."""
    category = staging.category or "not derived"
    bound = "at least " if staging.is_lower_bound else ""
    console.print(Text.assemble("N category: ", (f"{bound}{category}", "bold"), f" ({staging.rules})"))
    console.print(Text(staging.explanation), soft_wrap=True)
    _show_list(console, "Staging warnings", staging.warnings, style="yellow")


def _call_words(row: StationFinding) -> str:
    if row.call is None:
        return "not assessed" if row.volume_ml is not None else "not found"
    if not row.fit_for_staging:
        return f"{row.call}?"
    return row.call + (f" ({', '.join(row.positive_sides)})" if row.positive_sides else "")


def _number(value: float | None, decimals: int) -> str:
    return NOT_ASSESSED if value is None else f"{value:.{decimals}f}"


def _why_not(row: StationFinding) -> str:
    """Why a station was not assessed: where it was not found its warnings say more than its reason."""
    if row.volume_ml is None and row.warnings:
        return "; ".join(row.warnings)
    return row.reason.removeprefix("Not assessed: ")


def _part(value: float | None) -> str:
    return NOT_ASSESSED if value is None else f"{value:.0%}"


def _show_list(console: Console, title: str, items: Iterable[str], style: str = "") -> None:
    lines = [item for item in items if item]
    if lines:
        console.print(Text(f"{title}:", style=style))
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)
