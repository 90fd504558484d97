"""The shape of the source code: how long functions and files are, and that no two files need each other."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("LNStationLib", "LNStation", "Training")
FOLDERS = (*CODE, "Testing")
SEARCH_PATH = (".", "Training", "LNStation", "Testing", "Testing/Python")
"""Where imports start: as pytest and Slicer set it up."""

LINES_OF_A_FILE = 400
LINES_OF_MOST_FUNCTIONS = 22
"""Nine functions in ten are no longer, docstring and signature included."""
MEDIAN_LINES_OF_A_FUNCTION = 8


def source_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lengths(tree: ast.AST) -> list[int]:
    """Lines of every function and method, from ``def`` to its last line."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in found]


# How long


@pytest.mark.parametrize("folder", CODE)
def test_functions_are_short(folder: str) -> None:
    every = sorted(length for path in source_files(folder) for length in lengths(parsed(path)))
    assert statistics.median(every) <= MEDIAN_LINES_OF_A_FUNCTION
    assert every[int(0.9 * len(every))] <= LINES_OF_MOST_FUNCTIONS


@pytest.mark.parametrize("folder", CODE)
def test_no_file_is_too_long_to_be_read_at_once(folder: str) -> None:
    count = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files(folder)}
    assert {path.name: lines for path, lines in count.items() if lines > LINES_OF_A_FILE} == {}


def test_a_functions_length_is_counted_with_docstring_and_signature() -> None:
    assert lengths(ast.parse('def f(\n    a,\n):\n    """Do."""\n\n    return a\n\n\nx = 1\n')) == [6]


# Who needs whom


def modules(files: list[Path]) -> dict[str, Path]:
    """Every name by which a file can be imported; a package is its ``__init__.py``."""
    found: dict[str, Path] = {}
    for start in SEARCH_PATH:
        for path in files:
            if path.is_relative_to(ROOT / start):
                parts = path.relative_to(ROOT / start).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found.setdefault(name, path)
    return found


def named(tree: ast.AST, package: str) -> Iterator[tuple[str, ...]]:
    """What a file of ``package`` imports, anywhere in it: the modules that each name may be, the likeliest first."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield from ((f"{module}.{alias.name}", module) for alias in node.names)


def arrows(files: list[Path]) -> dict[Path, set[Path]]:
    """Each file with those that it imports, for types or inside a function too."""
    known = modules(files)
    names = {path: name for name, path in reversed(known.items())}
    graph: dict[Path, set[Path]] = {}
    for path in files:
        package = names[path] if path.name == "__init__.py" else names[path].rpartition(".")[0]
        used = (next((known[name] for name in one if name in known), None) for one in named(parsed(path), package))
        graph[path] = {one for one in used if one is not None} - {path}
    return graph


def circle(graph: Mapping[Path, set[Path]]) -> list[str]:
    """Files that need each other in a circle, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [path.relative_to(ROOT).as_posix() for path in error.args[1]]
    return []


def test_no_two_files_need_each_other() -> None:
    files = [path for folder in FOLDERS for path in source_files(folder)]
    graph = arrows(files)
    assert len(graph[ROOT / "LNStationLib" / "cli" / "app.py"]) > 3, "imports are no longer found"
    assert circle(graph) == []


def test_a_circle_would_be_found() -> None:
    a, b, c, d = (ROOT / name for name in "abcd")
    assert set(circle({a: {b}, b: {c}, c: {a}, d: {a}})) == {"a", "b", "c"}
    assert circle({a: {b, c}, b: {c}, d: {a}}) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import p.a", "p.a"),
        ("from p import a", "p.a"),
        ("from p.a import Thing", "p.a"),
        ("from .a import Thing", "p.a"),
        ("from . import a", "p.a"),
        ("def f():\n    from p.a import Thing", "p.a"),
        ("if TYPE_CHECKING:\n    from p.a import Thing", "p.a"),
        ("from q import a", None),
    ],
)
def test_every_way_of_importing_is_seen(line: str, expected: str | None) -> None:
    known = {"p", "p.a"}
    found = [next((name for name in one if name in known), None) for one in named(ast.parse(line), "p")]
    assert found == [expected]
