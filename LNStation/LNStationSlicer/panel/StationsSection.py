"""Section "Stations": the table, the reader's calls by mouse and keys, the blind first read, the way through."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import qt
import slicer

from LNStationSlicer.case.CallHistory import modelCalls, restNegative
from LNStationSlicer.case.CaseWarnings import caseWarnings
from LNStationSlicer.case.StationRows import Filter
from LNStationSlicer.exchange.AssessmentTypes import Call
from LNStationSlicer.panel.ColumnChoice import ColumnChoice
from LNStationSlicer.panel.Section import Section, comboKey, fillCombo
from LNStationSlicer.panel.StationTable import StationTable
from LNStationSlicer.support.Translation import _

NEXT_KEY, PREVIOUS_KEY = "Ctrl+Down", "Ctrl+Up"
CALL_KEYS: dict[str, Call | None] = {"P": "positive", "N": "negative", "U": None}
"""Keys that neither Slicer's slice views nor its segment editor use."""
ACCEPT_KEY, REST_NEGATIVE_KEY, UNDO_KEY = "Shift+M", "Shift+N", "Ctrl+Z"


class StationsSection(Section):
    """What was found, station by station."""

    def setUp(self) -> None:
        """Table, filter and shortcuts."""
        ui = self.ui
        self.table = StationTable(ui.stationTable)
        self.columns = ColumnChoice(ui.stationTable.horizontalHeader(), slicer.app.userSettings())
        self.columns.changed.connect(self._onColumns)
        self._onColumns()
        self.table.stationSelected.connect(self._onSelected)
        self.table.callChanged.connect(self.logic.reader.call)
        self.table.noteChanged.connect(self.logic.reader.note)
        self.logic.stationSelected.connect(self._onStationSelected)
        fillCombo(ui.filterCombo, _filters())
        ui.filterCombo.connect("currentIndexChanged(int)", self._onFilter)
        ui.blindCheck.connect("toggled(bool)", self._onBlind)
        ui.previousButton.clicked.connect(self.onPrevious)
        ui.nextButton.clicked.connect(self.onNext)
        ui.acceptButton.clicked.connect(self.onAccept)
        ui.restNegativeButton.clicked.connect(self.onRestNegative)
        ui.undoCallButton.clicked.connect(self.onUndo)
        self._addShortcuts()

    def _addShortcuts(self) -> None:
        """Keys of the window are those needed with the cursor in a view; a field that takes text goes first."""
        table, section = self.ui.stationTable, self.ui.stationsSection
        ofWindow: dict[str, Callable[[], Any]] = {NEXT_KEY: self.onNext, PREVIOUS_KEY: self.onPrevious}
        ofWindow |= {ACCEPT_KEY: self.onAccept, REST_NEGATIVE_KEY: self.onRestNegative}
        ofWindow |= {key: partial(self._onCallKey, call) for key, call in CALL_KEYS.items()}
        for keys, slot in ofWindow.items():
            self.addShortcut(section.window(), qt.Qt.WindowShortcut, keys, slot)
        for keys, step in (("Down", 1), ("Up", -1)):
            self.addShortcut(table, qt.Qt.WidgetShortcut, keys, partial(self._onArrow, step))
        # Not of the window: there the segment editor may have its own.
        self.addShortcut(section, qt.Qt.WidgetWithChildrenShortcut, UNDO_KEY, self.onUndo)

    def _onColumns(self) -> None:
        self.table.setUnwanted(self.columns.hidden)

    def refresh(self) -> None:
        """Show rows, what can be called, and the state of the blind read."""
        ui, logic = self.ui, self.logic
        hidden, isAssessed = logic.modelHidden(), logic.case is not None and logic.case.isAssessed
        with self.refreshing():
            for widget in (ui.stationTable, ui.filterLabel, ui.filterCombo, ui.keysLabel, ui.reasonLabel):
                widget.visible = isAssessed
            ui.noAssessmentLabel.visible = not isAssessed
            self.table.setRows(logic.rows(), hidden, editable=logic.case is not None)
            review = logic.review
            ui.blindCheck.enabled = review is not None and not review.asDict().get("revealed")
            ui.blindCheck.checked = bool(review is not None and review.blind)
            ui.filterCombo.enabled = not hidden
            self._refreshWarnings(hidden)
            self._refreshReason(hidden)
            self._refreshButtons(hidden, isAssessed)

    def _refreshButtons(self, hidden: bool, isAssessed: bool) -> None:
        ui, rows = self.ui, self.logic.rows()
        for button in (ui.previousButton, ui.nextButton, ui.acceptButton, ui.restNegativeButton, ui.undoCallButton):
            button.visible = isAssessed
        ui.acceptButton.enabled = not hidden and bool(modelCalls(rows))
        ui.restNegativeButton.enabled = bool(restNegative(rows))
        ui.undoCallButton.enabled = self.logic.reader.canUndo

    def _refreshWarnings(self, hidden: bool) -> None:
        """All warnings of the case, in full; those of a station stand under the table once it is selected."""
        ui, case = self.ui, self.logic.case
        warnings = caseWarnings(case.assessment() if case else None, hidden)
        ui.warningsGroup.visible = bool(warnings)
        ui.warningsGroup.title = _("Warnings ({count})").format(count=len(warnings))
        text = "\n".join(f"\N{BULLET} {warning}" for warning in warnings)
        if ui.warningsLabel.text != text:
            ui.warningsLabel.text = text
            # Folded away by the reader of other warnings.
            ui.warningsGroup.collapsed = False

    def _refreshReason(self, hidden: bool) -> None:
        name = self.logic.selectedStation
        row = next((row for row in self.logic.rows() if row.name == name), None)
        if row is None:
            self.ui.reasonLabel.text = ""
        elif hidden:
            self.ui.reasonLabel.text = f"{row.name}: {row.title}"
        else:
            doubt = "" if row.isConfirmed else _("Rests on unconfirmed candidates.")
            self.ui.reasonLabel.text = " ".join(filter(None, [f"{row.name}: {row.title}.", row.reason, doubt]))

    def onNext(self) -> None:
        """Go to the next station that is worth a look."""
        self.logic.selectNext(1)

    def onPrevious(self) -> None:
        """Go to the previous one."""
        self.logic.selectNext(-1)

    def onAccept(self) -> None:
        """Take over the model's calls where there is none of the reader's."""
        if self.logic.case is not None:
            self.logic.reader.acceptModel()

    def onRestNegative(self) -> None:
        """Call the rest negative."""
        if self.logic.case is not None:
            self.logic.reader.callRestNegative()

    def onUndo(self) -> None:
        """Take the last calls back."""
        if self.logic.case is not None:
            self.logic.reader.undo()

    def takeFocus(self) -> None:
        """The keys of the table work at once."""
        self.ui.stationTable.setFocus()

    def _onCallKey(self, call: Call | None) -> None:
        name = self.logic.selectedStation
        if any(row.name == name and row.isShown for row in self.logic.rows()):
            self.logic.reader.call(cast(str, name), call)

    def _onArrow(self, step: int) -> None:
        """Through the relevant stations; where none is, through all."""
        if not self.logic.selectNext(step):
            self.table.step(step)

    def _onSelected(self, name: str) -> None:
        self.logic.selectStation(name)

    def _onStationSelected(self, name: str | None) -> None:
        if self.table.selected != name:
            self.table.select(name)
        self._refreshReason(self.logic.modelHidden())

    def _onFilter(self) -> None:
        self.table.setFilter(cast(Filter, comboKey(self.ui.filterCombo)))

    def _onBlind(self, checked: bool) -> None:
        if not self.isRefreshing and self.logic.case is not None:
            self.ui.filterCombo.currentIndex = 0
            self.logic.reader.setBlind(checked)


def _filters() -> list[tuple[str, str]]:
    return [("all", _("all stations")), ("relevant", _("relevant")), ("not_called", _("not called by you"))]
