"""Whether the worker can start, how, and what to install before it can: what the panel asks and says about packages.

The worker runs in an environment of its own; in a source tree (developers and tests) in the tree's ``.venv``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from LNStationSlicer.install.Installation import DependencyError, Installation
from LNStationSlicer.install.Interpreters import (
    Interpreter,
    cleanEnvironment,
    developerInterpreter,
    otherInterpreter,
    slicerInterpreter,
)
from LNStationSlicer.install.PinnedPackages import PinnedPackages
from LNStationSlicer.install.UserDataFolder import userDataFolder
from LNStationSlicer.install.WorkerEnvironment import EnvironmentState, WorkerEnvironment
from LNStationSlicer.support.Command import Command
from LNStationSlicer.support.LibraryPath import libraryRoot
from LNStationSlicer.support.Translation import _

WORKER_MODULE = "LNStationLib.worker"

_WHEELS_KEY, _NETWORKS_KEY = "LNStation/WheelsFolder", "LNStation/WithNetworks"


class Settings(Protocol):
    """The part of ``QSettings`` that is used."""

    def value(self, key: str, default: object = None) -> object:
        """The stored value."""

    def setValue(self, key: str, value: object) -> None:
        """Store a value."""


@dataclass(frozen=True)
class DependencyState:
    """Whether the worker can start.

    Attributes:
        ready: True where it can.
        sentence: What is the matter, for the user.
        installable: True where ``Dependencies.installation`` would help.
        detail: More for those who look closely, as a path; may be empty.
    """

    ready: bool
    sentence: str
    installable: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What Slicer and the computer give; tests give their own.

    Attributes:
        library: The folder that holds LNStationLib.
        dataFolder: LNStation's folder among the user's data.
        variables: The user's variables, without those of Slicer's launcher.
        slicerHome: Slicer's folder; empty where unknown.
    """

    library: Path
    dataFolder: Path
    variables: Mapping[str, str]
    slicerHome: str = ""

    @classmethod
    def ofSlicer(cls) -> Surroundings:
        """Those of the running Slicer."""
        return cls(libraryRoot(), userDataFolder(), startupVariables(), slicerHome())


class Dependencies:
    """The worker's packages."""

    def __init__(self, settings: Settings, surroundings: Surroundings | None = None) -> None:
        """Look at nothing but the folders.

        Args:
            settings: ``slicer.app.userSettings()`` or the like.
            surroundings: By default those of the running Slicer.
        """
        self._settings = settings
        around = surroundings or Surroundings.ofSlicer()
        self._library, self.dataFolder = around.library, around.dataFolder
        self._variables = cleanEnvironment(around.variables)
        self._developer = developerInterpreter(around.library, around.variables)
        self._slicers = slicerInterpreter(around.slicerHome)
        self._startup = dict(around.variables)
        self._pinned = PinnedPackages.inFolder(around.library / "Resources" / "Worker")

    @cached_property
    def _interpreter(self) -> Interpreter | None:
        """Looked for when first asked for: other Pythons than Slicer's have to be started for it."""
        return self._slicers or otherInterpreter(self._startup)

    # Choices

    @property
    def wheelsFolder(self) -> Path | None:
        """A folder with wheels for a computer without network; ``None`` to use the network."""
        named = self._settings.value(_WHEELS_KEY, "")
        return Path(str(named)) if named else None

    @wheelsFolder.setter
    def wheelsFolder(self, folder: Path | str | None) -> None:
        self._settings.setValue(_WHEELS_KEY, str(folder) if folder else "")

    @property
    def withNetworks(self) -> bool:
        """Whether to install the packages of learned models too; by default where they are installed."""
        chosen = str(self._settings.value(_NETWORKS_KEY, ""))
        return chosen == "yes" if chosen else self._interpreter is not None and self._environment().hasNetworks()

    @withNetworks.setter
    def withNetworks(self, wanted: bool) -> None:
        self._settings.setValue(_NETWORKS_KEY, "yes" if wanted else "no")

    # Answers

    def state(self) -> DependencyState:
        """Whether the worker can start; reads a few small files."""
        if self._developer:
            return DependencyState(
                True, _("The packages of the developer's Python are used."), detail=self._developer
            )
        if self._interpreter is None:
            return DependencyState(
                False, _("LNStation needs Slicer 5.10 or later, or Python 3.11 or 3.12 with pip on this computer.")
            )
        return self._environmentState()

    def workerCommand(self, *arguments: str) -> Command:
        """Program, arguments and variables of the worker.

        Args:
            arguments: What follows the module's name, as ``"--folder", path``.

        Raises:
            DependencyError: It cannot start; the sentence is that of ``state``.
        """
        state = self.state()
        if not state.ready:
            raise DependencyError(state.sentence)
        if self._developer:
            python = Interpreter(self._developer, (0, 0))
            return python.start(self._library, None, WORKER_MODULE, *arguments, environment=self._variables)
        return self._environment().workerCommand(WORKER_MODULE, *arguments)

    def consentText(self, withNetworks: bool = False) -> str:
        """What to ask the user before ``installation``: what goes where, and what stays untouched."""
        size = _("about {gigabytes} GB").format(gigabytes=8 if withNetworks else 1)
        source = str(self.wheelsFolder) if self.wheelsFolder else _("the Internet")
        return _(
            "LNStation will download packages from {source} into {folder} ({size}). Slicer's own packages are not "
            "touched, and the folder can be removed at any time. Continue?"
        ).format(source=source, folder=self._environment().folder, size=size)

    # Actions

    def installation(self, withNetworks: bool = False, fromScratch: bool = False) -> Installation:
        """The steps that make the worker able to start, or bring it up to date; for ``EnvironmentInstaller``.

        Ask the user first (``consentText``), and stop the worker.

        Args:
            withNetworks: Install the packages of learned models too.
            fromScratch: Trust nothing that was fetched before (the button *Repair*).

        Raises:
            DependencyError: Nothing can be installed here.
        """
        if self._interpreter is None:
            raise DependencyError(self.state().sentence)
        return self._environment().installation(self.wheelsFolder, withNetworks, fromScratch)

    def remove(self) -> None:
        """Delete the worker's own environment and what pip fetched for it; Slicer's packages are left alone.

        Stop the worker before.

        Raises:
            DependencyError: It is in use, or was not made by LNStation.
        """
        if self._interpreter is not None:
            self._environment().remove()

    def _environment(self) -> WorkerEnvironment:
        assert self._interpreter is not None
        return WorkerEnvironment(self.dataFolder, self._interpreter, self._pinned, self._library, self._variables)

    def _environmentState(self) -> DependencyState:
        own = self._environment()
        sentences = {
            EnvironmentState.READY: _("LNStation's own environment is ready."),
            EnvironmentState.MISSING: _("LNStation's packages are not installed yet: press Install."),
            EnvironmentState.UNFINISHED: _(
                "The installation of LNStation's packages was interrupted: press Install."
            ),
            EnvironmentState.OUTDATED: _("This version of LNStation needs other packages: press Install."),
            EnvironmentState.FOREIGN: _("{folder} was not made by LNStation: move it away.").format(
                folder=own.folder
            ),
        }
        state = own.state()
        isReady = state is EnvironmentState.READY
        sentence = sentences[state]
        if isReady and self.withNetworks and not own.hasNetworks():
            sentence = _("Ready, but without the packages of learned models: press Install.")
        return DependencyState(isReady, sentence, state is not EnvironmentState.FOREIGN, str(own.folder))


def startupVariables() -> dict[str, str]:
    """The user's variables as they were before Slicer's launcher added its own; this process's outside of Slicer."""
    try:
        import slicer.util

        return dict(slicer.util.startupEnvironment())
    except (ImportError, AttributeError):
        return dict(os.environ)


def slicerHome() -> str:
    """Slicer's folder; empty outside of Slicer."""
    try:
        import slicer

        return str(slicer.app.slicerHome)
    except (ImportError, AttributeError):
        return ""


__all__ = ["Command", "Dependencies", "DependencyError", "DependencyState", "Surroundings"]
