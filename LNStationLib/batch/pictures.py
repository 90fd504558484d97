"""The drawings of a cohort's report: bars and boxes, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from LNStationLib.batch.summary import NOT_ASSESSED, NOT_FOUND, STATES, UNCONFIRMED, StationCount
from LNStationLib.export.pictures import svg
from LNStationLib.export.wording import number
from LNStationLib.support import palette
from LNStationLib.support.language import say

_WIDTH = 760.0
_LEFT, _RIGHT = 150.0, 60.0
_ROW, _BAR = 22.0, 14.0
_TOP, _BOTTOM = 30.0, 34.0
_ENDS = (4, 8, 12, 16, 20, 24, 32, 40)
"""Of axes, times a power of ten."""
_INK, _SOFT, _LINE = "#1d2630", "#5b6672", "#d8dee5"
_COLORS: Mapping[str, str] = {
    "positive": palette.POSITIVE,
    "negative": palette.NEGATIVE,
    UNCONFIRMED: palette.UNCONFIRMED,
    NOT_ASSESSED: "#b9bfc6",
    NOT_FOUND: "#eceff2",
}


@dataclass(frozen=True)
class Bar:
    """A row of a chart of bars; ``parts`` are lengths with their colors, beside each other."""

    title: str
    parts: tuple[tuple[float, str], ...]
    note: str = ""


def station_bars(stations: Mapping[str, StationCount]) -> str:
    """Cases by station and state, with a legend."""
    bars = [
        Bar(name, tuple((count.states[state], _COLORS[state]) for state in STATES), _share(count))
        for name, count in stations.items()
    ]
    return _bars(say("Calls by station"), bars, say("cases"), {say(state): _COLORS[state] for state in STATES})


def category_bars(counted: Mapping[str, int]) -> str:
    """Cases by N category."""
    bars = [Bar(name, ((count, "#1f4e79"),), str(count)) for name, count in counted.items()]
    return _bars(say("Cases by N category"), bars, say("cases"), {})


def volume_boxes(stations: Mapping[str, StationCount]) -> str:
    """Volumes by station: median, quartiles, and the 5th and 95th percentile."""
    found = {name: count for name, count in stations.items() if count.volumes_ml}
    longest = max((count.percentile_ml(95) or 0.0 for count in found.values()), default=0.0)
    root, scale = _chart(say("Volumes of stations"), len(found), longest, "ml")
    for row, (name, count) in enumerate(found.items()):
        _box(root, row, name, count, scale)
    return svg.to_string(root)


def course(values: Sequence[float], title: str, unit: str) -> str:
    """Values in the order of the cases, as a line."""
    height, left = 220.0, 60.0
    root = svg.root(_WIDTH, height, title)
    top = _nice(max(values, default=0.0))
    for step in range(5):
        y = 180 - 160 * step / 4
        svg.add(root, "line", x1=left, y1=y, x2=_WIDTH - 20, y2=y, stroke=_LINE)
        svg.add_text(root, (left - 6, y + 4), number(top * step / 4, 0), font_size=11, fill=_SOFT, text_anchor="end")
    width = _WIDTH - 20 - left
    points = [(left + width * (n + 0.5) / len(values), 180 - 160 * value / top) for n, value in enumerate(values)]
    if len(points) > 1:
        svg.add(root, "path", d=svg.polyline(points, closed=False), fill="none", stroke="#1f4e79", stroke_width=1.2)
    for x, y in points[:1] if len(points) == 1 else ():
        svg.add(root, "circle", cx=x, cy=y, r=3, fill="#1f4e79")
    words = say("{title}, {unit}, in the order of the table", title=title, unit=unit)
    svg.add_text(root, (left, 204), words, font_size=11, fill=_SOFT)
    return svg.to_string(root)


def _share(count: StationCount) -> str:
    fraction = count.positive_fraction
    return "" if fraction is None else say("{percent}% positive", percent=f"{100 * fraction:.0f}")


def _bars(title: str, bars: Sequence[Bar], unit: str, legend: Mapping[str, str]) -> str:
    longest = max((sum(length for length, _ in bar.parts) for bar in bars), default=0.0)
    root, scale = _chart(title, len(bars), longest, unit)
    for row, bar in enumerate(bars):
        _label(root, row, bar.title)
        x = _LEFT
        for length, color in bar.parts:
            if length:
                svg.add(root, "rect", x=x, y=_y(row), width=length * scale, height=_BAR, fill=color, stroke="#ffffff")
            x += length * scale
        svg.add_text(root, (x + 6, _y(row) + 11), bar.note, font_size=11, fill=_SOFT)
    _legend(root, legend)
    return svg.to_string(root)


def _chart(title: str, rows: int, longest: float, unit: str) -> tuple[Element, float]:
    """An empty chart, and how many of its units a value takes."""
    height = _TOP + rows * _ROW + _BOTTOM
    root = svg.root(_WIDTH, height, title)
    top = _nice(longest)
    scale = (_WIDTH - _LEFT - _RIGHT - 40) / top
    for step in range(5):
        x = _LEFT + top * step / 4 * scale
        svg.add(root, "line", x1=x, y1=_TOP - 4, x2=x, y2=height - _BOTTOM, stroke=_LINE)
        words = f"{number(top * step / 4, 0)}{' ' + unit if step == 4 else ''}"
        svg.add_text(root, (x, height - _BOTTOM + 16), words, font_size=11, fill=_SOFT, text_anchor="middle")
    return root, scale


def _nice(value: float) -> float:
    """The end of an axis from a value on: its quarters are round, and little of it stays empty."""
    decade = 1.0
    while value > _ENDS[-1] * decade:
        decade *= 10
    return next(end * decade for end in _ENDS if end * decade >= value)


def _y(row: int) -> float:
    return _TOP + row * _ROW + (_ROW - _BAR) / 2


def _label(root: Element, row: int, words: str) -> None:
    svg.add_text(root, (_LEFT - 8, _y(row) + 11), words, font_size=12, fill=_INK, text_anchor="end")


def _box(root: Element, row: int, name: str, count: StationCount, scale: float) -> None:
    low, first, median, third, high = (
        _LEFT + (count.percentile_ml(percent) or 0.0) * scale for percent in (5, 25, 50, 75, 95)
    )
    middle = _y(row) + _BAR / 2
    _label(root, row, name)
    svg.add(root, "line", x1=low, y1=middle, x2=high, y2=middle, stroke=_SOFT)
    svg.add(
        root, "rect", x=first, y=_y(row), width=max(third - first, 1), height=_BAR, fill="#a5cbe2", stroke="#1f4e79"
    )
    svg.add(root, "line", x1=median, y1=_y(row), x2=median, y2=_y(row) + _BAR, stroke="#1f4e79", stroke_width=2)
    svg.add_text(root, (high + 6, middle + 4), f"{number(count.percentile_ml(50), 1)} ml", font_size=11, fill=_SOFT)


def _legend(root: Element, colors: Mapping[str, str]) -> None:
    x = _LEFT
    for words, color in colors.items():
        svg.add(root, "rect", x=x, y=6, width=11, height=11, fill=color, stroke=_SOFT, stroke_width=0.5)
        svg.add_text(root, (x + 16, 16), words, font_size=11, fill=_INK)
        x += 30 + 6.6 * len(words)
