"""Add spine, sternum, clavicles and ribs where they are not supplied."""

from __future__ import annotations

import numpy as np

from LNStationLib.organs import bones, spine, sternum
from LNStationLib.organs.context import Context
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_COMPLETE_FROM_SHARE = 0.05
"""Of the scan's slices: a supplied spine that lacks fewer is complete but for its ends."""
_CARINA_TO_CANAL_MM = 33.0
"""Half a lumen of 16 mm and a vertebral body of T5 with half the canal, at least 25 mm, lie between them."""
_AROUND_CARINA_MM = (60.0, 20.0)
"""Below and above: T4 to T8, where the spine is nearly straight, so that one median speaks for all."""
_CLAVICLE_HEAD_MM2 = 30.0
"""A few voxels of the working grid, under a tenth of a clavicle's head (25 mm wide); less is noise."""
_NAMED = ("spine", "sternum", "clavicle_left", "clavicle_right")


def add_bones(context: Context) -> Spine | None:
    """Find the bones that are not supplied.

    Returns:
        The spine slice by slice, for finders that need its front face; ``None`` where it was not found.
    """
    scan, organs = context.scan, context.organs
    not_bone = context.blood(scan.spacing_mm) | bones.dense_contrast(scan) | context.lungs()
    column = _find_column(context, not_bone)
    if column is not None:
        bodies, _ = spine.paint_bodies(scan, column)
        not_bone |= bones.thick_contrast(scan, context.outline & ~context.lungs(), bodies)
        painted = spine.paint_spine(scan, column, not_bone | context.air())
        _complete_spine(organs, painted)
        painted.add_to(organs)
    _add_sternum(context, not_bone)
    not_bone |= bones.between_lungs(scan, context.outline, context.lungs(), column)
    known = {name: organs[name].mask for name in _NAMED if name in organs}
    bones.find_bone(scan, context.body, known, not_bone).add_to(organs)
    return column


def _complete_spine(organs: OrganSet, painted: Findings) -> None:
    """Complete a few supplied vertebrae with the column found in the image."""
    supplied = organs.organs.get("spine")
    column = next((organ for organ in painted.organs if organ.name == "spine"), None)
    if supplied is None or column is None or "spine" in organs.barred:
        return
    bare = column.mask.any(axis=(1, 2), keepdims=True) & ~supplied.mask.any(axis=(1, 2), keepdims=True)
    if bare.mean() < _COMPLETE_FROM_SHARE:
        return
    mask = supplied.mask | (column.mask & bare)
    how = Reason("spine_completed", {"supplied": supplied.how, "column": column.how})
    organs.organs["spine"] = Organ("spine", mask, OrganSource.IMAGE, how)


def _find_column(context: Context, not_bone: BoolArray) -> Spine | None:
    canal = spine.find_canal(context.scan, context.body, context.middle_x())
    if canal is None or not _behind_carina(context, canal):
        context.organs.warn("no_spinal_canal")
        return None
    return spine.find_spine(context.scan, canal, not_bone)


def _behind_carina(context: Context, canal: np.ndarray) -> bool:
    """True where a canal lies at least a vertebral body behind the carina, or the carina is unknown.

    A view that ends in front of the canal shows other soft tissue in bright surroundings: vertebra or heart.
    """
    carina = context.index("carina")
    if carina is None:
        return True
    level = context.scan.window(0, carina[0], *_AROUND_CARINA_MM)
    return float(np.median(canal[level, 0]) - carina[1]) * context.scan.spacing_mm >= _CARINA_TO_CANAL_MM


def _add_sternum(context: Context, not_bone: BoolArray) -> None:
    scan, organs = context.scan, context.organs
    plate, apart = organs.mask("sternum"), organs.mask("manubrium")
    if plate is not None:
        # A label map holds the manubrium apart: its body's upper end is not the jugular notch.
        sternum.manubrium_of(plate if apart is None else plate | apart, scan).add_to(organs)
    path = sternum.find_sternum_path(scan, context.body, context.middle_x(), not_bone)
    if path is None:
        organs.warn("no_sternum")
        return
    sternum.paint_sternum(scan, path, context.body, not_bone).add_to(organs)
    plate = organs.mask("sternum")
    if plate is not None:
        not_bone = not_bone | plate
    front = _front_of_trachea(context, path.high)
    if front is not None:
        sternum.find_clavicles(scan, path, context.body, not_bone, front).add_to(organs)
    _add_clavicle_level(context)


def _front_of_trachea(context: Context, z: int) -> float | None:
    """Front row of the trachea in the slice nearest to ``z``."""
    trachea = context.organs.mask("trachea")
    if trachea is None:
        return None
    known = np.flatnonzero(trachea.any(axis=(1, 2)))
    nearest = known[int(np.argmin(np.abs(known - z)))]
    return float(np.flatnonzero(trachea[nearest].any(axis=1))[0])


def _add_clavicle_level(context: Context) -> None:
    """Add a landmark at the lowest slice of each clavicle's head, the lower limit of station 1."""
    found = Findings()
    for name in ("clavicle_left", "clavicle_right"):
        mask = context.organs.mask(name)
        if mask is None:
            continue
        areas = mask.sum(axis=(1, 2)) * context.scan.spacing_mm**2
        low = int(np.flatnonzero(areas >= min(_CLAVICLE_HEAD_MM2, float(areas.max())))[0])
        y, x = np.argwhere(mask[low]).mean(axis=0)
        source = context.organs[name].source
        source = OrganSource.DERIVED if source is OrganSource.SUPPLIED else source
        found.landmark(f"{name}_bottom", (low, y, x), context.scan.grid, source)
    found.add_to(context.organs)
