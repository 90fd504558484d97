"""Contrast-enhanced blood: its HU in this CT, and the voxels that it fills."""

from __future__ import annotations

import numpy as np

from LNStationLib.organs import morphology
from LNStationLib.organs.groups import BONES
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.support.types import BoolArray, HuArray

_ENHANCED_FROM_HU = 130.0
"""Unenhanced blood is 30 to 60 HU; enhanced lymph nodes stay below about 120 HU."""
_MUSCLE_HU = 55.0
"""Muscle, and the wall of vessels."""
_THRESHOLD_HU = (130.0, 180.0)
"""Halfway between muscle and blood, but never into enhanced nodes, nor so high that veins of a late phase are
lost."""
_SMALLEST_ML = 0.3
"""A sphere of 8 mm: calcifications of that size in nodes are common, and no vessel of interest is smaller."""
_WALL_MM = 3.0
"""Wall, partial volume and inaccurate outlines of masks."""
_ARTERIES = ("aorta", "pulmonary_artery", "ascending_aorta", "descending_aorta", "heart", "superior_vena_cava")


def blood_hu(hu: HuArray, organs: OrganSet) -> float | None:
    """Median HU of the blood in the aorta, else in another large vessel; ``None`` where none is known."""
    for name in _ARTERIES:
        mask = organs.mask(name)
        if mask is None:
            continue
        core = morphology.erode(mask, _WALL_MM, organs.grid.spacing_mm[0])
        if core.any():
            return float(np.median(hu[core]))
    return None


def blood_threshold_hu(hu: HuArray, organs: OrganSet) -> float | None:
    """HU above which tissue counts as enhanced blood; ``None`` without contrast or without a known vessel."""
    blood = blood_hu(hu, organs)
    if blood is None or blood < _ENHANCED_FROM_HU:
        return None
    return float(np.clip((blood + _MUSCLE_HU) / 2, *_THRESHOLD_HU))


def enhanced_blood(hu: HuArray, organs: OrganSet) -> BoolArray:
    """Contrast-enhanced lumen of all vessels and of the heart, supplied or not.

    Args:
        hu: CT in HU on the organs' grid, ``[z, y, x]``.
        organs: Organs; the aorta (else pulmonary artery, heart) gives the HU of blood; bones are excluded.

    Returns:
        Mask ``[z, y, x]``, empty for a CT without contrast or where no large vessel is known. Bright pieces under
        0.3 ml are excluded: they may be calcified nodes.
    """
    threshold = blood_threshold_hu(hu, organs)
    if threshold is None:
        return np.zeros(hu.shape, dtype=bool)
    bright = np.asarray(hu > threshold)
    for name in BONES:
        mask = organs.mask(name)
        if mask is not None:
            bright &= ~mask
    labels = morphology.components(bright)
    keep = np.bincount(labels.ravel()) * organs.grid.voxel_volume_ml >= _SMALLEST_ML
    keep[0] = False
    return np.asarray(keep[labels])
