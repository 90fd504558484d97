"""Sternum with manubrium, and the clavicles beside it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.growing import open_by_box
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.paths import best_path
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_BONE_HU = 130
"""The marrow of the sternum is fattier than that of the spine, and its thin cortex is blurred; muscle stays below."""
_SIDE_REACH_MM, _DEPTH_REACH_MM = 14.0, 65.0
"""To the sides of the midline, within the sternum's half width of 2 cm; below the skin, breast and pectoral muscles
included."""
_DISC_MM = (4.5, 6.0, 10.0)
"""Averaged height, depth and width: a few slices, half a plate's thickness, half its width."""
_DEPTH_COST_PER_MM, _SIDE_COST_PER_MM2, _STEP_COST = 0.004, 0.001, 0.04
"""Against 1 for a disc full of bone: of two bright layers the one nearer to the skin is the sternum; within a plate
wider than the search the midline wins; and the plate runs smoothly. Chosen on phantoms and one real CT."""
_WEAKEST_SHARE = 0.3
"""Of bone in a disc: marrow below the threshold leaves the cortex, a third; chosen on phantoms and one real CT."""
_SHORTEST_MM, _LONGEST_MM = 40.0, 210.0
"""A manubrium in view is nearly 5 cm high; the sternum is about 17 cm long (Gray's Anatomy, 41st ed., ch. 53), 21 cm
with the xiphoid of a tall patient."""
_MANUBRIUM_MM = 50.0
"""Height of the manubrium (same source)."""
_DEEPER_MM = 18.0
"""The manubrium lies a little deeper under the skin than the body; structures deeper still are vessels of the
neck."""
_PLATE_MM, _CORTEX_MM = 4.0, 1.5
"""Bone from front to back in a column of the plate: with its marrow, and of its cortex alone."""
_NOTCH_HALF_DEPTH_MM, _NOTCH_HALF_WIDTH_MM, _MOST_COLUMNS_SHARE = 8.0, 4.5, 0.6
"""Window around the path in which the midline's columns are read, within a plate 1 cm thick and a notch 2 to 3 cm
wide, and the share of them that must hold bone."""
_JOINT_MM = 6.0
"""The cartilage of the manubriosternal joint is 2 to 5 mm high."""
_THICKEST_MM = 26.0
"""From front to back: the sternum is 1 to 2 cm thick, cut obliquely a little more; the heart is thicker."""
_MANUBRIUM_HALF_MM, _BODY_HALF_MM, _PLATE_HALF_MM = 36.0, 22.0, 11.0
"""The manubrium is up to 8 cm wide, the body 4 cm; half thickness around the path, which may run along a cortex."""
_TAPER_MM = 12.0
"""The lowest part of the manubrium is as narrow as the body."""
_MARROW_HALF_MM = 4.0
"""Closes the marrow between two cortices 8 mm apart."""
_NOISE_VOXELS = 1.2
"""Opening radius: removes single noisy voxels from the plate's surface."""
_MIDLINE_HALF_MM = 5.0
"""Columns that count as midline: inside the jugular notch."""
_CLAVICLE_ABOVE_BONE_HU = 30
"""Clavicles have a thicker cortex than the sternum, so that more enhanced vessels beside them can be left out."""
_CLAVICLE_FROM_MM = 8.0
"""Below the notch: the heads of the clavicles reach below the manubrium's upper border."""
_CLAVICLE_MARROW_HALF_MM, _CLAVICLE_HALF_MM = 3.0, 2.2
"""Closes the shell of a clavicle (12 mm thick); opening by 4 mm then removes bridges to rib and sternum."""
_HEAD_HEIGHT_MM, _HEAD_REACH_MM, _SMALLEST_CLAVICLE_ML = 15.0, 45.0, 1.0
"""Just above the notch and around it: the head is 25 mm wide and begins 1 to 2 cm beside the midline; smaller pieces
are calcified cartilage of the first rib."""


@dataclass(frozen=True)
class SternumPath:
    """Where the sternum runs.

    Attributes:
        low: Lowest slice.
        high: Highest slice: the upper border of the manubrium in the midline.
        centers: ``(y, x)`` per slice of the whole scan, in voxels; meaningful from ``low`` to ``high``.
    """

    low: int
    high: int
    centers: np.ndarray


def _skin_y(body: BoolArray, columns: slice) -> FloatArray:
    """Front row of the body per slice within some columns; slices without body take the nearest one's."""
    part = np.asarray(body[:, :, columns].any(axis=2), dtype=np.uint8)
    rows = part.argmax(axis=1)
    known = np.flatnonzero(part.max(axis=1))
    return np.asarray(np.interp(np.arange(len(rows)), known, rows[known]))


def find_sternum_path(scan: Scan, body: BoolArray, middle_x: float, forbidden: BoolArray) -> SternumPath | None:
    """Follow the sternum: the plate of bone in the midline nearest to the skin of the chest.

    Args:
        scan: The scan.
        body: The body.
        middle_x: Midline column (voxel index).
        forbidden: Voxels that are not bone at any HU: known vessels, heart, lungs.
    """
    columns = scan.window(2, middle_x, _SIDE_REACH_MM, _SIDE_REACH_MM)
    if not body[:, :, columns].any():
        return None
    skin = np.round(_skin_y(body, columns)).astype(int)
    bone = _without_thick((scan.hu > _BONE_HU) & ~forbidden & body, scan)[:, :, columns]
    rows = np.clip(skin[:, None] + np.arange(scan.voxels(_DEPTH_REACH_MM))[None, :], 0, bone.shape[1] - 1)
    flat = bone[np.arange(len(bone))[:, None], rows]
    path, strength = _follow_plate(scan, flat, middle_x - columns.start)
    span = _best_span(strength - _WEAKEST_SHARE)
    if span is None or (span[1] - span[0] + 1) * scan.spacing_mm < _SHORTEST_MM:
        return None
    centers = np.stack([path[:, 0] + skin, path[:, 1] + columns.start], axis=1)
    high = _notch(scan, flat, path, span)
    return SternumPath(max(span[0], high - scan.voxels(_LONGEST_MM)), high, centers)


def _follow_plate(scan: Scan, flat: BoolArray, middle_x: float) -> tuple[np.ndarray, FloatArray]:
    """Best path through the bone below the skin, and the share of bone around it per slice.

    Args:
        scan: The scan.
        flat: Bone by slice, depth below the skin and column, in voxels.
        middle_x: The midline among those columns.
    """
    size = tuple(scan.voxels(length) for length in _DISC_MM)
    fill = ndimage.uniform_filter(flat.astype(np.float32), size=size, mode="nearest")
    score = fill - _DEPTH_COST_PER_MM * scan.spacing_mm * np.arange(flat.shape[1])[None, :, None]
    aside_mm = (np.arange(flat.shape[2]) - middle_x) * scan.spacing_mm
    score -= _SIDE_COST_PER_MM2 * aside_mm[None, None, :] ** 2
    path = best_path(score, step_cost=_STEP_COST)
    return path, np.array([fill[z, y, x] for z, (y, x) in enumerate(path)])


def _notch(scan: Scan, flat: BoolArray, path: np.ndarray, span: tuple[int, int]) -> int:
    """Highest slice of the span with bone in the midline: above it the path runs into a clavicle."""
    middle = round(float(np.median(path[span[0] : span[1] + 1, 1])))
    deep, wide = scan.voxels(_NOTCH_HALF_DEPTH_MM), scan.voxels(_NOTCH_HALF_WIDTH_MM)
    columns = slice(max(0, middle - wide), middle + wide + 1)
    usual = float(np.median(path[span[0] : span[1] + 1, 0])) + scan.voxels(_DEEPER_MM)

    def across(z: int, thickness_mm: float) -> bool:
        """Whether most columns of the midline contain that much bone in a slice."""
        rows = slice(max(0, path[z, 0] - deep), path[z, 0] + deep + 1)
        window = flat[z, rows, columns]
        return float((window.sum(axis=0) * scan.spacing_mm >= thickness_mm).mean()) > _MOST_COLUMNS_SHARE

    last = len(path) - 1
    # A plate without a gap up to the last slice continues above the view; a neck in view leaves a gap.
    bare = [not across(z, _CORTEX_MM) for z in range((span[0] + span[1]) // 2, last + 1)]
    if span[1] >= last - 1 and not bare[-1] and _longest_run(bare) * scan.spacing_mm <= _JOINT_MM:
        return last
    here = (z for z in range(span[1], span[0], -1) if path[z, 0] <= usual and across(z, _PLATE_MM))
    return next(here, span[1])


def _longest_run(flags: list[bool]) -> int:
    """Length of the longest stretch of true values."""
    return max((len(list(run)) for value, run in groupby(flags) if value), default=0)


def _without_thick(bone: BoolArray, scan: Scan) -> BoolArray:
    """Drop bright regions more than 26 mm thick from front to back: contrast in the heart, not sternum."""
    length = scan.voxels(_THICKEST_MM)
    return bone & ~open_by_box(bone, (1, length, 1))


def _best_span(values: FloatArray) -> tuple[int, int] | None:
    """First and last index of the stretch with the largest sum; ``None`` where every value is negative."""
    best, start, total, found = 0.0, 0, 0.0, None
    for index, value in enumerate(values):
        if total <= 0:
            start, total = index, 0.0
        total += float(value)
        if total > best:
            best, found = total, (start, index)
    return found


def paint_sternum(scan: Scan, path: SternumPath, body: BoolArray, forbidden: BoolArray) -> Findings:
    """Sternum and manubrium as masks, with the landmark ``manubrium_top``."""
    found, solid = Findings(), _solid_plate(scan, path, body & ~forbidden)
    if not solid.any():
        return found
    found.organ("sternum", solid, OrganSource.IMAGE, Reason("bone_plate"))
    upper = solid.copy()
    upper[: max(0, path.high - scan.voxels(_MANUBRIUM_MM))] = False
    found.organ("manubrium", upper, OrganSource.IMAGE, Reason("upper_sternum", {"length_mm": _MANUBRIUM_MM}))
    off_mm = np.abs(np.arange(scan.grid.shape[2]) - path.centers[path.high][1]) * scan.spacing_mm
    slices = np.flatnonzero((solid & (off_mm <= _MIDLINE_HALF_MM)[None, None, :]).any(axis=(1, 2)))
    top = int(slices[-1]) if slices.size and path.high < len(solid) - 1 else path.high
    found.landmark("manubrium_top", (top, *path.centers[top]), scan.grid, OrganSource.IMAGE)
    if top >= scan.grid.shape[0] - 1:
        found.warn("manubrium_cut_at_top")
    return found


def _solid_plate(scan: Scan, path: SternumPath, allowed: BoolArray) -> BoolArray:
    """The bone around the path with its marrow, as wide as manubrium and body are; empty without bone."""
    zone = np.zeros(scan.grid.shape, dtype=bool)
    manubrium_from = path.high - scan.voxels(_MANUBRIUM_MM)
    y, x = np.ogrid[: scan.grid.shape[1], : scan.grid.shape[2]]
    for z in range(path.low, path.high + 1):
        cy, cx = path.centers[z]
        half_mm = _MANUBRIUM_HALF_MM if z > manubrium_from + scan.voxels(_TAPER_MM) else _BODY_HALF_MM
        near = np.abs(y - cy) * scan.spacing_mm < _PLATE_HALF_MM
        zone[z] = (np.abs(x - cx) * scan.spacing_mm < half_mm) & near
    core = (scan.hu > _BONE_HU) & allowed & zone
    solid = morphology.close(core, _MARROW_HALF_MM, scan.spacing_mm) & zone & allowed
    return morphology.largest(morphology.open_(solid, _NOISE_VOXELS * scan.spacing_mm, scan.spacing_mm))


def manubrium_of(sternum: BoolArray, scan: Scan) -> Findings:
    """Manubrium and the landmark ``manubrium_top`` of a supplied sternum."""
    found = Findings()
    z, y, x = np.nonzero(sternum)
    near = np.abs(x - float(np.median(x))) * scan.spacing_mm <= _MIDLINE_HALF_MM
    top = int(z[near].max()) if near.any() else int(z.max())
    upper = sternum.copy()
    upper[: max(0, top - scan.voxels(_MANUBRIUM_MM))] = False
    how = Reason("upper_supplied_sternum", {"length_mm": _MANUBRIUM_MM})
    found.organ("manubrium", upper, OrganSource.DERIVED, how)
    at = near & (z == top)
    index = (float(top), float(y[at].mean()), float(x[at].mean())) if at.any() else (float(top), float(y.mean()), 0.0)
    found.landmark("manubrium_top", index, scan.grid, OrganSource.DERIVED)
    return found


def find_clavicles(scan: Scan, path: SternumPath, body: BoolArray, forbidden: BoolArray, back_y: float) -> Findings:
    """Clavicles from their heads beside the manubrium upwards and outwards.

    Args:
        scan: The scan.
        path: The sternum.
        body: The body.
        forbidden: Voxels that are not clavicle: lungs, known vessels, sternum.
        back_y: Row (voxel index) behind which there is no clavicle: the front of the trachea.
    """
    found = Findings()
    bone = (scan.hu > _BONE_HU + _CLAVICLE_ABOVE_BONE_HU) & ~forbidden & body
    bone[: max(0, path.high - scan.voxels(_CLAVICLE_FROM_MM))] = False
    # A clavicle is a shell around fatty marrow: filled first, so that the opening does not break it.
    bone = morphology.fill_slices(morphology.close(bone, _CLAVICLE_MARROW_HALF_MM, scan.spacing_mm)) & ~forbidden
    bone[:, round(back_y) :] = False
    bone = morphology.open_(bone, _CLAVICLE_HALF_MM, scan.spacing_mm)
    cy, cx = path.centers[path.high]
    x = np.arange(scan.grid.shape[2])
    labels = morphology.components(bone, connectivity=6)
    for name, on_side in (("clavicle_right", x < cx), ("clavicle_left", x > cx)):
        mask = _head_component(scan, labels, path.high, (float(cy), float(cx)), on_side)
        found.organ(name, mask, OrganSource.IMAGE, Reason("bone_beside_manubrium"))
    return found


def _head_component(
    scan: Scan, labels: np.ndarray, top: int, notch: tuple[float, float], on_side: BoolArray
) -> BoolArray | None:
    """The largest piece with its head within 45 mm of the jugular notch on one side; ``None`` without one."""
    near = labels[scan.window(0, top, -scan.spacing_mm, _HEAD_HEIGHT_MM - scan.spacing_mm)] * on_side[None, None, :]
    z, y, x = np.nonzero(near)
    if not z.size:
        return None
    close_by = np.hypot(y - notch[0], x - notch[1]) * scan.spacing_mm <= _HEAD_REACH_MM
    candidates = np.unique(near[z, y, x][close_by])
    if not candidates.size:
        return None
    # Labels are ordered by decreasing size.
    mask = (labels == candidates[0]) & on_side[None, None, :]
    return mask if mask.sum() * scan.grid.voxel_volume_ml > _SMALLEST_CLAVICLE_ML else None
