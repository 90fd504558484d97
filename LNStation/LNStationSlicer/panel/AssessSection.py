"""Section "Assess": one button, progress, cancel; settings and the worker's environment folded away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from LNStationSlicer.case.CaseWarnings import caseWarnings
from LNStationSlicer.panel.MethodsForm import MethodsForm
from LNStationSlicer.panel.ModelPickers import ModelPickers
from LNStationSlicer.panel.Section import Section, chooseKey, comboKey, fillCombo
from LNStationSlicer.panel.WorkerPackages import WorkerPackages
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.Jobs import Job
from LNStationSlicer.worker.WorkerErrors import WorkerError

_FULL = 1000


class AssessSection(Section):
    """Runs the assessment."""

    def setUp(self) -> None:
        """Whether the worker can start is looked up here, not in a hurry when it is needed."""
        ui = self.ui
        self._devicesOf = 0
        self.packages = WorkerPackages(ui, self.logic)
        self.packages.message.connect(self.message.emit)
        self.packages.changed.connect(self.refresh)
        self.packages.replaced.connect(self.logic.models.forget)
        self.models = ModelPickers(ui, self.logic)
        self.models.message.connect(self.message.emit)
        self.models.installWanted.connect(self.packages.installNetworks)
        self.methods = MethodsForm(ui, self.logic, self.models.card)
        self.models.chosen.connect(self.methods.refresh)
        fillCombo(ui.deviceCombo, [_anyDevice(), ("cpu", _("CPU"))])
        ui.assessButton.clicked.connect(self.onAssess)
        ui.cancelButton.clicked.connect(self.onCancel)
        ui.deviceCombo.connect("currentIndexChanged(int)", self._onDevice)
        ui.advancedGroup.connect("toggled(bool)", self._onAdvanced)
        self.logic.queue.progress.connect(self._onProgress)
        self.logic.queue.ended.connect(self._onEnded)

    def cleanup(self) -> None:
        """Stop an installation that runs."""
        self.packages.cleanup()
        self.methods.cleanup()
        self.models.cleanup()

    def refresh(self) -> None:
        """Show choices and what can be pressed."""
        ui, case = self.ui, self.logic.case
        with self.refreshing():
            busy = self._shownJob() is not None or self.packages.isInstalling
            ui.assessButton.enabled = case is not None and not busy
            ui.assessButton.toolTip = _assessTip() if case is not None else _("Choose a CT first.")
            ui.assessButton.text = _("Assess again") if case and case.isAssessed else _("Assess stations")
            self._showDevice()
            ui.cancelButton.enabled = busy
            ui.progressBar.visible = ui.stepLabel.visible = busy
            needsPackages = not busy and not self.logic.client.isRunning() and self.packages.areMissing()
            ui.installFirstButton.visible = needsPackages
        if not ui.advancedGroup.collapsed:
            self.packages.show(busy)
        if not self.packages.isInstalling:
            self.models.look()
        self.models.refresh()
        # After them: the operating points are those of the package.
        self.methods.refresh()

    def _showDevice(self) -> None:
        """A device of a scene from elsewhere is shown though it is not here: the worker says so."""
        combo, device = self.ui.deviceCombo, self.logic.getParameterNode().device
        if combo.findData(device) < 0:
            combo.addItem(device, device)
        chooseKey(combo, device)

    def onAssess(self) -> None:
        """Assess; where the worker's packages are missing, offer to install them first."""
        self.whenReady(self._assessNow)

    def whenReady(self, action: Callable[[], None]) -> None:
        """Do something that needs the worker, after an installation that the user agrees to where one is needed."""
        if self.packages.isInstalling or self.packages.areMissing():
            self.packages.installFirst(action)
        else:
            action()

    def _assessNow(self) -> None:
        if self.logic.case is not None:
            obstacle = self.models.obstacle()
            self.message.emit(obstacle)
            if not obstacle:
                self.logic.assess()

    def onCancel(self) -> None:
        """Stop what runs."""
        self.packages.cancel()
        self.logic.queue.cancel()

    # Progress

    def _shownJob(self) -> Job | None:
        return next((job for job in self.logic.queue.jobs() if not job.isQuiet), None)

    def _onProgress(self, job: Job, step: str, fraction: float) -> None:
        if not job.isQuiet:
            self.ui.progressBar.value = round(_FULL * min(max(fraction, 0.0), 1.0))
            self.ui.stepLabel.text = step[:1].upper() + step[1:]

    def _onEnded(self, job: Job, error: WorkerError | None) -> None:
        if job.isQuiet:
            return
        self.ui.progressBar.value = 0
        self.ui.stepLabel.text = ""
        if error is None and job.method == "assess":
            self.message.emit(self._doneText())
        elif error is not None and error.kind == "cancelled":
            self.message.emit(error.message)
        elif error is not None and error.kind == "start" and self.packages.areMissing():
            self.packages.showButton()

    def _doneText(self) -> str:
        assessment = self.logic.case.assessment() if self.logic.case else None
        warnings = len(caseWarnings(assessment, self.logic.modelHidden()))
        if not warnings:
            return _("Assessed.")
        return _("Assessed, with {count} warnings: see Stations.").format(count=warnings)

    # Choices

    def _onDevice(self) -> None:
        if not self.isRefreshing:
            self.logic.getParameterNode().device = comboKey(self.ui.deviceCombo)

    def _onAdvanced(self) -> None:
        """Devices are asked for only when they are shown: the answer may have to load torch."""
        self.refresh()
        client = self.logic.client
        if not self.ui.advancedGroup.collapsed and client.isRunning() and self._devicesOf != client.generation:
            self._devicesOf = client.generation
            client.request("devices", {}, self._onDevices, self._onNoDevices)

    def _onDevices(self, answer: dict[str, Any]) -> None:
        devices = [(device["name"], device["title"]) for device in answer["devices"]]
        fillCombo(self.ui.deviceCombo, [_anyDevice(), *devices])
        self.refresh()

    def _onNoDevices(self, error: WorkerError) -> None:
        self.message.emit(error.message)


def _assessTip() -> str:
    return _(
        "Find organs, stations and nodes, call each station and derive the N category. Runs in a process of its own; "
        "Slicer stays usable."
    )


def _anyDevice() -> tuple[str, str]:
    return ("auto", _("fastest available (GPU, else CPU)"))
