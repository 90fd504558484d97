"""Chooses the method of one step: one that needs no package, or one with the network of a model package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qt

from LNStationSlicer.case.CaseSettings import CaseSettings, Package
from LNStationSlicer.exchange.MethodDefinitions import (
    POINT_OPTION,
    MethodDefinition,
    StepDefinition,
    firstMethod,
    mayRun,
)
from LNStationSlicer.Logic import Logic
from LNStationSlicer.panel.ModelPage import briefHtml, cardHtml, cardTitle
from LNStationSlicer.panel.PickerWidgets import PickerWidgets
from LNStationSlicer.panel.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.panel.WheelGuard import WheelGuard, guardField
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import ModelCard
from LNStationSlicer.worker.ModelCatalog import ModelCatalog

_GONE, _PROBLEM, _PACKAGE = "gone:", "problem:", "package:"
_AUTOMATIC = ""
# A standard item keeps its flags under this role; 0 leaves none, so that it can be seen but not chosen.
_FLAGS_ROLE, _NO_FLAGS = 255, 0
_SHOWN_PROBLEMS = 3


class ModelPicker(Section):
    """Shows and changes the method of one step of the current case.

    Attributes:
        step: What the worker told of the step.
        widgets: What it shows.
        installWanted: Emitted when the user wants the packages that learned models need.
        chosenAnew: Emitted when the user chose.
    """

    def __init__(self, ui: Any, logic: Logic, step: StepDefinition, title: str, isFirst: bool = True) -> None:
        """Take what else must be known.

        Args:
            ui: The widgets of the panel by name.
            logic: Knows case, methods and packages.
            step: A step with methods that use packages.
            title: Stands before the choice.
            isFirst: Only one picker offers the menu of folders, and says what concerns all packages.
        """
        self.step = step
        self.widgets = PickerWidgets(title, hasMenu=isFirst)
        self._isFirst = isFirst
        super().__init__(ui, logic)

    def setUp(self) -> None:
        """Nothing is asked of the worker here."""
        self.installWanted = Signal()
        self.chosenAnew = Signal()
        self._newFolder: Path | None = None
        self._guard = WheelGuard()
        fillCombo(self.widgets.combo, self._plainEntries())
        guardField(self._guard, self.widgets.combo)
        self.widgets.combo.connect("currentIndexChanged(int)", self._onMethod)
        self.widgets.installButton.clicked.connect(self._onInstall)
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

    def method(self) -> MethodDefinition | None:
        """The chosen method, where it uses packages."""
        settings = self.logic.caseSettings()
        chosen = settings.method(self.step["step"]) if settings else None
        return next((method for method in self._learned() if method["name"] == chosen), None)

    def chosen(self) -> ModelCard | None:
        """The chosen package; None for a method without, and where it is not there."""
        package, method = self._package(), self.method()
        if package is None or method is None:
            return None
        return self.catalog.find(package["path"], package["id"], method["package_task"] or "")

    def obstacle(self) -> str:
        """Why the chosen method cannot run, in one sentence; empty where it can, or it is not known yet."""
        package = self._package()
        if package is None or not self.catalog.isAnswered:
            return ""
        if self.chosen() is None:
            return _("The model package {title} is no longer here: choose another, or add its folder.").format(
                title=package["title"] or package["id"]
            )
        return self._missingText() if self.catalog.missing else ""

    def _learned(self) -> list[MethodDefinition]:
        return [method for method in self.step["methods"] if method["package_task"]]

    def _package(self) -> Package | None:
        """What is kept of the chosen package; None for a method without."""
        settings, method = self.logic.caseSettings(), self.method()
        return settings.package(self.step["step"], method["name"]) if settings and method else None

    # Showing

    def refresh(self) -> None:
        """Show the packages and the choice."""
        widgets, settings = self.widgets, self.logic.caseSettings()
        with self.refreshing():
            card, package, method = self.chosen(), self._package(), self.method()
            if settings and card and package and method and card["path"] != package["path"]:
                # A scene from elsewhere: the same package lies in another place here.
                settings.setPackage(self.step["step"], method["name"], packageOf(card))
            self._fillMethods(card, package)
            widgets.combo.enabled = settings is not None
            widgets.cardGroup.visible = widgets.briefLabel.visible = card is not None
            widgets.briefLabel.text = briefHtml(card) if card else ""
            widgets.cardLabel.text = cardHtml(card) if card else ""
            widgets.noteLabel.text = note = self._note(card)
            widgets.noteLabel.visible = bool(note)
            isMissing = bool(self.catalog.missing) and (package is not None or bool(self._doneWithout()))
            widgets.installButton.visible = isMissing and self.logic.dependencies.state().installable

    def _fillMethods(self, card: ModelCard | None, package: Package | None) -> None:
        combo = self.widgets.combo
        broken = [(_PROBLEM + row["path"], _brokenTitle(row["path"])) for row in self.catalog.problems]
        gone = []
        if package is not None and card is None:
            words = _("{title} (not found)") if self.catalog.isAnswered else "{title}"
            gone = [(_GONE, words.format(title=package["title"] or package["id"]))]
        fillCombo(combo, [*self._plainEntries(), *self._packageEntries(), *gone, *broken])
        for row in self.catalog.problems:
            index = combo.findData(_PROBLEM + row["path"])
            combo.setItemData(index, _NO_FLAGS, _FLAGS_ROLE)
            combo.setItemData(index, row["message"], qt.Qt.ToolTipRole)
        chooseKey(combo, self._shownKey(card, bool(gone)))

    def _shownKey(self, card: ModelCard | None, isGone: bool) -> str:
        settings, method = self.logic.caseSettings(), self.method()
        if card is not None and method is not None:
            return packageKey(method, card)
        chosen = settings.method(self.step["step"]) if settings else None
        return _GONE if isGone else chosen or firstMethod(self.step) or _AUTOMATIC

    def _plainEntries(self) -> list[tuple[str, str]]:
        """The automatic choice, where it depends on the case, and the methods that need no package."""
        order = _(", else ").join(method["title"] for method in mayRun(self.step, None))
        automatic = [] if firstMethod(self.step) else [(_AUTOMATIC, _("automatic ({order})").format(order=order))]
        plain = [(row["name"], row["title"]) for row in self.step["methods"] if not row["package_task"]]
        return [*automatic, *plain]

    def _packageEntries(self) -> list[tuple[str, str]]:
        return [(packageKey(method, card), cardTitle(card)) for method, card in self._offered()]

    def _offered(self) -> Iterator[tuple[MethodDefinition, ModelCard]]:
        """Every package of a task that a method of the step can use."""
        for method in self._learned():
            yield from ((method, card) for card in self.catalog.cards if card["task"] == method["package_task"])

    def _note(self, card: ModelCard | None) -> str:
        """What must be said beside the picker."""
        lines = [self.obstacle(), self._doneWithout()]
        if card is not None and card["trained_on"] == "synthetic":
            lines.append(_("Trained on synthetic patients only: its output does not apply to real patients."))
        return "\n".join(line for line in [*lines, *(self._ofAllPackages() if self._isFirst else ())] if line)

    def _ofAllPackages(self) -> list[str]:
        catalog, lines = self.catalog, []
        if catalog.error:
            lines.append(_("Model packages could not be listed: {reason}").format(reason=catalog.error))
        for row in catalog.problems[:_SHOWN_PROBLEMS]:
            name = Path(row["path"]).name
            lines.append(row["message"] if name in row["message"] else f"{name}: {row['message']}")
        if len(catalog.problems) > _SHOWN_PROBLEMS:
            more = len(catalog.problems) - _SHOWN_PROBLEMS
            lines.append(_("{count} more packages cannot be used; see the list.").format(count=more))
        return lines

    def _doneWithout(self) -> str:
        """What the automatic choice lacks to take a network, in one sentence; empty where it lacks nothing."""
        settings = self.logic.caseSettings()
        isAutomatic = settings is not None and settings.method(self.step["step"]) is None
        if not isAutomatic or not self.catalog.missing or firstMethod(self.step):
            return ""
        network = next((method["title"] for method in mayRun(self.step, None) if method["package_task"]), None)
        if network is None:
            return ""
        names, remedy = ", ".join(self.catalog.missing), self.catalog.install.rstrip(".")
        if self.logic.dependencies.state().installable:
            remedy = _("install what learned models need")
        return _("The automatic choice does without '{network}', which needs {packages}: {remedy}.").format(
            network=network, packages=names, remedy=remedy[:1].lower() + remedy[1:]
        )

    def _missingText(self) -> str:
        names = ", ".join(self.catalog.missing)
        if self.logic.dependencies.state().installable:
            return _("Learned models need {packages}, not installed yet.").format(packages=names)
        remedy = self.catalog.install.rstrip(".")
        return _("Learned models need {packages}, not installed: {remedy}.").format(packages=names, remedy=remedy)

    # Choosing

    def _onMethod(self) -> None:
        settings, key = self.logic.caseSettings(), comboKey(self.widgets.combo)
        if self.isRefreshing or settings is None or key.startswith((_GONE, _PROBLEM)):
            return
        method, card = next((one for one in self._offered() if packageKey(*one) == key), (None, None))
        if method is not None and card is not None:
            self._choosePackage(settings, method, card)
        else:
            settings.setMethod(self.step["step"], key or None)
        self.refresh()
        self.chosenAnew.emit()

    def _choosePackage(self, settings: CaseSettings, method: MethodDefinition, card: ModelCard) -> None:
        step, name = self.step["step"], method["name"]
        settings.setMethod(step, name)
        if settings.package(step, name)["path"] != card["path"]:
            # A point of another package means nothing.
            settings.setValue(step, [name], POINT_OPTION, None)
            settings.setPackage(step, name, packageOf(card))

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
        self._menu = qt.QMenu(self.widgets.menuButton)
        for title, slot in (
            (_("Add package folder..."), self.onAddFolder),
            (_("Look again"), self.onLookAgain),
            (_("Forget added folders"), self.onForgetFolders),
        ):
            self._menu.addAction(title).connect("triggered()", slot)
        self.widgets.menuButton.setMenu(self._menu)

    def onAddFolder(self) -> None:
        """Let the user choose a folder that holds packages."""
        name = qt.QFileDialog.getExistingDirectory(self.widgets.menuButton, _("Folder of model packages"), "")
        if name:
            self.message.emit("")
            self._newFolder = self.catalog.addFolder(Path(name))

    def onLookAgain(self) -> None:
        """Packages may have been put into the folders meanwhile."""
        self.catalog.ask()

    def onForgetFolders(self) -> None:
        """Only packages that were shipped, or lie in the user's folder."""
        self.catalog.setFolders([])


def packageOf(card: ModelCard) -> Package:
    """What a scene keeps of a package, with words for people: it may be gone some day."""
    return {"path": card["path"], "id": card["id"], "title": f"{card['title']} {card['version']}"}


def packageKey(method: MethodDefinition, card: ModelCard) -> str:
    """The key of a package's entry; the same package may serve several methods."""
    return f"{_PACKAGE}{method['name']}:{card['path']}"


def _brokenTitle(path: str) -> str:
    return _("{name} (cannot be used)").format(name=Path(path).name)
