"""The same CT as if no contrast medium had been given: for tests and benchmarks on real patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import labels_to_image_grid
from LNStationLib.imaging.scan import scan_of
from LNStationLib.imaging.thorax_view import chest_grid
from LNStationLib.organs.blood import blood_threshold_hu
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.groups import BONES, HEART, VESSELS
from LNStationLib.support.types import BoolArray, FloatArray

BLOOD_HU = 42.0
"""Unenhanced blood of a normal hematocrit: 35 to 50 HU."""
_MUSCLE_HU = 55.0
"""The densest soft tissue without contrast."""
_FAT_HU = -100.0
_NOISE_HU = 12.0
"""SD of the noise in a voxel of 1.5 mm of a clinical chest CT."""
_RIM_VOXELS = 2
"""Partial volume of blood reaches this far over its edge."""


def without_contrast(case: Case, spacing_mm: float = 1.5, seed: int = 0) -> Case:
    """A case with its contrast medium taken out of the CT, and without masks.

    Blood, where masks or its brightness show it, is drawn down to 42 HU; at its rim, where a voxel holds a part of
    it, in proportion. What else the medium made denser than muscle is drawn down to muscle. Bones stay.

    Args:
        case: With the masks that it has; the more, the better.
        spacing_mm: Of the grid on which blood and bones are found.
        seed: Of the noise that is put in place of the noise in the contrast.
    """
    scan = scan_of(case.ct, chest_grid(case.ct, spacing_mm))
    organs = find_organs(case, scan)
    threshold = blood_threshold_hu(scan.hu, organs)
    if threshold is None:
        raise ValueError("this CT shows no contrast")
    bone = np.logical_or.reduce([organs[name].mask for name in BONES if name in organs])
    known = [name for name in (*VESSELS, *HEART) if name in organs and organs[name].source != "surrogate"]
    blood = np.logical_or.reduce([organs[name].mask for name in known])
    blood = (blood | (scan.hu > threshold)) & ~bone
    bone_there, blood_there = (_on_image(mask, scan.grid, case.ct) for mask in (bone, blood))
    hu = sitk.GetArrayFromImage(case.ct).astype(np.float32)
    plain = _drawn_down(hu, blood_there, bone_there, threshold, np.random.default_rng(seed))
    image = sitk.GetImageFromArray(np.rint(plain).astype(np.int16))
    image.CopyInformation(case.ct)
    return replace(case, ct=image, organ_masks={}, organ_origins={})


def _on_image(mask: BoolArray, grid: object, image: sitk.Image) -> BoolArray:
    return sitk.GetArrayFromImage(labels_to_image_grid(mask.astype(np.uint8), grid, image)) > 0  # type: ignore[arg-type]


def _drawn_down(
    hu: FloatArray, blood: BoolArray, bone: BoolArray, threshold: float, rng: np.random.Generator
) -> FloatArray:
    """The CT with unenhanced blood."""
    level = _blood_level(hu, blood & (hu > threshold))
    near = ndimage.binary_dilation(blood & (hu > threshold), iterations=_RIM_VOXELS) & ~bone & (hu > _FAT_HU)
    plain = hu.copy()
    # A rim voxel is a mixture of blood and fat; muscle of the heart's wall is denser and is capped below.
    share = (hu[near] - _FAT_HU) / np.maximum(level[near] - _FAT_HU, 1.0)
    mixed = _FAT_HU + np.clip(share, 0, 1) * (BLOOD_HU - _FAT_HU)
    plain[near] = np.where(hu[near] < BLOOD_HU, np.maximum(mixed, np.minimum(hu[near], BLOOD_HU) - 40.0), mixed)
    inside = ndimage.binary_erosion(blood) & ~bone
    plain[inside & (plain > _FAT_HU)] = BLOOD_HU
    capped = ~bone & ~inside & (plain > _MUSCLE_HU)
    plain[capped] = _MUSCLE_HU
    plain = ndimage.gaussian_filter(plain, 0.5) * (near | inside) + plain * ~(near | inside)
    changed = near | inside | capped
    plain[changed] += rng.normal(0.0, _NOISE_HU, int(changed.sum()))
    return np.asarray(plain, np.float32)


def _blood_level(hu: FloatArray, lumen: BoolArray) -> FloatArray:
    """HU of the undiluted blood nearest to every voxel."""
    core = ndimage.binary_erosion(lumen)
    smooth = ndimage.gaussian_filter(np.where(core, hu, 0.0), 1.5) / np.maximum(
        ndimage.gaussian_filter(core.astype(np.float32), 1.5), 1e-3
    )
    nearest = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)
    return np.asarray(smooth[tuple(nearest)], np.float32)
