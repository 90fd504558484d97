"""Columns of the station table that the reader does without: ticks in the menu of its heading, kept across cases."""

from __future__ import annotations

from functools import partial
from typing import Any

import qt

from LNStationSlicer.case.StationRows import COLUMNS, Column
from LNStationSlicer.install.Dependencies import Settings
from LNStationSlicer.panel.StationCells import columnTitle
from LNStationSlicer.support.Signal import Signal

ALWAYS: frozenset[Column] = frozenset(("station", "model", "reader", "state"))
"""Whose station it is, what is called, and what waits to be assessed again stand in every table."""
_KEY = "LNStation/HiddenColumns"


class ColumnChoice:
    """The choice, and its menu.

    Attributes:
        changed: Emitted when the reader ticked or unticked a column.
    """

    def __init__(self, header: qt.QHeaderView, settings: Settings) -> None:
        """Put the menu on a heading.

        Args:
            header: Of the station table.
            settings: ``slicer.app.userSettings()`` or the like.
        """
        self.changed = Signal()
        self._settings = settings
        # QSettings gives a list of one back as a text, so the list is a text from the start.
        kept = str(settings.value(_KEY, "") or "").split(",")
        self._hidden = {column for column in COLUMNS if column in kept and column not in ALWAYS}
        header.setContextMenuPolicy(qt.Qt.ActionsContextMenu)
        self._actions = {column: self._addAction(header, column) for column in COLUMNS if column not in ALWAYS}

    @property
    def hidden(self) -> frozenset[Column]:
        """Columns that the reader does without."""
        return frozenset(self._hidden)

    def show(self, column: Column, isShown: bool) -> None:
        """Tick or untick a column, as a click in the menu does.

        Raises:
            KeyError: The column is always shown.
        """
        self._actions[column].setChecked(isShown)

    def _addAction(self, header: qt.QHeaderView, column: Column) -> Any:
        action = qt.QAction(columnTitle(column), header)
        action.setCheckable(True)
        action.setChecked(column not in self._hidden)
        action.connect("toggled(bool)", partial(self._toggled, column))
        header.addAction(action)
        return action

    def _toggled(self, column: Column, isShown: bool) -> None:
        if isShown:
            self._hidden.discard(column)
        else:
            self._hidden.add(column)
        self._settings.setValue(_KEY, ",".join(name for name in COLUMNS if name in self._hidden))
        self.changed.emit()
