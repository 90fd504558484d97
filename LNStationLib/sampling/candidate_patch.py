"""How a node candidate is cut for the second stage: a patch around it and its box; the same in training and in use.

OSLN (Zhu et al. 2020, Sec. 4.2): 48 x 48 x 32 voxels around a candidate; a larger one is resized so that a margin of
8 voxels is left on every side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.ndimage import map_coordinates

from LNStationLib.sampling.pet_and_tumor import PET, standardized_suv
from LNStationLib.support.types import FloatArray

BOX = "box"
CT = "ct"
PATCH_TITLES: Mapping[str, str] = {
    CT: "CT, -200 to 300 HU",
    PET: "PET in SUVbw, standardized over the training patients",
    BOX: "1 in the candidate's box",
}
"""Channels for people."""
WINDOW_HU = (-200.0, 300.0)
"""OSLN, Sec. 4.1."""
Bounds = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""First voxel and the one after the last, along z, y, x."""


class CandidatePatchSpec(BaseModel):
    """How candidates are cut. Triples are along z, y, x."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spacing_mm: tuple[float, float, float] = Field((2.5, 1.0, 1.0), description="Voxel size.")
    size: tuple[int, int, int] = Field((32, 48, 48), description="Voxels.")
    margin: int = Field(8, ge=0, description="Voxels left on every side of a candidate that is resized.")
    pet_suv: tuple[float, float] | None = Field(
        None, description="Mean and standard deviation of SUV over the training patients, for the channel of PET."
    )

    @field_validator("size")
    @classmethod
    def _sensible(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if not all(4 <= n <= 256 for n in value):
            raise ValueError(f"must lie between 4 and 256 voxels, got {value}")
        return value


def region_around(bounds: Bounds, spec: CandidatePatchSpec) -> Bounds:
    """Voxels that a patch is made of: its size around the candidate's middle, more where the candidate is larger.

    Args:
        bounds: Of the candidate.
        spec: How it is cut.

    Returns:
        Bounds that may reach over the edge of the array.
    """
    found = []
    for (low, high), size in zip(bounds, spec.size, strict=True):
        length = max(size, high - low + 2 * spec.margin) if high - low > size - 2 * spec.margin else size
        first = (low + high - length) // 2
        found.append((first, first + length))
    return found[0], found[1], found[2]


def candidate_patch(
    images: Mapping[str, FloatArray],
    bounds: Bounds,
    region: Bounds,
    channels: Sequence[str],
    spec: CandidatePatchSpec,
) -> FloatArray:
    """A candidate as the second stage sees it: float32 ``[channel, z, y, x]``.

    Args:
        images: ``ct`` in HU, and ``pet`` in SUVbw where it is a channel, NaN where PET does not reach, in ``region``.
        bounds: Of the candidate's box.
        region: From ``region_around``, in the same voxels.
        channels: In order.
        spec: How it is cut.

    Raises:
        ValueError: A channel is not among the images.
    """
    made = [_resized(_channel(name, images, bounds, region), spec.size) for name in channels]
    return np.stack([_scaled(name, values, spec) for name, values in zip(channels, made, strict=True)])


def _channel(name: str, images: Mapping[str, FloatArray], bounds: Bounds, region: Bounds) -> FloatArray:
    """A channel in its own unit."""
    if name == BOX:
        box = np.zeros([high - low for low, high in region], np.float32)
        box[tuple(slice(max(a - r, 0), b - r) for (a, b), (r, _) in zip(bounds, region, strict=True))] = 1
        return box
    if name not in images:
        raise ValueError(f"the channel {name!r} needs an image that is not there")
    return np.asarray(images[name], np.float32)


def _scaled(name: str, values: FloatArray, spec: CandidatePatchSpec) -> FloatArray:
    """As the network sees it; PET stays SUV where the spec does not say how it is standardized."""
    if name == CT:
        low, high = WINDOW_HU
        return np.asarray((values.clip(low, high) - low) / (high - low) * 2 - 1, np.float32)
    if name == PET and spec.pet_suv is not None:
        return np.asarray(standardized_suv(values, *spec.pet_suv), np.float32)
    return values


def _resized(array: FloatArray, size: Sequence[int]) -> FloatArray:
    if array.shape == tuple(size):
        return array
    ends = [np.linspace(0, n - 1, wanted) for n, wanted in zip(array.shape, size, strict=True)]
    points: Any = np.meshgrid(*ends, indexing="ij")
    return np.asarray(map_coordinates(array, points, order=1), np.float32)


def cut(array: FloatArray, region: Bounds, outside: float) -> FloatArray:
    """A region of an array ``[z, y, x]``, ``outside`` where it reaches over the edge."""
    made = np.full([high - low for low, high in region], outside, np.float32)
    inner = [(max(low, 0), min(high, n)) for (low, high), n in zip(region, array.shape, strict=True)]
    if all(high > low for low, high in inner):
        place = tuple(slice(a - low, b - low) for (a, b), (low, _) in zip(inner, region, strict=True))
        made[place] = array[tuple(slice(a, b) for a, b in inner)]
    return made
