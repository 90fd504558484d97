"""Values of JSON against the words of a schema that the module looks at."""

from __future__ import annotations

from typing import Any

import pytest
from LNStationSlicer.support.JsonShape import JsonShape

SCHEMA: dict[str, Any] = {
    "$defs": {"Point": {"type": "array", "prefixItems": [{"type": "number"}] * 2, "minItems": 2, "maxItems": 2}},
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer", "minimum": 0},
        "call": {"enum": ["positive", None]},
        "at": {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]},
        "by_name": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "a"},
        {"name": "a", "count": 0, "call": None, "at": [1, 2.5], "by_name": {"x": True}, "tags": ["t"]},
        {"name": "a", "at": None, "later": {"of": "another version"}},
    ],
)
def test_what_fits_has_no_fault(value: Any) -> None:
    assert JsonShape(SCHEMA).fault(value) == ""


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], "the whole is not an object"),
        ({}, "name is missing"),
        ({"name": 1}, "name is not a text"),
        ({"name": "a", "count": True}, "count is not a whole number"),
        ({"name": "a", "count": -1}, "count is out of range"),
        ({"name": "a", "call": []}, "call is none of positive, None"),
        ({"name": "a", "at": [1]}, "at is out of range"),
        ({"name": "a", "at": [1, "2"]}, "at.1 is not a number"),
        ({"name": "a", "by_name": {"x": 1}}, "by_name.x is not true or false"),
        ({"name": "a", "by_name": {"x\n" + "y" * 500: 1}}, "by_name.x?" + "y" * 110 + "... is not true or false"),
        ({"name": "a", "tags": ["t", None]}, "tags.1 is not a text"),
    ],
)
def test_a_fault_says_where_it_is(value: Any, fault: str) -> None:
    assert JsonShape(SCHEMA).fault(value) == fault


def test_what_a_value_lacks_is_as_by_default() -> None:
    fields = {"a": {"type": "number", "default": 1}, "b": {"type": "array"}, "c": {"type": "string"}}
    fields["d"] = {"type": "array", "minItems": 2}
    inner = {"type": "object", "properties": fields, "additionalProperties": True}
    schema = {"type": "object", "additionalProperties": {"anyOf": [{"type": "null"}, inner]}}
    given = {"x": None, "y": {"a": 2, "later": [3]}, "z": {}}
    expected = {"x": None, "y": {"a": 2, "b": [], "later": [3]}, "z": {"a": 1, "b": []}}
    assert JsonShape(schema).filled(given) == expected
