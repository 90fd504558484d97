"""The rim of the airways: voxels that the wave grown from pure air leaves out, between the lumen and its wall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.boxes import bounding_box, grown
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.groups import AIRWAYS
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.support.types import BoolArray

_LUMEN_BELOW_HU = -480
"""Halfway between air (-1000 HU) and the wall (40 HU): where a lumen ends however much it is blurred."""
_RIM_MM = 3.0
"""A slice of 5 mm blurs over half its height to either side; bronchi that run level lose most by it."""


def complete_rim(organs: OrganSet, scan: Scan) -> None:
    """Widen airways that were found in the image up to their wall, each voxel to the nearest airway.

    The lumen is grown at a threshold at which it does not leak into the lung, far from its wall: in slices of 5 mm
    it has less than half of a main bronchus. Air thick on its own is lung, or gas in the esophagus, and stays.

    Args:
        organs: With the airways; those that the image did not give stay as they are.
        scan: The scan they lie on.
    """
    found = [organs[name] for name in AIRWAYS if name in organs and organs[name].source is OrganSource.IMAGE]
    lumen = np.logical_or.reduce([organ.mask for organ in found]) if found else np.zeros(scan.grid.shape, bool)
    tight = bounding_box(lumen)
    if tight is None:
        return
    box = grown(tight, scan.voxels(2 * _RIM_MM), lumen.shape)
    rim = _rim(scan.hu[box], lumen[box], scan.spacing_mm) & ~_supplied(organs)[box]
    nearest = ndimage.distance_transform_edt(~lumen[box], return_distances=False, return_indices=True)
    for organ in found:
        mask = organ.mask.copy()
        mask[box] |= rim & organ.mask[box][tuple(nearest)]
        organs.add(replace(organ, mask=mask))


def _rim(hu: np.ndarray, lumen: BoolArray, spacing_mm: float) -> BoolArray:
    air = (hu < _LUMEN_BELOW_HU) & ~lumen
    thin = air & ~morphology.open_(air, _RIM_MM, spacing_mm)
    return np.asarray(thin & (morphology.distance_to(lumen, spacing_mm) <= _RIM_MM))


def _supplied(organs: OrganSet) -> BoolArray:
    """Organs of which masks were supplied: the image does not overrule them."""
    given = [organ.mask for organ in organs.values() if organ.source is OrganSource.SUPPLIED]
    return np.logical_or.reduce(given) if given else np.zeros(organs.grid.shape, bool)
