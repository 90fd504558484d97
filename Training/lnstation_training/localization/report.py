"""The results for people: a table of methods side by side, and a table of every node."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product

from lnstation_training.engine.values import Report
from lnstation_training.evaluation.localization import (
    ACCEPTED,
    LEVELS,
    READINGS,
    Accepted,
    Gain,
    GroupCounts,
    Level,
    Place,
    Reading,
    at_level,
)
from lnstation_training.localization.result import LeftOut, LocalizationResult, MethodResult, Remark, Seconds
from LNStationLib import anatomy

PUBLISHED = (
    "Published for comparison: 0.84 of the nodes in their zone, by five clinical atlases and the largest weight, on "
    "LyNoS and the NIH CT Lymph Nodes together (Engelson et al. 2026, Sec. 4.1)."
)
_MOST_LINES = 20
_COSTS = {
    "organs, s by the clock": "organ_seconds",
    "organs, s of processor time": "organ_cpu_seconds",
    "stations, s by the clock": "station_seconds",
    "stations, s of processor time": "station_cpu_seconds",
}
"""Titles of rows and the fields of a method's result."""
_OF_NODE = ("patient", "node", "station", "further_stations", "zone")
_TOLD: Mapping[Accepted, str] = {"first": "", "any": ", any of the reader's stations"}
_OF_METHOD = ("station", "zone", "share", "largest_weight", "nearest", "nearest_mm")


def side_by_side(result: LocalizationResult) -> Report:
    """One column a method: accuracies with 95 % intervals, counts by zone and by station, and seconds."""
    rows = [*_accuracy_rows(result), *_group_rows(result, "zone"), *_group_rows(result, "station")]
    for title, field in _COSTS.items():
        rows += [_row(f"{title} a case (median, highest)", result, partial(_seconds, field))]
    return Report(["", *(method.name for method in result.methods)], rows, list(_lines(result)))


def _row(title: str, result: LocalizationResult, cell: Callable[[MethodResult], str]) -> list[str]:
    return [title, *(cell(method) for method in result.methods)]


def _accuracy_rows(result: LocalizationResult) -> Iterator[list[str]]:
    yield _row("patients, nodes", result, lambda one: f"{one.n_patients}, {one.figures.n if one.figures else 0}")
    for accepted, level, reading in product(_reported(result), LEVELS, READINGS):
        title = f"{level} right, by {reading.replace('_', ' ')}{_TOLD[accepted]}"
        yield _row(title, result, partial(_rate, accepted, reading, level))
    yield _row("outside any station", result, _outside)


def _reported(result: LocalizationResult) -> tuple[Accepted, ...]:
    """Both ways to be right where a reader counts any node to several stations."""
    several = any(method.figures is not None and method.figures.n_further for method in result.methods)
    return tuple(ACCEPTED) if several else ("first",)


def _outside(method: MethodResult) -> str:
    figures = method.figures
    return f"{figures.outside} of {figures.n} ({100 * figures.outside / figures.n:.0f} %)" if figures else ""


def _rate(accepted: Accepted, reading: Reading, level: Level, method: MethodResult) -> str:
    if method.figures is None:
        return ""
    rates = method.figures.rates_any if accepted == "any" else method.figures.rates
    rate = rates[reading][level]
    interval = "" if rate.low is None else f" ({rate.low:.2f} to {rate.high:.2f})"
    return f"{rate.value:.2f}{interval}"


def _group_rows(result: LocalizationResult, level: Level) -> Iterator[list[str]]:
    """Right ones of how many, in the order of the table of stations."""
    for name in dict.fromkeys(at_level(row.name, level) for row in anatomy.stations()):
        cells = [_group(_groups(method, level), name, level) for method in result.methods]
        if any(cells):
            yield [f"{level} {name}", *cells]


def _groups(method: MethodResult, level: Level) -> Sequence[GroupCounts]:
    if method.figures is None:
        return ()
    return method.figures.stations if level == "station" else method.figures.zones


def _group(groups: Sequence[GroupCounts], name: str, level: Level) -> str:
    group = next((each for each in groups if each.name == name), None)
    if group is None:
        return ""
    right = group.right_station if level == "station" else group.right_zone
    outside = f", {group.outside} outside" if group.outside else ""
    return f"{right} of {group.n}{outside}"


def _seconds(field: str, method: MethodResult) -> str:
    seconds: Seconds | None = getattr(method, field)
    return "" if seconds is None else f"{seconds.median:.1f}, {seconds.highest:.1f}"


def _lines(result: LocalizationResult) -> Iterator[str]:
    yield "Intervals are 95 %, by bootstrap over patients. " + " ".join(
        f"{reading.replace('_', ' ').capitalize()}: {words}." for reading, words in READINGS.items()
    )
    yield from _further_line(result)
    yield from (_gain(each) for each in result.gains)
    for method in result.methods:
        yield from (_remark(method, each) for each in method.remarks)
    if result.synthetic:
        yield "All patients are synthetic: no figure here says anything about real ones."
    yield PUBLISHED
    yield from (_left_out(row) for row in result.left_out[:_MOST_LINES])
    if len(result.left_out) > _MOST_LINES:
        yield f"... and {len(result.left_out) - _MOST_LINES} more that were not evaluated (results.json)."


def _further_line(result: LocalizationResult) -> Iterator[str]:
    n_further = sum(bool(node.further) for node in result.nodes)
    if n_further:
        yield (
            f"{n_further} of {len(result.nodes)} nodes have more than one station by the reader. By zone and by "
            f"station, in comparisons and pictures {ACCEPTED[result.accepted]} (--accept-stations {result.accepted})."
        )


def _gain(gain: Gain) -> str:
    p_value = "< 0.001" if gain.p_value < 0.001 else f"{gain.p_value:.3f}"
    return (
        f"{gain.first} less {gain.second}, {gain.level} right: {gain.difference:+.2f} ({gain.low:+.2f} to "
        f"{gain.high:+.2f}) on {gain.n} nodes; McNemar p {p_value}, which takes nodes as independent."
    )


def _remark(method: MethodResult, remark: Remark) -> str:
    return f"{method.name}, {remark.n_patients} of {method.n_patients} patients: {remark.words}"


def _left_out(row: LeftOut) -> str:
    node = "" if row.node is None else f", node {row.node}"
    method = "" if row.method is None else f", {row.method}"
    return f"Not evaluated: patient {row.patient}{node}{method}: {row.reason}"


def nodes_csv(result: LocalizationResult) -> str:
    """Every node as a line: the reader's station, and what each method makes of it; empty where that is nothing."""
    names = [method.name for method in result.methods]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_OF_NODE, *(f"{name}_{column}" for name in names for column in _OF_METHOD)])
    for node in result.nodes:
        cells = [cell for name in names for cell in _cells(node.places.get(name))]
        further = " ".join(node.further)
        writer.writerow([node.patient, node.node, node.station, further, at_level(node.station, "zone"), *cells])
    return text.getvalue()


def _cells(place: Place | None) -> list[str]:
    if place is None:
        return [""] * len(_OF_METHOD)
    zone = "" if place.station is None else at_level(place.station, "zone")
    share, away = ("" if value is None else f"{value:.3f}" for value in (place.share, place.nearest_mm))
    return [place.station or "", zone, share, place.largest_weight or "", place.nearest or "", away]
