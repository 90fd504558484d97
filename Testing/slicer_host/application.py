"""``slicer.app``: what scripted modules ask the application for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import qt

from .signals import OwnSignal, _own_signal, _target

_ROUNDS = 16
"""Of Qt's event loop for one call: the module hands work on from round to round, and tests want it done."""


class WithSignals:
    """Connects by signature, for stand-ins that are no Qt objects."""

    def connect(self, signal: str, *target: Any) -> bool:
        found = _own_signal(self, signal)
        if found is None:
            raise ValueError(f"{type(self).__name__} has no signal {signal!r}")
        return found.connect(_target(target))

    def disconnect(self, signal: str, *target: Any) -> bool:
        found = _own_signal(self, signal)
        if found is None:
            raise ValueError(f"{type(self).__name__} has no signal {signal!r}")
        return found.disconnect(*([_target(target)] if target else []))


class FactoryManager:
    """Names of what is loaded."""

    def __init__(self, modules: dict[str, Any]) -> None:
        self._modules = modules

    def loadedModuleNames(self) -> tuple[str, ...]:
        return tuple(self._modules)

    def isLoaded(self, name: str) -> bool:
        return name in self._modules


class ModuleManager(WithSignals):
    """``slicer.app.moduleManager()``."""

    moduleAboutToBeUnloaded = OwnSignal("moduleAboutToBeUnloaded(QString)")

    def __init__(self) -> None:
        self.modules: dict[str, Any] = {}

    def module(self, name: str) -> Any:
        return self.modules.get(name)

    def factoryManager(self) -> FactoryManager:
        return FactoryManager(self.modules)

    def isLoaded(self, name: str) -> bool:
        return name in self.modules


class Application(WithSignals):
    """``slicer.app``; what it does not define comes from the ``QApplication``."""

    startupCompleted = OwnSignal("startupCompleted()")
    aboutToQuit = OwnSignal("aboutToQuit()")
    mrmlSceneChanged = OwnSignal("mrmlSceneChanged(vtkMRMLScene*)")

    applicationName = "Slicer"
    mainApplicationName = "Slicer"
    applicationVersion = "5.11.0"
    majorVersion, minorVersion, patchVersion = 5, 11, 0
    releaseType = "Stable"
    revision = "33955"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest"

    def __init__(self, application: Any) -> None:
        self._application = application
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-host-")
        self.temporaryPath = self._subfolder("temporary")
        self.cachePath = self._subfolder("cache")
        self.slicerHome = self._subfolder("home")
        self.slicerSharePath = "share"
        self.extensionsInstallPath = self._subfolder("extensions")
        self._testing = True
        self._modules = ModuleManager()
        self._layout: Any = None
        self._core: Any = None
        self._io: Any = None
        self._settings()

    def _subfolder(self, name: str) -> str:
        folder = Path(self._folder.name, name)
        folder.mkdir()
        return str(folder)

    def _settings(self) -> None:
        qt.QSettings.setDefaultFormat(qt.QSettings.IniFormat)
        qt.QSettings.setPath(qt.QSettings.IniFormat, qt.QSettings.UserScope, self._subfolder("settings"))
        qt.QCoreApplication.setOrganizationName("NA-MIC")
        qt.QCoreApplication.setApplicationName("Slicer")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_application"], name)

    def attach(self, core: Any, layout: Any, io_manager: Any) -> None:
        """Hand over the MRML core, the views and the readers and writers, once they are made."""
        self._core, self._layout, self._io = core, layout, io_manager

    def processEvents(self, *_: Any) -> None:
        for _round in range(_ROUNDS):
            qt.QCoreApplication.processEvents()
        # Without exec(), Qt leaves deleteLater() undone.
        qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)

    def userSettings(self) -> Any:
        return qt.QSettings()

    settings = revisionUserSettings = userSettings

    def testingEnabled(self) -> bool:
        return self._testing

    def setTestingEnabled(self, enabled: bool) -> None:
        """The host's own switch; Slicer has ``--testing``."""
        self._testing = enabled

    def layoutManager(self) -> Any:
        return self._layout

    def mrmlScene(self) -> Any:
        return self._core.scene

    def applicationLogic(self) -> Any:
        return self._core.app_logic

    def coreIOManager(self) -> Any:
        return self._io

    ioManager = coreIOManager

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}/user_guide/modules/{name.lower()}.html"

    def pythonConsole(self) -> None:
        """No console here."""

    def startupEnvironment(self) -> Any:
        environment = qt.QProcessEnvironment()
        for name, value in os.environ.items():
            environment.insert(name, value)
        return environment

    def launcherExecutableFilePath(self) -> str:
        return ""

    def pauseRender(self) -> None:
        """Nothing renders by itself."""

    def resumeRender(self) -> None:
        """Nothing renders by itself."""

    def restart(self) -> None:
        raise RuntimeError("The host cannot be restarted")

    def setOverrideCursor(self, cursor: Any) -> None:
        qt.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        qt.QApplication.restoreOverrideCursor()

    def close(self) -> None:
        """Take the temporary folders away."""
        self._folder.cleanup()
