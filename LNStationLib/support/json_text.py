"""JSON from anywhere. Standard library only."""

from __future__ import annotations

import json
import math
from typing import Any

_MOST_LEVELS = 64
"""Of lists and objects in each other; what we write has ten at most, and code that walks deeper ones may fail."""
_LARGEST_INTEGER = 2**63
"""What Qt, VTK and numpy hold."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is no JSON, not in a Unicode encoding, nested deeper than Python can follow, or holds a number
            of more digits than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_tame_json(text: str) -> Any:
    """The value of a JSON text that any program can hold.

    Raises:
        ValueError: As ``parse_json``; or a number is not finite or beyond 64 bits, a text is not valid Unicode, or
            lists and objects are nested in more than 64 levels.
    """
    try:
        value = json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _is_deeper(value, _MOST_LEVELS):
        raise ValueError("nested too deeply")
    if "\\u" in text:
        # Half of a surrogate pair, which nothing but Python's own str holds.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST_INTEGER:
        raise ValueError("a number is too large")
    return number


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [child for one in layer for child in _children(one)]
        if not layer:
            return False
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
