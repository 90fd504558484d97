"""Superior vena cava and right brachiocephalic vein: by their contrast, else by soft tissue and place."""

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
from LNStationLib.support.types import BoolArray, FloatArray

_CAVA_RADIUS_MM = 8.0
_CAVA_REACH_MM = 30.0
_CAVA_BELOW_CARINA_MM = 40.0
_CAVA_ABOVE_CARINA_MM = 60.0
# The right venous angle lies behind the medial end of the clavicle, above the notch; only contrast shows it.
_ANGLE_ABOVE_NOTCH_MM, _ANGLE_ABOVE_CARINA_MM = 25.0, 100.0
# The cava begins behind the first right costal cartilage (Gray's Anatomy, 41st ed., ch. 55).
_CONFLUENCE_BELOW_NOTCH_MM, _CONFLUENCE_ABOVE_CARINA_MM = 22.0, 25.0
_GUESS_ABOVE_NOTCH_MM = 8.0
ENHANCED_PART = 0.55
"""Enhanced share of a path from which on it runs in an enhanced vein."""
_DENSER = 1.4


def with_venous_blood(
    around: Surroundings, arteries: BoolArray, cava: BoolArray, blood: float | None
) -> Surroundings:
    """Take from the enhanced blood what is no part of an artery, and block the rest.

    In the first pass of contrast the cava is far brighter than the aorta: then so is every enhanced vein. Later both
    are alike; then what lies within 5 mm of a known artery is more of it than its mask holds (a false lumen, a
    graft, a branch).

    Args:
        around: The surroundings.
        arteries: Known arteries.
        cava: The superior vena cava that was found.
        blood: HU of arterial blood, ``None`` without contrast.
    """
    if blood is None or not cava.any():
        return around
    bright = around.bright | (cava & (around.scan.hu > blood))
    if float(np.median(around.scan.hu[cava])) > _DENSER * blood:
        vein = bright & (around.scan.hu > _DENSER * blood)
    else:
        vein = bright & ~morphology.dilate(arteries, 5.0, around.scan.spacing_mm)
    return replace(around, bright=vein, blocked=around.blocked | (around.bright & ~vein & ~cava))


def find_superior_vena_cava(around: Surroundings, soft: BoolArray) -> Findings:
    """Follow the superior vena cava and the right brachiocephalic vein above it in one path.

    Enhanced, it is the bright column right of the ascending aorta and in front of the trachea's right edge, and
    taken from the image; unenhanced, a tube of 16 mm through the soft tissue there, named a surrogate.
    """
    scan, found = around.scan, Findings()
    bottom = scan.window(0, around.carina[0], _CAVA_BELOW_CARINA_MM, 0.0).start
    level = slice(bottom, max(bottom, _top(around, _ANGLE_ABOVE_CARINA_MM, _ANGLE_ABOVE_NOTCH_MM)))
    expected = _expected_cava(around)[level]
    region = (level, _beside(scan, 1, expected[:, 0]), _beside(scan, 2, expected[:, 1]))
    if morphology.is_empty(region):
        return found
    bright, fabric, free = around.bright[region], soft[region], ~around.blocked[region]
    size = 2 * scan.voxels(4.0) + 1
    lumen = ndimage.uniform_filter(bright.astype(np.float32), size=(1, size, size))
    tissue = ndimage.uniform_filter(fabric.astype(np.float32), size=(1, size, size))
    y, x = np.arange(lumen.shape[1])[:, None], np.arange(lumen.shape[2])[None, :]
    local = expected - np.array([region[1].start, region[2].start])
    off = np.hypot(y[None] - local[:, 0, None, None], x[None] - local[:, 1, None, None]) * scan.spacing_mm
    score = lumen + 0.5 * tissue - np.minimum(0.0008 * off**2, 1.0) - 1.0 * ~free
    path = best_path(score, step_cost=0.05)
    enhanced = float(np.mean([lumen[z, py, px] for z, (py, px) in enumerate(path)])) >= ENHANCED_PART
    tube = np.zeros(scan.grid.shape, dtype=bool)
    tube[region] = _around_path(scan, bright if enhanced else free, path, 14.0 if enhanced else _CAVA_RADIUS_MM)
    if not enhanced:
        tube[_top(around, _CAVA_ABOVE_CARINA_MM, _GUESS_ABOVE_NOTCH_MM) :] = False
    _add_cava(found, around, tube, enhanced)
    return found


def _beside(scan: Scan, axis: int, places: FloatArray) -> slice:
    """Voxels about the usual places of the cava along an axis; none without places."""
    if not places.size:
        return slice(0, 0)
    low, high = float(places.min()), float(places.max())
    return scan.window(axis, low, _CAVA_REACH_MM, (high - low) * scan.spacing_mm + _CAVA_REACH_MM)


def _top(around: Surroundings, above_carina_mm: float, above_notch_mm: float) -> int:
    """Slice to which the veins are followed."""
    top = round(around.carina[0]) + around.scan.voxels(above_carina_mm)
    if around.notch_z is not None:
        top = min(top, round(around.notch_z) + around.scan.voxels(above_notch_mm))
    return int(np.clip(top, 0, around.scan.grid.shape[0]))


def _expected_cava(around: Surroundings) -> FloatArray:
    """Usual place of the superior vena cava, ``(y, x)`` in voxels per slice."""
    mm = 1.0 / around.scan.spacing_mm
    expected = trachea_edges(around) + np.array([-8.0, -12.0]) * mm
    if around.ascending_aorta is not None:
        for z in np.flatnonzero(around.ascending_aorta.any(axis=(1, 2))):
            rows, columns = np.nonzero(around.ascending_aorta[z])
            expected[z] = rows.mean() + 5.0 * mm, columns.min() - 10.0 * mm
    return np.asarray(ndimage.gaussian_filter1d(expected, 8.0 * mm, axis=0, mode="nearest"))


def _around_path(scan: Scan, allowed: BoolArray, path: np.ndarray, radius_mm: float) -> BoolArray:
    """Allowed voxels within a radius of the path, connected in the slice to its neighborhood."""
    tube = np.zeros_like(allowed)
    y, x = np.ogrid[: allowed.shape[1], : allowed.shape[2]]
    for z, (py, px) in enumerate(path):
        away = np.hypot(y - py, x - px) * scan.spacing_mm
        labels, _ = ndimage.label(allowed[z] & (away <= radius_mm))
        near = np.unique(labels[(away <= 3.0) & (labels > 0)])
        tube[z] = np.isin(labels, near) & (labels > 0)
    return tube


def _add_cava(found: Findings, around: Surroundings, tube: BoolArray, enhanced: bool) -> None:
    """Divide the tube at the usual level of the confluence."""
    confluence = around.carina[0] + around.scan.voxels(_CONFLUENCE_ABOVE_CARINA_MM)
    if around.notch_z is not None:
        confluence = max(around.carina[0], around.notch_z - around.scan.voxels(_CONFLUENCE_BELOW_NOTCH_MM))
    level = np.arange(len(tube))[:, None, None] <= confluence
    source = OrganSource.IMAGE if enhanced else OrganSource.SURROGATE
    what = "enhanced column" if enhanced else "tube through unenhanced soft tissue"
    tube = morphology.largest(tube, connectivity=26)
    found.organ("superior_vena_cava", tube & level, source, f"{what} right of the ascending aorta")
    found.organ("brachiocephalic_vein_right", tube & ~level, source, f"{what} above the superior vena cava")
