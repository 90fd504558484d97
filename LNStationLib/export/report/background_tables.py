"""The tables behind the findings: organs, borders and methods."""

from __future__ import annotations

import json
from typing import Any

from LNStationLib.export.report.cells import Cell, Heading, Table, model_words, station_cell
from LNStationLib.export.wording import NOTHING, clean, number, sentence
from LNStationLib.state.assessment import Assessment, Provenance, StationAgreement

_ORIGINS = {
    "supplied": "supplied mask",
    "derived": "derived from a supplied mask",
    "network": "segmentation network",
    "image": "found in the CT",
    "surrogate": "surrogate",
}

_FOUND_BY = {"chosen": "not found by this method", "other": "found by this method alone"}
_BY_NEITHER = "found by neither"


def organ_table(assessment: Assessment) -> Table:
    """Organs that were used and where they came from."""
    rows = tuple(
        (
            Cell(clean(row.title), "name"),
            Cell(_ORIGINS[row.source]),
            Cell(sentence(row.detail)),
            Cell(number(row.volume_ml, 1)),
        )
        for row in assessment.organs
    )
    columns = (Heading("Organ", 24), Heading("Source", 20), Heading("How", 44), Heading("Volume, ml", 12, "right"))
    return Table(columns, rows, "No organ was used.")


def border_table(assessment: Assessment) -> Table:
    """What each station's borders rest on, the surrogates apart."""
    rows = []
    for row in sorted(assessment.stations, key=lambda row: row.label_value):
        if row.borders:
            texts = [
                "; ".join(f"{clean(b.border)}: {clean(b.rests_on)}" for b in row.borders if b.surrogate is surrogate)
                for surrogate in (False, True)
            ]
            name = station_cell(row.station)
            rows.append((name, Cell(texts[0] or NOTHING), Cell(texts[1] or "none")))
    named = [clean(row.station) for row in assessment.stations if any(border.surrogate for border in row.borders)]
    note = f"Borders of these stations rest on surrogates: {', '.join(named)}." if named else ""
    columns = (
        Heading("Station", 10),
        Heading("Rests on the structure of its definition", 45),
        Heading("Rests on a surrogate", 45),
    )
    return Table(columns, tuple(rows), "No border was reported.", note)


def agreement_table(assessment: Assessment) -> Table | None:
    """How other methods agree with the outline of each station, a column a method; ``None`` where none ran."""
    methods = list(dict.fromkeys(row.method for row in assessment.agreement))
    if not methods:
        return None
    found = {(row.station, row.method): _agreement(row) for row in assessment.agreement}
    stations = [row.station for row in sorted(assessment.stations, key=lambda row: row.label_value)]
    rows = tuple(
        (station_cell(name), *(Cell(found.get((name, method), _BY_NEITHER)) for method in methods))
        for name in stations
        if any((name, method) in found for method in methods)
    )
    drawn = next((step.implementation for step in assessment.provenance if step.step == "stations"), NOTHING)
    note = (
        f"The stations of this report are those of {clean(drawn)}. Dice: overlap of both outlines, 0 to 1. Readers' "
        "edits are not in this table, and it does not tell which method is right."
    )
    share = 90 // len(methods)
    columns = (Heading("Station", 10), *(Heading(clean(method), share) for method in methods))
    return Table(columns, rows, "Neither method found a station.", note)


def _agreement(row: StationAgreement) -> str:
    if row.found_by != "both":
        return _FOUND_BY[row.found_by]
    apart = f"{clean(row.border or '')} border {number(row.border_mm, 0)} mm apart"
    return f"Dice {number(row.dice, 2)}; {apart}"


def method_table(assessment: Assessment, references: tuple[str, ...]) -> Table:
    """One row per step of the computation."""
    rows = tuple(
        (
            Cell(step.step.capitalize(), "name"),
            Cell(_implementation(step, references)),
            Cell(_settings(step.settings)),
            Cell(model_words(step)),
            Cell(number(step.seconds, 1)),
        )
        for step in assessment.provenance
    )
    columns = (
        Heading("Step", 13),
        Heading("Implementation", 26),
        Heading("Settings", 34),
        Heading("Model package", 18),
        Heading("Seconds", 9, "right"),
    )
    return Table(columns, rows, "No step was recorded.")


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
