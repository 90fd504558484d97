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
from LNStationLib.support.types import BoolArray, FloatArray

# The hiatus lies at T10, about 13 cm below the carina.
# A collapsed esophagus is about 2 cm wide and 1 cm deep (Gray's Anatomy, 41st ed., ch. 55).
_RADIUS_MM = 7.5
_FAT_HU = (-150.0, -30.0)
_NOISE_VOXELS = 0.7
_BELOW_CARINA_MM = 130.0
# Shorter than it is wide, a piece beside a gap may as well be a vessel or a node.
_SCRAP_MM = 15.0
_SIDE_REACH_MM = 45.0
_DEPTH_REACH_MM = 55.0
# Gas of the lumen, and the voxels that it shares with the wall.
_GAS_HU, _GAS_RIM_HU = -600.0, -250.0
_SMALLEST_GAS_ML = 0.05
# Before the spine, no further aside or in front than a widened esophagus lies: in achalasia it is 4 to 6 cm wide.
_GAS_SIDE_MM, _GAS_DEPTH_MM = 35.0, 45.0
# The wall of a distended esophagus is thinner than 3 mm (Xia et al., Eur J Radiol 2009;72:406).
_WALL_MM = 3.0
# Against 1.3 for muscle all round and at most 1 for an unusual place: what is seen outweighs what is usual.
_GAS_WORTH = 2.0


def find_esophagus(
    scan: Scan,
    spine: Spine,
    trachea: BoolArray,
    carina: tuple[float, float, float],
    blocked: BoolArray,
    gas: BoolArray,
    descending_aorta: BoolArray | None,
) -> Findings:
    """Trace the esophagus from the top of the view to about the hiatus.

    Args:
        scan: The scan.
        spine: The spine, in front of which it runs.
        trachea: Lumen of the trachea, behind which it runs.
        carina: Carina as a voxel index ``(z, y, x)``.
        blocked: Voxels that it cannot hold: lungs, airways, vessels, heart, bone.
        gas: Result of ``own_gas``, through which it runs wherever there is some.
        descending_aorta: The descending aorta, beside which it runs below the carina.

    Returns:
        ``esophagus`` with source ``SURROGATE``: its place rests on its surroundings, not on its own wall.
    """
    found = Findings()
    height_mm = scan.grid.shape[0] * scan.spacing_mm
    level = scan.window(0, carina[0], _BELOW_CARINA_MM, height_mm)
    expected = _expected(scan, spine, trachea, carina, descending_aorta)[level]
    region = _region(scan, level, expected, spine.front_y[level])
    if morphology.is_empty(region):
        found.warnings.append("The esophagus was not placed: the space before the spine is not in view.")
        return found
    behind = np.arange(region[1].start, region[1].stop)[None, :, None] >= spine.front_y[level, None, None]
    free = ~(blocked[region] | behind) & scan.in_view[region]
    score = _score(scan, scan.hu[region], free, expected - np.array([region[1].start, region[2].start]))
    score += _GAS_WORTH * (gas[region] & free)
    path = best_path(score, step_cost=0.15)
    centers = ndimage.gaussian_filter1d(path.astype(float), 3.0 / scan.spacing_mm, axis=0, mode="nearest")
    mask = np.zeros(scan.grid.shape, dtype=bool)
    wall = free & ~_fat(scan.hu[region])
    mask[region] = _with_gas(scan, _tube(scan, wall, centers), gas[region] & free, wall)
    found.organ(
        "esophagus",
        _without_scraps(mask, scan),
        OrganSource.SURROGATE,
        "tube along the best path through soft tissue between airways, heart, aorta and spine",
    )
    return found


def own_gas(scan: Scan, spine: Spine, lungs: BoolArray, airways: BoolArray) -> BoolArray:
    """Gas before the spine that belongs to no airway and no lung: the esophagus' own, ``[z, y, x]``.

    Args:
        scan: The scan.
        spine: The spine.
        lungs: Both lungs.
        airways: Lumen of the airways; gas joined to it is a bronchus that was not followed.
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
    """Places in a region that lie before the vertebral bodies, as far as a widened esophagus reaches."""
    y, x = np.arange(region[1].start, region[1].stop), np.arange(region[2].start, region[2].stop)
    depth_mm = (spine.front_y[:, None] - y[None]) * scan.spacing_mm
    aside_mm = np.abs(x[None] - spine.canal[:, 1, None]) * scan.spacing_mm
    rows, columns = (depth_mm >= 0) & (depth_mm <= _GAS_DEPTH_MM), aside_mm <= _GAS_SIDE_MM
    return np.asarray(rows[:, :, None] & columns[:, None, :])


def _region(scan: Scan, level: slice, expected: FloatArray, front_y: FloatArray) -> Box:
    """Where the esophagus is looked for: before the spine and about its usual place."""
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
    """Where the esophagus usually lies, ``(y, x)`` in voxels per slice: behind the trachea, then before the spine."""
    mm = 1.0 / scan.spacing_mm
    z = np.arange(scan.grid.shape[0], dtype=float)
    side = _aorta_side(spine, descending_aorta)
    y, x = spine.front_y - 9.0 * mm, spine.canal[:, 1] + side * 4.0 * mm
    if descending_aorta is not None:
        y = _before_aorta(scan, spine, descending_aorta, y)
    known = np.flatnonzero(trachea.any(axis=(1, 2)))
    back = np.array([np.flatnonzero(trachea[k].any(axis=1))[-1] for k in known], dtype=float)
    center = np.array([np.nonzero(trachea[k].any(axis=0))[0].mean() for k in known])
    behind_y = np.minimum(np.interp(z, known, back) + 6.0 * mm, spine.front_y - 2.0 * mm)
    behind_x = np.interp(z, known, center) + side * 4.0 * mm
    above = np.clip((z - carina[0]) * scan.spacing_mm / 20.0 + 1.0, 0.0, 1.0)
    return np.stack([above * behind_y + (1 - above) * y, above * behind_x + (1 - above) * x], axis=1)


def _before_aorta(scan: Scan, spine: Spine, aorta: BoolArray, y: FloatArray) -> FloatArray:
    """Move the expected row in front of the aorta where, towards the diaphragm, that lies before the spine."""
    mm = 1.0 / scan.spacing_mm
    moved = y.copy()
    for z in np.flatnonzero(aorta.any(axis=(1, 2))):
        rows, columns = np.nonzero(aorta[z])
        beside_mm = abs(float(columns.mean()) - float(spine.canal[z, 1])) * scan.spacing_mm
        before = float(np.clip((26.0 - beside_mm) / 10.0, 0.0, 1.0))
        moved[z] = (1 - before) * y[z] + before * min(y[z], rows.min() - 6.0 * mm)
    return np.asarray(ndimage.gaussian_filter1d(moved, 6.0 * mm, mode="nearest"))


def _aorta_side(spine: Spine, descending_aorta: BoolArray | None) -> float:
    """+1 where the descending aorta lies left of the spine (or is unknown), -1 where right."""
    if descending_aorta is None:
        return 1.0
    z, _, x = np.nonzero(descending_aorta)
    return 1.0 if float(np.median(x - spine.canal[z, 1])) >= 0 else -1.0


def _score(scan: Scan, hu: np.ndarray, free: BoolArray, expected: FloatArray) -> FloatArray:
    """High where a disc of the esophagus' size is filled with muscle or holds its own air, near its usual place."""
    muscle = np.clip((hu.astype(np.float32) + 40.0) / 70.0, 0.0, 1.0)
    # Fat scores low, muscle high, and air that belongs to no airway is the esophagus' own.
    muscle = np.where(hu < -250, 1.0, np.where(hu > 130, 0.2, muscle)) * free
    size = 2 * scan.voxels(4.5) + 1
    fill = ndimage.uniform_filter(muscle, size=(max(1, scan.voxels(3.0)), size, size), mode="constant")
    y, x = np.arange(hu.shape[1])[:, None], np.arange(hu.shape[2])[None, :]
    off = np.hypot(y[None] - expected[:, 0, None, None], x[None] - expected[:, 1, None, None]) * scan.spacing_mm
    return np.asarray(fill + 0.3 * muscle - np.minimum(0.0009 * off**2, 1.0) - 2.0 * ~free)


def _fat(hu: np.ndarray) -> BoolArray:
    """Fat, which is none of the esophagus' wall."""
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), _NOISE_VOXELS)
    return np.asarray((smooth < _FAT_HU[1]) & (smooth > _FAT_HU[0]))


def _tube(scan: Scan, free: BoolArray, centers: FloatArray) -> BoolArray:
    """Free voxels within the radius of the path, in the piece of each slice that holds most of the disc."""
    y, x = np.ogrid[: free.shape[1], : free.shape[2]]
    tube = np.zeros_like(free)
    radius = _RADIUS_MM / scan.spacing_mm
    for z, (cy, cx) in enumerate(centers):
        disc = ((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & free[z]
        labels, count = ndimage.label(disc)
        if count:
            largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
            # Between the gas of the lumen and the wall lie voxels that look like fat.
            tube[z] = ndimage.binary_fill_holes(largest)
    return tube


def _without_scraps(tube: BoolArray, scan: Scan) -> BoolArray:
    """The tube without pieces too short to be any of it.

    All pieces lie on one path; where atrium and aorta press it flat a few slices hold none of it.
    """
    labels = morphology.components(tube, connectivity=26)
    boxes = label_boxes(labels)
    long = [value for value, (z, _, _) in boxes.items() if z.stop - z.start >= scan.voxels(_SCRAP_MM)]
    return np.isin(labels, long or [1])


def _with_gas(scan: Scan, tube: BoolArray, gas: BoolArray, wall: BoolArray) -> BoolArray:
    """The tube with the gas that it meets, slice by slice, and the wall round that."""
    own = connected_in_slice(gas, tube)
    if not own.any():
        return tube
    whole = tube | own | (morphology.dilate(own, _WALL_MM, scan.spacing_mm) & wall)
    return morphology.fill_slices(whole)
