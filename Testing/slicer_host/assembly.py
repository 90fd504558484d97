"""Puts the pieces together: MRML core, stand-ins, ``slicer.app``, ``slicer.modules``."""

from __future__ import annotations

import sys
import types
from typing import Any

import slicer

from . import ctk_widgets, dialogs, signals, small_modules, ui_loader

core: Any = None
"""trame-slicer's container of scene and logics, once assembled."""


def assemble(messages: list[tuple[str, str]], answers: dict[str, bool], slot_errors: list[BaseException]) -> Any:
    """Make ``slicer`` what scripted modules expect; return it."""
    global core
    import qt
    import slicer.util
    from trame_slicer.core import SlicerApp

    signals.errors = slot_errors
    _note_errors_of_observers(slot_errors)
    ctk = ctk_widgets.install()
    _register_widgets(ctk)
    qt.QUiLoader = ui_loader.UiLoader
    core = SlicerApp()
    slicer.mrmlScene = core.scene
    slicer.selfTests = {}
    _make_application()
    _install_modules_of_slicer()
    dialogs.install(slicer.util, messages, answers)
    return slicer


def _note_errors_of_observers(errors: list[BaseException]) -> None:
    """VTK's observers and Qt's overridden methods print what Python raises in them, through this hook, and go on."""
    plain = sys.excepthook

    def note(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        errors.append(error)
        plain(kind, error, trace)

    sys.excepthook = note


def _register_widgets(ctk: types.ModuleType) -> None:
    from . import mrml_widgets, segment_widgets

    for source in (ctk, mrml_widgets, segment_widgets):
        for name, value in vars(source).items():
            if isinstance(value, type) and name.startswith(("ctk", "qMRML", "qSlicer")):
                ui_loader.custom_widgets[name] = value
                if not name.startswith("ctk"):
                    setattr(slicer, name, value)


def _make_application() -> None:
    import qt

    from . import application, module_objects, scene_files, subject_hierarchy, views

    slicer.app = application.Application(qt.QApplication.instance())
    slicer.app.attach(core, views.LayoutManager(core), scene_files.CoreIOManager(core))
    slicer.modules = module_objects.Modules()
    slicer.qSlicerScriptedLoadableModule = module_objects.ModuleObject
    slicer.qSlicerScriptedLoadableModuleWidget = module_objects.ModulePanel
    module_objects.fill_modules(slicer.modules, core)
    subject_hierarchy.follow(core.scene)


def _install_modules_of_slicer() -> None:
    from . import parameter_node, scripted_module

    for name, module in {
        "slicer.ScriptedLoadableModule": scripted_module,
        "slicer.parameterNodeWrapper": parameter_node,
        "slicer.i18n": small_modules.i18n(),
    }.items():
        sys.modules[name] = module
        setattr(slicer, name.split(".")[1], module)
    sys.modules["SampleData"] = small_modules.sample_data()
