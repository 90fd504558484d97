"""The part of the advanced settings about the worker's packages: installing, repairing, removing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ctk
import slicer

from LNStationSlicer.install.EnvironmentInstaller import EnvironmentInstaller
from LNStationSlicer.install.Installation import DependencyError
from LNStationSlicer.Logic import Logic
from LNStationSlicer.panel.Section import Section
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _


class WorkerPackages(Section):
    """Belongs to section "Assess".

    Attributes:
        changed: Emitted when an installation started or ended.
        replaced: Emitted when the worker has other packages than before.
    """

    def __init__(self, ui: Any, logic: Logic) -> None:
        self.changed = Signal()
        self.replaced = Signal()
        self.installer = EnvironmentInstaller()
        self._afterwards: Callable[[], None] | None = None
        super().__init__(ui, logic)

    def setUp(self) -> None:
        """Packages are looked up only when they are shown."""
        ui = self.ui
        self.installer.progress.connect(self._onProgress)
        self.installer.finished.connect(self._onFinished)
        ui.wheelsFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        ui.wheelsFolderEdit.connect("currentPathChanged(QString)", self._onChoice)
        ui.networksCheck.connect("toggled(bool)", self._onChoice)
        ui.installButton.clicked.connect(self.onInstall)
        ui.installFirstButton.clicked.connect(self.onInstall)
        ui.repairButton.clicked.connect(self.onRepair)
        ui.removeEnvironmentButton.clicked.connect(self.onRemove)

    @property
    def isInstalling(self) -> bool:
        """True while an installation runs."""
        return self.installer.running

    def areMissing(self) -> bool:
        """True where the worker cannot start and an installation would help; reads a few small files."""
        state = self.logic.dependencies.state()
        return not state.ready and state.installable

    def showButton(self) -> None:
        """Unfold the section in which packages are installed: its button shows where they are missing."""
        self.ui.assessSection.collapsed = False

    def cleanup(self) -> None:
        """Stop an installation that runs."""
        self.installer.cleanup()

    def show(self, busy: bool) -> None:
        """Show choices and state; reads a few small files.

        Args:
            busy: True while the worker or an installation runs: nothing can be pressed.
        """
        ui, dependencies = self.ui, self.logic.dependencies
        state = dependencies.state()
        with self.refreshing():
            folder = str(dependencies.wheelsFolder or "")
            if ui.wheelsFolderEdit.currentPath != folder:
                ui.wheelsFolderEdit.currentPath = folder
            ui.networksCheck.checked = dependencies.withNetworks
        ui.environmentLabel.text = state.sentence
        ui.environmentLabel.toolTip = state.detail
        choices = (ui.wheelsFolderEdit, ui.networksCheck)
        for widget in (*choices, ui.installButton, ui.repairButton, ui.removeEnvironmentButton):
            widget.enabled = state.installable and not busy

    # What the user does

    def installFirst(self, afterwards: Callable[[], None]) -> None:
        """Offer to install, and go on once that is done; where it is being done, go on after it."""
        self._afterwards = afterwards
        self.showButton()
        if self.isInstalling:
            self.message.emit(_("This continues as soon as the packages are installed."))
        else:
            self.onInstall()

    def installNetworks(self) -> None:
        """Install what learned models need, after the user agreed."""
        self.logic.dependencies.withNetworks = True
        self.onInstall()

    def onInstall(self) -> None:
        """Install what is missing, after the user agreed."""
        self._install(False)

    def onRepair(self) -> None:
        """Download everything again, after the user agreed."""
        self._install(True)

    def onRemove(self) -> None:
        """Delete the worker's environment, after the user agreed."""
        if not slicer.util.confirmOkCancelDisplay(_("Delete LNStation's own Python environment?")):
            return
        self._stopWorker()
        try:
            self.logic.dependencies.remove()
            self.message.emit(_("The worker's environment was deleted."))
            self.replaced.emit()
        except DependencyError as error:
            self.message.emit(str(error))
        self.changed.emit()

    def cancel(self) -> None:
        """Stop an installation that runs."""
        if self.installer.running:
            self.installer.cancel()

    def _install(self, fromScratch: bool) -> None:
        dependencies = self.logic.dependencies
        wheels = dependencies.wheelsFolder
        if wheels is not None and not wheels.is_dir():
            self._afterwards = None
            self.message.emit(_("There is no folder {folder}: choose another, or none.").format(folder=wheels))
            return
        if not slicer.util.confirmOkCancelDisplay(dependencies.consentText(dependencies.withNetworks)):
            if self._afterwards is not None:
                self.message.emit(dependencies.state().sentence)
            self._afterwards = None
            return
        self._stopWorker()
        try:
            self.installer.start(dependencies.installation(dependencies.withNetworks, fromScratch))
        except DependencyError as error:
            self._onFinished(False, str(error))
        self.changed.emit()

    def _stopWorker(self) -> None:
        self.logic.queue.abandon()
        self.logic.client.stop()

    def _onChoice(self) -> None:
        if self.isRefreshing:
            return
        ui, dependencies = self.ui, self.logic.dependencies
        dependencies.wheelsFolder = ui.wheelsFolderEdit.currentPath.strip() or None
        dependencies.withNetworks = ui.networksCheck.checked
        self.changed.emit()

    # The installer

    def _onProgress(self, fraction: float, text: str) -> None:
        self.ui.progressBar.value = round(self.ui.progressBar.maximum * fraction)
        self.ui.stepLabel.text = text

    def _onFinished(self, succeeded: bool, sentence: str) -> None:
        self.ui.stepLabel.text = ""
        self.message.emit(_("LNStation's packages are installed.") if succeeded else sentence)
        afterwards, self._afterwards = self._afterwards, None
        self.replaced.emit()
        self.changed.emit()
        if succeeded and afterwards is not None:
            afterwards()
