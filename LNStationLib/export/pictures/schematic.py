"""The drawn station map: a schematic mediastinum with every station in the color and with the mark of its call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element

from LNStationLib.export.pictures import svg
from LNStationLib.state.assessment import Assessment, StationFinding
from LNStationLib.support import palette
from LNStationLib.support.language import marked, say
from LNStationLib.support.resources import resource_path


class MapState(Enum):
    """How a station's shape is drawn."""

    POSITIVE = marked("positive")
    NEGATIVE = marked("negative")
    UNCONFIRMED_POSITIVE = marked("positive by unconfirmed candidates")
    UNCONFIRMED_NEGATIVE = marked("negative by unconfirmed candidates")
    NOT_ASSESSED = marked("not assessed")
    NOT_PARSED = marked("not parsed")
    OTHER_SIDE = marked("no evidence on this side")


@dataclass(frozen=True)
class _Look:
    fill: str
    line: str
    text: str
    mark: str
    dash: str = "none"


_LOOKS = {
    MapState.POSITIVE: _Look(palette.POSITIVE, palette.POSITIVE_INK, "#ffffff", "+"),
    MapState.NEGATIVE: _Look("#a5cbe2", palette.NEGATIVE, "#0d2a3c", "\N{EN DASH}"),
    MapState.UNCONFIRMED_POSITIVE: _Look("#dfe2e5", "#6f767d", "#2b3036", "+?"),
    MapState.UNCONFIRMED_NEGATIVE: _Look("#dfe2e5", "#6f767d", "#2b3036", "\N{EN DASH}?"),
    MapState.NOT_ASSESSED: _Look("url(#map-hatch)", "#6f767d", "#2b3036", "?"),
    MapState.NOT_PARSED: _Look("#ffffff", "#8a9199", "#5a6168", "", "4 3"),
    MapState.OTHER_SIDE: _Look("#ffffff", "#6f767d", "#2b3036", ""),
}
_LEGEND = (
    (MapState.POSITIVE, marked("positive")),
    (MapState.NEGATIVE, marked("negative")),
    (MapState.NOT_ASSESSED, marked("not assessed")),
    (MapState.NOT_PARSED, marked("station not found on this CT")),
    (MapState.OTHER_SIDE, marked("other side of a positive station")),
    (MapState.UNCONFIRMED_POSITIVE, marked("positive, unconfirmed")),
    (MapState.UNCONFIRMED_NEGATIVE, marked("negative, unconfirmed")),
)
_RARE = (MapState.OTHER_SIDE, MapState.UNCONFIRMED_POSITIVE, MapState.UNCONFIRMED_NEGATIVE)


def map_state(finding: StationFinding | None, side: str | None = None) -> MapState:
    """State of a station's shape on one side of the drawing.

    Args:
        finding: The station's finding; ``None`` where the assessment does not name the station.
        side: Side of the shape, for a station that is drawn in two halves (8, 9).
    """
    if finding is None:
        return MapState.NOT_PARSED
    if finding.call == "positive":
        spared = finding.side is None and side is not None and finding.positive_sides
        if spared and side not in finding.positive_sides:
            return MapState.OTHER_SIDE
        return MapState.POSITIVE if finding.fit_for_staging else MapState.UNCONFIRMED_POSITIVE
    if finding.call == "negative":
        return MapState.NEGATIVE if finding.fit_for_staging else MapState.UNCONFIRMED_NEGATIVE
    return MapState.NOT_PARSED if finding.volume_ml is None else MapState.NOT_ASSESSED


def station_map_svg(assessment: Assessment) -> str:
    """Draw the map, frontal view, the patient's right on the picture's left.

    Returns:
        SVG as text; the same assessment always gives the same text.
    """
    drawing = _drawing()
    findings = {finding.station: finding for finding in assessment.stations}
    picture = svg.root(
        drawing["width"], drawing["height"], say("Station map, frontal view, patient's right on the left")
    )
    _add_hatch(picture)
    for name, parts in groupby(drawing["anatomy"], key=lambda part: part.get("group", part["id"])):
        group = svg.add(picture, "g", id=f"map-{name}", opacity=drawing["opacities"].get(name, 1))
        _add_anatomy(group, list(parts), drawing["styles"])
    _add_side_marks(picture)
    _add_inset(picture, drawing)
    for shape in drawing["stations"]:
        _add_station(picture, shape, findings.get(shape["station"]))
    states = {map_state(findings.get(shape["station"]), shape["side"]) for shape in drawing["stations"]}
    _add_legend(picture, states)
    return svg.to_string(picture)


@cache
def _drawing() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(resource_path("Report", "station_map.json").read_text(encoding="utf-8"))
    return loaded


def _add_hatch(picture: Element) -> None:
    pattern = svg.add(
        svg.add(picture, "defs"),
        "pattern",
        id="map-hatch",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    svg.add(pattern, "rect", width=6, height=6, fill="#e9ebed")
    svg.add(pattern, "rect", width=2, height=6, fill="#b4bac0")


def _add_anatomy(group: Element, parts: list[dict[str, Any]], styles: dict[str, dict[str, str]]) -> None:
    """Draw the parts of one group.

    A tube is its center line stroked twice, the wall and the slightly thinner inside; all walls of a group come
    before all insides, so that branches open into their parent.
    """
    for inside in (False, True):
        for part in parts:
            style = styles[part["style"]]
            area = part["kind"] == "area"
            path = svg.smooth(part["points"], closed=area)
            if area and inside:
                svg.add(group, "path", d=path, fill=style["fill"], stroke=style["line"], stroke_width=1.4)
            elif part["kind"] == "tube" or (part["kind"] == "line" and not inside):
                svg.add(
                    group,
                    "path",
                    d=path,
                    fill="none",
                    stroke=style["fill" if inside else "line"],
                    stroke_width=part["width"] - (2.6 if inside else 0),
                    stroke_linejoin="round",
                    stroke_linecap="round",
                )


def _add_side_marks(picture: Element) -> None:
    for x, mark, words in ((30, "R", say("patient's right")), (586, "L", say("patient's left"))):
        svg.add_text(picture, (x, 44), mark, font_size=30, font_weight="bold", fill="#2b3036", text_anchor="middle")
        anchor = "start" if mark == "R" else "end"
        edge = x - 12 if mark == "R" else x + 12
        svg.add_text(picture, (edge, 62), words, font_size=12, fill="#5a6168", text_anchor=anchor)


def _add_inset(picture: Element, drawing: dict[str, Any]) -> None:
    inset = drawing["inset"]
    x, y, width, height = inset["frame"]
    svg.add(picture, "rect", x=x, y=y, width=width, height=height, rx=6, fill="#ffffff", stroke="#c3cfdb")
    clip = svg.add(svg.add(picture, "defs"), "clipPath", id="map-inset")
    svg.add(clip, "rect", x=x + 1, y=y + 24, width=width - 2, height=height - 26)
    group = svg.add(picture, "g", clip_path="url(#map-inset)")
    for part in inset["anatomy"]:
        _add_anatomy(group, [part], drawing["styles"])
    svg.add_text(
        picture, (x + width / 2, y + 16), say(inset["title"]), font_size=11, fill="#5a6168", text_anchor="middle"
    )
    for place, mark in ((inset["front"], "A"), (inset["back"], "P")):
        svg.add_text(picture, place, mark, font_size=13, font_weight="bold", fill="#5a6168", text_anchor="middle")


def _add_station(picture: Element, shape: dict[str, Any], finding: StationFinding | None) -> None:
    state = map_state(finding, shape["side"])
    look = _LOOKS[state]
    group = svg.add(picture, "g")
    name = shape["station"]
    sided = f"{name} {shape['side']}" if finding is not None and finding.side is None and shape["side"] else name
    svg.add(group, "title").text = say("Station {station}: {state}", station=sided, state=say(state.value))
    svg.add(
        group,
        "path",
        d=svg.smooth(shape["points"], closed=True),
        fill=look.fill,
        stroke=look.line,
        fill_opacity=0.6 if state in (MapState.NOT_PARSED, MapState.OTHER_SIDE) else 0.93,
        stroke_width=2,
        stroke_dasharray=look.dash,
    )
    x, y = shape["label"]
    style = {"font_weight": "bold", "fill": look.text, "text_anchor": "middle"}
    if state is MapState.NOT_ASSESSED:
        style |= {"stroke": "#ffffff", "stroke_width": "2.5", "paint_order": "stroke", "stroke_linejoin": "round"}
    if not look.mark:
        svg.add_text(group, (x, y + 5), name, font_size=14, **style)
        return
    if _is_wide(shape):
        svg.add_text(group, (x, y + 5), f"{name} {look.mark}", font_size=15, **style)
        return
    svg.add_text(group, (x, y), name, font_size=14, **style)
    svg.add_text(group, (x, y + 15), look.mark, font_size=16, **style)


def _is_wide(shape: dict[str, Any]) -> bool:
    """Whether name and mark fit beside each other better than above each other."""
    xs = [point[0] for point in shape["points"]]
    ys = [point[1] for point in shape["points"]]
    return bool(max(xs) - min(xs) > 1.3 * (max(ys) - min(ys)))


def _add_legend(picture: Element, states: set[MapState]) -> None:
    """Explain the states that always belong to the legend, and the rare ones only where they occur."""
    y = 352.0
    for state, words in _LEGEND:
        if state in _RARE and state not in states:
            continue
        look = _LOOKS[state]
        svg.add(
            picture,
            "rect",
            x=606,
            y=y,
            width=30,
            height=22,
            rx=5,
            fill=look.fill,
            stroke=look.line,
            stroke_width=2,
            stroke_dasharray=look.dash,
        )
        svg.add_text(
            picture,
            (621, y + 16.5),
            look.mark,
            font_size=15,
            font_weight="bold",
            fill=look.text,
            text_anchor="middle",
        )
        for line, part in enumerate(_wrapped(say(words))):
            svg.add_text(picture, (644, y + 15 + 14 * line), part, font_size=12, fill="#2b3036")
        y += 34


def _wrapped(words: str, limit: int = 18) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > limit:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
