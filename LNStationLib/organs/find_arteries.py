"""Add aorta, pulmonary artery and heart from the image where they are not supplied."""

from __future__ import annotations

import numpy as np

from LNStationLib.organs import arteries, bones
from LNStationLib.organs.context import Context
from LNStationLib.organs.spine import Spine
from LNStationLib.support.types import BoolArray

_AORTA = ("aorta", "ascending_aorta", "aortic_arch", "descending_aorta")
_BESIDE_SPINE_MM, _BEFORE_SPINE_MM = 45.0, 40.0
"""From the canal's middle and the vertebral bodies' front: the descending aorta's center lies 20 mm beside, its far
edge 35 mm, and a tortuous one in front of the spine."""


def add_arteries(context: Context, spine: Spine) -> None:
    """Find missing aorta, pulmonary artery and heart by their contrast; warn where there is none."""
    organs, scan = context.organs, context.scan
    has_aorta = any(name in organs for name in _AORTA)
    has_pulmonary = "pulmonary_artery" in organs or "pulmonary_artery_left" in organs
    if has_aorta and has_pulmonary and "heart" in organs:
        return
    carina = context.index("carina")
    if carina is None:
        return
    pool = arteries.blood_pool(scan, _mediastinum(context, spine), context.bones(), carina, spine)
    if pool is None:
        organs.warn("vessels_without_contrast")
        return
    if not has_aorta:
        arteries.find_aorta(pool).add_to(organs)
    aorta = context.union(_AORTA)
    if not has_pulmonary and aorta.any():
        arteries.find_pulmonary_artery(pool, aorta).add_to(organs)
    if "heart" not in organs:
        arteries.find_heart(pool, aorta | context.union(("pulmonary_artery",))).add_to(organs)


def _mediastinum(context: Context, spine: Spine) -> BoolArray:
    """Between the lungs in front of the spine, and beside the vertebral bodies, where the descending aorta runs."""
    scan, lungs = context.scan, context.lungs()
    region = bones.between_lungs(scan, context.outline, lungs, spine)
    x = np.arange(scan.grid.shape[2])
    y = np.arange(scan.grid.shape[1])
    beside = np.abs(x[None, :] - spine.canal[:, 1, None]) * scan.spacing_mm <= _BESIDE_SPINE_MM
    before = y[None, :] <= spine.canal[:, 0, None]
    front = y[None, :] >= spine.front_y[:, None] - scan.voxels(_BEFORE_SPINE_MM)
    return (region | ((before & front)[:, :, None] & beside[:, None, :])) & ~lungs & context.body
