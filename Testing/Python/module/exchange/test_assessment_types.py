"""The typed dictionaries of the module against the published schema: a missing or surplus field is named."""

from __future__ import annotations

import json
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
if str(ROOT / "LNStation") not in sys.path:
    sys.path.insert(0, str(ROOT / "LNStation"))

from LNStationSlicer.exchange import AssessmentTypes  # noqa: E402

from Testing.Tools import assessment_types  # noqa: E402

SCHEMA: dict[str, Any] = json.loads((ROOT / "Resources/Schema/assessment.schema.json").read_text(encoding="utf-8"))
OBJECTS: dict[str, dict[str, Any]] = {"Assessment": SCHEMA, **SCHEMA["$defs"]}
PAIRS = sorted(
    (name, field)
    for name, definition in OBJECTS.items()
    if hasattr(AssessmentTypes, name)
    for field in {*definition["properties"], *getattr(AssessmentTypes, name).__annotations__}
)
PYTHON = {"string": str, "number": float, "integer": int, "boolean": bool, "array": list, "object": dict}


def test_every_object_of_the_schema_has_its_typed_dictionary() -> None:
    assert [name for name in OBJECTS if not hasattr(AssessmentTypes, name)] == []


@pytest.mark.parametrize(("name", "field"), PAIRS)
def test_field_is_on_both_sides_with_the_same_type(name: str, field: str) -> None:
    # Its own names, because a module test in this process may have unloaded the file.
    here = typing.get_type_hints(getattr(AssessmentTypes, name), vars(AssessmentTypes))
    there = OBJECTS[name]["properties"]
    assert field in here, f"AssessmentTypes.{name} lacks {field}, which the schema has"
    assert field in there, f"AssessmentTypes.{name} has {field}, which the schema lacks"
    assert plain_type(here[field]) == schema_type(there[field]), f"{name}.{field}"


def schema_type(entry: dict[str, Any]) -> frozenset[Any]:
    """What a field may be: Python types, None, and the words of an enumeration."""
    if "anyOf" in entry:
        return frozenset().union(*(schema_type(option) for option in entry["anyOf"]))
    if "$ref" in entry:
        return frozenset({dict})
    if "const" in entry:
        return frozenset({str})
    if "enum" in entry:
        return frozenset(entry["enum"])
    return frozenset({type(None) if entry["type"] == "null" else PYTHON[entry["type"]]})


def plain_type(annotation: Any) -> frozenset[Any]:
    """The same of an annotation."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return frozenset(typing.get_args(annotation))
    if typing.is_typeddict(annotation):
        return frozenset({dict})
    if origin in (list, dict):
        return frozenset({origin})
    options = typing.get_args(annotation)
    return frozenset().union(*map(plain_type, options)) if options else frozenset({annotation})


def test_the_file_is_what_the_command_makes_of_the_schema() -> None:
    assert assessment_types.FILE.read_text("utf-8") == assessment_types.text(), "run Testing.Tools.assessment_types"


def test_a_tuple_is_a_list_and_a_nested_one_a_list_of_lists() -> None:
    point = {"type": "array", "prefixItems": [{"type": "number"}] * 3}
    assert assessment_types.annotation({"type": "array", "prefixItems": [point, point]}) == "list[list[float]]"


def test_the_comparison_notices_a_type_that_differs() -> None:
    assert plain_type(float | None) != schema_type({"anyOf": [{"type": "integer"}, {"type": "null"}]})
    assert plain_type(str) != schema_type({"enum": ["L", "R"], "type": "string"})
