"""What specifications of cubes cut out of a patient must hold, whatever is cut."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, field_validator


class CutSpec(BaseModel):
    """Checks of ``size`` (voxels), ``spacing_mm`` and ``window_hu``, which subclasses declare.

    Attributes:
        most_voxels_per_axis: Limit of ``size``; bounds what a hostile package makes us allocate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    most_voxels_per_axis: ClassVar[int]

    @field_validator("size", "spacing_mm", check_fields=False)
    @classmethod
    def _positive(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0:
            raise ValueError(f"must be positive, got {value}")
        return value

    @field_validator("size", check_fields=False)
    @classmethod
    def _fits_in_memory(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if max(value) > cls.most_voxels_per_axis:
            raise ValueError(f"must not exceed {cls.most_voxels_per_axis} voxels along an axis, got {value}")
        return value

    @field_validator("window_hu", check_fields=False)
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not value[0] < value[1]:
            raise ValueError(f"the lower end must be below the upper, got {value}")
        return value
