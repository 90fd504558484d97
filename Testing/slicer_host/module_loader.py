"""Loading a scripted module as Slicer does: only its own folder on ``sys.path``, its panel in a window."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qt
import slicer

from .module_objects import ModuleObject


class LoadedModule:
    """A loaded scripted module with its panel.

    Attributes:
        name: Of the module, as ``"LNStation"``.
        module: The Python module.
        window: The window that shows the panel.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.name = self.path.stem
        self._path_before = list(sys.path)
        with only_own_folder(self.path.parent):
            self.module = self._execute()
        self.parent = ModuleObject(self.name, str(self.path))
        self.description = getattr(self.module, self.name)(self.parent)
        setattr(slicer.modules, self.name.lower(), self.parent)
        setattr(slicer.modules, self.name + "Instance", self.description)
        slicer.app.moduleManager().modules[self.name] = self.parent
        slicer.app.startupCompleted.emit()
        # Slicer starts once: what listened is done, and would keep the module's code alive beyond its unloading.
        slicer.app.startupCompleted.disconnect()
        self.window = _window(self.parent.widgetRepresentation(), self.parent.title or self.name)

    def _execute(self) -> Any:
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.path} is no Python module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.name] = module
        spec.loader.exec_module(module)
        return module

    @property
    def widget(self) -> Any:
        """The module's widget object; another one after ``reload()``."""
        return self.parent.widgetRepresentation().self()

    @property
    def logic(self) -> Any:
        """The widget's logic object."""
        return self.widget.logic

    def reload(self) -> None:
        """As the button "Reload": as in Slicer, helper files stay as loaded unless the module reloads them."""
        self.module = slicer.util.reloadScriptedModule(self.name)

    def show(self, width: int = 420, height: int = 900) -> None:
        """Show the window (off screen) at a size in pixels and enter the module."""
        self.window.resize(width, height)
        self.window.show()
        slicer.app.processEvents()

    def run_self_test(self) -> None:
        """What the button "Test" does."""
        slicer.selfTests[self.name]()

    def close(self) -> None:
        """Unload the module: ``cleanup()``, window and names are taken away."""
        slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(self.name)
        self.parent.close()
        self.window.deleteLater()
        slicer.app.processEvents()
        for name in (self.name.lower(), self.name + "Widget", self.name + "Instance"):
            if hasattr(slicer.modules, name):
                delattr(slicer.modules, name)
        slicer.app.moduleManager().modules.pop(self.name, None)
        slicer.selfTests.pop(self.name, None)
        _forget(self.path.parent)
        sys.path[:] = self._path_before

    def __enter__(self) -> LoadedModule:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _window(panel: Any, title: str) -> Any:
    window = qt.QScrollArea()
    window.windowTitle = title
    window.widgetResizable = True
    window.frameShape = qt.QFrame.NoFrame
    window.horizontalScrollBarPolicy = qt.Qt.ScrollBarAlwaysOff
    window.setWidget(panel)
    return window


@contextmanager
def only_own_folder(folder: Path) -> Iterator[None]:
    """Leave only the folder and Python's own paths on ``sys.path`` while a module is imported.

    What the module itself adds stays, before what was there.
    """
    before = list(sys.path)
    paths = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own = [entry for entry in before if any(Path(entry).is_relative_to(path) for path in paths) or _is_zip(entry)]
    sys.path[:] = [str(folder), *own]
    try:
        yield
    finally:
        added = [entry for entry in sys.path if entry not in own]
        sys.path[:] = added + [entry for entry in before if entry not in added]


def _is_zip(entry: str) -> bool:
    return entry.endswith(".zip")


def _forget(folder: Path) -> None:
    """Take modules that lie beneath a folder out of ``sys.modules``."""
    beneath = str(folder) + os.sep
    for name, module in list(sys.modules.items()):
        # Text, not paths: there are thousands of modules, and this is done after every test of the module.
        if (getattr(module, "__file__", None) or "").startswith(beneath):
            del sys.modules[name]
