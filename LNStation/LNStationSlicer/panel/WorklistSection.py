"""Section "Worklist": studies and cases with the state of each review, the next one, readers, cases for the night."""

from __future__ import annotations

import qt

from LNStationSlicer.case.Readers import readersOf, switchReader
from LNStationSlicer.panel.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.support.Translation import _
from LNStationSlicer.Worklist import WorklistRow

_ROW_HEIGHT, _MOST_ROWS, _FRAME = 22, 8, 2
_WIDTHS = (170, 82, 130)


class WorklistSection(Section):
    """The table of the worklist, and who reads."""

    def setUp(self) -> None:
        """Table, buttons and readers."""
        ui = self.ui
        self._rows: list[WorklistRow] = []
        table = ui.worklistTable
        table.columnCount = len(_WIDTHS)
        table.setHorizontalHeaderLabels([_("Patient or case"), _("Study"), _("State")])
        table.verticalHeader().hide()
        for column, width in enumerate(_WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setSectionResizeMode(2, qt.QHeaderView.Stretch)
        table.cellDoubleClicked.connect(self._onRow)
        ui.openStudyButton.clicked.connect(self.onOpen)
        ui.nextCaseButton.clicked.connect(self.onNext)
        ui.unattendedButton.clicked.connect(self.onUnattended)
        fillCombo(ui.readerCombo, [])
        ui.readerCombo.connect("currentIndexChanged(int)", self._onReader)
        ui.newReaderEdit.connect("returnPressed()", self._onNewReader)
        ui.worklistSection.connect("contentsCollapsed(bool)", lambda collapsed: self.refresh())

    def refresh(self) -> None:
        """Show the list; a folded section asks the database for nothing."""
        ui = self.ui
        if ui.worklistSection.collapsed:
            return
        with self.refreshing():
            self._rows = self.logic.worklist.rows()
            self._fill()
            case = self.logic.case
            readers = readersOf(case) if case is not None else []
            fillCombo(ui.readerCombo, [(f"r{name}", name or _("not named")) for name in readers])
            chooseKey(ui.readerCombo, f"r{readers[0]}" if readers else "")
            ui.readerCombo.enabled = ui.newReaderEdit.enabled = case is not None
        running = self.logic.worklist.isUnattended
        ui.unattendedButton.text = _("Stop after this case") if running else _("Assess all unattended")
        ui.nextCaseButton.enabled = ui.openStudyButton.enabled = bool(self._rows) and not running
        ui.unattendedButton.enabled = bool(self._rows)

    def _fill(self) -> None:
        table = self.ui.worklistTable
        chosen = self._chosen()
        table.rowCount = len(self._rows)
        for index, row in enumerate(self._rows):
            table.setRowHeight(index, _ROW_HEIGHT)
            for column, text in enumerate((row.title, row.date, stateText(row))):
                item = qt.QTableWidgetItem(text)
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                item.setToolTip(row.problem or text)
                table.setItem(index, column, item)
        high = table.horizontalHeader().sizeHint.height() + _FRAME
        table.setFixedHeight(high + _ROW_HEIGHT * min(max(len(self._rows), 1), _MOST_ROWS))
        keys = [row.key for row in self._rows]
        if chosen in keys:
            table.selectRow(keys.index(chosen))

    def _chosen(self) -> str | None:
        row = self.ui.worklistTable.currentRow()
        return self._rows[row].key if 0 <= row < len(self._rows) else None

    def onOpen(self) -> None:
        """The selected case comes under review."""
        self._open(self._chosen())

    def _onRow(self, row: int, column: int) -> None:
        if 0 <= row < len(self._rows) and not self.logic.worklist.isUnattended:
            self._open(self._rows[row].key)

    def _open(self, key: str | None) -> None:
        if key is None:
            self.message.emit(_("Choose a row of the worklist first."))
            return
        try:
            self.logic.worklist.open(key)
        except RuntimeError as error:
            self.message.emit(str(error))

    def onNext(self) -> None:
        """The next case that is neither signed nor exported."""
        try:
            if not self.logic.worklist.openNext():
                self.message.emit(_("No other case is left to read."))
        except RuntimeError as error:
            self.message.emit(str(error))

    def onUnattended(self) -> None:
        """Let the worker assess what is not assessed, one after another; again: stop after the running one."""
        worklist = self.logic.worklist
        if worklist.isUnattended:
            worklist.stop()
            return
        count = worklist.assessUnattended()
        self.message.emit(
            _("{count} cases are assessed one after another; leave Slicer open.").format(count=count)
            if count
            else _("All cases are assessed.")
        )

    # Readers

    def _onReader(self) -> None:
        key, case = comboKey(self.ui.readerCombo), self.logic.case
        if not self.isRefreshing and case is not None and len(key) > 1:
            switchReader(case, key[1:])
            self.logic.reader.changed()

    def _onNewReader(self) -> None:
        name, case = self.ui.newReaderEdit.text.strip(), self.logic.case
        if case is not None and name:
            switchReader(case, name)
            self.ui.newReaderEdit.text = ""
            self.logic.reader.changed()


def stateText(row: WorklistRow) -> str:
    """The state of a review in words, with who reads."""
    text = {
        "new": _("not opened"),
        "queued": _("waits for the worker"),
        "running": _("being assessed"),
        "failed": _("failed"),
        "opened": _("not assessed"),
        "assessed": _("assessed"),
        "called": _("{count} of {all} called"),
        "signed": _("signed"),
        "exported": _("exported"),
    }[row.state].format(count=row.called[0], all=row.called[1])
    return _("{state}, {reader}").format(state=text, reader=row.reader) if row.reader else text
