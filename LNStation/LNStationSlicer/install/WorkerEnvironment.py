"""The worker's own environment: a folder of packages in the user's data folder, apart from Slicer's.

Made by ``pip install --target``, not as a virtual environment: PythonSlicer is a launcher that finds its libraries by
variables, and a ``venv`` of it does not start without them. Nothing of Slicer's is written to. ``WorkerStart.py``
lets the worker see this folder and the standard library, and nothing else.

The packages are installed beside those that are in use, and take their place only when they were found whole and were
imported once. Cancelled or failed before that, an update leaves the old packages as they were; what pip fetched stays
in the cache. A stamp says what was installed. It is taken away just before the packages are exchanged and written
again after, so an exchange that broke off is seen.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from LNStationSlicer.install.FolderLock import FolderLock
from LNStationSlicer.install.Installation import DependencyError, Installation, Step
from LNStationSlicer.install.Interpreters import Interpreter
from LNStationSlicer.install.PinnedPackages import PinnedPackages, readPins
from LNStationSlicer.install.PipOutput import PipProgress, explainFailure
from LNStationSlicer.support.Command import Command
from LNStationSlicer.support.Translation import _

SMOKE_MODULES = ("LNStationLib.assessment.assess", "LNStationLib.export.writer")
"""Imported once before an installation counts as done: between them they import every package that LNStation uses."""

NEEDED_BYTES = {False: 2 * 2**30, True: 12 * 2**30}
"""Free space asked for, without and with the packages of learned models; why so much: docs/slicer_dependencies.md."""


class EnvironmentState(Enum):
    """What is in the folder."""

    MISSING = "missing"
    UNFINISHED = "unfinished"
    OUTDATED = "outdated"
    READY = "ready"
    FOREIGN = "foreign"


class WorkerEnvironment:
    """One environment for one version of Python."""

    def __init__(
        self,
        dataFolder: Path,
        interpreter: Interpreter,
        pinned: PinnedPackages,
        library: Path,
        variables: Mapping[str, str],
        smokeModules: Sequence[str] = SMOKE_MODULES,
    ) -> None:
        """Look at nothing yet.

        Args:
            dataFolder: LNStation's folder among the user's data; need not exist.
            interpreter: The Python that will run the worker.
            pinned: What to install.
            library: The folder that holds LNStationLib.
            variables: The variables that pip and the worker see, from ``cleanEnvironment``.
            smokeModules: Modules that must be importable in the end.
        """
        self._interpreter, self._pinned, self._library = interpreter, pinned, library
        self._variables, self._smokeModules = dict(variables), tuple(smokeModules)
        major, minor = interpreter.version
        self.folder = dataFolder / f"worker-environment-{major}.{minor}"
        self.packages = self.folder / "packages"
        self._unfinished = self.folder / "packages.unfinished"
        self._replaced = self.folder / "packages.replaced"
        self._cache = self.folder / "pip-cache"
        self._stamp = self.folder / "stamp.json"
        self._marker = self.folder / "made-by-lnstation"
        self._lock = FolderLock(dataFolder / f"{self.folder.name}.lock")

    # What there is

    def state(self) -> EnvironmentState:
        """What is in the folder now; a few small files are read."""
        if not self.folder.exists():
            return EnvironmentState.MISSING
        if not self._marker.is_file():
            return EnvironmentState.FOREIGN
        stamp = self._readStamp()
        if not stamp or not self.packages.is_dir():
            return EnvironmentState.UNFINISHED
        current = self._pinned.digest(bool(stamp.get("networks")))
        return EnvironmentState.READY if stamp.get("digest") == current else EnvironmentState.OUTDATED

    def hasNetworks(self) -> bool:
        """True where the packages of learned models are there too."""
        return self.state() is EnvironmentState.READY and bool(self._readStamp().get("networks"))

    def workerCommand(self, *arguments: str) -> Command:
        """The worker's program, arguments and variables.

        Args:
            arguments: The module and its arguments.
        """
        return self._interpreter.start(self._library, self.packages, *arguments, environment=self._variables)

    def _readStamp(self) -> dict[str, object]:
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    # Making it

    def installation(
        self, wheelsFolder: Path | None = None, withNetworks: bool = False, fromScratch: bool = False
    ) -> Installation:
        """The steps that make it, mend it or bring it up to date: always whole, from what pip has in its cache.

        Args:
            wheelsFolder: A folder with the wheels, for a computer without network.
            withNetworks: Install the packages of learned models too.
            fromScratch: Delete what pip has in its cache first.
        """
        expected = len(readPins(self._pinned.constraints))
        steps = (
            Step(
                _("Check {python}").format(python=self._interpreter.title),
                0.02,
                self._pipVersion(),
                finish=self._hasPip,
            ),
            Step(
                _("Download and install packages"),
                0.9,
                self._pipInstall(wheelsFolder, withNetworks),
                finish=lambda code, lines: self._installed(code, lines, wheelsFolder),
                progress=PipProgress(expected),
            ),
            Step(_("Check packages"), 0.03, self._check(withNetworks), finish=self._checked),
            Step(
                _("Try packages"),
                0.05,
                self._smoke(),
                finish=lambda code, lines: self._tried(code, lines, withNetworks),
            ),
        )
        return Installation(steps, begin=lambda: self._begin(withNetworks, fromScratch), end=self._end)

    def remove(self) -> None:
        """Delete it with its cache.

        Raises:
            DependencyError: It is in use, or was not made by LNStation.
        """
        self._takeLock()
        try:
            if self.folder.exists():
                self._mustBeOurs()
                self._stamp.unlink(missing_ok=True)
                self._deleteTree(self.folder)
        finally:
            self._lock.release()

    def _begin(self, withNetworks: bool, fromScratch: bool) -> None:
        self._takeLock()
        if self.folder.exists():
            self._mustBeOurs()
        if fromScratch:
            self._deleteTree(self._cache)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._marker.write_text("Made by LNStation for 3D Slicer; safe to delete.\n", encoding="utf-8")
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise DependencyError(
                _("{folder} cannot be written ({reason}): check its permissions.").format(
                    folder=self.folder, reason=error.strerror
                )
            ) from error
        self._deleteTree(self._unfinished)
        self._deleteTree(self._replaced)
        if free < NEEDED_BYTES[withNetworks]:
            raise DependencyError(
                _(
                    "{folder} has {free:.1f} GB left and {needed:.0f} GB are needed: free some space, then try again."
                ).format(folder=self.folder, free=free / 2**30, needed=NEEDED_BYTES[withNetworks] / 2**30)
            )

    def _end(self) -> None:
        if self._lock.held:  # else what lies there is being made by another Slicer
            shutil.rmtree(self._unfinished, ignore_errors=True)
            shutil.rmtree(self._replaced, ignore_errors=True)
        self._lock.release()

    def _pipVersion(self) -> Command:
        code = "import sys, pip; print(*sys.version_info[:2])"
        return self._interpreter.command("-s", "-c", code, environment=self._variables)

    def _pipInstall(self, wheelsFolder: Path | None, withNetworks: bool) -> Command:
        where = ("--no-index", "--find-links", str(wheelsFolder)) if wheelsFolder else ()
        return self._interpreter.pip(
            self._library,
            *("install", "--target", str(self._unfinished), *self._pinned.wanted(withNetworks)),
            *("--cache-dir", str(self._cache), *where),
            # Never compiled: clinics have no compilers, and a half-made build is no clear answer.
            *("--only-binary", ":all:", "--no-input", "--progress-bar", "off"),
            *("--disable-pip-version-check", "--no-warn-script-location"),
            # By variables, which a pip that does not know them passes over.
            environment=self._variables | {"PIP_RESUME_RETRIES": "10", "PIP_RETRIES": "5", "PIP_NO_COLOR": "1"},
        )

    def _check(self, withNetworks: bool) -> Command:
        files = [str(path) for path in self._pinned.files(withNetworks)]
        return self._interpreter.start(
            self._library, self._unfinished, "--check", *files, environment=self._variables
        )

    def _smoke(self) -> Command:
        return self._interpreter.start(
            self._library, self._unfinished, "--import", *self._smokeModules, environment=self._variables
        )

    def _hasPip(self, code: int, lines: Sequence[str]) -> None:
        version = " ".join(map(str, self._interpreter.version))
        if code != 0 or version not in [line.strip() for line in lines]:
            raise DependencyError(
                _(
                    "{program} is not Python {version} with pip: "
                    "update Slicer to 5.10 or later, or install that Python."
                ).format(program=self._interpreter.program, version=version.replace(" ", "."))
            )

    def _installed(self, code: int, lines: Sequence[str], wheelsFolder: Path | None) -> None:
        if code != 0:
            logging.error("pip failed:\n%s", "\n".join(lines[-40:]))
            raise DependencyError(explainFailure(lines, str(wheelsFolder or "")))

    def _checked(self, code: int, lines: Sequence[str]) -> None:
        if code != 0:
            logging.error("Packages are not whole:\n%s", "\n".join(lines[-40:]))
            raise DependencyError(
                _("The installation is incomplete ({problem}): press Repair.").format(
                    problem=lines[0] if lines else code
                )
            )

    def _tried(self, code: int, lines: Sequence[str], withNetworks: bool) -> None:
        if code != 0:
            logging.error("The packages do not work:\n%s", "\n".join(lines[-40:]))
            raise DependencyError(
                _("The packages were installed but do not work on this computer: {reason}").format(
                    reason=lines[-1].strip() if lines else code
                )
            )
        before = self._readStamp()
        try:
            self._stamp.unlink(missing_ok=True)
            self._exchange()
            self._writeStamp({"digest": self._pinned.digest(withNetworks), "networks": withNetworks})
        except OSError as error:
            self._putBack(before)
            raise DependencyError(
                _("{folder} is in use: close other windows of Slicer, then try again.").format(folder=self.packages)
            ) from error

    def _exchange(self) -> None:
        if self.packages.exists():
            self.packages.rename(self._replaced)
        self._unfinished.rename(self.packages)

    def _putBack(self, stamp: Mapping[str, object]) -> None:
        """Make the old packages what they were; what cannot be put back is seen as unfinished."""
        try:
            if self._replaced.exists():
                self._deleteTree(self.packages)
                self._replaced.rename(self.packages)
            if stamp:
                self._writeStamp(stamp)
        except (OSError, DependencyError):
            logging.exception("The former packages could not be put back")

    def _writeStamp(self, stamp: Mapping[str, object]) -> None:
        unfinished = self._stamp.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(stamp), encoding="utf-8")
        os.replace(unfinished, self._stamp)

    def _takeLock(self) -> None:
        if not self._lock.acquire():
            raise DependencyError(_("Another Slicer is installing LNStation's packages: wait until it is done."))

    def _mustBeOurs(self) -> None:
        if not self._marker.is_file():
            raise DependencyError(
                _("{folder} was not made by LNStation: move it away, then try again.").format(folder=self.folder)
            )

    def _deleteTree(self, folder: Path) -> None:
        if not folder.exists():
            return
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise DependencyError(
                _("{folder} is in use: close other windows of Slicer, then try again.").format(folder=folder)
            ) from error
