"""A whole scan as a network of volumes sees it: its grid, and its channels by name; for training and for use.

Training holds scans on the network's grid and draws their appearance; inference resamples a CT once. What both share
is here: the grid's spacing, how HU become channels, and how organs that are known become channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import SimpleITK as sitk
from pydantic import BaseModel, ConfigDict, Field, field_validator

from LNStationLib import anatomy
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid, scaled_grid
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.sampling.smoothing import smoothed_part
from LNStationLib.support.types import FloatArray

CT_WIDE, CT_SOFT = "ct_wide", "ct_soft"
ORGAN_PREFIX = "organ:"
"""Before an organ's name: the channel holds the probability of that organ."""
_MAX_PATCH_VOXELS = 384**3
"""A patch of more voxels fits no GPU in training; in a package it would only take memory."""
_FINEST_MM, _COARSEST_MM = 0.3, 10.0
"""From the finest CT of the chest to the thickest slices still read."""

HuValues = TypeVar("HuValues", bound=Any)
"""A numpy array or a torch tensor of HU in floating point."""


@dataclass(frozen=True)
class HuChannel:
    """HU clipped to a window and scaled to about [-1, 1].

    Attributes:
        title: For people.
        window_hu: Lower and upper end in HU.
        center_hu: Becomes 0.
        half_width_hu: This much above the center becomes 1.
    """

    title: str
    window_hu: tuple[float, float]
    center_hu: float
    half_width_hu: float

    def scaled(self, hu: HuValues) -> HuValues:
        """HU as channel; numpy arrays and torch tensors alike, of any shape."""
        return (hu.clip(*self.window_hu) - self.center_hu) / self.half_width_hu


HU_CHANNELS: Mapping[str, HuChannel] = {
    CT_WIDE: HuChannel("CT from air to dense bone, -1000 to 600 HU", (-1000.0, 600.0), -200.0, 800.0),
    CT_SOFT: HuChannel("CT of soft tissue, -160 to 240 HU", (-160.0, 240.0), 40.0, 200.0),
}
"""``ct_soft`` is the mediastinal window of a reading room, level 40, width 400."""


@dataclass(frozen=True)
class OrganProbabilities:
    """Organs as far as they are known before a network runs.

    Attributes:
        grid: Where they lie; any grid over the scan.
        values: Organ of the table to its probability in [0, 1], ``[z, y, x]`` on ``grid``; a mask is 0 and 1.
    """

    grid: Grid
    values: Mapping[str, np.ndarray]


class VolumeSpec(BaseModel):
    """How a network sees a scan. Triples are along z, y, x."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spacing_mm: tuple[float, float, float] = Field((2.0, 2.0, 2.0), description="Voxel size.")
    patch: tuple[int, int, int] = Field((96, 112, 144), description="Voxels of a patch in training.")
    channels: tuple[str, ...] = Field((CT_WIDE, CT_SOFT), min_length=1, description="By name, in order.")

    @field_validator("spacing_mm")
    @classmethod
    def _sensible_spacing(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) < _FINEST_MM or max(value) > _COARSEST_MM:
            raise ValueError(f"must lie between {_FINEST_MM} and {_COARSEST_MM} mm, got {value}")
        return value

    @field_validator("patch")
    @classmethod
    def _sensible_patch(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(value) < 1 or np.prod(value, dtype=float) > _MAX_PATCH_VOXELS:
            raise ValueError(f"must be positive and of at most {_MAX_PATCH_VOXELS} voxels, got {value}")
        return value

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            channel_title(name)
        if len(set(value)) != len(value):
            raise ValueError(f"a channel is named twice: {', '.join(value)}")
        return value

    @property
    def organs(self) -> tuple[str, ...]:
        """Organs that have a channel, in the channels' order."""
        return tuple(name.removeprefix(ORGAN_PREFIX) for name in self.channels if name.startswith(ORGAN_PREFIX))


def channel_title(name: str) -> str:
    """A channel for people.

    Raises:
        ValueError: It is not known; the message lists those that are.
    """
    if name in HU_CHANNELS:
        return HU_CHANNELS[name].title
    organ = name.removeprefix(ORGAN_PREFIX)
    if not name.startswith(ORGAN_PREFIX) or organ not in {row.name for row in anatomy.organs()}:
        raise ValueError(
            f"unknown channel {name!r}; known: {', '.join(HU_CHANNELS)}, and {ORGAN_PREFIX}NAME with an organ of the "
            "table"
        )
    return f"probability of the {anatomy.organ(organ).title.lower()}"


def outside_values(spec: VolumeSpec) -> list[float]:
    """What each channel holds where a scan has no voxels: air, and no organ."""
    air = np.float32(AIR_HU)
    return [float(HU_CHANNELS[name].scaled(air)) if name in HU_CHANNELS else 0.0 for name in spec.channels]


def volume_grid(extent: Grid, spec: VolumeSpec) -> Grid:
    """The network's grid over the same box as another grid, such as the case's working grid around the chest."""
    return scaled_grid(extent, spec.spacing_mm)


def volume_channels(
    ct: sitk.Image, grid: Grid, spec: VolumeSpec, organs: OrganProbabilities | None = None
) -> FloatArray:
    """A scan as a network sees it.

    Args:
        ct: Volume in HU, of any orientation and spacing.
        grid: The network's, from ``volume_grid``.
        spec: Which channels.
        organs: What is known of organs; needed where a channel holds one.

    Returns:
        float32 ``[channel, z, y, x]`` on ``grid``.

    Raises:
        ValueError: A channel's organ is not among ``organs``.
    """
    return channels_of(volume_hu(ct, grid), grid, spec, organs)


def volume_hu(ct: sitk.Image, grid: Grid) -> FloatArray:
    """A CT on the network's grid, smoothed along axes that lose resolution: float32 HU ``[z, y, x]``."""
    return hu_on_grid(smoothed_part(ct, grid), grid).astype(np.float32)


def channels_of(hu: FloatArray, grid: Grid, spec: VolumeSpec, organs: OrganProbabilities | None = None) -> FloatArray:
    """Channels of a scan that lies on the network's grid already; see ``volume_channels``.

    Args:
        hu: float32 HU ``[z, y, x]`` on ``grid``.
        grid: The network's.
        spec: Which channels.
        organs: What is known of organs.
    """
    made = np.empty((len(spec.channels), *grid.shape), np.float32)
    for place, name in enumerate(spec.channels):
        known = HU_CHANNELS.get(name)
        made[place] = _organ_channel(name, grid, organs) if known is None else known.scaled(hu)
    return made


def _organ_channel(name: str, grid: Grid, organs: OrganProbabilities | None) -> FloatArray:
    organ = name.removeprefix(ORGAN_PREFIX)
    if organs is None or organ not in organs.values:
        raise ValueError(f"the channel {name!r} needs the organ {organ}, which is not known")
    values = organs.values[organ].astype(np.float32)
    if organs.grid == grid:
        return values
    return resample_to_grid(organs.grid.image(values), grid, labels=False).astype(np.float32)
