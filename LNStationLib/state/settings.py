"""Everything a user may choose about an assessment: for each step a method, and options by method.

What a method's options are, the method itself says; here they are plain values that its step checks
(:meth:`LNStationLib.state.registry.Registry.options`). Settings of before 0.2, which were flat, are still read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from LNStationLib.support.resources import resource_path

Step = Literal["organs", "stations", "nodes", "metastasis", "staging"]
STEPS: tuple[Step, ...] = ("organs", "stations", "nodes", "metastasis", "staging")


class StepSettings(BaseModel):
    """The method of one step, and options of any of its methods."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str | None = Field(None, description="Name of a method; None: the first whose inputs the case has.")
    options: dict[str, dict[str, JsonValue]] = Field(
        default_factory=dict, description="Options by method; what is not given keeps its default."
    )

    def with_options(self, method: str, values: Mapping[str, JsonValue]) -> StepSettings:
        """These settings with some options of a method changed."""
        options = {**self.options, method: {**self.options.get(method, {}), **values}}
        return self.model_copy(update={"options": options})


class Settings(BaseModel):
    """Choices for one assessment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    working_spacing_mm: float = Field(1.5, gt=0, le=4, description="Voxel edge of the grid for organs and stations.")
    organs: StepSettings = StepSettings()
    stations: StepSettings = StepSettings()
    nodes: StepSettings = StepSettings()
    metastasis: StepSettings = StepSettings()
    staging: StepSettings = StepSettings()

    @model_validator(mode="before")
    @classmethod
    def _from_flat(cls, data: Any) -> Any:
        return nested(data) if isinstance(data, dict) else data

    def of(self, step: Step) -> StepSettings:
        """The settings of one step."""
        settings: StepSettings = getattr(self, step)
        return settings


@cache
def _flat() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(resource_path("Settings", "flat_settings.json").read_text(encoding="utf-8"))
    return table


def is_flat(key: str) -> bool:
    """Whether it is a key of settings of before 0.2."""
    return key in _flat()["options"] or key in _flat()["methods"]


def nested(data: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with every flat key of before 0.2 in its place; nested ones stay as they are."""
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
    if isinstance(chosen, StepSettings):
        chosen = chosen.model_dump()
    options = {**chosen.get("options", {})}
    options[method] = {**options.get(method, {}), option: value}
    settings[step] = {**chosen, "options": options}
