"""Every reason that the library gives has its words."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from LNStationLib.support import words

LIBRARY = Path(words.__file__).parents[1]
FILES = sorted(LIBRARY.rglob("*.py"))


def _codes(tree: ast.Module) -> Iterator[str]:
    """Codes written out in calls of ``Reason(...)`` and ``warn(...)``."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in ("Reason", "warn"):
            yield from (one.value for one in _choices(call.args[0]) if isinstance(one.value, str))


def _choices(first: ast.expr) -> Iterator[ast.Constant]:
    """The strings that a first argument may be."""
    if isinstance(first, ast.IfExp):
        yield from _choices(first.body)
        yield from _choices(first.orelse)
    elif isinstance(first, ast.Constant):
        yield first


@pytest.fixture(scope="module")
def spoken() -> set[str]:
    for path in LIBRARY.rglob("words.py"):
        importlib.import_module(".".join(["LNStationLib", *path.relative_to(LIBRARY).with_suffix("").parts]))
    return set(words._WORDS)


def test_every_code_has_words(spoken: set[str]) -> None:
    given = {code: path for path in FILES for code in _codes(ast.parse(path.read_text(encoding="utf-8")))}
    assert {"rough_heart", "vein_crossing_placed", "left_vein_path", "arch_axis"} <= given.keys()
    assert {code: str(path.relative_to(LIBRARY)) for code, path in given.items() if code not in spoken} == {}
