"""What guides a registration: the CT in a soft-tissue window and a picture of the organs, on one coarse grid.

Each organ has a gray level of its own in the picture, so that one channel holds them all: more channels cost time in
proportion, and organs that touch differ enough to have an edge between them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.boxes import Box, bounding_box, box_of, grown
from LNStationLib.imaging.grid import Grid, resample_to_grid, scaled_grid
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.stations.atlas_registration.package import Atlas
from LNStationLib.support.types import BoolArray, FloatArray

GUIDES: Mapping[str, float] = {
    "lung_left": -1.0, "lung_right": -1.0, "spine": 0.6, "sternum": 0.6, "heart": 0.4, "aorta": 1.0,
    "pulmonary_artery": 0.8, "superior_vena_cava": 0.7, "brachiocephalic_vein_left": 0.7,
    "brachiocephalic_vein_right": 0.7, "brachiocephalic_trunk": 1.0, "esophagus": -0.35, "trachea": -0.7,
    "main_bronchus_left": -0.7, "main_bronchus_right": -0.7,
}  # fmt: skip
"""Organs to align by with their gray levels; of two in one voxel the later is drawn. Chosen in development."""
_WINDOW_HU = (-200.0, 300.0)
"""Fat to enhanced blood: beyond it the mediastinum shows nothing."""
_AROUND_MM = 20.0
_ABOVE_MM = 60.0
"""From the lungs' tops to the cricoid, where station 1 ends."""


@dataclass(frozen=True)
class Guided:
    """One patient as the registration sees it.

    Attributes:
        grid: Coarse and isotropic.
        ct: float32 ``[z, y, x]``, 0 to 1 in the window.
        organs: Name to float32 ``[z, y, x]``: the part of each voxel that is the organ.
        stations: Voxels of any station, bool ``[z, y, x]``; ``None`` where they are not known.
    """

    grid: Grid
    ct: FloatArray
    organs: Mapping[str, FloatArray]
    stations: BoolArray | None = None

    def part(self, box: Box) -> Guided:
        """What lies in a box of the grid."""
        organs = {name: values[box] for name, values in self.organs.items()}
        stations = None if self.stations is None else self.stations[box]
        return Guided(self.grid.part(box), self.ct[box], organs, stations)

    def picture(self, names: Collection[str]) -> FloatArray:
        """Organs as gray levels."""
        picture = np.zeros(self.grid.shape, np.float32)
        for name, level in GUIDES.items():
            if name in names:
                part = self.organs[name]
                picture += part * (np.float32(level) - picture)
        return picture


def guided_patient(ct: sitk.Image, organs: OrganSet, spacing_mm: float) -> Guided | None:
    """The patient to register to; ``None`` where no lung is known, which says where the chest is."""
    seen = {
        name: organs[name].mask for name in GUIDES if name in organs and organs[name].source != OrganSource.SURROGATE
    }
    lungs = [seen[name] for name in ("lung_left", "lung_right") if name in seen]
    if not lungs:
        return None
    grid = scaled_grid(_chest(np.logical_or.reduce(lungs), organs.grid), (spacing_mm,) * 3)
    return Guided(grid, windowed(hu_on_grid(ct, grid)), _parts(seen, organs.grid, grid))


def _chest(lungs: BoolArray, grid: Grid) -> Grid:
    around = _AROUND_MM / grid.spacing_mm[0]
    z, y, x = box_of(lungs, round(around))
    top = grid.between(0, z.start, z.stop - 1 - around + _ABOVE_MM / grid.spacing_mm[0])
    return grid.part((top, y, x))


def guided_atlas(atlas: Atlas, spacing_mm: float) -> Guided:
    """An atlas as the registration sees it."""
    grid = scaled_grid(atlas.grid, (spacing_mm,) * 3)
    hu = resample_to_grid(atlas.grid.image(atlas.hu), grid, labels=False, outside=-1024)
    stations = resample_to_grid(atlas.grid.image(atlas.stations), grid, labels=True) > 0
    return Guided(grid, windowed(hu), _parts(atlas.organ_masks(), atlas.grid, grid), stations)


def windowed(hu: np.ndarray) -> FloatArray:
    """HU as 0 to 1 in the window that shows the mediastinum."""
    low, high = _WINDOW_HU
    return np.clip((hu.astype(np.float32) - low) / (high - low), 0.0, 1.0)


def _parts(masks: Mapping[str, BoolArray], grid: Grid, onto: Grid) -> dict[str, FloatArray]:
    parts = {name: _part_of_voxels(mask, grid, onto) for name, mask in masks.items() if name in GUIDES}
    return {name: part for name, part in parts.items() if (part > 0.5).any()}


def _part_of_voxels(mask: BoolArray, grid: Grid, onto: Grid) -> FloatArray:
    """Which part of each voxel a mask takes, read within its box and a rim of voxels outside it."""
    tight = bounding_box(mask)
    if tight is None:
        return np.zeros(onto.shape, np.float32)
    box = grown(tight, 1, mask.shape)
    return resample_to_grid(grid.part(box).image(mask[box].astype(np.float32)), onto, labels=False)
