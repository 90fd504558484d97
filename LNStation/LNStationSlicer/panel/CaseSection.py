"""Section "Case": which images, what exists beside them, and what is known about the patient."""

from __future__ import annotations

from typing import Any

import slicer

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSources import proposeSources
from LNStationSlicer.case.Parameters import factsOf
from LNStationSlicer.exchange import OrganMatching
from LNStationSlicer.panel.Section import Section, chooseKey, chooseNode, comboKey, fillCombo
from LNStationSlicer.support.Translation import _

_ROLES = {"organsSelector": "organs", "nodesSelector": "nodesSource", "tumorSelector": "tumorSource"}


class CaseSection(Section):
    """Case selector, images, segmentations, cancer and side."""

    def setUp(self) -> None:
        """A case is made as soon as a CT is chosen."""
        ui = self.ui
        fillCombo(ui.cancerCombo, [("", _("not given")), ("lung", _("lung")), ("esophagus", _("esophagus"))])
        fillCombo(ui.tumorSideCombo, [("", _("not given")), ("R", _("right")), ("L", _("left"))])
        fillCombo(ui.petUnitCombo, [("auto", _("as stated in the file")), ("SUVbw", _("SUV (body weight)"))])
        ui.caseSelector.connect("currentIndexChanged(int)", self._onCaseChosen)
        ui.newCaseButton.clicked.connect(self._onNewCase)
        ui.removeCaseButton.clicked.connect(self._onRemoveCase)
        ui.ctSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onCtChosen)
        ui.petSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onPetChosen)
        for name in _ROLES:
            getattr(ui, name).connect("currentNodeChanged(vtkMRMLNode*)", self._onSourceChosen)
        for combo in (ui.cancerCombo, ui.tumorSideCombo, ui.petUnitCombo):
            combo.connect("currentIndexChanged(int)", self._onFactChosen)

    def refresh(self) -> None:
        """Show the case's inputs."""
        with self.refreshing():
            self._refreshSelector()
            self._refreshInputs()

    def _refreshSelector(self) -> None:
        cases = self.logic.cases()
        entries = [(case.key, case.name) for case in cases]
        if self.logic.case is None:
            entries.insert(0, ("", _("new case: choose a CT")))
        fillCombo(self.ui.caseSelector, entries)
        chooseKey(self.ui.caseSelector, self.logic.case.key if self.logic.case else "")
        self.ui.removeCaseButton.enabled = self.logic.case is not None
        self.ui.newCaseButton.enabled = self.logic.case is not None

    def _refreshInputs(self) -> None:
        ui, case, parameters = self.ui, self.logic.case, self.logic.caseParameters()
        chooseNode(ui.ctSelector, case.ctNode() if case else None)
        chooseNode(ui.petSelector, case.petNode() if case else None)
        for name, role in _ROLES.items():
            sources = case.sources(role) if case else []
            chooseNode(getattr(ui, name), sources[0] if sources else None)
        for widget in (ui.petSelector, ui.organsSelector, ui.nodesSelector, ui.tumorSelector, ui.cancerCombo):
            widget.enabled = case is not None
        ui.organsMatchLabel.text = self._matchText(case)
        ui.organsMatchLabel.visible = bool(ui.organsMatchLabel.text)
        if parameters is not None:
            facts = factsOf(parameters)
            chooseKey(ui.cancerCombo, facts.cancer)
            chooseKey(ui.tumorSideCombo, facts.tumorSide)
            chooseKey(ui.petUnitCombo, facts.petUnit)
        hasPet = case is not None and case.petNode() is not None
        ui.petUnitCombo.visible = ui.petUnitLabel.visible = hasPet
        ui.tumorSideCombo.enabled = comboKey(ui.cancerCombo) == "lung" and case is not None

    @staticmethod
    def _matchText(case: CaseScene | None) -> str:
        sources = case.sources("organs") if case else []
        if not sources:
            return ""
        text = OrganMatching.matchSegmentations(sources).summary()
        if len(sources) > 1:
            text = _("From {count} segmentations: {summary}").format(count=len(sources), summary=text)
        return text

    def _onCaseChosen(self, index: int) -> None:
        key = comboKey(self.ui.caseSelector)
        if not self.isRefreshing and key:
            self.logic.selectCase(next(case for case in self.logic.cases() if case.key == key))

    def _onNewCase(self) -> None:
        self.logic.selectCase(None)

    def _onRemoveCase(self) -> None:
        case = self.logic.requireCase()
        text = _("Remove the review of '{case}'? Its images stay.").format(case=case.name)
        if slicer.util.confirmOkCancelDisplay(text):
            self.logic.removeCase(case)

    def _onCtChosen(self, node: Any) -> None:
        if self.isRefreshing or slicer.mrmlScene.IsClosing():
            return
        if node is None:
            self.logic.selectCase(None)
            return
        isNew = CaseScene.ofNode(node) is None
        case = self.logic.caseFor(node)
        if isNew:
            proposeSources(case)
        self.logic.selectCase(case)

    def _onPetChosen(self, node: Any) -> None:
        if not self.isRefreshing and self.logic.case is not None and not slicer.mrmlScene.IsClosing():
            self.logic.case.setPetNode(node)
            self.logic.updated.emit()

    def _onSourceChosen(self) -> None:
        if self.isRefreshing or self.logic.case is None or slicer.mrmlScene.IsClosing():
            return
        for name, role in _ROLES.items():
            node = getattr(self.ui, name).currentNode()
            sources = self.logic.case.sources(role)
            if node != (sources[0] if sources else None):
                self.logic.case.setSources(role, [node] if node is not None else [])
        self.logic.updated.emit()

    def _onFactChosen(self) -> None:
        parameters = self.logic.caseParameters()
        if self.isRefreshing or parameters is None:
            return
        parameters.cancer = comboKey(self.ui.cancerCombo)
        parameters.tumorSide = comboKey(self.ui.tumorSideCombo)
        parameters.petUnit = comboKey(self.ui.petUnitCombo)
        self.logic.stageLater()
        self.logic.updated.emit()
