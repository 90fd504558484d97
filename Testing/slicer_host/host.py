"""Starting the host, and what tests ask it for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module_loader import LoadedModule

_started = False

messages: list[tuple[str, str]] = []
"""Message boxes that the module would have shown: level (``"error"``, ``"confirm"`` ...) and text, oldest first."""

slot_errors: list[BaseException] = []
"""What connected functions, observers and overridden methods raised (Qt and VTK swallow it), oldest first."""

_answers = {"confirm": True}


def start() -> Any:
    """Start the host unless it runs already; return the ``slicer`` module.

    Raises:
        RuntimeError: A package or system library is missing; ``why_unavailable()`` tells which.
    """
    global _started
    if _started:
        return sys.modules["slicer"]
    from .availability import why_unavailable

    reason = why_unavailable()
    if reason:
        raise RuntimeError(reason)
    _set_environment()
    _start_qt()
    from . import assembly

    slicer = assembly.assemble(messages, _answers, slot_errors)
    _started = True
    return slicer


def _set_environment() -> None:
    """What Qt and VTK read once, when they are imported."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # Enums that are numbers, as PythonQt's are.
    os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x02"
    # VTK would first try an X server, and complain.
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")


def _start_qt() -> None:
    from . import look, pythonqt

    qt = pythonqt.install()
    application = qt.QApplication.instance() or qt.QApplication(["Slicer"])
    look.apply(application)


def load_module(path: str | Path) -> LoadedModule:
    """Load a scripted module (``.../LNStation.py``) as Slicer would and make its panel in a window."""
    start()
    from .module_loader import LoadedModule

    return LoadedModule(Path(path))


def clear_scene() -> None:
    """Empty the scene as File > Close Scene does, and take away the views of layouts that are no longer shown."""
    slicer = start()
    slicer.mrmlScene.Clear(0)
    slicer.app.layoutManager().forgetAddedViews()
    slicer.app.processEvents()


def confirm_with(answer: bool) -> None:
    """How confirmation boxes are answered from now on (``True`` at the start)."""
    _answers["confirm"] = answer


def set_testing(enabled: bool) -> None:
    """What ``slicer.app.testingEnabled()`` tells (``True`` at the start)."""
    start().app.setTestingEnabled(enabled)


def change_settings(**values: Any) -> None:
    """Write user settings; a double underscore stands for the slash: ``LNStation__PythonPath="..."``."""
    settings = start().app.userSettings()
    for name, value in values.items():
        settings.setValue(name.replace("__", "/"), value)


def take_messages() -> list[tuple[str, str]]:
    """``messages`` so far; the list is emptied."""
    taken = list(messages)
    messages.clear()
    return taken


def take_slot_errors() -> list[BaseException]:
    """``slot_errors`` so far; the list is emptied."""
    taken = list(slot_errors)
    slot_errors.clear()
    return taken
