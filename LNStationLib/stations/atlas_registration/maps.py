"""The probability of each station, and its weights, at every point of the CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.writing import write_nifti
from LNStationLib.state.patient_state import PatientState
from LNStationLib.stations.atlas_registration.carrying import Carried, carry_atlases
from LNStationLib.stations.atlas_registration.drawing import drawn, votes_of
from LNStationLib.stations.atlas_registration.folders import chosen_atlases
from LNStationLib.stations.atlas_registration.fusion import Vote, parts
from LNStationLib.stations.atlas_registration.guides import guided_patient
from LNStationLib.stations.atlas_registration.method import AtlasOptions, left_out_remarks
from LNStationLib.stations.atlas_registration.voxel_maps import weights_of
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import FloatArray, PointMm
from LNStationLib.support.words import joined


@dataclass(frozen=True)
class StationMaps:
    """What the atlases say of every point.

    Attributes:
        grid: Of the maps: the part of the working grid with stations.
        probability: Station to the part of the votes that it gets, float32 ``[z, y, x]``, 0 to 1.
        weight: Station to its weights by Eq. 1 in the fused outline, float32 ``[z, y, x]``, 0 to 1.
    """

    grid: Grid
    probability: dict[str, FloatArray]
    weight: dict[str, FloatArray]

    def at(self, point_mm: PointMm) -> dict[str, float]:
        """Probability of each station at an LPS point; none beyond the maps."""
        z, y, x = (round(value) for value in self.grid.index(point_mm))
        if not all(0 <= index < size for index, size in zip((z, y, x), self.grid.shape, strict=True)):
            return {}
        return {name: float(part[z, y, x]) for name, part in self.probability.items() if part[z, y, x] > 0}

    def station_of(self, point_mm: PointMm) -> str | None:
        """The station with the largest probability at an LPS point; ``None`` where no atlas has one."""
        there = self.at(point_mm)
        return max(there, key=there.__getitem__) if there else None


def station_maps(votes: Sequence[Vote], box: Box, state: PatientState) -> StationMaps:
    """Maps of the votes and of the stations that follow from them."""
    grid = state.organ_set.grid
    part = grid.part(box)
    names = {row.label_value: row.name for row in anatomy.stations()}
    outlines = drawn(votes, box, state.organ_set)
    return StationMaps(part, {names[value]: share for value, share in parts(votes)}, weights_of(outlines, box))


def write_maps(
    state: PatientState, options: AtlasOptions, out: Path, progress: Progress
) -> tuple[list[Path], list[Reason]]:
    """Write ``probability_4R.nii.gz`` and ``weight_4R.nii.gz`` for every station, on the CT's grid.

    Returns:
        The files, and remarks on atlases that were left out.

    Raises:
        InputError: No lung was found, or no atlas could be registered.
    """
    patient = guided_patient(state.case.ct, state.organ_set, options.registration_spacing_mm)
    if patient is None:
        raise InputError("no lung was found, so that no atlas can be registered: check that the CT shows a chest.")
    carried = carry_atlases(
        chosen_atlases(options.atlases), patient, portion(progress, 0.0, 0.8), options.deformation
    )
    remarks = left_out_remarks(carried, options.least_overlap)
    kept: list[Carried] = [one for one in carried if not one.problem(options.least_overlap)]
    if not kept:
        raise InputError(f"no atlas could be registered. {joined(remarks, ' ')}")
    votes, box = votes_of(kept, state, patient.grid, options.fusion)
    maps = station_maps(votes, box, state)
    files = []
    for kind, by_station in (("probability", maps.probability), ("weight", maps.weight)):
        for name, values in by_station.items():
            progress("writing maps", 0.9)
            files.append(out / f"{kind}_{name}.nii.gz")
            image = maps.grid.image(np.ascontiguousarray(values))
            on_ct = sitk.Resample(image, state.case.ct, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
            _write(on_ct, files[-1])
    return files, remarks


def _write(image: sitk.Image, path: Path) -> None:
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        write_nifti(image, unfinished)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({error.strerror}); choose another folder.") from error
