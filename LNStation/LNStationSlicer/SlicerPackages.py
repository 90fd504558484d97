"""The other way: the worker's packages in Slicer's own Python, without changing one that is there already.

Every installed package is held at its version by a constraints file. pip is first asked what it would do, without
doing it; an answer that touches an installed package is refused. Only then does Slicer install what is missing
(``slicer.packaging.pip_ensure``, ``slicer.util.pip_install`` before Slicer 5.12), and afterwards the list of
installed packages is compared with the one from before.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from LNStationSlicer.Installation import Command, DependencyError, Installation, Step
from LNStationSlicer.Interpreters import Interpreter
from LNStationSlicer.PinnedPackages import (
    Pin,
    PinnedPackages,
    differingPins,
    installedVersions,
    missingPins,
    normalizedName,
    readPins,
)
from LNStationSlicer.PipOutput import PipProgress, explainFailure
from LNStationSlicer.Translation import _

Install = Callable[[Sequence[str], Path], None]
"""Installs requirements under a constraints file; raises where that fails."""


@dataclass(frozen=True)
class SlicerPackagesState:
    """What Slicer's Python has of what the worker needs.

    Attributes:
        missing: Not installed.
        differing: Installed in another version than LNStation was tested with, and that version.
    """

    missing: tuple[Pin, ...]
    differing: tuple[tuple[Pin, str], ...]

    @property
    def ready(self) -> bool:
        """True where nothing is missing."""
        return not self.missing


def constraintsText(installed: Mapping[str, str], pins: Sequence[Pin]) -> str:
    """A constraints file that holds every installed package, and gives each other one its pinned version.

    Args:
        installed: Versions by normalized name.
        pins: Versions for packages that are not installed.
    """
    held = [f"{name}=={version}" for name, version in sorted(installed.items())]
    return "\n".join([*held, *(str(pin) for pin in missingPins(pins, installed))]) + "\n"


def plannedPackages(report: Path) -> dict[str, str]:
    """Versions by normalized name that pip would install, from its report (``--dry-run --report``)."""
    content = json.loads(report.read_text(encoding="utf-8"))
    found = [entry["metadata"] for entry in content.get("install", ())]
    return {normalizedName(metadata["name"]): metadata["version"] for metadata in found}


def changedPackages(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Names of packages that were there before and are gone or of another version after."""
    return tuple(sorted(name for name, version in before.items() if after.get(name) != version))


class SlicerPackages:
    """The worker's packages in Slicer's Python."""

    def __init__(
        self,
        interpreter: Interpreter,
        pinned: PinnedPackages,
        library: Path,
        variables: Mapping[str, str],
        install: Install,
        installed: Callable[[], dict[str, str]] = installedVersions,
    ) -> None:
        """Look at nothing yet.

        Args:
            interpreter: PythonSlicer.
            pinned: What is needed.
            library: The folder that holds LNStationLib.
            variables: The variables that pip and the worker see.
            install: How packages are installed in the end.
            installed: What is installed now, by normalized name.
        """
        self._interpreter, self._pinned, self._library = interpreter, pinned, library
        self._variables, self._install, self._installedNow = dict(variables), install, installed
        self._scratch = Path()
        self._before: dict[str, str] = {}

    def state(self, withNetworks: bool = False) -> SlicerPackagesState:
        """What is there of what LNStation itself uses."""
        pins, installed = self._direct(withNetworks), self._installedNow()
        return SlicerPackagesState(missingPins(pins, installed), differingPins(pins, installed))

    def workerCommand(self, *arguments: str) -> Command:
        """The worker's program, arguments and variables.

        Args:
            arguments: The module and its arguments.
        """
        return self._interpreter.start(self._library, None, *arguments, environment=self._variables)

    def installation(self, wheelsFolder: Path | None = None, withNetworks: bool = False) -> Installation:
        """The steps that add what is missing.

        Args:
            wheelsFolder: A folder with the wheels, for a computer without network.
            withNetworks: Add the packages of learned models too.

        Raises:
            DependencyError: torch is needed and missing: it comes from the PyTorch extension, not from here.
        """
        missing = [str(pin) for pin in self.state(withNetworks).missing]
        if any(line.startswith("torch==") for line in missing):
            raise DependencyError(
                _("PyTorch is missing: install it with the module PyTorch Utils (extension PyTorch), then try again.")
            )
        # One folder an installation, known before its commands are; removed in the end.
        scratch = self._scratch = Path(tempfile.mkdtemp(prefix="LNStation-packages-"))
        where = ("--no-index", "--find-links", str(wheelsFolder)) if wheelsFolder else ()
        ask = self._interpreter.pip(
            self._library,
            *("install", "--dry-run", "--report", str(scratch / "report.json")),
            *("--constraint", str(scratch / "constraints.txt"), "--only-binary", ":all:", *where),
            *("--no-input", "--progress-bar", "off", "--disable-pip-version-check", *missing),
            environment=self._variables,
        )
        steps = (
            Step(
                _("Ask pip what it would change"),
                0.4,
                ask if missing else None,
                prepare=self._writeConstraints,
                finish=lambda code, lines: self._answered(code, lines, wheelsFolder),
                progress=PipProgress(len(missing)),
            ),
            Step(_("Install packages"), 0.6, prepare=lambda: self._installMissing(missing, where)),
        )
        return Installation(
            _("Packages in Slicer's own Python"),
            steps,
            end=lambda: shutil.rmtree(scratch, ignore_errors=True),
        )

    def _direct(self, withNetworks: bool) -> tuple[Pin, ...]:
        return tuple(pin for path in self._pinned.files(withNetworks) for pin in readPins(path))

    def _writeConstraints(self) -> None:
        self._before = self._installedNow()
        text = constraintsText(self._before, readPins(self._pinned.constraints))
        (self._scratch / "constraints.txt").write_text(text, encoding="utf-8")

    def _answered(self, code: int, lines: Sequence[str], wheelsFolder: Path | None) -> None:
        if code != 0:
            logging.error("pip refused:\n%s", "\n".join(lines[-40:]))
            raise DependencyError(explainFailure(lines, str(wheelsFolder or ""), self._before))
        report = self._scratch / "report.json"
        planned = plannedPackages(report) if report.exists() else {}
        if touched := sorted(set(planned) & set(self._before)):
            raise DependencyError(
                _("{packages} would be replaced in Slicer: use LNStation's own environment instead.").format(
                    packages=", ".join(touched)
                )
            )

    def _installMissing(self, missing: Sequence[str], where: Sequence[str]) -> None:
        if missing:
            try:
                self._install([*missing, *where], self._scratch / "constraints.txt")
            except Exception as error:  # what pip and Slicer raise differs between versions
                logging.exception("Slicer could not install packages")
                raise DependencyError(
                    _("Slicer could not install the packages ({reason}).").format(reason=error)
                ) from error
        after = self._installedNow()
        if changed := changedPackages(self._before, after):
            raise DependencyError(
                _(
                    "{packages} changed in Slicer during the installation: install Slicer anew if it does not start."
                ).format(packages=", ".join(changed))
            )
        if still := [line for line in missing if normalizedName(line.split("==")[0]) not in after]:
            raise DependencyError(
                _("{packages} did not get installed: use LNStation's own environment instead.").format(
                    packages=", ".join(still)
                )
            )
