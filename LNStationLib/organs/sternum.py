"""Sternum with manubrium, and the clavicles beside it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.paths import best_path
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray, FloatArray

_BONE_HU = 130
_SIDE_REACH_MM = 14.0
_DEPTH_REACH_MM = 65.0
_WEAKEST = 0.3
_SHORTEST_MM = 40.0
# Gray's Anatomy, 41st ed., ch. 53: the manubrium is about 5 cm high, the sternum about 17 cm.
_MANUBRIUM_MM = 50.0
# The manubrium lies a little deeper under the skin than the body; what is deeper still are vessels of the neck.
_DEEPER_MM = 18.0
_LONGEST_MM = 210.0
# Bone from front to back in a column of the plate: with its marrow, and of its cortex alone.
_PLATE_MM, _CORTEX_MM = 4.0, 1.5
# The cartilage of the manubriosternal joint is 2 to 5 mm high.
_JOINT_MM = 6.0


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
    """Follow the sternum as the plate of bone in the midline nearest to the skin of the chest.

    Args:
        scan: The scan.
        body: The body.
        middle_x: Midline column (voxel index).
        forbidden: Voxels that are not bone however bright: known vessels, heart, lungs.
    """
    columns = scan.window(2, middle_x, _SIDE_REACH_MM, _SIDE_REACH_MM)
    if not body[:, :, columns].any():
        return None
    x0 = columns.start
    skin = np.round(_skin_y(body, columns)).astype(int)
    depth = scan.voxels(_DEPTH_REACH_MM)
    bone = (scan.hu > _BONE_HU) & ~forbidden & body
    bone = _without_thick(bone, scan)[:, :, columns]
    rows = np.clip(skin[:, None] + np.arange(depth)[None, :], 0, bone.shape[1] - 1)
    flat = bone[np.arange(len(bone))[:, None], rows]
    size = (scan.voxels(4.5), scan.voxels(6.0), scan.voxels(10.0))
    fill = ndimage.uniform_filter(flat.astype(np.float32), size=size, mode="nearest")
    # Where two layers are bright the one nearer to the skin is the sternum.
    score = fill - 0.004 * scan.spacing_mm * np.arange(depth)[None, :, None]
    # A plate wider than the search gives no preference: its middle is the patient's.
    score -= 0.001 * ((np.arange(score.shape[2]) + x0 - middle_x) * scan.spacing_mm)[None, None, :] ** 2
    path = best_path(score, step_cost=0.04)
    strength = np.array([fill[z, y, x] for z, (y, x) in enumerate(path)])
    span = _best_span(strength - _WEAKEST)
    if span is None or (span[1] - span[0] + 1) * scan.spacing_mm < _SHORTEST_MM:
        return None
    centers = np.stack([path[:, 0] + skin, path[:, 1] + x0], axis=1)
    high = _notch(scan, flat, path, span)
    return SternumPath(max(span[0], high - scan.voxels(_LONGEST_MM)), high, centers)


def _notch(scan: Scan, flat: BoolArray, path: np.ndarray, span: tuple[int, int]) -> int:
    """Highest slice of the span that still has bone in the midline: above it the path runs into a clavicle."""
    middle = round(float(np.median(path[span[0] : span[1] + 1, 1])))
    deep = scan.voxels(8.0)
    columns = slice(max(0, middle - scan.voxels(4.5)), middle + scan.voxels(4.5) + 1)
    usual = float(np.median(path[span[0] : span[1] + 1, 0])) + scan.voxels(_DEEPER_MM)

    def across(z: int, thickness_mm: float) -> bool:
        """Whether most columns of the midline hold that much bone in a slice."""
        rows = slice(max(0, path[z, 0] - deep), path[z, 0] + deep + 1)
        window = flat[z, rows, columns]
        return float((window.sum(axis=0) * scan.spacing_mm >= thickness_mm).mean()) > 0.6

    last = len(path) - 1
    # A plate without a gap up to the last slice goes on above the view; to the spine of a neck in view there is one.
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
    length = scan.voxels(26.0)
    thick = ndimage.binary_opening(bone, structure=np.ones((1, length, 1), bool))
    return bone & ~thick


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
    bone = (scan.hu > _BONE_HU) & ~forbidden & body
    zone = np.zeros(scan.grid.shape, dtype=bool)
    manubrium_from = path.high - scan.voxels(_MANUBRIUM_MM)
    y, x = np.ogrid[: scan.grid.shape[1], : scan.grid.shape[2]]
    for z in range(path.low, path.high + 1):
        cy, cx = path.centers[z]
        # The manubrium is up to 8 cm wide, the body of the sternum 4 cm.
        half = 36.0 if z > manubrium_from + scan.voxels(12.0) else 22.0
        zone[z] = (np.abs(x - cx) * scan.spacing_mm < half) & (np.abs(y - cy) * scan.spacing_mm < 11.0)
    core = bone & zone
    solid = morphology.close(core, 4.0, scan.spacing_mm) & zone & ~forbidden & body
    solid = morphology.largest(morphology.open_(solid, 1.2 * scan.spacing_mm, scan.spacing_mm))
    found = Findings()
    if not solid.any():
        return found
    found.organ("sternum", solid, OrganSource.IMAGE, "bone plate in the midline behind the skin of the chest")
    upper = solid.copy()
    upper[: max(0, manubrium_from)] = False
    found.organ("manubrium", upper, OrganSource.IMAGE, f"upper {_MANUBRIUM_MM:.0f} mm of the sternum")
    middle = np.abs(np.arange(scan.grid.shape[2]) - path.centers[path.high][1]) * scan.spacing_mm <= 5.0
    slices = np.flatnonzero((solid & middle[None, None, :]).any(axis=(1, 2)))
    top = int(slices[-1]) if slices.size and path.high < len(solid) - 1 else path.high
    cy, cx = path.centers[top]
    found.landmark(
        "manubrium_top", (top, cy, cx), scan.grid, OrganSource.IMAGE, "highest midline bone of the sternum"
    )
    if top >= scan.grid.shape[0] - 1:
        found.warnings.append("The manubrium reaches the top of the CT: its true upper border may lie higher.")
    return found


def manubrium_of(sternum: BoolArray, scan: Scan) -> Findings:
    """Manubrium and the landmark ``manubrium_top`` of a supplied sternum."""
    found = Findings()
    z, y, x = np.nonzero(sternum)
    near = np.abs(x - float(np.median(x))) * scan.spacing_mm <= 5.0
    top = int(z[near].max()) if near.any() else int(z.max())
    upper = sternum.copy()
    upper[: max(0, top - scan.voxels(_MANUBRIUM_MM))] = False
    found.organ("manubrium", upper, OrganSource.DERIVED, f"upper {_MANUBRIUM_MM:.0f} mm of the supplied sternum")
    at = near & (z == top)
    index = (float(top), float(y[at].mean()), float(x[at].mean())) if at.any() else (float(top), float(y.mean()), 0.0)
    found.landmark("manubrium_top", index, scan.grid, OrganSource.DERIVED, "highest midline voxel of the sternum")
    return found


def find_clavicles(scan: Scan, path: SternumPath, body: BoolArray, forbidden: BoolArray, back_y: float) -> Findings:
    """Clavicles from their heads beside the manubrium upwards and outwards.

    Args:
        scan: The scan.
        path: The sternum.
        body: The body.
        forbidden: Voxels that are not clavicle: lungs, known vessels, sternum.
        back_y: Row (voxel index) behind which nothing is clavicle: the front of the trachea.
    """
    found = Findings()
    bone = (scan.hu > _BONE_HU + 30) & ~forbidden & body
    bone[: max(0, path.high - scan.voxels(8.0))] = False
    # A clavicle is a shell around fat: filled first, so that parting it from its neighbors does not break it.
    bone = morphology.fill_slices(morphology.close(bone, 3.0, scan.spacing_mm)) & ~forbidden
    bone[:, round(back_y) :] = False
    bone = morphology.open_(bone, 2.2, scan.spacing_mm)
    cy, cx = path.centers[path.high]
    x = np.arange(scan.grid.shape[2])
    labels = morphology.components(bone, connectivity=6)
    for name, on_side in (("clavicle_right", x < cx), ("clavicle_left", x > cx)):
        mask = _head_component(scan, labels, path.high, (float(cy), float(cx)), on_side)
        found.organ(name, mask, OrganSource.IMAGE, "bone beside and above the manubrium")
    return found


def _head_component(
    scan: Scan, labels: np.ndarray, top: int, notch: tuple[float, float], on_side: BoolArray
) -> BoolArray | None:
    """The largest piece with its head within 45 mm of the jugular notch on one side; ``None`` without one."""
    near = labels[scan.window(0, top, -scan.spacing_mm, 15.0 - scan.spacing_mm)] * on_side[None, None, :]
    z, y, x = np.nonzero(near)
    if not z.size:
        return None
    close_by = np.hypot(y - notch[0], x - notch[1]) * scan.spacing_mm <= 45.0
    candidates = np.unique(near[z, y, x][close_by])
    if not candidates.size:
        return None
    # Labels come in order of falling size.
    mask = (labels == candidates[0]) & on_side[None, None, :]
    return mask if mask.sum() * scan.grid.voxel_volume_ml > 1.0 else None
