"""Whether a value of JSON has the shape of a schema, in the standard library: Slicer's Python lacks pydantic.

Only what would make reading fail is looked at: types, values to choose from, limits, lengths and missing fields.
Fields that a schema does not know are a later version's and are let through, and so is another version's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from LNStationLib.support.sentences import quoted
from LNStationSlicer.support.JsonFunctions import LIMITS, TYPES, JsonFunctions, Schema

_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "null": "empty",
    "integer": "a whole number",
    "number": "a number",
}


class JsonShape:
    """The shape of a value.

    Args:
        schema: JSON Schema with its objects in ``$defs``; which of its words count is in ``JsonFunctions``.
    """

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        functions = JsonFunctions(schema.get("$defs", {}))
        self._fits = functions.check(schema)
        self._fill = functions.filler(schema)

    def fault(self, value: Any) -> str:
        """What is wrong, as the end of a sentence ("calls.4R is not an object"); empty where nothing is."""
        return "" if self._fits(value) else next(self._faults(value, self._root, ""), "")

    def filled(self, value: Any) -> Any:
        """A value without fault, with what it lacks as by default; of a list that is empty, of an object likewise."""
        return self._fill(value)

    # Words for a fault, of a value that is known to have one

    def _of(self, reference: str) -> Schema:
        found: Schema = self._root["$defs"][reference.rpartition("/")[2]]
        return found

    def _faults(self, value: Any, schema: Schema, path: str) -> Iterator[str]:
        if "$ref" in schema:
            yield from self._faults(value, self._of(schema["$ref"]), path)
        elif "anyOf" in schema:
            faults = [next(self._faults(value, one, path), "") for one in schema["anyOf"]]
            if all(faults):
                yield faults[0]
        else:
            yield from self._plainFaults(value, schema, path)

    def _plainFaults(self, value: Any, schema: Schema, path: str) -> Iterator[str]:
        kind = schema.get("type", "")
        if kind and not TYPES[kind](value):
            yield f"{_named(path)} is not {_NAMES[kind]}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{_named(path)} is none of {', '.join(str(one) for one in schema['enum'])}"
        if not all(holds(value, schema[limit]) for limit, holds in LIMITS.items() if limit in schema):
            yield f"{_named(path)} is out of range"
        if isinstance(value, dict):
            yield from self._objectFaults(value, schema, path)
        elif isinstance(value, list):
            yield from self._listFaults(value, schema, path)

    def _objectFaults(self, value: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
        fields, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        missing = [key for key in schema.get("required", ()) if key not in value]
        yield from (f"{quoted(f'{path}.{key}'.lstrip('.'))} is missing" for key in missing)
        for key, one in value.items():
            of = fields.get(key, others)
            if not isinstance(of, bool):
                yield from self._faults(one, of, f"{path}.{key}")

    def _listFaults(self, value: list[Any], schema: Schema, path: str) -> Iterator[str]:
        first, rest = schema.get("prefixItems", ()), schema.get("items", True)
        for index, one in enumerate(value):
            of = first[index] if index < len(first) else rest
            if not isinstance(of, bool):
                yield from self._faults(one, of, f"{path}.{index}")


def _named(path: str) -> str:
    return quoted(path.lstrip(".")) or "the whole"
