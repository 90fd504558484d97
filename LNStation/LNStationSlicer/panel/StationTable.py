"""The station table: fills a QTableWidget with rows, reports selections, calls and notes.

Sorting is ours: QTableWidget sorts text, and PythonQt cannot override the comparison of items. So is the look of the
selected row: Qt's own would paint over the colors of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import qt

from LNStationSlicer.case.StationRows import (
    COLUMNS,
    MODEL_COLUMNS,
    Column,
    Filter,
    StationRow,
    filtered,
    sortedRows,
)
from LNStationSlicer.exchange.AssessmentTypes import Call
from LNStationSlicer.panel.CallButtons import CallButtons
from LNStationSlicer.panel.StationCells import (
    WIDTHS,
    bar,
    callBrush,
    cellText,
    headerText,
    headerTip,
    newItem,
    rowBrush,
    setText,
    stateText,
    swatch,
)
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _

_HIDDEN_WIDTH = 62
_ROW_HEIGHT = 24
_FRAME = 2
"""Pixels of the table's frame above and below."""
_STATION, _READER, _NOTE = COLUMNS.index("station"), COLUMNS.index("reader"), COLUMNS.index("note")
_SHOWN_WHERE_KNOWN: dict[Column, Callable[[StationRow], object]] = {
    "prior": lambda row: row.priorShortAxisMm,
    "suv_max": lambda row: row.suvMax,
    "probability": lambda row: row.probability,
}
"""Columns that take room only where a row has a value: without earlier study, PET or learned model there is none."""


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
        self._calls: dict[str, CallButtons] = {}
        self._filter: Filter = "all"
        self._column: Column = "station"
        self._descending = False
        self._hidden = False
        self._unwanted: frozenset[Column] = frozenset()
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

    def callButtons(self, name: str) -> CallButtons:
        """The buttons of a station's row.

        Raises:
            KeyError: It has no row now.
        """
        return self._calls[name]

    def setRows(self, rows: Sequence[StationRow], modelHidden: bool = False, editable: bool = True) -> None:
        """Show these rows, through the filter and in the order that the user chose."""
        self._rows = {row.name: row for row in rows}
        if modelHidden != self._hidden:  # there is room for the word, and it is not cut
            self._table.setColumnWidth(COLUMNS.index("model"), _HIDDEN_WIDTH if modelHidden else WIDTHS["model"])
        self._hidden = modelHidden
        self._editable = editable
        self._show()

    def setFilter(self, which: Filter) -> None:
        """Show all rows, the relevant ones, or those that the reader has not called."""
        self._filter = which
        self._show()

    def setUnwanted(self, columns: frozenset[Column]) -> None:
        """Leave out columns that the reader does without."""
        self._unwanted = columns
        self._hideColumns()

    def sortBy(self, column: Column, descending: bool = False) -> None:
        """Sort; what has no value comes last either way."""
        self._column = column
        self._descending = descending
        order = qt.Qt.DescendingOrder if descending else qt.Qt.AscendingOrder
        self._table.horizontalHeader().showSortIndicator = True
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
        self._paint()
        self._table.blockSignals(wasBlocked)

    def step(self, step: int) -> None:
        """Go to the next row, or with -1 to the previous one, as the arrow keys of a list do."""
        row = self._table.currentRow() + step
        if self._names:
            self._table.setCurrentCell(min(max(row, 0), len(self._names) - 1), 0)

    # Set-up

    def _setUp(self) -> None:
        table = self._table
        # A button that is disabled while it has the focus hands it on: not to a row, which would be selected by it.
        table.focusPolicy = qt.Qt.ClickFocus
        table.selectionMode = qt.QAbstractItemView.NoSelection
        table.verticalScrollBarPolicy = qt.Qt.ScrollBarAlwaysOff
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels([headerText(column) for column in COLUMNS])
        for index, column in enumerate(COLUMNS):
            table.horizontalHeaderItem(index).setToolTip(headerTip(column))
        table.verticalHeader().hide()
        self._setUpHeader()
        table.cellClicked.connect(self._cellClicked)
        table.currentCellChanged.connect(self._currentChanged)
        table.cellChanged.connect(self._cellChanged)

    def _setUpHeader(self) -> None:
        header = self._table.horizontalHeader()
        # Shown once somebody sorts: it would cover the heading of the anatomical order.
        header.showSortIndicator = False
        header.setSectionsClickable(True)
        header.stretchLastSection = False
        header.highlightSections = False
        header.minimumSectionSize = min(WIDTHS.values())
        for index, column in enumerate(COLUMNS):
            header.setSectionResizeMode(index, qt.QHeaderView.Interactive)
            self._table.setColumnWidth(index, WIDTHS[column])
        header.setSectionResizeMode(_NOTE, qt.QHeaderView.Stretch)
        header.sectionClicked.connect(self._headerClicked)

    # What the user does

    def _headerClicked(self, index: int) -> None:
        column = COLUMNS[index]
        self.sortBy(column, column == self._column and not self._descending)

    def _cellClicked(self, row: int) -> None:
        if 0 <= row < len(self._names):
            self._paint()
            self.stationSelected.emit(self._names[row])

    def _currentChanged(self, row: int, _column: int, previousRow: int) -> None:
        # A click reports itself; this is for the arrow keys.
        if row != previousRow and 0 <= row < len(self._names) and not qt.QApplication.mouseButtons():
            self._paint()
            self.stationSelected.emit(self._names[row])

    def _cellChanged(self, row: int, column: int) -> None:
        if column == _NOTE and 0 <= row < len(self._names):
            name = self._names[row]
            text = self._table.item(row, column).text().strip()
            if text != self._rows[name].note:
                self.noteChanged.emit(name, text)

    def _called(self, name: str, call: Call | None) -> None:
        self.callChanged.emit(name, call)
        # Where the call changed nothing, the buttons show what holds all the same.
        self._fillReader(self._rows[name])

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
        self._hideColumns()
        self._paint()
        self._table.blockSignals(wasBlocked)
        if selected != self.selected:
            self.select(selected)

    def _hideColumns(self) -> None:
        """A blind first read leaves one column full of "hidden", which is enough."""
        for index, column in enumerate(COLUMNS):
            isBlind = self._hidden and column in MODEL_COLUMNS and column != "model"
            known = _SHOWN_WHERE_KNOWN.get(column)
            isEmpty = known is not None and all(known(row) is None for row in self._rows.values())
            self._table.setColumnHidden(index, isBlind or isEmpty or column in self._unwanted)

    def _rebuild(self, rows: Sequence[StationRow]) -> None:
        """Make cells for these rows; the only place that makes or deletes widgets."""
        self._names = [row.name for row in rows]
        self._table.rowCount = 0
        self._table.rowCount = len(rows)
        self._calls = {row.name: CallButtons(partial(self._called, row.name)) for row in rows}
        for index, row in enumerate(rows):
            for column in range(len(COLUMNS)):
                self._table.setItem(index, column, newItem(COLUMNS[column]))
            self._table.item(index, _STATION).setIcon(swatch(row.color))
            self._table.setCellWidget(index, _READER, self._calls[row.name].widget)
            self._table.setRowHeight(index, _ROW_HEIGHT)
        self._fitHeight()

    def _fitHeight(self) -> None:
        """As high as its rows: the panel scrolls, not the table in it."""
        high = self._table.horizontalHeader().sizeHint.height() + _FRAME
        self._table.setFixedHeight(high + _ROW_HEIGHT * max(len(self._names), 1))

    def _fill(self, index: int, row: StationRow) -> None:
        for column, name in enumerate(COLUMNS):
            item = self._table.item(index, column)
            text = self._text(row, name)
            if item.text() != text:
                item.setText(text)
            item.setToolTip(self._tip(row, name))
        shown = None if self._hidden else row.probability
        self._table.item(index, COLUMNS.index("probability")).setIcon(qt.QIcon() if shown is None else bar(shown))
        call = row.modelCall if row.isConfirmed and not self._hidden else None
        self._table.item(index, COLUMNS.index("model")).setForeground(callBrush(call, self._table.palette))
        self._fillReader(row)
        flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
        self._table.item(index, _NOTE).setFlags(flags | qt.Qt.ItemIsEditable if self._editable else flags)

    def _fillReader(self, row: StationRow) -> None:
        self._calls[row.name].show(row.readerCall, self._editable and row.isShown)

    def _paint(self) -> None:
        """Tint positive rows and the selected one."""
        wasBlocked = self._table.blockSignals(True)
        highlight = self._table.palette.color(qt.QPalette.Highlight)
        for index, name in enumerate(self._names):
            row, isSelected = self._rows[name], name == self.selected
            isPositive = row.readerCall == "positive" if self._hidden else row.isPositive
            font = self._table.font
            font.setBold(isSelected)
            for column in range(len(COLUMNS)):
                item = self._table.item(index, column)
                item.setBackground(rowBrush(isPositive, isSelected, highlight))
            self._table.item(index, _STATION).setFont(font)
        self._table.blockSignals(wasBlocked)

    def _text(self, row: StationRow, column: Column) -> str:
        if column == "reader":  # its buttons cover the cell
            return ""
        if self._hidden and column in MODEL_COLUMNS:
            return _("hidden")
        return cellText(row, column)

    def _tip(self, row: StationRow, column: Column) -> str:
        if column == "station":
            return f"{row.name}: {row.title}"
        if column == "note":
            return row.note
        if column == "state":
            return stateText(row.state)
        if column not in MODEL_COLUMNS or self._hidden:
            return ""
        if column == "probability" and row.predictionSet is not None:
            return _("Prediction set: {labels}. {reason}").format(
                labels=setText(row.predictionSet), reason=row.reason
            )
        return row.reason
