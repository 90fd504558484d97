"""The station table: fills a QTableWidget with rows, reports selections, calls and notes.

Sorting is ours: QTableWidget sorts text, and PythonQt cannot override the comparison of items.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import ctk
import qt

from LNStationSlicer.case.StationRows import (
    COLUMNS,
    DEFINITIONS,
    MODEL_COLUMNS,
    Column,
    Filter,
    StationRow,
    filtered,
    sortedRows,
)
from LNStationSlicer.exchange.AssessmentTypes import Call, PredictionSet
from LNStationSlicer.exchange.ColumnDefinitions import formatted, heading, narrowHeading
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _
from LNStationSlicer.views.OverlayOptions import callColor, probabilityColor

ABSENT = "\N{EN DASH}"
READER_CALLS: tuple[Call | None, ...] = (None, "positive", "negative")
_BAR_WIDTH, _BAR_HEIGHT = 20, 12
_ROW_HEIGHT = 25
_NUMBERS = ("volume", "nodes", "short_axis", "suv_max")
_READER, _NOTE = COLUMNS.index("reader"), COLUMNS.index("note")


class StationTable:
    """The table as the panel uses it.

    Attributes:
        stationSelected: Emitted with a station's name when the user picks its row (again too).
        callChanged: Emitted with name and call when the user changes the reader's call.
        noteChanged: Emitted with name and text when the user changed a note.
    """

    def __init__(self, table: qt.QTableWidget) -> None:
        self.stationSelected = Signal()
        self.callChanged = Signal()
        self.noteChanged = Signal()
        self._table = table
        self._rows: dict[str, StationRow] = {}
        self._names: list[str] = []
        self._filter: Filter = "all"
        self._column: Column = "station"
        self._descending = False
        self._hidden = False
        self._editable = False
        self._setUp()

    @property
    def names(self) -> list[str]:
        """Names of the stations in the rows, from top to bottom."""
        return list(self._names)

    @property
    def selected(self) -> str | None:
        """Name of the selected station."""
        row = self._table.currentRow()
        return self._names[row] if 0 <= row < len(self._names) else None

    def setRows(self, rows: Sequence[StationRow], modelHidden: bool = False, editable: bool = True) -> None:
        """Show these rows, through the filter and in the order that the user chose."""
        self._rows = {row.name: row for row in rows}
        self._hidden = modelHidden
        self._editable = editable
        self._show()

    def setFilter(self, which: Filter) -> None:
        """Show all rows, the relevant ones, or those that the reader has not called."""
        self._filter = which
        self._show()

    def sortBy(self, column: Column, descending: bool = False) -> None:
        """Sort; what has no value comes last either way."""
        self._column = column
        self._descending = descending
        order = qt.Qt.DescendingOrder if descending else qt.Qt.AscendingOrder
        self._table.horizontalHeader().setSortIndicator(COLUMNS.index(column), order)
        self._show()

    def select(self, name: str | None) -> None:
        """Select a station's row without reporting it; None, and a row that is filtered away, select nothing."""
        wasBlocked = self._table.blockSignals(True)
        if name in self._names:
            row = self._names.index(name)
            self._table.setCurrentCell(row, 0)
            self._table.scrollToItem(self._table.item(row, 0))
        else:
            self._table.setCurrentCell(-1, -1)
        self._table.blockSignals(wasBlocked)

    # Set-up

    def _setUp(self) -> None:
        table = self._table
        # A button that is disabled while it has the focus hands it on: not to a row, which would be selected by it.
        table.focusPolicy = qt.Qt.ClickFocus
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels([_header(column) for column in COLUMNS])
        for index, column in enumerate(COLUMNS):
            table.horizontalHeaderItem(index).setToolTip(_headerTip(column))
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.showSortIndicator = True
        header.setSortIndicator(0, qt.Qt.AscendingOrder)
        header.setSectionsClickable(True)
        header.stretchLastSection = False
        header.highlightSections = False
        header.minimumSectionSize = _WIDTHS["note"]
        for index in range(len(COLUMNS)):
            header.setSectionResizeMode(index, qt.QHeaderView.Interactive)
            table.setColumnWidth(index, _WIDTHS[COLUMNS[index]])
        header.setSectionResizeMode(_NOTE, qt.QHeaderView.Stretch)
        header.sectionClicked.connect(self._headerClicked)
        table.cellClicked.connect(self._cellClicked)
        table.currentCellChanged.connect(self._currentChanged)
        table.cellChanged.connect(self._cellChanged)

    # What the user does

    def _headerClicked(self, index: int) -> None:
        column = COLUMNS[index]
        self.sortBy(column, column == self._column and not self._descending)

    def _cellClicked(self, row: int) -> None:
        if 0 <= row < len(self._names):
            self.stationSelected.emit(self._names[row])

    def _currentChanged(self, row: int, _column: int, previousRow: int) -> None:
        # A click reports itself; this is for the arrow keys.
        if row != previousRow and 0 <= row < len(self._names) and not qt.QApplication.mouseButtons():
            self.stationSelected.emit(self._names[row])

    def _cellChanged(self, row: int, column: int) -> None:
        if column == _NOTE and 0 <= row < len(self._names):
            name = self._names[row]
            text = self._table.item(row, column).text().strip()
            if text != self._rows[name].note:
                self.noteChanged.emit(name, text)

    def _readerCalled(self, name: str, index: int) -> None:
        self.callChanged.emit(name, READER_CALLS[index])

    # Filling

    def _show(self) -> None:
        rows = filtered(list(self._rows.values()), self._filter, self._hidden)
        rows = sortedRows(rows, self._column, self._descending, self._hidden)
        selected = self.selected
        wasBlocked = self._table.blockSignals(True)
        if [row.name for row in rows] != self._names:
            self._rebuild(rows)
        for index, row in enumerate(rows):
            self._fill(index, row)
        self._fitProbability(rows)
        self._hideMeasures(rows)
        self._table.blockSignals(wasBlocked)
        if selected != self.selected:
            self.select(selected)

    def _fitProbability(self, rows: Sequence[StationRow]) -> None:
        """Give the bars room only where there are any."""
        hasBars = not self._hidden and any(row.probability is not None for row in rows)
        width = _WIDTHS["probability"] if hasBars else _NO_PROBABILITY_WIDTH
        self._table.setColumnWidth(COLUMNS.index("probability"), width)

    def _hideMeasures(self, rows: Sequence[StationRow]) -> None:
        """A blind first read leaves one column full of "hidden", which is enough; sets show where there are any."""
        hasSets = any(row.predictionSet is not None for row in rows)
        for index, column in enumerate(COLUMNS):
            isBlind = self._hidden and column in MODEL_COLUMNS and column != "model"
            self._table.setColumnHidden(index, isBlind or (column == "set" and not hasSets))

    def _rebuild(self, rows: Sequence[StationRow]) -> None:
        """Make cells for these rows; the only place that makes or deletes widgets."""
        self._names = [row.name for row in rows]
        self._table.rowCount = 0
        self._table.rowCount = len(rows)
        for index, row in enumerate(rows):
            for column in range(len(COLUMNS)):
                self._table.setItem(index, column, _newItem(COLUMNS[column]))
            self._table.setCellWidget(index, _READER, self._newCombo(row.name))
            self._table.setRowHeight(index, _ROW_HEIGHT)

    def _newCombo(self, name: str) -> ctk.ctkComboBox:
        combo = ctk.ctkComboBox()
        combo.addItems([callText(call) for call in READER_CALLS])
        # The wheel scrolls the table; it must not change a call on its way.
        combo.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
        combo.focusPolicy = qt.Qt.ClickFocus
        # partial, because it keeps every argument: PythonQt trims those of plain functions.
        combo.connect("currentIndexChanged(int)", partial(self._readerCalled, name))
        return combo

    def _fill(self, index: int, row: StationRow) -> None:
        for column, name in enumerate(COLUMNS):
            item = self._table.item(index, column)
            text = self._text(row, name)
            if item.text() != text:
                item.setText(text)
            item.setToolTip(self._tip(row, name))
        self._table.item(index, 0).setIcon(_swatch(row.color))
        shown = None if self._hidden else row.probability
        bar = qt.QIcon() if shown is None else _bar(shown)
        self._table.item(index, COLUMNS.index("probability")).setIcon(bar)
        self._colorModelCall(index, row)
        self._fillReader(index, row)

    def _colorModelCall(self, index: int, row: StationRow) -> None:
        item = self._table.item(index, COLUMNS.index("model"))
        call = row.modelCall if row.isConfirmed and not self._hidden else None
        item.setForeground(qt.QBrush(qt.QColor(*_bytes(callColor(call)))) if call else qt.QBrush())

    def _fillReader(self, index: int, row: StationRow) -> None:
        combo = self._table.cellWidget(index, _READER)
        wasBlocked = combo.blockSignals(True)
        combo.currentIndex = READER_CALLS.index(row.readerCall)
        combo.blockSignals(wasBlocked)
        combo.enabled = self._editable and row.isShown
        flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
        self._table.item(index, _NOTE).setFlags(flags | qt.Qt.ItemIsEditable if self._editable else flags)

    def _text(self, row: StationRow, column: Column) -> str:
        if column == "reader":  # its combo box covers the cell
            return ""
        if self._hidden and column in MODEL_COLUMNS:
            return _("hidden")
        return cellText(row, column)

    def _tip(self, row: StationRow, column: Column) -> str:
        if column == "station":
            return f"{row.name}: {row.title}"
        if column == "note":
            return row.note
        if column in MODEL_COLUMNS and not self._hidden:
            return row.reason
        return ""


def cellText(row: StationRow, column: Column) -> str:
    """What a cell says; a dash where there is no value."""
    texts: dict[Column, str] = {
        "station": row.name,
        "volume": _number("volume", row.volumeMl),
        "nodes": _number("nodes", row.nNodes),
        "short_axis": _number("short_axis", row.shortAxisMm),
        "suv_max": _number("suv_max", row.suvMax),
        "probability": _number("probability", row.probability),
        "set": _setText(row.predictionSet),
        "model": callText(row.modelCall) + ("" if row.isConfirmed else "?"),
        "reader": callText(row.readerCall),
        "note": row.note,
        "state": _stateText(row.state),
    }
    return texts[column]


def callText(call: Call | None) -> str:
    """A call in a word that fits into a narrow column."""
    return {"positive": _("pos"), "negative": _("neg"), None: ABSENT}[call]


def _setText(found: PredictionSet | None) -> str:
    return _("either") if found == "either" else callText(found)


def _stateText(state: str) -> str:
    return {"none": ABSENT, "fresh": _("fresh"), "stale": _("stale"), "running": _("running")}[state]


def _number(column: Column, value: float | None) -> str:
    return formatted(DEFINITIONS[column], value, nothing=ABSENT)


_WIDTHS: dict[Column, int] = {
    "station": 60, "volume": 38, "nodes": 44, "short_axis": 42, "suv_max": 36, "probability": 66, "set": 44,
    "model": 50, "reader": 60, "note": 34, "state": 54,
}  # fmt: skip
_NO_PROBABILITY_WIDTH = 50


def _header(column: Column) -> str:
    return _("State") if column == "state" else narrowHeading(DEFINITIONS[column])


def _headerTip(column: Column) -> str:
    """What the values are, as the library says it, and what the panel adds to it."""
    defined = DEFINITIONS.get(column)
    words = [f"{heading(defined)}: {defined['meaning']}"] if defined else []
    return " ".join([*words, *_addedTips().get(column, ())])


def _addedTips() -> dict[Column, tuple[str, ...]]:
    return {
        "station": (_("Its color is that in the views."),),
        "model": (_("A question mark: it rests on unconfirmed candidates and is not fit for staging."),),
        "note": (_("Double-click to write."),),
        "state": (_("Stale: edited since it was assessed. Running: being assessed."),),
    }


def _newItem(column: Column) -> qt.QTableWidgetItem:
    item = qt.QTableWidgetItem()
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    if column in _NUMBERS:
        item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item


def _bytes(color: Sequence[float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in color[:3])
    return red, green, blue


def _swatch(color: tuple[int, int, int]) -> qt.QIcon:
    pixmap = qt.QPixmap(_BAR_HEIGHT, _BAR_HEIGHT)
    pixmap.fill(qt.QColor(*color))
    return qt.QIcon(pixmap)


def _bar(probability: float) -> qt.QIcon:
    """A bar as long as the probability, in its color of the views."""
    pixmap = qt.QPixmap(_BAR_WIDTH, _BAR_HEIGHT)
    pixmap.fill(qt.QColor(225, 225, 225))
    painter = qt.QPainter()
    painter.begin(pixmap)
    width = round(_BAR_WIDTH * min(max(probability, 0.0), 1.0))
    painter.fillRect(0, 0, width, _BAR_HEIGHT, qt.QColor(*_bytes(probabilityColor(probability))))
    painter.end()
    return qt.QIcon(pixmap)
