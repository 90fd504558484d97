"""The tables of the report, cell by cell, in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from LNStationLib import anatomy
from LNStationLib.export.wording import NOTHING, clean, number, sentence
from LNStationLib.state.assessment import Assessment, Call, NodeFinding, Provenance, StationFinding

Kind = Literal["text", "positive", "negative", "unknown", "station", "name", "probability"]

_ORIGINS = {
    "supplied": "supplied mask",
    "derived": "derived from a supplied mask",
    "network": "segmentation network",
    "image": "found in the CT",
    "surrogate": "surrogate",
}
_NODE_SOURCES = {
    "supplied": "supplied mask",
    "pet_threshold": "PET threshold",
    "ct_blobs": "CT blob detector",
    "network": "network",
}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What it says.
        kind: Decides its look.
        color: ``#rrggbb`` of the chip before a station's name.
        bar: Length of a bar in [0, 1] below the text.
        mark: Where a mark crosses the bar.
    """

    text: str
    kind: Kind = "text"
    color: str | None = None
    bar: float | None = None
    mark: float | None = None


@dataclass(frozen=True)
class Column:
    """One column; ``share`` is its part of the page's width, in no particular unit."""

    title: str
    share: float
    align: Literal["left", "right", "center"] = "left"


@dataclass(frozen=True)
class Table:
    """A table; ``empty`` is said in its place when it has no row."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    note: str = ""


def station_table(assessment: Assessment) -> Table:
    """All stations in the order of the station table; SUV and probability only where the case has any."""
    with_suv = assessment.case.has_pet or any(row.suv_max is not None for row in assessment.stations)
    judged = judgement(assessment)
    columns = [
        Column("Station", 8),
        Column("Name", 15),
        Column("Volume, ml", 7, "right"),
        Column("Nodes", 6, "right"),
        Column("Largest short axis, mm", 9, "right"),
    ]
    columns += [Column("SUVmax", 8, "right")] if with_suv else []
    if judged is not None:
        columns += [Column("Probability", 11), Column("Attention in nodes", 10, "right")]
    columns += [Column("Call", 12), Column("Why", 29)]
    rows = []
    for row in sorted(assessment.stations, key=lambda row: row.label_value):
        cells = [
            station_cell(row.station),
            Cell(clean(row.title) + (", outline edited" if row.edited else "")),
            Cell(number(row.volume_ml, 1)),
            Cell(_count(row.n_nodes)),
            Cell(number(row.largest_short_axis_mm, 1)),
        ]
        cells += [Cell(number(row.suv_max, 1))] if with_suv else []
        cells += [] if judged is None else [probability_cell(row, judged), Cell(attention_words(row))]
        rows.append((*cells, _station_call(row), Cell(sentence(row.reason))))
    return Table(
        tuple(columns), tuple(rows), "The assessment holds no station.", "" if judged is None else judged.note
    )


@dataclass(frozen=True)
class Judgement:
    """The model behind the probabilities of an assessment.

    Attributes:
        threshold: Probability from which a station is called positive; ``None`` where the assessment does not say.
        note: Model, operating point and threshold in words.
    """

    threshold: float | None
    note: str


def judgement(assessment: Assessment) -> Judgement | None:
    """How stations got their probabilities; ``None`` where none has one."""
    if all(row.probability is None for row in assessment.stations):
        return None
    step = next((row for row in reversed(assessment.provenance) if row.step == "metastasis"), None)
    if step is None:
        return Judgement(None, "")
    threshold, point = step.settings.get("threshold"), step.settings.get("operating_point")
    note = f"Probability of metastasis by {_model(step)}."
    if not isinstance(threshold, int | float):
        return Judgement(None, note)
    note += (
        f" The mark in the bar is the threshold {number(threshold, 2)} of the operating point {clean(str(point))}; "
        "at or above it a station is called positive."
    )
    return Judgement(float(threshold), note)


def probability_cell(row: StationFinding, judged: Judgement) -> Cell:
    """A probability with its bar and the threshold's mark."""
    if row.probability is None:
        return Cell(NOTHING)
    return Cell(number(row.probability, 2), "probability", bar=row.probability, mark=judged.threshold)


def attention_words(row: StationFinding) -> str:
    """Part of a network's attention inside nodes and the node that draws most of it."""
    if row.attention_in_nodes is None:
        return NOTHING
    node = f", #{row.attention_node}" if row.attention_node is not None else ""
    return f"{row.attention_in_nodes:.0%}{node}"


def node_table(assessment: Assessment) -> Table:
    """All nodes, the largest short axis first."""
    with_suv = assessment.case.has_pet or any(row.suv_max is not None for row in assessment.nodes)
    with_probability = any(row.probability is not None for row in assessment.nodes)
    columns = [
        Column("Node", 6),
        Column("Station", 12),
        Column("Short \N{MULTIPLICATION SIGN} long axis, mm", 11, "right"),
        Column("Volume, ml", 8, "right"),
        Column("Mean HU", 7, "right"),
    ]
    columns += [Column("SUVmax / mean / peak", 13, "right")] if with_suv else []
    columns += [Column("Probability", 8, "right")] if with_probability else []
    columns += [Column("Source", 11), Column("Call", 11), Column("Why", 23)]
    rows = []
    for row in sorted(assessment.nodes, key=lambda row: (-row.short_axis_mm, row.node_id)):
        axes = f"{number(row.short_axis_mm, 1)} \N{MULTIPLICATION SIGN} {number(row.long_axis_mm, 1)}"
        cells = [
            Cell(f"#{row.node_id}", "name"),
            _node_station(row),
            Cell(axes),
            Cell(number(row.volume_mm3 / 1000, 2)),
            Cell(number(row.mean_hu, 0)),
        ]
        suv = " / ".join(number(value, 1) for value in (row.suv_max, row.suv_mean, row.suv_peak))
        cells += [Cell(suv)] if with_suv else []
        cells += [Cell(number(row.probability, 2))] if with_probability else []
        call = call_cell(row.call, row.fit_for_staging)
        rows.append((*cells, Cell(_NODE_SOURCES[row.source]), call, Cell(sentence(row.reason))))
    looked = any(row.n_nodes is not None for row in assessment.stations)
    empty = "No node was found." if looked else "Nodes were not looked for."
    note = (
        "Axes in the axial plane: the longest diameter over all slices, and the longest perpendicular to it in its "
        "slice (RECIST 1.1). The percentage after a station is the part of the node that lies inside it."
    )
    return Table(tuple(columns), tuple(rows), empty, note)


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
    columns = (Column("Organ", 24), Column("Source", 20), Column("How", 44), Column("Volume, ml", 12, "right"))
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
        Column("Station", 10),
        Column("Rests on the structure of its definition", 45),
        Column("Rests on a surrogate", 45),
    )
    return Table(columns, tuple(rows), "No border was reported.", note)


def method_table(assessment: Assessment, references: tuple[str, ...]) -> Table:
    """One row per step of the computation."""
    rows = tuple(
        (
            Cell(step.step.capitalize(), "name"),
            Cell(_implementation(step, references)),
            Cell(_settings(step.settings)),
            Cell(_model(step)),
            Cell(number(step.seconds, 1)),
        )
        for step in assessment.provenance
    )
    columns = (
        Column("Step", 13),
        Column("Implementation", 26),
        Column("Settings", 34),
        Column("Model package", 18),
        Column("Seconds", 9, "right"),
    )
    return Table(columns, rows, "No step was recorded.")


def references(assessment: Assessment) -> tuple[str, ...]:
    """Papers and standards behind the methods, each once, in order of their first use."""
    return tuple(dict.fromkeys(clean(text) for step in assessment.provenance for text in step.references))


def station_color(name: str) -> str:
    """The station's color of the anatomy table as ``#rrggbb``; gray for a name that the table does not have."""
    known = {row.name: row.color for row in anatomy.stations()}
    return "#{:02x}{:02x}{:02x}".format(*known.get(name, (150, 150, 150)))


def station_cell(name: str) -> Cell:
    """A station's name with the chip of its color."""
    return Cell(clean(name), "station", station_color(name))


def _count(value: int | None) -> str:
    return NOTHING if value is None else str(value)


def call_cell(call: Call | None, fit_for_staging: bool = True) -> Cell:
    """A call in words and with its mark; one that rests on unconfirmed candidates only has a question mark."""
    if call is None:
        return Cell("? not assessed", "unknown")
    if not fit_for_staging:
        return Cell(f"? {call}, unconfirmed", "unknown")
    return Cell("+ positive", "positive") if call == "positive" else Cell("\N{EN DASH} negative", "negative")


def _station_call(row: StationFinding) -> Cell:
    if row.call is None and row.volume_ml is None:
        return Cell("not found", "unknown")
    cell = call_cell(row.call, row.fit_for_staging)
    if row.call == "positive" and row.positive_sides:
        return Cell(f"{cell.text} ({', '.join(row.positive_sides)})", cell.kind)
    return cell


def _node_station(row: NodeFinding) -> Cell:
    if row.station is None:
        side = {"L": ", left", "R": ", right"}.get(row.side or "", "")
        return Cell(f"outside all stations{side}")
    part = "" if row.station_fraction is None else f" ({row.station_fraction:.0%})"
    side = f" {row.side}" if row.side and not row.station.endswith(("L", "R")) else ""
    return Cell(f"{clean(row.station)}{side}{part}", "station", station_color(row.station))


def _implementation(step: Provenance, references: tuple[str, ...]) -> str:
    cited = ", ".join(str(references.index(clean(text)) + 1) for text in dict.fromkeys(step.references))
    return clean(f"{step.implementation} {step.version}") + (f" [{cited}]" if cited else "")


def _settings(settings: dict[str, Any]) -> str:
    parts = []
    for key, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        parts.append(clean(f"{key} = {text}"))
    return "; ".join(parts) or NOTHING


def _model(step: Provenance) -> str:
    if step.model_package is None:
        return "none"
    version = f" {step.model_version}" if step.model_version else ""
    digest = f" (SHA-256 {step.model_sha256[:12]})" if step.model_sha256 else ""
    trained = f", trained on {step.trained_on} data" if step.trained_on else ""
    return clean(f"{step.model_package}{version}{digest}{trained}")
