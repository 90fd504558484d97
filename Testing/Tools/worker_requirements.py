"""Make the lists of the worker's packages in ``Resources/Worker`` from ``pyproject.toml`` and ``constraints.txt``.

    python -m Testing.Tools.worker_requirements

Run it after a change of either; a test holds the lists equal to what it would write. It asks the installed packages
what they need, so the environment must be that of ``run.py``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Resources" / "Worker"
_HEAD = "# Made by Testing/Tools/worker_requirements.py from pyproject.toml and constraints.txt; not edited by hand."


def normalized(name: str) -> str:
    """The one spelling of a package's name by which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_by(name: str) -> set[str]:
    """Normalized names of what an installed package needs always, on any system."""
    lines = importlib.metadata.requires(name) or []
    return {normalized(re.split(r"[\s<>=!~\[;(]", line)[0]) for line in lines if "extra ==" not in line}


def closure(names: set[str]) -> set[str]:
    """Normalized names of those packages and of what they need in turn, on any system."""
    found: set[str] = set()
    waiting = {normalized(name) for name in names}
    while waiting:
        name = waiting.pop()
        found.add(name)
        # What is not installed here is for another system or another Python.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            waiting |= needed_by(name) - found
    return found


def lists() -> dict[str, str]:
    """The text of each file, by its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct, extras = project["dependencies"], project["optional-dependencies"]
    networks, engine = extras["networks"], extras["openvino"]
    wanted = closure({line.split("==")[0] for line in [*direct, *networks, *engine]})
    held = [
        line
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#") and normalized(line.split("==")[0]) in wanted
    ]
    contents = {
        "requirements.txt": direct,
        "requirements-networks.txt": networks,
        "requirements-openvino.txt": engine,
        "constraints.txt": held,
    }
    return {name: "\n".join([_HEAD, *lines]) + "\n" for name, lines in contents.items()}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in lists().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
