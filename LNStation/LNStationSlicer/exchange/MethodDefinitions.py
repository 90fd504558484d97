"""The steps, their methods and options as the library describes them (docs/worker.md, ``methods``).

``Testing/Tools/definitions.py`` keeps the worker's answer in ``Resources/Definitions/methods.json``: it serves until
a worker has answered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from LNStationLib.support.resources import resource_path

DEVICE_OPTION, MODEL_OPTION, POINT_OPTION = "device", "model", "operating_point"
"""Options whose values no definition can list: this computer's devices and packages, what a package offers."""


_VALUES: dict[str, tuple[type, ...]] = {
    "number": (int, float), "integer": (int,), "boolean": (bool,), "string": (str,),
}  # fmt: skip
"""What a value of a type is in JSON."""


class OptionDefinition(TypedDict):
    """An option of a method."""

    name: str
    title: str
    description: str
    unit: str
    flag: str | None
    width: Literal["usual", "expert"]
    default: Any
    type: Literal["number", "integer", "boolean", "string", "choice"]
    choices: list[str] | None
    choice_titles: dict[str, str]
    optional: bool
    minimum: NotRequired[float]
    maximum: NotRequired[float]
    above: NotRequired[float]
    below: NotRequired[float]


class MethodDefinition(TypedDict):
    """A way to do a step; the fields that the module reads."""

    name: str
    title: str
    needs: list[dict[str, str]]
    package_task: str | None
    options: list[OptionDefinition]


class StepDefinition(TypedDict):
    """A step with its methods, in the order in which the automatic choice tries them."""

    step: str
    methods: list[MethodDefinition]


Steps = Sequence[StepDefinition]


@dataclass(frozen=True)
class SharedOption:
    """An option, and all methods of its step that it is set for: those that share its flag.

    Attributes:
        methods: Their names.
        option: As the first of them defines it.
    """

    step: str
    methods: tuple[str, ...]
    option: OptionDefinition


def accepts(option: OptionDefinition, value: Any) -> bool:
    """Whether an option can have a value: one of a damaged scene, or of another version, may be anything."""
    if value is None:
        return option["optional"]
    if option["name"] in (DEVICE_OPTION, MODEL_OPTION, POINT_OPTION):
        return isinstance(value, str)
    if option["type"] == "choice":
        return value in (option["choices"] or ())
    isOfType = isinstance(value, _VALUES[option["type"]]) and isinstance(value, bool) == (option["type"] == "boolean")
    return isOfType and (isinstance(value, (bool, str)) or _isWithin(option, value))


def _isWithin(option: OptionDefinition, value: float) -> bool:
    lowest, highest = option.get("minimum", value), option.get("maximum", value)
    isBetween = option.get("above", -math.inf) < value < option.get("below", math.inf)
    return isBetween and lowest <= value <= highest


def shippedSteps() -> Steps:
    """What the library knew when it was made."""
    steps: Steps = json.loads(resource_path("Definitions", "methods.json").read_text(encoding="utf-8"))["steps"]
    return steps


def firstMethod(step: StepDefinition) -> str | None:
    """The method that the automatic choice always takes; None where it depends on the case."""
    first = step["methods"][0]
    return None if first["needs"] else first["name"]


def usesPackages(step: StepDefinition) -> bool:
    """True where some method of the step uses model packages."""
    return any(method["package_task"] for method in step["methods"])


def mayRun(step: StepDefinition, chosen: str | None) -> list[MethodDefinition]:
    """The chosen method; without a choice those that the automatic choice may take."""
    if chosen is not None:
        return [method for method in step["methods"] if method["name"] == chosen]
    tried = []
    for method in step["methods"]:
        tried.append(method)
        if not method["needs"]:
            break
    return tried


def sharedOptions(step: StepDefinition) -> Iterator[SharedOption]:
    """The options of a step's methods, each once however many methods share its flag."""
    found: dict[str, list[tuple[str, OptionDefinition]]] = {}
    for method in step["methods"]:
        for option in method["options"]:
            key = option["flag"] or f"{method['name']}.{option['name']}"
            found.setdefault(key, []).append((method["name"], option))
    for places in found.values():
        yield SharedOption(step["step"], tuple(name for name, _option in places), places[0][1])
