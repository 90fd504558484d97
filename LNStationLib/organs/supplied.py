"""Supplied organ masks on the working grid, and what follows from them by name alone."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case import Case
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.organ_set import OrganSource
from LNStationLib.types import BoolArray


def mask_on_grid(image: sitk.Image, grid: Grid) -> BoolArray:
    """Resample a binary mask linearly and cut it at one half, so that thin structures keep their width.

    Nearest neighbor would break vessels of one or two voxels and leave steps on thick slices.
    """
    soft = sitk.Cast(sitk.NotEqual(image, 0), sitk.sitkFloat32)
    return np.asarray(resample_to_grid(_cropped(soft), grid, labels=False, outside=0.0) >= 0.5)


def _cropped(image: sitk.Image) -> sitk.Image:
    """The part of a mask that is not empty, with a rim of empty voxels, so that resampling is quick."""
    array = sitk.GetArrayViewFromImage(image)
    start, size = [], []
    for axis in (2, 1, 0):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(array.any(axis=others))
        if hits.size == 0:
            return image
        low, high = max(0, int(hits[0]) - 1), min(array.shape[axis], int(hits[-1]) + 2)
        start.append(low)
        size.append(high - low)
    return sitk.RegionOfInterest(image, size, start)


def supplied_organs(case: Case, grid: Grid) -> Findings:
    """Every supplied mask on ``grid``; a mask with no voxel there is named in a warning."""
    found = Findings()
    for name, image in case.organ_masks.items():
        mask = mask_on_grid(image, grid)
        if mask.any():
            origin = case.organ_origins.get(name, "supplied mask")
            found.organ(name, mask, OrganSource.SUPPLIED, origin)
        else:
            found.warnings.append(_empty_warning(name))
    return found


def _empty_warning(name: str) -> str:
    return f"The supplied mask of {name.replace('_', ' ')} is empty in the CT's field of view."


def unions(masks: dict[str, BoolArray]) -> Findings:
    """Organs that the table defines as the union of parts, where every listed part is there ("lung_left")."""
    found = Findings()
    for entry in anatomy.organs():
        if entry.parts and entry.name not in masks and all(part in masks for part in entry.parts):
            mask = np.logical_or.reduce([masks[part] for part in entry.parts])
            found.organ(entry.name, mask, OrganSource.DERIVED, "union of " + ", ".join(entry.parts))
    return found
