"""Make the typed dictionaries of the Slicer module from the published schema of an assessment.

    python -m Testing.Tools.assessment_types

Run it after a change of ``Resources/Schema/assessment.schema.json``; a test holds the file equal to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "Resources" / "Schema" / "assessment.schema.json"
FILE = ROOT / "LNStation" / "LNStationSlicer" / "exchange" / "AssessmentTypes.py"
_HEAD = '''"""The assessment as it travels in JSON. Points are LPS mm ``[x, y, z]``; None is "not assessed", never 0.

Made by ``Testing/Tools/assessment_types.py`` from ``Resources/Schema/assessment.schema.json``; not edited by hand.
The worker checks with pydantic, which Slicer's Python lacks.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict
'''
_PLAIN = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}
_ALIASES = {
    "Call": ("positive", "negative"),
    "PredictionSet": ("positive", "negative", "either"),
    "SideName": ("L", "R"),
}
"""Enumerations that the module names."""


def types(schema: Mapping[str, Any]) -> str:
    """The whole file.

    Args:
        schema: A JSON schema with its objects in ``$defs``.

    Raises:
        KeyError: It has a type that is not known here.
    """
    aliases = "\n".join(f"{name} = {_literal(values)}" for name, values in _ALIASES.items())
    rows = {**schema["$defs"], schema["title"]: schema}
    return "\n\n".join([_HEAD + "\n" + aliases + "\n", *("\n".join(_class(name, row)) for name, row in rows.items())])


def _class(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    yield f"class {name}(TypedDict):"
    yield from _docstring(row["description"].splitlines())
    yield ""
    for field, entry in row["properties"].items():
        yield f"    {field}: {annotation(entry)}"
    yield ""


def _docstring(lines: list[str]) -> Iterator[str]:
    first, *others = lines
    yield f'    """{first}' + ("" if others else '"""')
    yield from (f"    {line}".rstrip() for line in others)
    if others:
        yield '    """'


def annotation(entry: Mapping[str, Any]) -> str:
    """The type of a field as Python writes it; a tuple of JSON is a list."""
    if "anyOf" in entry:
        return " | ".join(annotation(one) for one in entry["anyOf"])
    if "$ref" in entry:
        return str(entry["$ref"]).rpartition("/")[2]
    if "enum" in entry:
        return _named(tuple(entry["enum"]))
    if entry["type"] == "array":
        return f"list[{annotation(entry['items'] if 'items' in entry else entry['prefixItems'][0])}]"
    return "dict[str, Any]" if entry["type"] == "object" else _PLAIN[entry["type"]]


def _named(values: tuple[str, ...]) -> str:
    return next((name for name, known in _ALIASES.items() if known == values), _literal(values))


def _literal(values: tuple[str, ...]) -> str:
    return f"Literal[{', '.join(json.dumps(value) for value in values)}]"


def text() -> str:
    """What the file must hold."""
    return types(json.loads(SCHEMA.read_text(encoding="utf-8")))


def main() -> None:
    """Write the file."""
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
