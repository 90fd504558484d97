"""Supplied organ masks on the working grid, and unions of them that the organ table defines."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, crop, grown
from LNStationLib.imaging.checks import corners_mm
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.organs.findings import Findings
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

EDITED = Reason("edited_by_reader")
"""Where the mask of an organ came from that a reader drew."""


def mask_on_grid(image: sitk.Image, grid: Grid) -> BoolArray:
    """Resample a binary mask linearly and threshold it at one half, so that thin structures keep their width.

    Nearest neighbor would break vessels of one or two voxels and leave steps on thick slices. Only the box around the
    mask is resampled: otherwise sixty masks of a whole chest would take a minute.
    """
    result = np.zeros(grid.shape, dtype=bool)
    voxels = array_view(image)
    tight = bounding_box(voxels)
    if tight is None:
        return result
    # A rim of empty voxels, so that the surface is seen from both sides.
    part = crop(image, grown(tight, 1, voxels.shape))
    box = box_on(grid, part)
    if box is None:
        return result
    soft = sitk.Cast(sitk.NotEqual(part, 0), sitk.sitkFloat32)
    result[box] = resample_to_grid(soft, grid.part(box), labels=False, outside=0.0) >= 0.5
    return result


def box_on(grid: Grid, part: sitk.Image) -> Box | None:
    """Box of ``grid`` that covers an image; ``None`` where they do not overlap."""
    corners = [grid.index((x, y, z)) for x, y, z in corners_mm(part).tolist()]
    low = np.maximum(np.floor(np.min(corners, axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(np.max(corners, axis=0)).astype(int) + 1, grid.shape)
    if (high <= low).any():
        return None
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def supplied_organs(case: Case, grid: Grid) -> Findings:
    """Every mask that was supplied or that a reader drew, on ``grid``; a warning names each without a voxel there."""
    found = Findings()
    for name, image in case.trusted_organs.items():
        mask = mask_on_grid(image, grid)
        if mask.any():
            found.organ(name, mask, OrganSource.SUPPLIED, _origin(case, name))
        else:
            code = "drawn_organ_too_small" if name in case.organ_edits else "supplied_mask_empty"
            found.warn(code, organ=name.replace("_", " "))
    return found


def _origin(case: Case, name: str) -> Reason:
    """Where a mask that was supplied or drawn came from."""
    if name in case.organ_edits:
        return EDITED
    origin = case.organ_origins.get(name)
    return Reason("supplied_mask") if origin is None else Reason("supplied_from", {"origin": origin})


def unions(masks: dict[str, BoolArray]) -> Findings:
    """Organs that the table defines as a union of parts ("lung_left"), where every part is known."""
    found = Findings()
    for entry in anatomy.organs():
        if entry.parts and entry.name not in masks and all(part in masks for part in entry.parts):
            mask = np.logical_or.reduce([masks[part] for part in entry.parts])
            found.organ(entry.name, mask, OrganSource.DERIVED, Reason("union_of", {"parts": list(entry.parts)}))
    return found
