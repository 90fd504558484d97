"""Everything a user may choose about an assessment: for each step a method, and options by method.

What a method's options are, the method itself says; here they are plain values that its step checks
(:meth:`LNStationLib.state.registry.Registry.options`). Settings of before 0.2, which were flat, are still read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from LNStationLib.state.flat_settings import nested

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
        if not isinstance(data, dict):
            return data
        return nested({key: _plain(value) for key, value in data.items()})

    def of(self, step: Step) -> StepSettings:
        """The settings of one step."""
        settings: StepSettings = getattr(self, step)
        return settings


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, StepSettings) else value
