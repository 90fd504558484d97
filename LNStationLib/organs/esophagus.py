"""The esophagus as a tube along the best path through soft tissue between airways, heart and spine."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.body import connected_in_slice
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.morphology import Box
from LNStationLib.organs.paths import best_path
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_RADIUS_MM = 7.5
"""A collapsed esophagus is about 2 cm wide and 1 cm deep (Gray's Anatomy, 41st ed., ch. 55)."""
_FAT_HU = (-150.0, -30.0)
"""Mediastinal fat is -50 to -130 HU; its partial volume with muscle begins above -30 HU."""
_NOISE_VOXELS = 0.7
"""Gaussian sigma: enough against noise, too little to blur away planes of fat 2 mm thick."""
_BELOW_CARINA_MM = 130.0
"""The hiatus lies at T10, about 13 cm below the carina."""
_SCRAP_MM = 15.0
"""Shorter than it is wide, a piece beside a gap may just as well be a vessel or a node."""
_SIDE_REACH_MM, _DEPTH_REACH_MM = 45.0, 55.0
"""To the sides of its mean place and in front of the foremost one: past a displaced esophagus; more only costs
time."""
_GAS_HU, _GAS_RIM_HU = -600.0, -250.0
"""Gas of the lumen, and the voxels that it shares with the wall."""
_SMALLEST_GAS_ML = 0.05
"""A bubble of 4 to 5 mm; smaller ones are noise."""
_GAS_SIDE_MM, _GAS_DEPTH_MM = 35.0, 45.0
"""To the sides and in front of the spine, as far as a dilated esophagus lies: in achalasia it is 4 to 6 cm wide."""
_WALL_MM = 3.0
"""The wall of a distended esophagus is thinner than 3 mm (Xia et al., Eur J Radiol 2009;72:406)."""
_GAS_WORTH, _MUSCLE_WORTH, _BLOCKED_COST = 2.0, 0.3, 2.0
"""Score of gas and of muscle in the voxel itself, and cost of blocked ones, against 1 for a disc full of muscle and
at most 1 for an unusual place: what the image shows outweighs what is usual. Chosen on phantoms and one real CT."""
_PLACE_COST_PER_MM2 = 0.0009
"""A place 33 mm from the usual one costs as much as a disc of muscle is worth; chosen on phantoms and one real CT."""
_STEP_COST, _SMOOTH_MM = 0.15, 3.0
"""Per voxel of sideways movement between slices, and the sigma along the path: the esophagus runs straight over a few
slices. Chosen on phantoms and one real CT."""
_NO_MUSCLE_HU, _MUSCLE_RISE_HU = -40.0, 70.0
"""Score of tissue: from 0 at the HU of fat with muscle to 1 from 30 HU, where unenhanced muscle begins."""
_OWN_AIR_HU, _TOO_BRIGHT_HU, _BRIGHT_SCORE = -250, 130, 0.2
"""Air that belongs to no airway is the esophagus' own; brighter than 130 HU is enhanced blood or calcium, rarely
wall or oral contrast."""
_DISC_HALF_MM, _DISC_HEIGHT_MM = 4.5, 3.0
"""Half the depth of a collapsed esophagus, and a thick slice."""
_BEFORE_SPINE_MM, _BEHIND_TRACHEA_MM, _CLEAR_OF_SPINE_MM = 9.0, 6.0, 2.0
"""Usual distances of its center: half its depth and a plane of fat in front of the spine, half its depth behind the
lumen of the trachea and its wall, but never in the spine."""
_FROM_AORTA_MM = 4.0
"""It lies on the aorta's side of the midline in the chest (left in most patients; Gray's Anatomy, 41st ed., ch.
55)."""
_TRANSITION_MM = 20.0
"""Below the carina the usual place passes over this height from behind the trachea to in front of the spine."""
_AORTA_ASIDE_MM, _AORTA_BEFORE_MM = 26.0, 16.0
"""Beside the spine the aorta is 26 mm from the canal's middle; from 16 mm on it lies in front, and the esophagus
before it, as above the diaphragm. Chosen on phantoms and one real CT."""
_BEFORE_AORTA_MM, _AORTA_SMOOTH_MM = 6.0, 6.0
"""Half its depth in front of the aorta, smoothed so that single slices of the aorta do not move it."""


def find_esophagus(
    scan: Scan,
    spine: Spine,
    trachea: BoolArray,
    carina: tuple[float, float, float],
    blocked: BoolArray,
    gas: BoolArray,
    descending_aorta: BoolArray | None,
) -> Findings:
    """Trace the esophagus from the top of the view to near the hiatus.

    Args:
        scan: The scan.
        spine: The spine; the esophagus runs in front of it.
        trachea: Lumen of the trachea; the esophagus runs behind it.
        carina: Carina as a voxel index ``(z, y, x)``.
        blocked: Voxels outside the esophagus: lungs, airways, vessels, heart, bone.
        gas: Result of ``own_gas``; the path runs through it wherever there is some.
        descending_aorta: The descending aorta; below the carina the esophagus runs beside it.

    Returns:
        ``esophagus`` with source ``SURROGATE``: placed by its surroundings, not by its own wall.
    """
    found = Findings()
    height_mm = scan.grid.shape[0] * scan.spacing_mm
    level = scan.window(0, carina[0], _BELOW_CARINA_MM, height_mm)
    expected = _expected(scan, spine, trachea, carina, descending_aorta)[level]
    region = _region(scan, level, expected, spine.front_y[level])
    if morphology.is_empty(region):
        found.warn("space_before_spine_not_in_view")
        return found
    free = ~blocked[region] & _in_front_of(spine, region) & scan.in_view[region]
    mask = np.zeros(scan.grid.shape, dtype=bool)
    local = expected - np.array([region[1].start, region[2].start])
    mask[region] = _trace(scan, scan.hu[region], free, gas[region] & free, local)
    found.organ("esophagus", _without_scraps(mask, scan), OrganSource.SURROGATE, Reason("esophagus_path"))
    return found


def _trace(scan: Scan, hu: np.ndarray, free: BoolArray, gas: BoolArray, expected: FloatArray) -> BoolArray:
    """The esophagus within a region, along the best path near its usual places there."""
    score = _score(scan, hu, free, expected)
    score += _GAS_WORTH * gas
    path = best_path(score, step_cost=_STEP_COST)
    centers = ndimage.gaussian_filter1d(path.astype(float), _SMOOTH_MM / scan.spacing_mm, axis=0, mode="nearest")
    wall = free & ~_fat(hu)
    return _with_gas(scan, _tube(scan, wall, centers), gas, wall)


def own_gas(scan: Scan, spine: Spine, lungs: BoolArray, airways: BoolArray) -> BoolArray:
    """Gas in front of the spine outside airways and lungs: the esophagus' own, ``[z, y, x]``.

    Args:
        scan: The scan.
        spine: The spine.
        lungs: Both lungs.
        airways: Lumen of the airways; gas connected to it is an unnamed bronchus.
    """
    gas = np.zeros(scan.grid.shape, dtype=bool)
    rows = scan.grid.between(1, float(spine.front_y.min()) - _GAS_DEPTH_MM / scan.spacing_mm, spine.front_y.max())
    left, right = float(spine.canal[:, 1].min()), float(spine.canal[:, 1].max())
    columns = scan.window(2, left, _GAS_SIDE_MM, (right - left) * scan.spacing_mm + _GAS_SIDE_MM)
    region = (slice(0, scan.grid.shape[0]), rows, columns)
    if morphology.is_empty(region):
        return gas
    air = (scan.hu[region] < _GAS_HU) & scan.in_view[region] & ~lungs[region]
    labels = morphology.components(air | airways[region])
    keep = np.bincount(labels.ravel()) * scan.grid.voxel_volume_ml >= _SMALLEST_GAS_ML
    keep[np.unique(labels[airways[region]])] = False
    keep[0] = False
    core = keep[labels] & _before_spine(scan, spine, region)
    rim = ndimage.binary_dilation(core) & (scan.hu[region] < _GAS_RIM_HU)
    gas[region] = (core | rim) & ~lungs[region] & ~airways[region]
    return gas


def _before_spine(scan: Scan, spine: Spine, region: Box) -> BoolArray:
    """Voxels of a region in front of the vertebral bodies, as far as a dilated esophagus extends."""
    y, x = np.arange(region[1].start, region[1].stop), np.arange(region[2].start, region[2].stop)
    depth_mm = (spine.front_y[:, None] - y[None]) * scan.spacing_mm
    aside_mm = np.abs(x[None] - spine.canal[:, 1, None]) * scan.spacing_mm
    rows, columns = (depth_mm >= 0) & (depth_mm <= _GAS_DEPTH_MM), aside_mm <= _GAS_SIDE_MM
    return np.asarray(rows[:, :, None] & columns[:, None, :])


def _in_front_of(spine: Spine, region: Box) -> BoolArray:
    """Rows of a region in front of the vertebral bodies, ``[z, y, 1]``."""
    rows = np.arange(region[1].start, region[1].stop)
    return np.asarray(rows[None, :, None] < spine.front_y[region[0], None, None])


def _region(scan: Scan, level: slice, expected: FloatArray, front_y: FloatArray) -> Box:
    """Search region of the esophagus: in front of the spine, around its usual place."""
    before = float(min(front_y.min(), expected[:, 0].min()))
    depth_mm = (float(front_y.max()) - before) * scan.spacing_mm
    rows = scan.window(1, before, _DEPTH_REACH_MM, depth_mm)
    return level, rows, scan.window(2, float(expected[:, 1].mean()), _SIDE_REACH_MM, _SIDE_REACH_MM)


def _expected(
    scan: Scan,
    spine: Spine,
    trachea: BoolArray,
    carina: tuple[float, float, float],
    descending_aorta: BoolArray | None,
) -> FloatArray:
    """Usual center of the esophagus, ``(y, x)`` in voxels per slice: behind the trachea, then before the spine."""
    mm = 1.0 / scan.spacing_mm
    z = np.arange(scan.grid.shape[0], dtype=float)
    side = _aorta_side(spine, descending_aorta)
    y, x = spine.front_y - _BEFORE_SPINE_MM * mm, spine.canal[:, 1] + side * _FROM_AORTA_MM * mm
    if descending_aorta is not None:
        y = _before_aorta(scan, spine, descending_aorta, y)
    known = np.flatnonzero(trachea.any(axis=(1, 2)))
    back = np.array([np.flatnonzero(trachea[k].any(axis=1))[-1] for k in known], dtype=float)
    center = np.array([np.nonzero(trachea[k].any(axis=0))[0].mean() for k in known])
    behind_y = np.interp(z, known, back) + _BEHIND_TRACHEA_MM * mm
    behind_y = np.minimum(behind_y, spine.front_y - _CLEAR_OF_SPINE_MM * mm)
    behind_x = np.interp(z, known, center) + side * _FROM_AORTA_MM * mm
    above = np.clip((z - carina[0]) * scan.spacing_mm / _TRANSITION_MM + 1.0, 0.0, 1.0)
    return np.stack([above * behind_y + (1 - above) * y, above * behind_x + (1 - above) * x], axis=1)


def _before_aorta(scan: Scan, spine: Spine, aorta: BoolArray, y: FloatArray) -> FloatArray:
    """Move the expected row in front of the aorta where it lies in front of the spine, near the diaphragm."""
    mm = 1.0 / scan.spacing_mm
    moved = y.copy()
    for z in np.flatnonzero(aorta.any(axis=(1, 2))):
        rows, columns = np.nonzero(aorta[z])
        beside_mm = abs(float(columns.mean()) - float(spine.canal[z, 1])) * scan.spacing_mm
        before = float(np.clip((_AORTA_ASIDE_MM - beside_mm) / (_AORTA_ASIDE_MM - _AORTA_BEFORE_MM), 0.0, 1.0))
        moved[z] = (1 - before) * y[z] + before * min(y[z], rows.min() - _BEFORE_AORTA_MM * mm)
    return np.asarray(ndimage.gaussian_filter1d(moved, _AORTA_SMOOTH_MM * mm, mode="nearest"))


def _aorta_side(spine: Spine, descending_aorta: BoolArray | None) -> float:
    """+1 where the descending aorta lies left of the spine (or is unknown), -1 where right."""
    if descending_aorta is None:
        return 1.0
    z, _, x = np.nonzero(descending_aorta)
    return 1.0 if float(np.median(x - spine.canal[z, 1])) >= 0 else -1.0


def _score(scan: Scan, hu: np.ndarray, free: BoolArray, expected: FloatArray) -> FloatArray:
    """High near the usual place where a disc the size of the esophagus is filled with muscle or its own air."""
    muscle = np.clip((hu.astype(np.float32) - _NO_MUSCLE_HU) / _MUSCLE_RISE_HU, 0.0, 1.0)
    muscle = np.where(hu < _OWN_AIR_HU, 1.0, np.where(hu > _TOO_BRIGHT_HU, _BRIGHT_SCORE, muscle)) * free
    size = 2 * scan.voxels(_DISC_HALF_MM) + 1
    fill = ndimage.uniform_filter(muscle, size=(max(1, scan.voxels(_DISC_HEIGHT_MM)), size, size), mode="constant")
    y, x = np.arange(hu.shape[1])[:, None], np.arange(hu.shape[2])[None, :]
    off = np.hypot(y[None] - expected[:, 0, None, None], x[None] - expected[:, 1, None, None]) * scan.spacing_mm
    unusual = np.minimum(_PLACE_COST_PER_MM2 * off**2, 1.0)
    return np.asarray(fill + _MUSCLE_WORTH * muscle - unusual - _BLOCKED_COST * ~free)


def _fat(hu: np.ndarray) -> BoolArray:
    """Fat, which is not part of the wall."""
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), _NOISE_VOXELS)
    return np.asarray((smooth < _FAT_HU[1]) & (smooth > _FAT_HU[0]))


def _tube(scan: Scan, free: BoolArray, centers: FloatArray) -> BoolArray:
    """Free voxels within the radius of the path; in each slice the largest piece of the disc."""
    y, x = np.ogrid[: free.shape[1], : free.shape[2]]
    tube = np.zeros_like(free)
    radius = _RADIUS_MM / scan.spacing_mm
    for z, (cy, cx) in enumerate(centers):
        disc = ((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & free[z]
        labels, count = ndimage.label(disc)
        if count:
            largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
            # Voxels between the gas of the lumen and the wall have the HU of fat.
            tube[z] = ndimage.binary_fill_holes(largest)
    return tube


def _without_scraps(tube: BoolArray, scan: Scan) -> BoolArray:
    """The tube without pieces too short to be esophagus.

    All pieces lie on one path; where left atrium and aorta press it flat, a few slices show none of it.
    """
    labels = morphology.components(tube, connectivity=26)
    boxes = label_boxes(labels)
    long = [value for value, (z, _, _) in boxes.items() if z.stop - z.start >= scan.voxels(_SCRAP_MM)]
    return np.isin(labels, long or [1])


def _with_gas(scan: Scan, tube: BoolArray, gas: BoolArray, wall: BoolArray) -> BoolArray:
    """The tube with the gas it touches in each slice, and the wall around that gas."""
    own = connected_in_slice(gas, tube)
    if not own.any():
        return tube
    whole = tube | own | (morphology.dilate(own, _WALL_MM, scan.spacing_mm) & wall)
    return morphology.fill_slices(whole)
