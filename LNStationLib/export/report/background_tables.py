"""The tables behind the findings: organs, borders and methods."""

from __future__ import annotations

import json
from typing import Any

from LNStationLib.export.report.cells import Cell, Heading, Table, model_words, station_cell, step_title
from LNStationLib.export.wording import NOTHING, clean, number, sentence
from LNStationLib.state.assessment import Assessment, BorderFinding, Provenance, StationAgreement
from LNStationLib.state.reason_codes import spoken
from LNStationLib.support.language import marked, say

_ORIGINS = {
    "supplied": marked("supplied mask"),
    "derived": marked("derived from a supplied mask"),
    "network": marked("segmentation network"),
    "image": marked("found in the CT"),
    "surrogate": marked("surrogate"),
}

_FOUND_BY = {"chosen": marked("not found by this method"), "other": marked("found by this method alone")}
_BORDERS = (
    marked("upper"), marked("lower"), marked("anterior"), marked("posterior"), marked("left"), marked("right"),
    marked("medial"), marked("lateral"), marked("tracheal"), marked("around"), marked("upper (left)"),
    marked("upper (right)"), marked("lower (in front)"),
)  # fmt: skip
"""Of the definitions, for the catalogs."""


def organ_table(assessment: Assessment) -> Table:
    """Organs that were used and where they came from."""
    rows = tuple(
        (
            Cell(clean(say(row.title)), "name"),
            Cell(say(_ORIGINS[row.source])),
            Cell(sentence(spoken(row.detail, row.detail_code))),
            Cell(number(row.volume_ml, 1)),
        )
        for row in assessment.organs
    )
    columns = (
        Heading(say("Organ"), 24),
        Heading(say("Source"), 20),
        Heading(say("How"), 44),
        Heading(say("Volume, ml"), 12, "right"),
    )
    return Table(columns, rows, say("No organ was used."))


def border_table(assessment: Assessment) -> Table:
    """What each station's borders rest on, the surrogates apart."""
    rows = []
    for row in sorted(assessment.stations, key=lambda row: row.label_value):
        if row.borders:
            texts = [
                "; ".join(_border(b) for b in row.borders if b.surrogate is surrogate) for surrogate in (False, True)
            ]
            name = station_cell(row.station)
            rows.append((name, Cell(texts[0] or NOTHING), Cell(texts[1] or say("none"))))
    named = [clean(row.station) for row in assessment.stations if any(border.surrogate for border in row.borders)]
    text = marked("Borders of these stations rest on surrogates: {stations}.")
    note = say(text, stations=", ".join(named)) if named else ""
    columns = (
        Heading(say("Station"), 10),
        Heading(say("Rests on the structure of its definition"), 45),
        Heading(say("Rests on a surrogate"), 45),
    )
    return Table(columns, tuple(rows), say("No border was reported."), note)


def _border(border: BorderFinding) -> str:
    return f"{say(clean(border.border))}: {clean(spoken(border.rests_on, border.rests_on_code))}"


def agreement_table(assessment: Assessment) -> Table | None:
    """How other methods agree with the outline of each station, a column a method; ``None`` where none ran."""
    methods = list(dict.fromkeys(row.method for row in assessment.agreement))
    if not methods:
        return None
    found = {(row.station, row.method): _agreement(row) for row in assessment.agreement}
    stations = [row.station for row in sorted(assessment.stations, key=lambda row: row.label_value)]
    rows = tuple(
        (station_cell(name), *(Cell(found.get((name, method)) or say("found by neither")) for method in methods))
        for name in stations
        if any((name, method) in found for method in methods)
    )
    drawn = next((step.implementation for step in assessment.provenance if step.step == "stations"), NOTHING)
    note = say(
        "The stations of this report are those of {method}. Dice: overlap of both outlines, 0 to 1. Readers' edits "
        "are not in this table, and it does not tell which method is right.",
        method=clean(drawn),
    )
    share = 90 // len(methods)
    columns = (Heading(say("Station"), 10), *(Heading(clean(method), share) for method in methods))
    return Table(columns, rows, say("Neither method found a station."), note)


def _agreement(row: StationAgreement) -> str:
    if row.found_by != "both":
        return say(_FOUND_BY[row.found_by])
    return say(
        "Dice {dice}; {border} border {apart} mm apart",
        dice=number(row.dice, 2),
        border=say(clean(row.border or "")),
        apart=number(row.border_mm, 0),
    )


def method_table(assessment: Assessment, references: tuple[str, ...]) -> Table:
    """One row per step of the computation."""
    rows = tuple(
        (
            Cell(step_title(step.step), "name"),
            Cell(_implementation(step, references)),
            Cell(_settings(step.settings)),
            Cell(model_words(step)),
            Cell(number(step.seconds, 1)),
        )
        for step in assessment.provenance
    )
    columns = (
        Heading(say("Step"), 13),
        Heading(say("Implementation"), 26),
        Heading(say("Settings"), 34),
        Heading(say("Model package"), 18),
        Heading(say("Seconds"), 9, "right"),
    )
    return Table(columns, rows, say("No step was recorded."))


def references(assessment: Assessment) -> tuple[str, ...]:
    """Papers and standards behind the methods, each once, in order of their first use."""
    return tuple(dict.fromkeys(clean(text) for step in assessment.provenance for text in step.references))


def _implementation(step: Provenance, references: tuple[str, ...]) -> str:
    cited = ", ".join(str(references.index(clean(text)) + 1) for text in dict.fromkeys(step.references))
    return clean(f"{step.implementation} {step.version}") + (f" [{cited}]" if cited else "")


def _settings(settings: dict[str, Any]) -> str:
    parts = []
    for key, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        parts.append(clean(f"{key} = {text}"))
    return "; ".join(parts) or NOTHING
