"""A picker for each step that has methods with model packages."""

from __future__ import annotations

from typing import Any

from LNStationSlicer.exchange.MethodDefinitions import usesPackages
from LNStationSlicer.panel.MethodsForm import stepTitle
from LNStationSlicer.panel.ModelPicker import ModelPicker
from LNStationSlicer.panel.Section import Section
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.ModelCard import ModelCard


class ModelPickers(Section):
    """Belongs to section "Assess".

    Attributes:
        pickers: By step.
        installWanted: Emitted when the user wants the packages that learned models need.
        chosen: Emitted when the user chose a method or a package.
    """

    def setUp(self) -> None:
        """Make the pickers of the steps that are known now."""
        self.installWanted = Signal()
        self.chosen = Signal()
        self.pickers: dict[str, ModelPicker] = {}
        self.logic.methods.changed.connect(self._onMethods)
        self._build()

    def cleanup(self) -> None:
        """Hear of no more answers."""
        self.logic.methods.changed.disconnect(self._onMethods)
        for picker in self.pickers.values():
            picker.cleanup()

    def look(self) -> None:
        """Ask for packages where they are not known yet."""
        for picker in list(self.pickers.values())[:1]:
            picker.look()

    def refresh(self) -> None:
        """Show packages and choices."""
        for picker in self.pickers.values():
            picker.refresh()

    def card(self, step: str) -> ModelCard | None:
        """The package that is chosen for a step."""
        return self.pickers[step].chosen() if step in self.pickers else None

    def obstacle(self) -> str:
        """Why the assessment cannot run, in one sentence; empty where it can, or it is not known yet."""
        return next((text for text in (picker.obstacle() for picker in self.pickers.values()) if text), "")

    def _onMethods(self) -> None:
        for picker in self.pickers.values():
            picker.cleanup()
            self.ui.pickersLayout.removeWidget(picker.widgets.frame)
            picker.widgets.frame.hide()
            picker.widgets.frame.deleteLater()
        self._build()
        self.refresh()

    def _build(self) -> None:
        steps = [step for step in self.logic.methods.steps if usesPackages(step)]
        self.pickers = {}
        for step in steps:
            title = _("Method:") if len(steps) == 1 else f"{stepTitle(step['step'])}:"
            self._add(ModelPicker(self.ui, self.logic, step, title, isFirst=step is steps[0]))

    def _add(self, picker: ModelPicker) -> None:
        picker.message.connect(self._onMessage)
        picker.installWanted.connect(self._onInstall)
        picker.chosenAnew.connect(self._onChosen)
        self.ui.pickersLayout.addWidget(picker.widgets.frame)
        self.pickers[picker.step["step"]] = picker

    def _onMessage(self, text: Any) -> None:
        self.message.emit(text)

    def _onInstall(self) -> None:
        self.installWanted.emit()

    def _onChosen(self) -> None:
        self.chosen.emit()
