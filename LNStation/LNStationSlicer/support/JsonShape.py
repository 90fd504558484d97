"""Whether a value of JSON has the shape of a schema, in the standard library: Slicer's Python lacks pydantic.

Only what would make reading fail is looked at: types, values to choose from, limits, lengths and missing fields.
Fields that a schema does not know are a later version's and are let through, and so is another version's number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from LNStationLib.support.sentences import quoted

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("empty", lambda value: value is None),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)),
}
_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "minItems": lambda value, limit: len(value) >= limit,
    "maxItems": lambda value, limit: len(value) <= limit,
    "maxProperties": lambda value, limit: len(value) <= limit,
}
_EMPTY: Mapping[str, Callable[[], Any]] = {"array": list, "object": dict}
"""What pydantic fills in where it writes no default into a schema."""


class JsonShape:
    """The shape of a value.

    Args:
        schema: JSON Schema with its objects in ``$defs``; which of its words count is above.
    """

    def __init__(self, schema: Schema) -> None:
        self._root = schema

    def fault(self, value: Any) -> str:
        """What is wrong, as the end of a sentence ("calls.4R is not an object"); empty where nothing is."""
        return next(self._faults(value, self._root, ""), "")

    def filled(self, value: Any) -> Any:
        """A value without fault, with what it lacks as by default; of a list that is empty, of an object likewise."""
        return self._filled(value, self._root)

    def _filled(self, value: Any, schema: Schema) -> Any:
        if "$ref" in schema:
            return self._filled(value, self._of(schema["$ref"]))
        if "anyOf" in schema:
            fitting = (one for one in schema["anyOf"] if next(self._faults(value, one, ""), "") == "")
            return self._filled(value, next(fitting, {}))
        if isinstance(value, dict):
            fields, others = schema.get("properties", {}), schema.get("additionalProperties")
            others = others if isinstance(others, dict) else {}
            whole = {**{key: _default(one) for key, one in fields.items() if _hasDefault(one)}, **value}
            return {key: self._filled(one, fields.get(key, others)) for key, one in whole.items()}
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            return [self._filled(one, schema["items"]) for one in value]
        return value

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
        words, isOfType = _TYPES.get(schema.get("type", ""), ("", lambda one: True))
        if not isOfType(value):
            yield f"{_named(path)} is not {words}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{_named(path)} is none of {', '.join(str(one) for one in schema['enum'])}"
        if not all(holds(value, schema[limit]) for limit, holds in _LIMITS.items() if limit in schema):
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


def _hasDefault(schema: Schema) -> bool:
    return "default" in schema or (schema.get("type") in _EMPTY and not schema.get("minItems"))


def _default(schema: Schema) -> Any:
    return schema["default"] if "default" in schema else _EMPTY[schema["type"]]()
