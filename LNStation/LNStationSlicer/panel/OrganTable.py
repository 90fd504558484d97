"""The list of organs: where each came from; a click goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from LNStationSlicer.case.OrganRows import OrganRow
from LNStationSlicer.panel.StationCells import ABSENT
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _

_ICON_SIDE = 12
_ROW_HEIGHT = 22
_ORGAN, _SOURCE, _VOLUME = 0, 1, 2
_WIDTHS = {_SOURCE: 150, _VOLUME: 62}
"""Pixels; the organ has the rest: nothing scrolls sideways in a panel of 480."""


class OrganTable:
    """Fills a table widget.

    Args:
        table: ``QTableWidget``.

    Attributes:
        clicked: Emitted with the name of an organ.
        names: Of the organs in the rows, from top to bottom.
    """

    def __init__(self, table: Any) -> None:
        self.clicked = Signal()
        self.names: list[str] = []
        self._table = table
        self._rows: list[OrganRow] = []
        table.focusPolicy = qt.Qt.ClickFocus
        table.columnCount = 3
        table.setHorizontalHeaderLabels([_("Organ"), _("Source"), _("ml")])
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(_ORGAN, qt.QHeaderView.Stretch)
        for column, width in _WIDTHS.items():
            table.setColumnWidth(column, width)
        table.connect("cellClicked(int,int)", self._onClicked)

    def setRows(self, rows: Sequence[OrganRow]) -> None:
        """Show these rows; nothing happens where they are shown already."""
        if list(rows) == self._rows:
            return
        self._rows, self.names = list(rows), [row.name for row in rows]
        wasBlocked = self._table.blockSignals(True)
        self._table.rowCount = len(rows)
        for index, row in enumerate(rows):
            volume = ABSENT if row.volumeMl is None else f"{row.volumeMl:.1f}"
            for column, text in enumerate((row.title, row.source, volume)):
                item = qt.QTableWidgetItem(text)
                item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
                item.setToolTip(row.detail or text)
                self._table.setItem(index, column, item)
            self._table.item(index, _ORGAN).setIcon(_icon(row.color))
            self._table.item(index, _VOLUME).setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            self._table.setRowHeight(index, _ROW_HEIGHT)
        self._table.blockSignals(wasBlocked)

    def _onClicked(self, row: int, _column: int) -> None:
        if 0 <= row < len(self.names):
            self.clicked.emit(self.names[row])


def _icon(color: tuple[int, int, int]) -> Any:
    pixmap = qt.QPixmap(_ICON_SIDE, _ICON_SIDE)
    pixmap.fill(qt.QColor(*color))
    return qt.QIcon(pixmap)
