"""What a network sees of a patient beside the CT, on its own grid: organs, stations, PET, distance to the tumor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.boxes import Box, crop
from LNStationLib.imaging.grid import Grid, resample_to_grid, working_grid
from LNStationLib.sampling.pet_and_tumor import PET, TUMOR_DISTANCE, pet_on_grid, tumor_distance_mm
from LNStationLib.sampling.volume import GROUP_CHANNELS, OrganProbabilities, VolumeSpec, volume_grid
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.types import BoolArray

_VESSELS = frozenset(GROUP_CHANNELS["group:blood"].organs)


@dataclass(frozen=True)
class Context:
    """A region of a patient as a network sees it.

    Attributes:
        part: The CT in the region.
        extent: Isotropic grid over it.
        grid: The network's.
        known: What is known of it on ``grid``; stations always, PET and tumor where wanted and there.
    """

    part: sitk.Image
    extent: Grid
    grid: Grid
    known: OrganProbabilities

    @property
    def stations(self) -> BoolArray:
        """Inside any station, ``[z, y, x]``."""
        if self.known.stations is None:
            raise ValueError("the stations of a region are always known")
        return np.asarray(self.known.stations, bool)


def context_of(state: PatientState, box: Box, spec: VolumeSpec, with_tumor: bool = False) -> Context:
    """A region with all that the channels of a network need, as far as the patient has it.

    Args:
        state: With stations, and organs where they are known.
        box: Of the CT's array.
        spec: Which channels, on which grid.
        with_tumor: Whether the distance to the tumor is wanted though no channel holds it.
    """
    part = crop(state.case.ct, box)
    extent = working_grid(part, min(spec.spacing_mm))
    grid = volume_grid(extent, spec)
    case, channels = state.case, spec.channels
    known = OrganProbabilities(
        grid,
        organ_masks(state, grid, spec),
        resample_to_grid(crop(state.stations, box), grid, labels=True) > 0,
        pet_on_grid(case.fdg_pet, grid) if PET in channels and case.fdg_pet is not None else None,
        tumor_distance_mm(case.tumor, grid)
        if (with_tumor or TUMOR_DISTANCE in channels) and case.tumor is not None
        else None,
    )
    return Context(part, extent, grid, known)


def organ_masks(state: PatientState, grid: Grid, spec: VolumeSpec) -> Mapping[str, BoolArray]:
    """Organs that the channels hold, supplied or found but not merely guessed, on the network's grid.

    Of vessels only supplied masks count: one that was found may hold the large node beside it, which would be lost.
    """
    case = state.informed
    wanted = {*spec.organs, *(name for channel in spec.channels for name in _members(channel))}
    seen = wanted & set(case.organ_masks) - set(case.organ_surrogates) - (_VESSELS - set(state.case.organ_masks))
    masks = {name: resample_to_grid(case.organ_masks[name], grid, labels=True) > 0 for name in sorted(seen)}
    empty = np.zeros(grid.shape, bool)
    return {**dict.fromkeys(spec.organs, empty), **masks}


def _members(channel: str) -> tuple[str, ...]:
    return GROUP_CHANNELS[channel].organs if channel in GROUP_CHANNELS else ()
