"""Solid organs of the upper abdomen, which show where the diaphragm lies.

On CT the diaphragm is seen only where fat or lung touches both its sides; liver, spleen and stomach under it are seen
always.
"""

from __future__ import annotations

import cc3d
import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.distances import within_mm
from LNStationLib.organs.blood import enhanced_blood
from LNStationLib.organs.groups import BONES, LUNGS, VESSELS
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.profiles import first_mm
from LNStationLib.support.types import BoolArray

_ORGANS = ("liver", "stomach")
_APART = (*LUNGS, *BONES, *VESSELS, "aorta", "esophagus", "spine")
_PARENCHYMA_HU = 25.0
"""Liver and muscle with or without contrast lie above, pleural fluid and fat below."""
_HU_SMOOTHING_VOXELS = 0.8
"""Sigma against noise in parenchyma. Chosen in development; no published source."""
_HALF_THICKNESS_MM = 6.0
"""Opens the thin bridges to chest wall, vessels and crura."""
_DIAPHRAGM_MM = 3.0
"""Thickness of the muscle with the pleura and capsule that cover it."""
_CAVA_ABOVE_HIATUS_MM = 30.0
"""The vena cava leaves the abdomen at T8, the esophagus enters it at T10."""
_NEAR_HIATUS_MM = 60.0
"""Length of esophagus above its lowest slice that shows where the hiatus lies. Chosen in development; no published
source."""
_SMALLEST_ML = 30.0
"""More than any node; less of the abdomen in view says nothing about the diaphragm."""


def abdominal_organs(frame: Frame, below_mm: float) -> BoolArray:
    """Masks of liver and stomach where they are given, and large solid organs that reach the lowest slices.

    Args:
        frame: The patient's region.
        below_mm: Z in mm above which no abdominal organ is looked for.

    Returns:
        Mask of the region's shape, empty where the view ends above the abdomen. Only the masks that are given where
        the heart cannot be distinguished from the liver on which it lies.
    """
    given = frame.union(*_ORGANS)
    heart = _heart(frame)
    if heart is not None:
        given |= _solid(frame, below_mm, heart, with_heart=False)
    return given


def under_diaphragm(frame: Frame, organs: BoolArray, hiatus_mm: float) -> BoolArray:
    """The organs of the abdomen and the vena cava up to the heart, with the diaphragm that covers them.

    Args:
        frame: The patient's region.
        organs: ``abdominal_organs``.
        hiatus_mm: Z in mm of the esophageal hiatus.

    Returns:
        Mask of the region's shape.
    """
    heart = _heart(frame)
    if not organs.any() or heart is None:
        return organs
    # The vena cava widens into the heart: its thickness is measured with it.
    cava = _solid(frame, hiatus_mm + _CAVA_ABOVE_HIATUS_MM, heart, with_heart=True)
    covered = organs | (cava & (frame.x_mm < _esophagus_right_mm(frame)))
    return within_mm(covered, _DIAPHRAGM_MM, frame.grid.spacing_mm)


def _heart(frame: Frame) -> BoolArray | None:
    """The heart by its mask, else by the blood that contrast shows; ``None`` where it looks like the liver."""
    heart = frame.mask("heart")
    if heart is not None:
        return heart
    blood = enhanced_blood(frame.hu, frame.organs)
    return blood if blood.any() else None


def _esophagus_right_mm(frame: Frame) -> float:
    """X of the right edge of the esophagus near the diaphragm; the vena cava lies further to the right."""
    esophagus = frame.union("esophagus")
    slices = np.flatnonzero(esophagus.any(axis=(1, 2)))
    if not slices.size:
        return -np.inf
    return float(np.nanmin(first_mm(esophagus[: slices[0] + round(frame.voxels(_NEAR_HIATUS_MM))], frame.grid, 2)))


def _solid(frame: Frame, below_mm: float, heart: BoolArray, *, with_heart: bool) -> BoolArray:
    """Dense tissue more than 12 mm thick that goes on to the lowest slices, without the thin bridges to others."""
    organs = np.zeros(frame.grid.shape, bool)
    part = slice(0, int(np.searchsorted(frame.z_mm.ravel(), below_mm)))
    if part.stop == 0:
        return organs
    spacing = frame.grid.spacing_mm
    smooth = gaussian_filter(frame.hu[part].astype(np.float32), _HU_SMOOTHING_VOXELS)
    heart = heart[part]
    dense = (smooth > _PARENCHYMA_HU) & ~frame.union(*_APART)[part] & ~heart
    solid = dense | heart if with_heart else dense
    cores = ~within_mm(~solid, _HALF_THICKNESS_MM, spacing) & ~heart
    parts = cc3d.connected_components(cores, connectivity=6)
    sizes_ml = np.bincount(parts.ravel()) * frame.grid.voxel_volume_ml
    lowest = np.unique(parts[: max(round(2 * _HALF_THICKNESS_MM / spacing[0]), 1)])
    kept = np.isin(parts, [label for label in lowest if label and sizes_ml[label] >= _SMALLEST_ML])
    if kept.any():
        organs[part] = dense & within_mm(kept, _HALF_THICKNESS_MM + spacing[0], spacing)
    return organs
