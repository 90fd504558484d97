"""Schemas as Python functions, made once for each: to walk a schema beside each value takes four times as long.

An assessment has some thousand values and is looked at while the panel waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
Check = Callable[[Any], bool]
Fill = Callable[[Any], Any]

TYPES: Mapping[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}
"""The words of ``type``."""
LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "minItems": lambda value, limit: len(value) >= limit,
    "maxItems": lambda value, limit: len(value) <= limit,
    "maxProperties": lambda value, limit: len(value) <= limit,
}
"""Words of a schema that limit a value of the right type."""
_EMPTY: Mapping[str, Callable[[], Any]] = {"array": list, "object": dict}
"""What pydantic fills in where it writes no default into a schema."""


class JsonFunctions:
    """Makes the functions of schemas that share definitions.

    Args:
        definitions: Schema by name, for ``$ref``; they may refer to each other.
    """

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._checks: dict[str, Check] = {}
        self._fillers: dict[str, Fill] = {}

    # Does a value fit?

    def check(self, schema: Schema) -> Check:
        """A function that says whether a value has the shape."""
        if "$ref" in schema:
            return self._checkNamed(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            checks = [self.check(one) for one in schema["anyOf"]]
            return lambda value: any(fits(value) for fits in checks)
        tests = [*_ownTests(schema), *self._innerTests(schema)]
        if len(tests) == 1:
            return tests[0]
        return lambda value: all(test(value) for test in tests)

    def _checkNamed(self, name: str) -> Check:
        if name not in self._checks:
            self._checks[name] = lambda value: self._checks[name](value)  # for a definition that holds itself
            self._checks[name] = self.check(self._definitions[name])
        return self._checks[name]

    def _innerTests(self, schema: Schema) -> list[Check]:
        """Of what is in an object or a list; nothing to test where the schema says nothing of it."""
        objects = {"properties", "required", "additionalProperties"} & set(schema)
        lists = {"items", "prefixItems"} & set(schema)
        return [*([self._objectTest(schema)] if objects else []), *([self._listTest(schema)] if lists else [])]

    def _objectTest(self, schema: Schema) -> Check:
        required = tuple(schema.get("required", ()))
        fields = {key: self.check(one) for key, one in schema.get("properties", {}).items()}
        others = self._checkOrAny(schema.get("additionalProperties", True))

        def holds(value: Any) -> bool:
            if not isinstance(value, dict):
                return True
            return all(key in value for key in required) and all(
                fields.get(key, others)(one) for key, one in value.items()
            )

        return holds

    def _listTest(self, schema: Schema) -> Check:
        first = [self.check(one) for one in schema.get("prefixItems", ())]
        rest = self._checkOrAny(schema.get("items", True))

        def holds(value: Any) -> bool:
            if not isinstance(value, list):
                return True
            return all(fits(one) for fits, one in zip(first, value, strict=False)) and all(
                rest(one) for one in value[len(first) :]
            )

        return holds

    def _checkOrAny(self, schema: Schema | bool) -> Check:
        return (lambda value: True) if isinstance(schema, bool) else self.check(schema)

    # What does it lack?

    def filler(self, schema: Schema) -> Fill:
        """A function that gives a value that fits with what it lacks as by default."""
        if "$ref" in schema:
            return self._fillerNamed(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            return self._anyFiller(schema["anyOf"])
        if {"properties", "additionalProperties"} & set(schema):
            return self._objectFiller(schema)
        if isinstance(schema.get("items"), Mapping):
            of = self.filler(schema["items"])
            return lambda value: [of(one) for one in value] if isinstance(value, list) else value
        return _asItIs

    def _fillerNamed(self, name: str) -> Fill:
        if name not in self._fillers:
            self._fillers[name] = lambda value: self._fillers[name](value)
            self._fillers[name] = self.filler(self._definitions[name])
        return self._fillers[name]

    def _anyFiller(self, schemas: list[Schema]) -> Fill:
        choices = [(self.check(one), self.filler(one)) for one in schemas]
        return lambda value: next((fill for fits, fill in choices if fits(value)), _asItIs)(value)

    def _objectFiller(self, schema: Schema) -> Fill:
        fields = schema.get("properties", {})
        defaults = {key: one for key, one in fields.items() if _hasDefault(one)}
        fillers = {key: self.filler(one) for key, one in fields.items()}
        rest = schema.get("additionalProperties")
        others = self.filler(rest) if isinstance(rest, Mapping) else _asItIs

        def filled(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            whole = {**{key: _default(one) for key, one in defaults.items() if key not in value}, **value}
            return {key: fillers.get(key, others)(one) for key, one in whole.items()}

        return filled


def _ownTests(schema: Schema) -> list[Check]:
    """Of the value itself: its type first, on which the others rest."""
    tests = [TYPES[schema["type"]]] if "type" in schema else []
    if "enum" in schema:
        tests.append(schema["enum"].__contains__)
    return tests + [_limitTest(holds, schema[word]) for word, holds in LIMITS.items() if word in schema]


def _limitTest(holds: Callable[[Any, Any], bool], limit: Any) -> Check:
    return lambda value: holds(value, limit)


def _asItIs(value: Any) -> Any:
    return value


def _hasDefault(schema: Schema) -> bool:
    return "default" in schema or (schema.get("type") in _EMPTY and not schema.get("minItems"))


def _default(schema: Schema) -> Any:
    return schema["default"] if "default" in schema else _EMPTY[schema["type"]]()
