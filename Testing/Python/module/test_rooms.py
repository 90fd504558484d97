"""The rooms of the module: arrows between them go one way.

import-linter cannot see them: the module's folder is on the path of Slicer alone. That no two files need each other,
and that none is too long, is held for all code at once (test_source_code.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[3] / "LNStation"
PACKAGE = "LNStationSlicer"
FLOORS = (
    {"panel"},
    {"Logic"},
    {"Reader", "Nodes", "Outputs", "Worklist"},
    {"views", "worker"},
    {"case"},
    {"exchange"},
    {"install"},
    {"support"},
)
"""From the top down: a room may use those on lower floors, and none beside it.

``Logic.py`` is a floor by itself, ``Reader.py``, ``Nodes.py``, ``Outputs.py`` and ``Worklist.py`` are one.
"""


def modules() -> dict[str, Path]:
    """Each module of the package but ``__init__``, by its dotted name without the package's."""
    files = [path for path in (MODULE / PACKAGE).rglob("*.py") if path.name != "__init__.py"]
    return {".".join(path.relative_to(MODULE / PACKAGE).with_suffix("").parts): path for path in files}


def imports(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, anywhere in it, for types too."""
    return {name for name in _named(ast.parse(path.read_text(encoding="utf-8"))) if name in known}


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE:
            module = node.module.removeprefix(PACKAGE).lstrip(".")
            yield module
            yield from (f"{module}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(f"{PACKAGE}.") for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """Each module with those that it imports."""
    found = modules()
    return {name: imports(path, set(found)) - {name} for name, path in found.items()}


def floor_of(module: str) -> int:
    """How far from the top a module lies."""
    return next(number for number, rooms in enumerate(FLOORS) if module.split(".")[0] in rooms)


def test_every_file_lies_in_a_room() -> None:
    assert {name.split(".")[0] for name in modules()} == set().union(*FLOORS)


def test_arrows_between_rooms_go_down() -> None:
    wrong = [
        f"{user} -> {used}"
        for user, many in arrows().items()
        for used in many
        if user.split(".")[0] != used.split(".")[0] and floor_of(user) >= floor_of(used)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from LNStationSlicer.case.CaseScene import CaseScene", {"case.CaseScene"}),
        ("from LNStationSlicer.case import CaseScene", {"case.CaseScene"}),
        ("from LNStationSlicer import Logic", {"Logic"}),
        ("import LNStationSlicer.case.CaseScene as scene", {"case.CaseScene"}),
        ("if True:\n    from LNStationSlicer.Logic import Logic", {"Logic"}),
        ("from LNStationLib import anatomy", set()),
    ],
)
def test_every_way_of_importing_is_seen(line: str, found: set[str]) -> None:
    assert {name for name in _named(ast.parse(line)) if name in {"case.CaseScene", "Logic"}} == found
