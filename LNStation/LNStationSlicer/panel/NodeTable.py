"""The node table: the nodes of the selected station in a QTableWidget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import qt

from LNStationSlicer.case.NodeRows import COLUMNS, DEFINITIONS, Column, NodeRow
from LNStationSlicer.exchange.ColumnDefinitions import formatted, heading
from LNStationSlicer.panel.StationCells import ABSENT, callBrush, callText
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _

SIGNIFICANT = "\N{BLACK STAR}"
_ROW_HEIGHT = 22
_FRAME = 2
_MOST_ROWS = 6
"""Rows that are shown without scrolling."""
_WIDTHS: dict[Column, int] = {
    "node": 46, "short_axis": 48, "long_axis": 48, "hu": 46, "suv_max": 46, "probability": 46, "call": 58,
    "source": 90,
}  # fmt: skip
_NUMBERS: tuple[Column, ...] = ("short_axis", "long_axis", "hu", "suv_max", "probability")


class NodeTable:
    """The table as the panel uses it.

    Attributes:
        nodeSelected: Emitted with a number when the user picks a row.
        changed: Emitted when other rows are selected.
    """

    def __init__(self, table: qt.QTableWidget) -> None:
        self.nodeSelected = Signal()
        self.changed = Signal()
        self._table = table
        self._rows: list[NodeRow] = []
        self._titles: dict[str, str] = {}
        self._setUp()

    @property
    def numbers(self) -> list[int]:
        """Of the nodes, from top to bottom."""
        return [row.number for row in self._rows]

    def selectedRows(self) -> list[NodeRow]:
        """The selected nodes, from top to bottom."""
        chosen = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        return [self._rows[row] for row in chosen if row < len(self._rows)]

    def setRows(self, rows: Sequence[NodeRow], titles: Mapping[str, str] | None = None) -> None:
        """Show these rows; what is selected stays so.

        Args:
            rows: From top to bottom.
            titles: Of the methods that find nodes, by name.
        """
        self._titles = dict(titles or {})
        kept = {row.number for row in self.selectedRows()}
        current = self._current()
        wasBlocked = self._table.blockSignals(True)
        self._rows = list(rows)
        self._table.rowCount = len(rows)
        measured: dict[Column, bool] = {
            "suv_max": any(row.suvMax is not None for row in rows),
            "probability": any(row.probability is not None for row in rows),
        }
        for column, isThere in measured.items():
            self._table.setColumnHidden(COLUMNS.index(column), not isThere)
        for index, row in enumerate(rows):
            self._fill(index, row)
        self._fitHeight()
        self._restore(kept, current)
        self._table.blockSignals(wasBlocked)

    def select(self, number: int | None) -> None:
        """Select one row without reporting it; None, and a node that has none, select nothing."""
        self._table.blockSignals(True)
        self._restore({number} if number is not None else set(), number)
        self._table.blockSignals(False)
        self.changed.emit()

    def _current(self) -> int | None:
        row = self._table.currentRow()
        return self._rows[row].number if 0 <= row < len(self._rows) else None

    def _restore(self, numbers: set[int], current: int | None) -> None:
        self._table.clearSelection()
        if current in self.numbers:
            self._table.setCurrentCell(self.numbers.index(current), 0)
            self._table.clearSelection()
        else:
            self._table.setCurrentCell(-1, -1)
        mode = qt.QItemSelectionModel.Select | qt.QItemSelectionModel.Rows
        for index, row in enumerate(self._rows):
            if row.number in numbers:
                self._table.selectionModel().select(self._table.model().index(index, 0), mode)

    def _setUp(self) -> None:
        table = self._table
        table.focusPolicy = qt.Qt.StrongFocus
        table.columnCount = len(COLUMNS)
        table.setHorizontalHeaderLabels([_header(column) for column in COLUMNS])
        for index, column in enumerate(COLUMNS):
            defined = DEFINITIONS[column]
            table.horizontalHeaderItem(index).setToolTip(f"{heading(defined)}: {defined['meaning']}")
            table.setColumnWidth(index, _WIDTHS[column])
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.highlightSections = False
        header.minimumSectionSize = min(_WIDTHS.values())
        header.setSectionResizeMode(COLUMNS.index("source"), qt.QHeaderView.Stretch)
        table.cellClicked.connect(self._onClicked)
        table.currentCellChanged.connect(self._onCurrent)
        table.itemSelectionChanged.connect(self._onSelection)

    def _fitHeight(self) -> None:
        rows = min(max(len(self._rows), 1), _MOST_ROWS)
        self._table.setFixedHeight(self._table.horizontalHeader().sizeHint.height() + _FRAME + _ROW_HEIGHT * rows)

    def _fill(self, index: int, row: NodeRow) -> None:
        self._table.setRowHeight(index, _ROW_HEIGHT)
        for place, column in enumerate(COLUMNS):
            item = qt.QTableWidgetItem(cellText(row, column, self._titles))
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            item.setToolTip(tipText(row))
            if column in _NUMBERS:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            if row.isDismissed:
                font = self._table.font
                font.setStrikeOut(True)
                item.setFont(font)
                item.setForeground(qt.QBrush(qt.QColor(140, 140, 140)))
            elif column == "call":
                item.setForeground(callBrush(row.call if row.isConfirmed else None, self._table.palette))
            self._table.setItem(index, place, item)

    def _onClicked(self, row: int) -> None:
        if 0 <= row < len(self._rows):
            self.nodeSelected.emit(self._rows[row].number)

    def _onCurrent(self, row: int, _column: int, previousRow: int) -> None:
        # A click reports itself; this is for the arrow keys.
        if row != previousRow and 0 <= row < len(self._rows) and not qt.QApplication.mouseButtons():
            self.nodeSelected.emit(self._rows[row].number)

    def _onSelection(self) -> None:
        self.changed.emit()


def cellText(row: NodeRow, column: Column, titles: Mapping[str, str]) -> str:
    """What a cell says; a dash where there is no value."""
    texts: dict[Column, str] = {
        "node": f"#{row.number}" + (SIGNIFICANT if row.isSignificant else ""),
        "short_axis": formatted(DEFINITIONS["short_axis"], row.shortAxisMm),
        "long_axis": formatted(DEFINITIONS["long_axis"], row.longAxisMm),
        "hu": formatted(DEFINITIONS["hu"], row.meanHu),
        "suv_max": formatted(DEFINITIONS["suv_max"], row.suvMax, nothing=ABSENT),
        "probability": formatted(DEFINITIONS["probability"], row.probability, nothing=ABSENT),
        "call": _("no node") if row.isDismissed else callText(row.call) + ("" if row.isConfirmed else "?"),
        "source": _("you") if row.isReaders else titles.get(row.source, row.source),
    }
    return texts[column]


def tipText(row: NodeRow) -> str:
    """Why its call, and what the search for significant nodes said where there was one."""
    said = {True: _("Found as a significant node."), False: _("Visible, not found as significant."), None: ""}
    return " ".join(filter(None, [said[row.isSignificant], row.reason]))


def _header(column: Column) -> str:
    return {
        "node": _("Node"),
        "short_axis": _("Short\nmm"),
        "long_axis": _("Long\nmm"),
        "hu": _("Mean\nHU"),
        "suv_max": _("SUV\nmax"),
        "probability": _("Prob."),
        "call": _("Call"),
        "source": _("Source"),
    }[column]
