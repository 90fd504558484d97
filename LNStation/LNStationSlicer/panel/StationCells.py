"""What the cells of the station table say, and the pictures in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from LNStationLib.support.palette import letter_color
from LNStationSlicer.case.StationRows import DEFINITIONS, Column, StationRow
from LNStationSlicer.exchange.AssessmentTypes import Call, PredictionSet
from LNStationSlicer.exchange.ColumnDefinitions import formatted, heading, narrowHeading
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.OverlayOptions import callColor, probabilityColor

ABSENT = "\N{EN DASH}"
NUMBERS: tuple[Column, ...] = ("volume", "nodes", "short_axis", "prior", "suv_max")
WIDTHS: dict[Column, int] = {
    "station": 62, "volume": 38, "nodes": 42, "short_axis": 40, "prior": 46, "suv_max": 36, "probability": 68,
    "model": 42, "reader": 58, "note": 28, "state": 18,
}  # fmt: skip
"""Pixels; without notes they fill a panel of 480 beside its scroll bar."""
_BAR_WIDTH, _BAR_HEIGHT = 13, 12
_POSITIVE_ALPHA, _SELECTED_ALPHA = 36, 50
"""Of 255: letters and call colors stay readable on the tint, on a light and on a dark table (4.5 to 1)."""
_DARK = 128
"""Lightness of 255 below which a ground is dark: Slicer has a dark theme."""


def cellText(row: StationRow, column: Column) -> str:
    """What a cell says; a dash where there is no value."""
    texts: dict[Column, str] = {
        "station": row.name,
        "volume": _number("volume", row.volumeMl),
        "nodes": _number("nodes", row.nNodes),
        "short_axis": _number("short_axis", row.shortAxisMm),
        "prior": _priorText(row),
        "suv_max": _number("suv_max", row.suvMax),
        "probability": _number("probability", row.probability) + _openMark(row.predictionSet),
        "set": setText(row.predictionSet),
        "model": callText(row.modelCall) + ("" if row.isConfirmed else "?"),
        "reader": callText(row.readerCall),
        "note": row.note,
        "state": _stateMark(row.state),
    }
    return texts[column]


def _priorText(row: StationRow) -> str:
    """The size then, and how much it grew."""
    if row.priorShortAxisMm is None:
        return ABSENT
    then = f"{row.priorShortAxisMm:.0f}"
    return then if row.changeMm is None else f"{then} {row.changeMm:+.0f}".replace("-", "\N{MINUS SIGN}")


def callText(call: Call | None) -> str:
    """A call in a word that fits into a narrow column."""
    return {"positive": _("pos"), "negative": _("neg"), None: ABSENT}[call]


def setText(found: PredictionSet | None) -> str:
    """A prediction set in words."""
    return _("either") if found == "either" else callText(found)


def stateText(state: str) -> str:
    """The state of a row in words."""
    return {
        "none": "",
        "fresh": _("Assessed as it is drawn."),
        "stale": _("Edited since it was assessed."),
        "running": _("Being assessed."),
    }[state]


def _openMark(found: PredictionSet | None) -> str:
    """The model leaves both labels open."""
    return "\N{PLUS-MINUS SIGN}" if found == "either" else ""


def _stateMark(state: str) -> str:
    """Only what is not as usual stands out."""
    return {"none": "", "fresh": "", "stale": "\N{PENCIL}", "running": "\N{HORIZONTAL ELLIPSIS}"}[state]


def _number(column: Column, value: float | None) -> str:
    return formatted(DEFINITIONS[column], value, nothing=ABSENT)


def headerText(column: Column) -> str:
    """Title, and the unit below it."""
    if column in ("state", "prior"):
        return {"state": "", "prior": _("Prior\nmm")}[column]
    defined = DEFINITIONS[column]
    title = {"volume": _("Vol."), "suv_max": _("SUV")}.get(column) or narrowHeading(defined)
    below = {"suv_max": _("max")}.get(column) or defined["unit"]
    return f"{title}\n{below}" if below else title


def columnTitle(column: Column) -> str:
    """The column's name in a menu, with its unit."""
    defined = DEFINITIONS.get(column)
    return heading(defined) if defined else {"state": _("State"), "prior": _("Prior, mm")}[column]


def headerTip(column: Column) -> str:
    """What the values are, as the library says it, and what the panel adds to it."""
    defined = DEFINITIONS.get(column)
    words = [f"{heading(defined)}: {defined['meaning']}"] if defined else []
    return " ".join([*words, *_addedTips().get(column, ()), _("Right-click to choose columns.")])


def _addedTips() -> dict[Column, tuple[str, ...]]:
    return {
        "station": (_("Its color is that in the views."),),
        "prior": (_("Short axis of the largest node in the earlier study, and how much it grew since."),),
        "probability": (_("\N{PLUS-MINUS SIGN}: the model leaves both calls open."),),
        "model": (_("A question mark: it rests on unconfirmed candidates and is not fit for staging."),),
        "reader": (_("P and N set it, a second click takes it back; keys P, N and U for the selected station."),),
        "note": (_("Double-click to write."),),
        "state": (_("A pencil: edited since it was assessed. Dots: being assessed."),),
    }


def newItem(column: Column) -> qt.QTableWidgetItem:
    """A cell that can be selected and not edited."""
    item = qt.QTableWidgetItem()
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    if column in NUMBERS:
        item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item


def bytesOf(color: Sequence[float]) -> tuple[int, int, int]:
    """SRGB in [0, 1] as Qt takes it."""
    red, green, blue = (round(255 * part) for part in color[:3])
    return red, green, blue


def callBrush(call: Call | None, palette: qt.QPalette) -> Any:
    """The color of a call for letters on the ground of a table; the usual one without a call."""
    if not call:
        return qt.QBrush()
    isDark = palette.color(qt.QPalette.Base).lightness() < _DARK
    return qt.QBrush(qt.QColor(letter_color(call, isDark)))


def rowBrush(isPositive: bool, isSelected: bool, highlight: Any) -> Any:
    """The ground of a cell: a tint under positive stations, another under the selected one."""
    if isSelected:
        return qt.QBrush(qt.QColor(highlight.red(), highlight.green(), highlight.blue(), _SELECTED_ALPHA))
    return qt.QBrush(qt.QColor(*bytesOf(callColor("positive")), _POSITIVE_ALPHA)) if isPositive else qt.QBrush()


def swatch(color: tuple[int, int, int]) -> qt.QIcon:
    """A square of a station's color."""
    pixmap = qt.QPixmap(_BAR_HEIGHT, _BAR_HEIGHT)
    pixmap.fill(qt.QColor(*color))
    return qt.QIcon(pixmap)


def bar(probability: float) -> qt.QIcon:
    """A bar as long as the probability, in its color of the views."""
    pixmap = qt.QPixmap(_BAR_WIDTH, _BAR_HEIGHT)
    pixmap.fill(qt.QColor(225, 225, 225))
    painter = qt.QPainter()
    painter.begin(pixmap)
    width = round(_BAR_WIDTH * min(max(probability, 0.0), 1.0))
    painter.fillRect(0, 0, width, _BAR_HEIGHT, qt.QColor(*bytesOf(probabilityColor(probability))))
    painter.end()
    return qt.QIcon(pixmap)
