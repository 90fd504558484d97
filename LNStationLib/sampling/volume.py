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
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from LNStationLib import anatomy
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid, scaled_grid
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.sampling.pet_and_tumor import (
    DISTANCE_LIMITS,
    PET,
    PET_TUMOR_TITLES,
    TUMOR_DISTANCE,
    scaled_distance,
    standardized_suv,
)
from LNStationLib.sampling.smoothing import smoothed_part
from LNStationLib.support.types import FloatArray

CT_WIDE, CT_SOFT = "ct_wide", "ct_soft"
ORGAN_PREFIX = "organ:"
"""Before an organ's name: the channel holds the probability of that organ."""
STATIONS = "stations"
"""The channel holds 1 inside any lymph node station, 0 elsewhere."""
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
class OrganGroup:
    """Organs that share a channel: context for a network that need not tell them apart.

    Attributes:
        title: For people.
        organs: Of the table, wholes and parts; those that are not known add nothing.
    """

    title: str
    organs: tuple[str, ...]


GROUP_CHANNELS: Mapping[str, OrganGroup] = {
    "group:blood": OrganGroup(
        "heart and great vessels",
        (
            "heart", "heart_myocardium", "atrium_left", "atrium_right", "ventricle_left", "ventricle_right",
            "atrial_appendage_left", "aorta", "ascending_aorta", "aortic_arch", "descending_aorta",
            "brachiocephalic_trunk", "common_carotid_artery_left", "common_carotid_artery_right",
            "subclavian_artery_left", "subclavian_artery_right", "pulmonary_artery", "pulmonary_trunk",
            "pulmonary_artery_left", "pulmonary_artery_right", "pulmonary_vein", "inferior_pulmonary_vein_left",
            "inferior_pulmonary_vein_right", "superior_vena_cava", "inferior_vena_cava", "brachiocephalic_vein_left",
            "brachiocephalic_vein_right", "internal_jugular_vein_left", "internal_jugular_vein_right", "azygos_vein",
            "azygos_arch",
        ),
    ),
    "group:airways": OrganGroup(
        "trachea and bronchi",
        (
            "airways", "trachea", "main_bronchus_left", "main_bronchus_right", "bronchus_intermedius",
            "upper_lobe_bronchus_left", "lower_lobe_bronchus_left", "upper_lobe_bronchus_right",
            "middle_lobe_bronchus_right", "lower_lobe_bronchus_right",
        ),
    ),
    "group:esophagus": OrganGroup("esophagus", ("esophagus",)),
}  # fmt: skip
"""Channels of several organs together. One that is not known is left out, so such a channel asks for no organ."""


@dataclass(frozen=True)
class OrganProbabilities:
    """Organs as far as they are known before a network runs, and stations, PET and tumor where a network sees them.

    Attributes:
        grid: Where they lie; any grid over the scan.
        values: Organ of the table to its probability in [0, 1], ``[z, y, x]`` on ``grid``; a mask is 0 and 1.
        stations: 1 inside any station, else 0, likewise; ``None`` where they are not known.
        pet: SUVbw, NaN where PET does not reach, likewise; see ``pet_and_tumor.pet_on_grid``.
        tumor_distance_mm: Signed distance to the tumor, likewise; see ``pet_and_tumor.tumor_distance_mm``.
    """

    grid: Grid
    values: Mapping[str, np.ndarray]
    stations: np.ndarray | None = None
    pet: np.ndarray | None = None
    tumor_distance_mm: np.ndarray | None = None


class VolumeSpec(BaseModel):
    """How a network sees a scan. Triples are along z, y, x."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spacing_mm: tuple[float, float, float] = Field((2.0, 2.0, 2.0), description="Voxel size.")
    patch: tuple[int, int, int] = Field((96, 112, 144), description="Voxels of a patch in training.")
    channels: tuple[str, ...] = Field((CT_WIDE, CT_SOFT), min_length=1, description="By name, in order.")
    pet_suv: tuple[float, float] | None = Field(
        None, description="Mean and standard deviation of SUV over the training patients, for the channel of PET."
    )

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

    @model_validator(mode="after")
    def _pet_can_be_standardized(self) -> VolumeSpec:
        if PET in self.channels and (self.pet_suv is None or not self.pet_suv[1] > 0):
            raise ValueError(f"the channel {PET} needs pet_suv, a mean and a standard deviation above 0")
        return self

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
    if name in GROUP_CHANNELS:
        return f"{GROUP_CHANNELS[name].title}, as far as they are known"
    if name == STATIONS:
        return "lymph node stations, all in one"
    if name in PET_TUMOR_TITLES:
        return PET_TUMOR_TITLES[name]
    organ = name.removeprefix(ORGAN_PREFIX)
    if not name.startswith(ORGAN_PREFIX) or organ not in {row.name for row in anatomy.organs()}:
        raise ValueError(
            f"unknown channel {name!r}; known: {', '.join(HU_CHANNELS)}, and {ORGAN_PREFIX}NAME with an organ of the "
            f"table; {', '.join(GROUP_CHANNELS)}, {STATIONS}, {PET} and {TUMOR_DISTANCE}"
        )
    return f"probability of the {anatomy.organ(organ).title.lower()}"


def outside_values(spec: VolumeSpec) -> list[float]:
    """What each channel holds where a scan has no voxels: air, no organ, usual uptake, far from any tumor."""
    air = np.float32(AIR_HU)
    known = {name: float(channel.scaled(air)) for name, channel in HU_CHANNELS.items()}
    known[TUMOR_DISTANCE] = DISTANCE_LIMITS[1]
    return [known.get(name, 0.0) for name in spec.channels]


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
        made[place] = _known_channel(name, grid, organs, spec) if known is None else known.scaled(hu)
    return made


def _known_channel(name: str, grid: Grid, organs: OrganProbabilities | None, spec: VolumeSpec) -> FloatArray:
    """A channel of what is known before the network runs, on the network's grid."""
    known = organs or OrganProbabilities(grid, {})
    if name in PET_TUMOR_TITLES:
        return _pet_or_tumor(name, grid, known, spec)
    values = _known_values(name, known).astype(np.float32)
    if known.grid == grid:
        return values
    return resample_to_grid(known.grid.image(values), grid, labels=False).astype(np.float32)


def _pet_or_tumor(name: str, grid: Grid, known: OrganProbabilities, spec: VolumeSpec) -> FloatArray:
    """Uptake or distance, which lie on the network's grid already: interpolating twice would blur them.

    Raises:
        ValueError: It is not known, or lies on another grid.
    """
    values = known.pet if name == PET else known.tumor_distance_mm
    if values is None or known.grid != grid:
        raise ValueError(f"the channel {name!r} needs {PET_TUMOR_TITLES[name]} on the network's grid")
    if name == PET and spec.pet_suv is not None:
        return np.asarray(standardized_suv(values, *spec.pet_suv), np.float32)
    return np.asarray(scaled_distance(values), np.float32)


def _known_values(name: str, organs: OrganProbabilities) -> np.ndarray:
    if name in GROUP_CHANNELS:
        found = [organs.values[each] for each in GROUP_CHANNELS[name].organs if each in organs.values]
        return np.asarray(np.maximum.reduce(found) if found else np.zeros(organs.grid.shape, np.float32))
    if name == STATIONS:
        if organs.stations is None:
            raise ValueError("the channel 'stations' needs the stations, which are not known")
        return organs.stations
    organ = name.removeprefix(ORGAN_PREFIX)
    if organ not in organs.values:
        raise ValueError(f"the channel {name!r} needs the organ {organ}, which is not known")
    return organs.values[organ]
