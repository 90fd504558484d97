"""Which Python runs the worker, and the variables that it sees."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from LNStationSlicer.support.Command import Command

OLDEST, NEWEST = (3, 11), (3, 12)
"""Versions of Python that LNStationLib runs on; ``pyproject.toml`` says the same."""

_QUESTION = "import sys, importlib.util as u; print(*sys.version_info[:2], u.find_spec('pip') is not None)"
_ANSWER_TIMEOUT_S = 10.0
"""A first start from a slow disk, with a virus scanner in between, takes seconds."""

_START = Path(__file__).resolve().parent / "WorkerStart.py"

# Set by users for their own pip; they would send our packages elsewhere or turn the cache off.
_PIP_REDIRECTIONS = frozenset(
    f"PIP_{name}"
    for name in (
        "TARGET", "PREFIX", "ROOT", "USER", "REQUIRE_VIRTUALENV", "REQUIREMENT", "CONSTRAINT", "NO_DEPS", "DRY_RUN",
        "NO_CACHE_DIR", "CACHE_DIR", "IGNORE_INSTALLED", "UPGRADE", "PRE", "EDITABLE", "PYTHON", "REPORT", "LOG",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run the worker.

    Attributes:
        program: Path of its executable.
        version: Its major and minor version.
        isSlicers: True for PythonSlicer.
        arguments: What must stand before all others (``-3.12`` for the launcher of Windows).
    """

    program: str
    version: tuple[int, int]
    isSlicers: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """For the user."""
        kind = "Slicer's Python" if self.isSlicers else "Python"
        return f"{kind} {self.version[0]}.{self.version[1]}"

    def command(self, *arguments: str, environment: Mapping[str, str]) -> Command:
        """It, with these arguments and variables."""
        return Command(self.program, (*self.arguments, *arguments), dict(environment))

    def pip(self, library: Path, *arguments: str, environment: Mapping[str, str]) -> Command:
        """Its pip, which ends when its standard input is closed.

        PythonSlicer is a launcher: killing it may leave the Python behind it running.

        Args:
            library: The folder that holds LNStationLib.
            arguments: What pip shall do.
            environment: The variables to run under.
        """
        return self.command(
            "-s", str(_START), "--watched", str(library), "-", "pip", *arguments, environment=environment
        )

    def start(self, library: Path, packages: Path | None, *arguments: str, environment: Mapping[str, str]) -> Command:
        """It, running a module of LNStationLib (or a check) by ``WorkerStart.py``.

        Args:
            library: The folder that holds LNStationLib.
            packages: The folder of the worker's own packages; ``None`` for those that the interpreter has.
            arguments: The module's name and its arguments, or ``--check`` and requirement files.
            environment: The variables to run under.
        """
        alone = ("-s", "-S") if packages is not None else ("-s",)
        where = str(packages) if packages is not None else "-"
        return self.command(*alone, str(_START), str(library), where, *arguments, environment=environment)


def suitable(version: tuple[int, int]) -> bool:
    """True where LNStationLib runs on that version of Python."""
    return OLDEST <= version <= NEWEST


def cleanEnvironment(base: Mapping[str, str]) -> dict[str, str]:
    """Variables for a Python of its own: the user's, without those that bend where Python and pip look and write.

    Args:
        base: The user's variables; in Slicer those from before Slicer's launcher added its own.
    """
    kept = {
        name: value
        for name, value in base.items()
        if not (
            name.startswith("PYTHON") or name in _PIP_REDIRECTIONS or name in ("VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
        )
    }
    return kept | {"PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def slicerInterpreter(slicerHome: str = "") -> Interpreter | None:
    """PythonSlicer where LNStationLib runs on its version.

    Its version is that of this process: both are one Python.

    Args:
        slicerHome: ``slicer.app.slicerHome``; empty to search only the path and beside ``sys.executable``.
    """
    version = (sys.version_info[0], sys.version_info[1])
    name = "PythonSlicer.exe" if os.name == "nt" else "PythonSlicer"
    places = [Path(sys.executable).parent / name]
    if slicerHome:
        places.insert(0, Path(slicerHome) / "bin" / name)
    found = next((str(place) for place in places if place.is_file()), None) or shutil.which("PythonSlicer")
    return Interpreter(found, version, isSlicers=True) if found and suitable(version) else None


def otherInterpreter(variables: Mapping[str, str]) -> Interpreter | None:
    """The newest suitable Python of this computer that runs and has pip. Each is started once to ask it.

    Args:
        variables: The user's variables; looked for along ``PATH``. In Slicer those from before its launcher.
    """
    asked = cleanEnvironment(variables)
    return next(
        (python for python in _candidates(variables.get("PATH", os.defpath)) if _answers(python, asked)), None
    )


def _candidates(searchPath: str) -> Iterator[Interpreter]:
    """Every program of the search path that is called like a suitable Python, newest version first."""
    folders = searchPath.split(os.pathsep)
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = (shutil.which(f"python3.{minor}", path=folder) for folder in folders if folder)
        for program in dict.fromkeys(path for path in found if path):
            yield Interpreter(program, (3, minor))
        launcher = shutil.which("py", path=searchPath) if os.name == "nt" else None
        if launcher:
            yield Interpreter(launcher, (3, minor), arguments=(f"-3.{minor}",))


def _answers(python: Interpreter, variables: Mapping[str, str]) -> bool:
    """True where it runs, is of the version that its name says, and has pip."""
    command = python.command("-s", "-c", _QUESTION, environment=variables)
    try:
        answer = subprocess.run(
            [command.program, *command.arguments],
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=_ANSWER_TIMEOUT_S,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        logging.info("LNStation: %s does not run: %s", python.program, error)
        return False
    return answer.returncode == 0 and answer.stdout.split() == [*map(str, python.version), "True"]


def developerInterpreter(library: Path, environment: Mapping[str, str] | None = None) -> str | None:
    """The Python that runs the worker of a source tree, or ``None`` in an installed extension.

    A developer has the packages already: in the environment that ``run.py`` made in ``.venv``, or in one that the
    variable ``LNSTATION_WORKER_PYTHON`` names. So neither developers nor tests install anything.

    Args:
        library: The folder that holds LNStationLib.
        environment: The variables to look in; by default this process's.
    """
    named = (os.environ if environment is None else environment).get("LNSTATION_WORKER_PYTHON", "")
    if named:
        return named
    if not (library / "run.py").is_file():
        return None
    python = library / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return str(python) if python.is_file() else None
