"""``slicer.modules``: modules with their logics, and the frame that a scripted module's panel is shown in."""

from __future__ import annotations

import sys
from typing import Any

import qt
import slicer

from .mrml_widgets import qMRMLWidget

LOGICS = {
    "Volumes": "volumes_logic",
    "Segmentations": "segmentations_logic",
    "SubjectHierarchy": "subject_hierarchy_logic",
    "Terminologies": "terminologies_logic",
    "Colors": "color_logic",
    "Data": "data_logic",
}
"""Logics that the MRML core of trame-slicer already holds: its attribute by module name."""

MADE_HERE = {
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Units": "vtkSlicerUnitsLogic",
}
"""Logic classes by module name."""


class CoreModule:
    """A C++ module: a name and a logic; its panel is not there."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name, self.title, self._logic = name, name, logic

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> None:
        """C++ panels are not stood in for."""


class Modules:
    """The namespace ``slicer.modules``."""


class ModuleObject:
    """What a scripted module's first class gets as ``parent`` (``qSlicerScriptedLoadableModule``)."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.title, self.helpText, self.acknowledgementText = name, "", ""
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.associatedNodeTypes: list[str] = []
        self.hidden = False
        self.widgetRepresentationCreationEnabled = True
        self.index = -1
        self.icon = qt.QIcon()
        self._panel: ModulePanel | None = None

    def widgetRepresentation(self) -> ModulePanel:
        """The panel, made on the first call."""
        if self._panel is None:
            self._panel = ModulePanel(self.name)
            self._panel.make()
        return self._panel

    def createNewWidgetRepresentation(self) -> ModulePanel:
        panel = ModulePanel(self.name)
        panel.make()
        return panel

    def logic(self) -> Any:
        return getattr(self.widgetRepresentation().self(), "logic", None)

    def close(self) -> None:
        """Delete the panel."""
        if self._panel is not None:
            self._panel.close()
            self._panel.deleteLater()
            self._panel = None


class ModulePanel(qMRMLWidget):
    """The frame of a scripted module's panel (``qSlicerScriptedLoadableModuleWidget``)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._widget: Any = None
        self.setLayout(qt.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)

    def make(self) -> None:
        """Make the module's widget class and set it up."""
        cls = getattr(sys.modules[self._name], self._name + "Widget")
        self._widget = cls(self)
        setattr(slicer.modules, self._name + "Widget", self._widget)
        self._widget.setup()

    def reload(self) -> None:
        """What ``slicer.util.reloadScriptedModule`` calls after it has read the source anew."""
        self.make()

    def self(self) -> Any:
        """The Python object."""
        return self._widget

    def enter(self) -> None:
        if hasattr(self._widget, "enter"):
            self._widget.enter()

    def exit(self) -> None:
        if hasattr(self._widget, "exit"):
            self._widget.exit()


def fill_modules(modules: Modules, core: Any) -> None:
    """Hang the core modules on ``slicer.modules``."""
    logics = {name: getattr(core, attribute) for name, attribute in LOGICS.items()}
    for name, class_name in MADE_HERE.items():
        logics[name] = core.register_module_logic(getattr(slicer, class_name)(), logic_name=name)
    logics["Markups"] = core.markups_logic._logic
    logics["VolumeRendering"] = core.volume_rendering._logic
    for name, logic in logics.items():
        module = CoreModule(name, logic)
        setattr(modules, name.lower(), module)
        slicer.app.moduleManager().modules[name] = module
