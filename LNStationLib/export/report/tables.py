"""The tables of stations and nodes, cell by cell, as text."""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib import anatomy
from LNStationLib.export.columns import NODES, STATIONS, columns
from LNStationLib.export.report.cells import (
    Cell,
    Heading,
    Table,
    call_cell,
    heading,
    model_words,
    station_cell,
    station_color,
)
from LNStationLib.export.report.node_sources import source_of_node
from LNStationLib.export.wording import NOTHING, clean, number, sentence
from LNStationLib.models.package.node_streams import STREAMS
from LNStationLib.state.assessment import Assessment, NodeFinding, StationFinding
from LNStationLib.state.reason_codes import spoken
from LNStationLib.support.language import marked, say

_SAYS_ITS_SIDE = frozenset(row.name for row in anatomy.stations() if row.side and row.name.endswith(row.side))
"""Stations such as 4R, whose name needs no side beside it."""

_STATION, _NAME, _VOLUME, _NODES, _AXIS, _SUV, _PROBABILITY, _SET, _IN_NODES, _MOST_IN, _CALL, _WHY = columns(
    STATIONS,
    "station",
    "title",
    "volume_ml",
    "n_nodes",
    "largest_short_axis_mm",
    "suv_max_bw_g_per_ml",
    "probability",
    "prediction_set",
    "attention_in_nodes",
    "attention_node",
    "call",
    "reason",
)


def station_table(assessment: Assessment) -> Table:
    """All stations in the order of the station table; SUV and a model's answer only where the case has any."""
    stations = sorted(assessment.stations, key=lambda row: row.label_value)
    with_suv = assessment.case.has_pet or _SUV.has_values(stations)
    with_share, with_sets = _IN_NODES.has_values(stations), _SET.has_values(stations)
    judged = judgement(assessment)
    headings = [
        heading(_STATION, 8),
        heading(_NAME, 15),
        heading(_VOLUME, 8.5),
        heading(_NODES, 8),
        heading(_AXIS, 9),
    ]
    headings += [heading(_SUV, 8)] if with_suv else []
    headings += [] if judged is None else [heading(_PROBABILITY, 11, "left")]
    headings += [heading(_SET, 11)] if with_sets else []
    headings += [heading(_IN_NODES, 10)] if with_share else []
    headings += [heading(_CALL, 13), heading(_WHY, 28)]
    rows = []
    for row in stations:
        cells = [station_cell(row.station), Cell(_name(row))]
        cells += [Cell(column.text(row)) for column in (_VOLUME, _NODES, _AXIS)]
        cells += [Cell(_SUV.text(row))] if with_suv else []
        cells += [] if judged is None else [probability_cell(row, judged)]
        cells += [Cell(_set(row))] if with_sets else []
        cells += [Cell(_share_in_nodes(row))] if with_share else []
        rows.append((*cells, _station_call(row), Cell(sentence(spoken(row.reason, row.reason_code)))))
    note = "" if judged is None else judged.note
    return Table(tuple(headings), tuple(rows), say("The assessment holds no station."), note)


def _name(row: StationFinding) -> str:
    title = clean(say(row.title))
    return say("{station}, outline edited", station=title) if row.edited else title


def _set(row: StationFinding) -> str:
    return NOTHING if row.prediction_set is None else say(_SETS[row.prediction_set])


_SETS = {"positive": marked("positive"), "negative": marked("negative"), "either": marked("either")}


@dataclass(frozen=True)
class Judgement:
    """The model behind the probabilities of an assessment.

    Attributes:
        threshold: Probability from which a station is called positive; ``None`` where the assessment does not say.
        note: Text: model, operating point and threshold.
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
    note = say("Probability of metastasis by {model}.", model=model_words(step))
    if not isinstance(threshold, int | float):
        return Judgement(None, note)
    mark = say(
        "The mark in the bar is the threshold {threshold} of the operating point {point}; at or above it a station "
        "is called positive.",
        threshold=number(threshold, 2),
        point=clean(str(point)),
    )
    return Judgement(float(threshold), f"{note} {mark}")


def probability_cell(row: StationFinding, judged: Judgement) -> Cell:
    """A probability with its bar and the threshold's mark."""
    if row.probability is None:
        return Cell(NOTHING)
    return Cell(_PROBABILITY.text(row), "probability", bar=row.probability, mark=judged.threshold)


def _share_in_nodes(row: StationFinding) -> str:
    """Part of the evidence map inside nodes, and the node that holds most of it."""
    if _IN_NODES.value(row) is None or _MOST_IN.value(row) is None:
        return _IN_NODES.text(row)
    return f"{_IN_NODES.text(row)}, #{_MOST_IN.text(row)}"


(
    _NODE,
    _NODE_STATION,
    _SHORT,
    _LONG,
    _NODE_VOLUME,
    _HU,
    _SCORE,
    _SIGNIFICANCE,
    _NODE_PROBABILITY,
    _SOURCE,
    _NODE_CALL,
    _NODE_WHY,
) = columns(
    NODES,
    "node_id",
    "station",
    "short_axis_mm",
    "long_axis_mm",
    "volume_mm3",
    "mean_hu",
    "score",
    "significance",
    "probability",
    "source",
    "call",
    "reason",
)
_NODE_SUV = columns(NODES, "suv_max_bw_g_per_ml", "suv_mean_bw_g_per_ml", "suv_peak_bw_g_per_ml")
_TIMES = " \N{MULTIPLICATION SIGN} "


def node_table(assessment: Assessment) -> Table:
    """All nodes, the largest short axis first; SUV, scores and probability only where the case has any."""
    nodes = sorted(assessment.nodes, key=lambda row: (-row.short_axis_mm, row.node_id))
    with_suv = assessment.case.has_pet or _NODE_SUV[0].has_values(nodes)
    with_score, with_probability = _SCORE.has_values(nodes), _NODE_PROBABILITY.has_values(nodes)
    headings = [
        heading(_NODE, 6, "left"),
        heading(_NODE_STATION, 12),
        Heading(say("Short \N{MULTIPLICATION SIGN} long axis, mm"), 11, "right"),
        heading(_NODE_VOLUME, 8),
        heading(_HU, 7),
    ]
    headings += [Heading(say("SUVmax / mean / peak"), 13, "right")] if with_suv else []
    headings += [heading(_SCORE, 7)] if with_score else []
    with_significance = _SIGNIFICANCE.has_values(nodes)
    headings += [heading(_SIGNIFICANCE, 10)] if with_significance else []
    headings += [heading(_NODE_PROBABILITY, 11)] if with_probability else []
    headings += [heading(_SOURCE, 11), heading(_NODE_CALL, 11), heading(_NODE_WHY, 23)]
    rows = []
    for row in nodes:
        cells = [Cell(f"#{row.node_id}", "name"), _node_station(row)]
        cells += [Cell(_TIMES.join(column.text(row) for column in (_SHORT, _LONG)))]
        cells += [Cell(column.text(row)) for column in (_NODE_VOLUME, _HU)]
        cells += [Cell(" / ".join(column.text(row) for column in _NODE_SUV))] if with_suv else []
        cells += [Cell(_SCORE.text(row))] if with_score else []
        cells += [Cell(significance_text(row))] if with_significance else []
        cells += [Cell(_NODE_PROBABILITY.text(row))] if with_probability else []
        call = call_cell(row.call, row.fit_for_staging)
        rows.append(
            (*cells, Cell(source_of_node(row.source)), call, Cell(sentence(spoken(row.reason, row.reason_code))))
        )
    looked = any(row.n_nodes is not None for row in assessment.stations)
    empty = say("No node was found.") if looked else say("Nodes were not looked for.")
    note = say(
        "Axes in the axial plane: the longest diameter over all slices, and the longest perpendicular to it in its "
        "slice (RECIST 1.1). The percentage after a station is the part of the node that lies inside it."
    )
    return Table(tuple(headings), tuple(rows), empty, " ".join(filter(None, [note, _dismissed_note(assessment)])))


def significance_text(row: NodeFinding) -> str:
    """How surely a node is significant, near the tumor or far from it, and whether only PET showed it or only CT."""
    facts = row.candidate
    if facts is None or not facts.significant:
        return NOTHING
    parts = [_SIGNIFICANCE.text(row), say(_ZONES[facts.tumor_zone]) if facts.tumor_zone else ""]
    kinds = {STREAMS[role].with_pet for role in facts.streams if role in STREAMS}
    if len(kinds) == 1:
        parts.append(say("on PET/CT") if True in kinds else say("on CT"))
    return ", ".join(filter(None, parts))


_ZONES = {"near": marked("near"), "far": marked("far")}


def _dismissed_note(assessment: Assessment) -> str:
    """What a reader took for no node; empty where there is none."""
    gone = [
        f"#{row.node_id} ({row.station or say('outside')}, {_SHORT.text(row)} mm)"
        for row in assessment.dismissed_nodes
    ]
    return say("Dismissed by the reader and not counted: {nodes}.", nodes=", ".join(gone)) if gone else ""


def _station_call(row: StationFinding) -> Cell:
    if row.call is None and row.volume_ml is None:
        return Cell(say("not found"), "unknown")
    cell = call_cell(row.call, row.fit_for_staging)
    if row.call == "positive" and row.positive_sides:
        return Cell(f"{cell.text} ({', '.join(row.positive_sides)})", cell.kind)
    return cell


_OUTSIDE = {
    None: marked("outside all stations"),
    "L": marked("outside all stations, left"),
    "R": marked("outside all stations, right"),
}


def _node_station(row: NodeFinding) -> Cell:
    if row.station is None:
        return Cell(say(_OUTSIDE[row.side]))
    part = "" if row.station_fraction is None else f" ({row.station_fraction:.0%})"
    side = f" {row.side}" if row.side and row.station not in _SAYS_ITS_SIDE else ""
    return Cell(f"{clean(row.station)}{side}{part}", "station", station_color(row.station))
