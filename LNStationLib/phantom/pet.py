"""PET of a synthetic patient: uptake by tissue, blurred like a scanner, on its own coarser grid, in SUVbw.

Uptakes are usual means of FDG studies (blood pool about 1.6, liver about 2.2).
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.phantom.anatomy_model import Anatomy
from LNStationLib.phantom.ct import ENHANCED
from LNStationLib.phantom.shapes import Float32Array, Patch

BLOOD_POOL_SUV, LIVER_SUV, TUMOR_SUV = 1.6, 2.2, 9.0
FWHM_MM = 6.0
SPACING_MM = (3.0, 4.0, 4.0)
_SHIFT_MM = (1.1, 1.7, -0.9)


def activity(model: Anatomy, node_suv: list[float], myocardium_suv: float) -> Float32Array:
    """Uptake in SUVbw on the CT's grid before blurring, ``[z, y, x]``."""
    suv = np.zeros(model.grid.shape, np.float32)
    suv[model.skin < 0] = 0.35
    suv[model.skin < -model.variation.fat_mm] = 0.75
    suv[(model.cavity < 0) & (model.above_diaphragm < 0)] = 1.1
    suv[model.chest_space() < 0] = 0.5
    suv[model.lung_space() < 0] = 0.45
    suv[model.liver < 0] = LIVER_SUV
    _stamp(suv, model.groups["spleen"], 1.8)
    for name, value in (
        ("spine", 1.4), ("sternum", 1.1), ("esophagus", 1.7), ("thyroid_gland", 1.5), ("spinal_cord", 1.6),
        ("heart_outline", 1.3), ("myocardium", myocardium_suv), ("ventricle_left", BLOOD_POOL_SUV),
        ("ventricle_right", BLOOD_POOL_SUV), ("atrium_right", BLOOD_POOL_SUV),
        *((n, BLOOD_POOL_SUV) for n in ENHANCED),
    ):  # fmt: skip
        _stamp(suv, model.patches[name], value)
    for name in ("trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius"):
        _stamp(suv, model.patches[name], 0.1)
    _stamp(suv, model.patches["tumor"], TUMOR_SUV)
    for (_, ellipsoid), value in zip(model.nodes, node_suv, strict=True):
        _stamp(suv, ellipsoid.patch(model.grid), value)
    return suv


def _stamp(suv: Float32Array, patch: Patch, value: float) -> None:
    cover = patch.coverage()
    part = suv[patch.box]
    part += cover * (np.float32(value) - part)


def pet_grid(ct: Grid) -> Grid:
    """The scanner's grid over the CT's field of view, its origin off the CT's by a fraction of a voxel."""
    extent = [n * s for n, s in zip(ct.shape, ct.spacing_mm, strict=True)]
    shape = [int(e // s) for e, s in zip(extent, SPACING_MM, strict=True)]
    origin = [o + d for o, d in zip(ct.origin_mm, _SHIFT_MM, strict=True)]
    return Grid((shape[0], shape[1], shape[2]), SPACING_MM, (origin[0], origin[1], origin[2]))


def acquire(suv: Float32Array, ct: Grid, rng: np.random.Generator) -> sitk.Image:
    """Blur, resample and add noise whose spread grows with the square root of the uptake.

    Args:
        suv: Uptake on the CT's grid in patient space (already mirrored where the patient is).
        ct: The CT's grid.
        rng: Random generator.
    """
    sigma = [FWHM_MM / 2.355 / s for s in ct.spacing_mm]
    grid = pet_grid(ct)
    blurred = resample_to_grid(ct.image(gaussian_filter(suv, sigma, truncate=3)), grid, labels=False)
    noise = gaussian_filter(rng.standard_normal(grid.shape), 0.6)
    noise *= 0.08 / noise.std()
    values = np.maximum(blurred + noise * np.sqrt(np.maximum(blurred, 0.05)), 0)
    return grid.image(values.astype(np.float32))
