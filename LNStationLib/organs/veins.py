"""Superior vena cava and right brachiocephalic vein: by contrast, else by soft tissue and usual place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.paths import best_path
from LNStationLib.organs.vessel_paths import Surroundings, trachea_edges
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_CAVA_RADIUS_MM = 8.0
"""2.0 cm2, within the 1.1 to 4.4 cm2 of 103 adults (5th to 95th percentile; Lin et al., Acad Radiol 2009, PMID
19394871)."""
_ENHANCED_RADIUS_MM = 14.0
"""The widest of these (24 mm) cut obliquely; contrast itself limits the vein."""
_CAVA_REACH_MM = 30.0
"""Around its usual places: past a cava that is displaced by its own width."""
_CAVA_BELOW_CARINA_MM, _CAVA_ABOVE_CARINA_MM = 40.0, 60.0
"""Down to the right atrium; up to the notch of a short neck, where soft tissue alone no longer shows a vein."""
_ANGLE_ABOVE_NOTCH_MM, _ANGLE_ABOVE_CARINA_MM = 25.0, 100.0
"""The right venous angle lies behind the medial end of the clavicle, above the notch; only contrast shows it."""
_CONFLUENCE_BELOW_NOTCH_MM, _CONFLUENCE_ABOVE_CARINA_MM = 22.0, 25.0
"""The cava begins behind the first right costal cartilage (Gray's Anatomy, 41st ed., ch. 55)."""
_SHORTEST_VEIN_MM = 6.0
"""Of 25 mm (same source): a tube that rises less above the confluence is the cava's end, not another vein."""
_SURROGATE_ABOVE_NOTCH_MM = 8.0
"""A tube through unenhanced tissue ends near the notch: above it muscles look the same."""
ENHANCED_SHARE = 0.55
"""Of a path: from here on it runs in an enhanced vein. Mixing and streaming leave dark stretches in most enhanced
veins."""
_DENSER_FACTOR = 1.4
"""Veins this much brighter than arterial blood carry undiluted contrast; noise and late phases stay below. Chosen on
phantoms and one real CT."""
_AROUND_ARTERY_MM = 5.0
"""Branches, false lumen and graft that an artery's mask may lack."""
_DISC_HALF_MM = 4.0
"""Half the radius of the cava: a disc that fits inside it."""
_TISSUE_WORTH, _BLOCKED_COST, _PLACE_COST_PER_MM2, _STEP_COST = 0.5, 1.0, 0.0008, 0.05
"""Against 1 for a disc full of contrast: tissue, blocked voxels, distance from the usual place (1 at 35 mm) and each
voxel of sideways movement between slices. Chosen on phantoms and one real CT."""
_FROM_TRACHEA_MM, _FROM_AORTA_MM = (-8.0, -12.0), (5.0, 10.0)
"""Usual center: in front and right of the trachea's edge; where the ascending aorta is in view, behind its center
and right of its edge. A radius of the cava and its wall; chosen on phantoms and one real CT."""
_PLACE_SMOOTH_MM = 8.0
"""Sigma along the body: no step where the ascending aorta ends."""
_NEAR_PATH_MM = 3.0
"""Lumen that starts farther from the path is another vessel."""


def with_venous_blood(
    around: Surroundings, arteries: BoolArray, cava: BoolArray, blood: float | None
) -> Surroundings:
    """Keep the enhanced blood that is not part of an artery, and block the rest.

    In the first pass of contrast the cava is far brighter than the aorta, and so is every enhanced vein. Later both
    are alike; then blood within 5 mm of a known artery belongs to it (a false lumen, a graft, a branch that its mask
    lacks).

    Args:
        around: The surroundings.
        arteries: Known arteries.
        cava: The superior vena cava that was found.
        blood: HU of arterial blood, ``None`` without contrast.
    """
    if blood is None or not cava.any():
        return around
    bright = around.bright | (cava & (around.scan.hu > blood))
    if float(np.median(around.scan.hu[cava])) > _DENSER_FACTOR * blood:
        vein = bright & (around.scan.hu > _DENSER_FACTOR * blood)
    else:
        vein = bright & ~morphology.dilate(arteries, _AROUND_ARTERY_MM, around.scan.spacing_mm)
    return replace(around, bright=vein, blocked=around.blocked | (around.bright & ~vein & ~cava))


def find_superior_vena_cava(around: Surroundings, soft: BoolArray) -> Findings:
    """Follow the superior vena cava and the right brachiocephalic vein above it in one path.

    Enhanced, it is the bright column right of the ascending aorta and in front of the trachea's right edge, taken
    from the image; unenhanced, it is a surrogate: a tube of 16 mm through the soft tissue there.
    """
    scan, found = around.scan, Findings()
    bottom = scan.window(0, around.carina[0], _CAVA_BELOW_CARINA_MM, 0.0).start
    level = slice(bottom, max(bottom, _top(around, _ANGLE_ABOVE_CARINA_MM, _ANGLE_ABOVE_NOTCH_MM)))
    expected = _expected_cava(around)[level]
    region = (level, _beside(scan, 1, expected[:, 0]), _beside(scan, 2, expected[:, 1]))
    if morphology.is_empty(region):
        return found
    bright, free = around.bright[region], ~around.blocked[region]
    local = expected - np.array([region[1].start, region[2].start])
    path, enhanced = _follow_cava(scan, bright, soft[region], free, local)
    tube = np.zeros(scan.grid.shape, dtype=bool)
    radius_mm = _ENHANCED_RADIUS_MM if enhanced else _CAVA_RADIUS_MM
    tube[region] = _around_path(scan, bright if enhanced else free, path, radius_mm)
    if not enhanced:
        tube[_top(around, _CAVA_ABOVE_CARINA_MM, _SURROGATE_ABOVE_NOTCH_MM) :] = False
    _add_cava(found, around, tube, enhanced)
    return found


def _follow_cava(
    scan: Scan, bright: BoolArray, soft: BoolArray, free: BoolArray, expected: FloatArray
) -> tuple[np.ndarray, bool]:
    """Best path ``(y, x)`` per slice of a region near the usual places, and whether it runs in enhanced blood."""
    size = 2 * scan.voxels(_DISC_HALF_MM) + 1
    lumen = ndimage.uniform_filter(bright.astype(np.float32), size=(1, size, size))
    tissue = ndimage.uniform_filter(soft.astype(np.float32), size=(1, size, size))
    y, x = np.arange(lumen.shape[1])[:, None], np.arange(lumen.shape[2])[None, :]
    off = np.hypot(y[None] - expected[:, 0, None, None], x[None] - expected[:, 1, None, None]) * scan.spacing_mm
    unusual = np.minimum(_PLACE_COST_PER_MM2 * off**2, 1.0)
    score = lumen + _TISSUE_WORTH * tissue - unusual - _BLOCKED_COST * ~free
    path = best_path(score, step_cost=_STEP_COST)
    share = float(np.mean([lumen[z, py, px] for z, (py, px) in enumerate(path)]))
    return path, share >= ENHANCED_SHARE


def _beside(scan: Scan, axis: int, places: FloatArray) -> slice:
    """Voxels around the usual places of the cava along an axis; none without places."""
    if not places.size:
        return slice(0, 0)
    low, high = float(places.min()), float(places.max())
    return scan.window(axis, low, _CAVA_REACH_MM, (high - low) * scan.spacing_mm + _CAVA_REACH_MM)


def _top(around: Surroundings, above_carina_mm: float, above_notch_mm: float) -> int:
    """Slice up to which the veins are followed."""
    top = round(around.carina[0]) + around.scan.voxels(above_carina_mm)
    if around.notch_z is not None:
        top = min(top, round(around.notch_z) + around.scan.voxels(above_notch_mm))
    return int(np.clip(top, 0, around.scan.grid.shape[0]))


def _expected_cava(around: Surroundings) -> FloatArray:
    """Usual place of the superior vena cava, ``(y, x)`` in voxels per slice."""
    mm, (back, aside) = 1.0 / around.scan.spacing_mm, _FROM_AORTA_MM
    expected = trachea_edges(around) + np.array(_FROM_TRACHEA_MM) * mm
    if around.ascending_aorta is not None:
        for z in np.flatnonzero(around.ascending_aorta.any(axis=(1, 2))):
            rows, columns = np.nonzero(around.ascending_aorta[z])
            expected[z] = rows.mean() + back * mm, columns.min() - aside * mm
    return np.asarray(ndimage.gaussian_filter1d(expected, _PLACE_SMOOTH_MM * mm, axis=0, mode="nearest"))


def _around_path(scan: Scan, allowed: BoolArray, path: np.ndarray, radius_mm: float) -> BoolArray:
    """Allowed voxels within a radius of the path, connected within the slice to its neighborhood."""
    tube = np.zeros_like(allowed)
    y, x = np.ogrid[: allowed.shape[1], : allowed.shape[2]]
    for z, (py, px) in enumerate(path):
        away = np.hypot(y - py, x - px) * scan.spacing_mm
        labels, _ = ndimage.label(allowed[z] & (away <= radius_mm))
        near = np.unique(labels[(away <= _NEAR_PATH_MM) & (labels > 0)])
        tube[z] = np.isin(labels, near) & (labels > 0)
    return tube


def _add_cava(found: Findings, around: Surroundings, tube: BoolArray, enhanced: bool) -> None:
    """Add both veins: the tube divided at the usual level of the confluence, where it goes on above it."""
    confluence = around.carina[0] + around.scan.voxels(_CONFLUENCE_ABOVE_CARINA_MM)
    if around.notch_z is not None:
        confluence = max(around.carina[0], around.notch_z - around.scan.voxels(_CONFLUENCE_BELOW_NOTCH_MM))
    level = np.arange(len(tube))[:, None, None] <= confluence
    source = OrganSource.IMAGE if enhanced else OrganSource.SURROGATE
    what = "enhanced" if enhanced else "unenhanced"
    tube = morphology.largest(tube, connectivity=26)
    if (tube & ~level).any(axis=(1, 2)).sum() * around.scan.spacing_mm < _SHORTEST_VEIN_MM:
        level = np.ones_like(level)
    found.organ("superior_vena_cava", tube & level, source, Reason(f"cava_{what}"))
    found.organ("brachiocephalic_vein_right", tube & ~level, source, Reason(f"right_vein_{what}"))
