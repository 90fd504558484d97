"""The part of section "Assess" that chooses how stations are called: by criteria, or by a package's network."""

from __future__ import annotations

from pathlib import Path

import qt

from LNStationSlicer.case.Parameters import CRITERIA_METHOD, NETWORK_METHOD, CaseParameters, usesNetwork
from LNStationSlicer.panel.ModelPage import cardHtml, cardTitle
from LNStationSlicer.panel.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import ModelCard
from LNStationSlicer.worker.ModelCatalog import ModelCatalog

_GONE, _PROBLEM = "gone:", "problem:"
# A standard item keeps its flags under this role; 0 leaves none, so that it can be seen but not chosen.
_FLAGS_ROLE, _NO_FLAGS = 255, 0
_SHOWN_PROBLEMS = 3


class ModelPicker(Section):
    """Belongs to section "Assess"; shows and changes the settings of the current case.

    Attributes:
        installWanted: Emitted when the user wants the packages that learned models need.
    """

    def setUp(self) -> None:
        """Nothing is asked of the worker here."""
        ui = self.ui
        self.installWanted = Signal()
        self._newFolder: Path | None = None
        fillCombo(ui.methodCombo, [(CRITERIA_METHOD, _criteria())])
        ui.methodCombo.connect("currentIndexChanged(int)", self._onMethod)
        ui.operatingPointCombo.connect("currentIndexChanged(int)", self._onOptions)
        ui.flipCheck.connect("toggled(bool)", self._onOptions)
        ui.installModelsButton.clicked.connect(self._onInstall)
        self._fillMenu()
        self.catalog.changed.connect(self._onCatalog)

    @property
    def catalog(self) -> ModelCatalog:
        """What the worker told of packages."""
        return self.logic.models

    def cleanup(self) -> None:
        """Hear of no more answers."""
        self.catalog.changed.disconnect(self._onCatalog)

    def look(self) -> None:
        """Ask for packages where they are not known yet, the worker can start and a case may want one."""
        if self.logic.case is not None and not self.catalog.isAnswered and self.logic.dependencies.state().ready:
            self.catalog.askOnce()

    def chosen(self) -> ModelCard | None:
        """The chosen package; None for the criteria, and where it is not there."""
        parameters = self.logic.caseParameters()
        if parameters is None or not usesNetwork(parameters):
            return None
        return self.catalog.find(parameters.modelPath, parameters.modelId)

    def obstacle(self) -> str:
        """Why the chosen method cannot run, in one sentence; empty where it can, or it is not known yet."""
        parameters = self.logic.caseParameters()
        if parameters is None or not usesNetwork(parameters) or not self.catalog.isAnswered:
            return ""
        if self.chosen() is None:
            return _("The model package {title} is no longer here: choose another, or add its folder.").format(
                title=parameters.modelTitle or parameters.modelId
            )
        return self._missingText() if self.catalog.missing else ""

    # Showing

    def refresh(self) -> None:
        """Show the packages and the choice."""
        ui, parameters = self.ui, self.logic.caseParameters()
        with self.refreshing():
            self._fillMethods(parameters)
            card = self.chosen()
            if card is not None and parameters is not None and card["path"] != parameters.modelPath:
                # A scene from elsewhere: the same package lies in another place here.
                rememberPackage(parameters, card)
            self._fillPoints(card, parameters)
            ui.flipCheck.checked = bool(parameters is not None and parameters.flipAveraging)
            ui.methodCombo.enabled = parameters is not None
            ui.operatingPointCombo.enabled = ui.flipCheck.enabled = card is not None
            ui.modelCardGroup.visible = card is not None
            ui.modelCardLabel.text = cardHtml(card) if card else ""
            ui.modelNoteLabel.text = note = self._note(card)
            ui.modelNoteLabel.visible = bool(note)
            isMissing = bool(self.catalog.missing) and (card is not None or usesNetwork(parameters))
            ui.installModelsButton.visible = isMissing and self.logic.dependencies.state().installable

    def _fillMethods(self, parameters: CaseParameters | None) -> None:
        combo, catalog = self.ui.methodCombo, self.catalog
        cards = [(card["path"], cardTitle(card)) for card in catalog.cards]
        broken = [(_PROBLEM + row["path"], _brokenTitle(row["path"])) for row in catalog.problems]
        gone = []
        if parameters is not None and usesNetwork(parameters) and self.chosen() is None:
            title = parameters.modelTitle or parameters.modelId
            words = _("{title} (not found)") if catalog.isAnswered else "{title}"
            gone = [(_GONE, words.format(title=title))]
        fillCombo(combo, [(CRITERIA_METHOD, _criteria()), *cards, *gone, *broken])
        for row in catalog.problems:
            index = combo.findData(_PROBLEM + row["path"])
            combo.setItemData(index, _NO_FLAGS, _FLAGS_ROLE)
            combo.setItemData(index, row["message"], qt.Qt.ToolTipRole)
        card = self.chosen()
        chooseKey(combo, card["path"] if card else _GONE if gone else CRITERIA_METHOD)

    def _fillPoints(self, card: ModelCard | None, parameters: CaseParameters | None) -> None:
        points = card.get("operating_points", []) if card else []
        entries = [(row["name"], f"{row['name']} ({row['threshold']:.2f})") for row in points]
        fillCombo(self.ui.operatingPointCombo, entries)
        if entries:
            wanted = parameters.operatingPoint if parameters is not None else ""
            known = [key for key, _title in entries]
            chooseKey(self.ui.operatingPointCombo, wanted if wanted in known else known[0])

    def _note(self, card: ModelCard | None) -> str:
        """What must be said beside the picker."""
        catalog, lines = self.catalog, [self.obstacle()]
        if catalog.error:
            lines.append(_("Model packages could not be listed: {reason}").format(reason=catalog.error))
        if card is not None and card["trained_on"] == "synthetic":
            lines.append(_("Trained on synthetic patients only: its output does not apply to real patients."))
        for row in catalog.problems[:_SHOWN_PROBLEMS]:
            name = Path(row["path"]).name
            lines.append(row["message"] if name in row["message"] else f"{name}: {row['message']}")
        if len(catalog.problems) > _SHOWN_PROBLEMS:
            more = len(catalog.problems) - _SHOWN_PROBLEMS
            lines.append(_("{count} more packages cannot be used; see the list.").format(count=more))
        return "\n".join(line for line in lines if line)

    def _missingText(self) -> str:
        names = ", ".join(self.catalog.missing)
        if self.logic.dependencies.state().installable:
            return _("Learned models need {packages}, not installed yet.").format(packages=names)
        remedy = self.catalog.install.rstrip(".")
        return _("Learned models need {packages}, not installed: {remedy}.").format(packages=names, remedy=remedy)

    # Choosing

    def _onMethod(self) -> None:
        parameters = self.logic.caseParameters()
        key = comboKey(self.ui.methodCombo)
        if self.isRefreshing or parameters is None or key.startswith((_GONE, _PROBLEM)):
            return
        card = next((card for card in self.catalog.cards if card["path"] == key), None)
        parameters.metastasis = NETWORK_METHOD if card else CRITERIA_METHOD
        if card is not None and card["path"] != parameters.modelPath:
            parameters.operatingPoint = ""
            rememberPackage(parameters, card)
        self.refresh()

    def _onOptions(self) -> None:
        parameters = self.logic.caseParameters()
        if not self.isRefreshing and parameters is not None:
            parameters.operatingPoint = comboKey(self.ui.operatingPointCombo)
            parameters.flipAveraging = self.ui.flipCheck.checked

    def _onInstall(self) -> None:
        self.installWanted.emit()

    def _onCatalog(self) -> None:
        folder, self._newFolder = self._newFolder, None
        if folder is not None and not self._isIn(folder):
            self.message.emit(_("There is no model package in {folder}.").format(folder=folder))
        self.refresh()

    def _isIn(self, folder: Path) -> bool:
        return any(Path(row["path"]).parent == folder for row in (*self.catalog.cards, *self.catalog.problems))

    # Folders

    def _fillMenu(self) -> None:
        self._menu = qt.QMenu(self.ui.modelMenuButton)
        for title, slot in (
            (_("Add package folder..."), self.onAddFolder),
            (_("Look again"), self.onLookAgain),
            (_("Forget added folders"), self.onForgetFolders),
        ):
            self._menu.addAction(title).connect("triggered()", slot)
        self.ui.modelMenuButton.setMenu(self._menu)

    def onAddFolder(self) -> None:
        """Let the user choose a folder that holds packages."""
        name = qt.QFileDialog.getExistingDirectory(self.ui.modelMenuButton, _("Folder of model packages"), "")
        if name:
            self.message.emit("")
            self._newFolder = self.catalog.addFolder(Path(name))

    def onLookAgain(self) -> None:
        """Packages may have been put into the folders meanwhile."""
        self.catalog.ask()

    def onForgetFolders(self) -> None:
        """Only packages that were shipped, or lie in the user's folder."""
        self.catalog.setFolders([])


def rememberPackage(parameters: CaseParameters, card: ModelCard) -> None:
    """Keep in the scene which package a case is to be judged by, in words too: it may be gone some day."""
    parameters.modelPath = card["path"]
    parameters.modelId = card["id"]
    parameters.modelTitle = f"{card['title']} {card['version']}"


def _criteria() -> str:
    return _("Clinical criteria (size and uptake)")


def _brokenTitle(path: str) -> str:
    return _("{name} (cannot be used)").format(name=Path(path).name)
