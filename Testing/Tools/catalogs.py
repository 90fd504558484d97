"""Brings the catalogs in ``Resources/Languages`` up to date with what the library says.

    python -m Testing.Tools.catalogs

New texts are added without a translation, those that nobody says any more are dropped, the rest stays. A new language
begins as a file with nothing but a header (copy that of ``de.po``). A test holds the catalogs complete.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from LNStationLib import anatomy
from LNStationLib.export.columns import EDITS, NODES, READER_CALLS, STATIONS
from LNStationLib.imaging.tracer import tracer_names, tracer_title
from LNStationLib.staging.rules import lung_rules
from LNStationLib.support.language import catalog_folder
from LNStationLib.support.po_files import Entry, read_po
from LNStationLib.support.resources import resource_path
from LNStationLib.support.words import templates

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "LNStationLib"
_COLUMNS = (*STATIONS, *NODES, *EDITS)


@dataclass(frozen=True, order=True)
class Message:
    """A text that is said; ``plural`` is empty where it has no number."""

    text: str
    plural: str = ""


@cache
def messages() -> list[Message]:
    """Everything that a catalog translates, in an order that stays."""
    said = {message for path in sorted(LIBRARY.rglob("*.py")) for message in _of_code(path)}
    return sorted({*said, *map(Message, _of_words()), *map(Message, _of_templates()), *map(Message, _of_tables())})


def _of_code(path: Path) -> Iterator[Message]:
    text = path.read_text(encoding="utf-8")
    if "support.language import" not in text and "columns(" not in text:
        return
    tree = ast.parse(text)
    for function in ast.walk(tree):
        assigned = _assigned(function) if isinstance(function, ast.FunctionDef) else {}
        if assigned or function is tree:
            yield from _of_calls(function, assigned)


def _of_calls(part: ast.AST, assigned: dict[str, list[str]]) -> Iterator[Message]:
    for node in ast.walk(part):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in ("say", "marked") and node.args:
            yield from map(Message, _constants(node.args[0], assigned))
        elif node.func.id == "say_count":
            yield Message(*(_constants(one, assigned)[0] for one in node.args[:2]))
        elif node.func.id == "columns":
            keys = [one for argument in node.args for one in _constants(argument, {})]
            yield from (Message(column.title) for column in _COLUMNS if column.key in keys)


def _assigned(function: ast.FunctionDef) -> dict[str, list[str]]:
    """Texts that the names of a function stand for."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).extend(_constants(node.value, {}))
    return {name: texts for name, texts in found.items() if texts}


def _constants(node: ast.AST, assigned: dict[str, list[str]]) -> list[str]:
    """The texts that an expression can be: a text, one of two, or a name of one."""
    if isinstance(node, ast.IfExp):
        return [*_constants(node.body, assigned), *_constants(node.orelse, assigned)]
    if isinstance(node, ast.Name):
        return assigned.get(node.id, [])
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _of_words() -> tuple[str, ...]:
    """The words of all rooms."""
    for path in sorted(LIBRARY.rglob("words.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return tuple(text for text in templates() if text != "{words}")


def _of_templates() -> Iterator[str]:
    for name in ("report.html.j2", "report.typ", "cohort.html.j2"):
        yield from re.findall(r'say\("([^"]+)"\)', resource_path("Report", name).read_text(encoding="utf-8"))


def _of_tables() -> Iterator[str]:
    yield from (column.title for column in READER_CALLS)
    yield from (row.title for row in (*anatomy.stations(), *anatomy.organs()))
    for rule_set in lung_rules().rule_sets.values():
        yield from (rule_set.title, *rule_set.words.values())
    yield from map(tracer_title, tracer_names())
    yield json.loads(resource_path("Report", "station_map.json").read_text(encoding="utf-8"))["inset"]["title"]


def updated(text: str) -> str:
    """A catalog with exactly the texts that are said; translations of those that it had are kept."""
    header, *entries = read_po(text)
    known = {(entry.text, entry.plural): entry for entry in entries}
    blocks = [_written(header)]
    for message in messages():
        empty = Entry(message.text, message.plural, ("", "") if message.plural else ("",))
        blocks.append(_written(known.get((message.text, message.plural), empty)))
    return "\n".join(blocks)


def _written(entry: Entry) -> str:
    flags = (["fuzzy"] if entry.is_fuzzy else []) + (["python-brace-format"] if "{" in entry.text else [])
    lines = [f"#, {', '.join(flags)}"] if flags else []
    lines += _field("msgid", entry.text)
    if entry.plural:
        lines += _field("msgid_plural", entry.plural)
        for number, said in enumerate(entry.said):
            lines += _field(f"msgstr[{number}]", said)
    else:
        lines += _field("msgstr", entry.said[0])
    return "\n".join(lines) + "\n"


def _field(name: str, text: str) -> list[str]:
    """A header has a line for each of its own."""
    quoted = [json.dumps(part, ensure_ascii=False) for part in text.splitlines(keepends=True)] or ['""']
    return [f"{name} {quoted[0]}"] if len(quoted) == 1 else [f'{name} ""', *quoted]


def main() -> None:
    """Rewrite every catalog."""
    for path in sorted(catalog_folder().glob("*.po")):
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{path.name}: {len(messages())} texts")


if __name__ == "__main__":
    main()
