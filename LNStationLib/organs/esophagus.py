"""The esophagus as a tube along the best path through soft tissue between airways, heart and spine."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.organ_set import OrganSource
from LNStationLib.organs.paths import best_path
from LNStationLib.organs.scan import Scan
from LNStationLib.organs.spine import Spine
from LNStationLib.types import BoolArray, FloatArray

# The hiatus lies at T10, about 13 cm below the carina.
# A collapsed esophagus is about 2 cm wide and 1 cm deep (Gray's Anatomy, 41st ed., ch. 55).
_RADIUS_MM = 7.5
_FAT_HU = (-150.0, -30.0)
_NOISE_VOXELS = 0.7
_BELOW_CARINA_MM = 130.0
_SIDE_REACH_MM = 45.0
_DEPTH_REACH_MM = 55.0


def find_esophagus(
    scan: Scan,
    spine: Spine,
    trachea: BoolArray,
    carina: tuple[float, float, float],
    blocked: BoolArray,
    descending_aorta: BoolArray | None,
) -> Findings:
    """Trace the esophagus from the top of the view to about the hiatus.

    Args:
        scan: The scan.
        spine: The spine, in front of which it runs.
        trachea: Lumen of the trachea, behind which it runs.
        carina: Carina as a voxel index ``(z, y, x)``.
        blocked: Voxels that it cannot hold: lungs, airways, vessels, heart, bone.
        descending_aorta: The descending aorta, beside which it runs below the carina.

    Returns:
        ``esophagus`` with source ``SURROGATE``: its place rests on its surroundings, not on its own wall.
    """
    found = Findings()
    low = max(0, round(carina[0]) - scan.voxels(_BELOW_CARINA_MM))
    high = scan.grid.shape[0]
    expected = _expected(scan, spine, trachea, carina, descending_aorta)[low:high]
    y0 = max(0, int(min(spine.front_y[low:high].min(), expected[:, 0].min()) - scan.voxels(_DEPTH_REACH_MM)))
    y1 = min(scan.grid.shape[1], int(spine.front_y[low:high].max()) + 1)
    reach = scan.voxels(_SIDE_REACH_MM)
    middle = round(float(expected[:, 1].mean()))
    x0, x1 = max(0, middle - reach), min(scan.grid.shape[2], middle + reach + 1)
    region = (slice(low, high), slice(y0, y1), slice(x0, x1))
    behind = np.arange(y0, y1)[None, :, None] >= spine.front_y[low:high, None, None]
    free = ~(blocked[region] | behind) & scan.in_view[region]
    score = _score(scan, scan.hu[region], free, expected - np.array([y0, x0]))
    path = best_path(score, step_cost=0.15)
    centers = ndimage.gaussian_filter1d(path.astype(float), 3.0 / scan.spacing_mm, axis=0, mode="nearest")
    mask = np.zeros(scan.grid.shape, dtype=bool)
    mask[region] = _tube(scan, free & ~_fat(scan.hu[region]), centers)
    found.organ(
        "esophagus",
        morphology.largest(mask, connectivity=26) if mask.any() else None,
        OrganSource.SURROGATE,
        "tube along the best path through soft tissue between airways, heart, aorta and spine",
    )
    return found


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
