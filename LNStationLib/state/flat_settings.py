"""Settings of before 0.2, which were flat, in their places among those of today. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from LNStationLib.support.resources import resource_path


@cache
def _flat() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(resource_path("Settings", "flat_settings.json").read_text(encoding="utf-8"))
    return table


def is_flat(key: str) -> bool:
    """Whether it is a key of settings of before 0.2."""
    return key in _flat()["options"] or key in _flat()["methods"]


def nested(data: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with every flat key of before 0.2 in its place; nested ones stay as they are.

    Args:
        data: Plain data, as JSON can hold it.
    """
    table = _flat()
    result = {key: value for key, value in data.items() if key not in table["options"]}
    for step in table["methods"]:
        if isinstance(result.get(step), str):
            result[step] = {"method": table["renamed"].get(result[step], result[step])}
    for key, places in table["options"].items():
        for place in places if key in data else ():
            step, method, option = place.split(".")
            _put(result, step, method, option, data[key])
    return result


def _put(settings: dict[str, Any], step: str, method: str, option: str, value: Any) -> None:
    chosen = settings.get(step) or {}
    options = {**chosen.get("options", {})}
    options[method] = {**options.get(method, {}), option: value}
    settings[step] = {**chosen, "options": options}
