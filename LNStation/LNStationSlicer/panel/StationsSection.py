"""Section "Stations": the table, the N categories, the blind first read, going from station to station."""

from __future__ import annotations

from typing import cast

import qt

from LNStationSlicer.case.CaseWarnings import caseWarnings
from LNStationSlicer.case.StationRows import Filter
from LNStationSlicer.exchange.AssessmentTypes import Assessment, NStaging
from LNStationSlicer.panel.Section import Section, comboKey, fillCombo
from LNStationSlicer.panel.StationTable import StationTable
from LNStationSlicer.support.Translation import _

NEXT_KEY, PREVIOUS_KEY = "Ctrl+Down", "Ctrl+Up"


class StationsSection(Section):
    """What was found, station by station."""

    def setUp(self) -> None:
        """Table, filter and shortcuts."""
        ui = self.ui
        self.table = StationTable(ui.stationTable)
        self.table.stationSelected.connect(self._onSelected)
        self.table.callChanged.connect(self.logic.setCall)
        self.table.noteChanged.connect(self.logic.setNote)
        self.logic.stationSelected.connect(self._onStationSelected)
        fillCombo(ui.filterCombo, _filters())
        ui.filterCombo.connect("currentIndexChanged(int)", self._onFilter)
        ui.blindCheck.connect("toggled(bool)", self._onBlind)
        ui.previousButton.clicked.connect(self.onPrevious)
        ui.nextButton.clicked.connect(self.onNext)
        self._shortcuts = [
            self._shortcut(NEXT_KEY, self.onNext),
            self._shortcut(PREVIOUS_KEY, self.onPrevious),
        ]

    def setShortcutsEnabled(self, enabled: bool) -> None:
        """Only while the module is in front."""
        for shortcut in self._shortcuts:
            shortcut.enabled = enabled

    def cleanup(self) -> None:
        """The main window would keep the shortcuts."""
        for shortcut in self._shortcuts:
            shortcut.enabled = False
            shortcut.deleteLater()
        self._shortcuts = []

    def refresh(self) -> None:
        """Show rows, categories and the state of the blind read."""
        ui, logic = self.ui, self.logic
        hidden = logic.modelHidden()
        with self.refreshing():
            self.table.setRows(logic.rows(), hidden, editable=logic.case is not None)
            review = logic.review
            ui.blindCheck.enabled = review is not None and not review.asDict().get("revealed")
            ui.blindCheck.checked = bool(review is not None and review.blind)
            ui.filterCombo.enabled = not hidden
            self._refreshCategories(hidden)
            self._refreshWarnings(hidden)
            self._refreshReason(hidden)
            for button in (ui.previousButton, ui.nextButton):
                button.enabled = bool(logic.case is not None and logic.case.assessment())

    def _refreshCategories(self, hidden: bool) -> None:
        ui, case = self.ui, self.logic.case
        assessment = case.assessment() if case else None
        staging = assessment["staging"] if assessment else None
        stale = bool(case and case.review().stale())
        if case is not None and hidden and assessment:
            left = len(case.review().uncalled(self.logic.shownStations()))
            ui.modelCategoryLabel.text = _("hidden until every station is called ({count} left)").format(count=left)
            ui.modelCategoryLabel.toolTip = ""
        else:
            text = categoryText(staging, _("not assessed yet"), stale)
            ui.modelCategoryLabel.text = " · ".join(part for part in (text, methodText(assessment)) if part)
            ui.modelCategoryLabel.toolTip = staging["explanation"] if staging else ""
        readers = case.review().nCategory() if case else None
        called = bool(case and case.review().calls())
        waiting = _("being derived") if called and assessment else _("no calls yet")
        ui.readerCategoryLabel.text = categoryText(readers, waiting, False)
        ui.readerCategoryLabel.toolTip = readers["explanation"] if readers else ""

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

    def _shortcut(self, keys: str, slot: object) -> qt.QShortcut:
        # On the panel: a main window need not exist, and its own keys stay untouched.
        shortcut = qt.QShortcut(qt.QKeySequence(keys), self.ui.stationsSection.window())
        shortcut.context = qt.Qt.WindowShortcut
        shortcut.activated.connect(slot)
        return shortcut

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
            self.logic.setBlind(checked)


def categoryText(staging: NStaging | None, absent: str, stale: bool) -> str:
    """An N category and the stations that decide it, in a line."""
    if staging is None:
        return absent
    if staging["category"] is None:
        text = staging["explanation"]
    else:
        category = staging["category"]
        text = _("at least {category}").format(category=category) if staging["is_lower_bound"] else category
        if staging["deciding_stations"]:
            text = _("{category}, decided by {stations}").format(
                category=text, stations=", ".join(staging["deciding_stations"])
            )
    return _("{text} (edited since)").format(text=text) if stale else text


def methodText(assessment: Assessment | None) -> str:
    """The model package that called the stations, and where it draws the line; empty for the clinical criteria."""
    steps = assessment["provenance"] if assessment else []
    step = next((row for row in steps if row["step"] == "metastasis"), None)
    if step is None or not step["model_package"]:
        return ""
    text = _("by {package} {version}").format(package=step["model_package"], version=step.get("model_version") or "")
    point = step["settings"].get("operating_point")
    text = _("{text} at {point}").format(text=text.strip(), point=point) if point else text.strip()
    return _("{text}, synthetic training").format(text=text) if step["trained_on"] == "synthetic" else text


def _filters() -> list[tuple[str, str]]:
    return [("all", _("all stations")), ("relevant", _("relevant")), ("not_called", _("not called by you"))]
