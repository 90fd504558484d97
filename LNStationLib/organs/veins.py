"""Superior vena cava and brachiocephalic veins: by their contrast, else by soft tissue and place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.organ_set import Organ, OrganSource
from LNStationLib.organs.paths import best_path
from LNStationLib.organs.scan import Scan
from LNStationLib.organs.vessel_paths import Surroundings, cheapest, trachea_edges, tube_along
from LNStationLib.types import BoolArray, FloatArray

_CAVA_RADIUS_MM = 8.0
_CAVA_BELOW_CARINA_MM = 40.0
_CAVA_ABOVE_CARINA_MM = 60.0
# The right venous angle lies behind the medial end of the clavicle, above the notch; only contrast shows it.
_ANGLE_ABOVE_NOTCH_MM, _ANGLE_ABOVE_CARINA_MM = 25.0, 100.0
# The cava begins behind the first right costal cartilage (Gray's Anatomy, 41st ed., ch. 55).
_CONFLUENCE_BELOW_NOTCH_MM, _CONFLUENCE_ABOVE_CARINA_MM = 22.0, 25.0
_GUESS_ABOVE_NOTCH_MM = 8.0
_ENHANCED_PART = 0.55
_DENSER = 1.4
# The left brachiocephalic vein crosses behind the upper half of the manubrium (Gray's Anatomy, 41st ed., ch. 55).
CROSSING_BELOW_NOTCH_MM = 20.0
_BRACHIOCEPHALIC_RADIUS_MM = 5.5
_ENHANCED_RADIUS_MM = 9.0


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
    low = max(0, round(around.carina[0]) - scan.voxels(_CAVA_BELOW_CARINA_MM))
    high = _top(around, _ANGLE_ABOVE_CARINA_MM, _ANGLE_ABOVE_NOTCH_MM)
    expected = _expected_cava(around)[low:high]
    margin = scan.voxels(30.0)
    y0, x0 = (max(0, int(expected[:, axis].min()) - margin) for axis in (0, 1))
    y1, x1 = (int(expected[:, axis].max()) + margin + 1 for axis in (0, 1))
    region = (slice(low, high), slice(y0, y1), slice(x0, x1))
    bright, fabric, free = around.bright[region], soft[region], ~around.blocked[region]
    size = 2 * scan.voxels(4.0) + 1
    lumen = ndimage.uniform_filter(bright.astype(np.float32), size=(1, size, size))
    tissue = ndimage.uniform_filter(fabric.astype(np.float32), size=(1, size, size))
    y, x = np.arange(lumen.shape[1])[:, None], np.arange(lumen.shape[2])[None, :]
    local = expected - np.array([y0, x0])
    off = np.hypot(y[None] - local[:, 0, None, None], x[None] - local[:, 1, None, None]) * scan.spacing_mm
    score = lumen + 0.5 * tissue - np.minimum(0.0008 * off**2, 1.0) - 1.0 * ~free
    path = best_path(score, step_cost=0.05)
    enhanced = float(np.mean([lumen[z, py, px] for z, (py, px) in enumerate(path)])) >= _ENHANCED_PART
    tube = np.zeros(scan.grid.shape, dtype=bool)
    tube[region] = _around_path(scan, bright if enhanced else free, path, 14.0 if enhanced else _CAVA_RADIUS_MM)
    if not enhanced:
        tube[_top(around, _CAVA_ABOVE_CARINA_MM, _GUESS_ABOVE_NOTCH_MM) :] = False
    _add_cava(found, around, tube, enhanced)
    return found


def _top(around: Surroundings, above_carina_mm: float, above_notch_mm: float) -> int:
    """Slice to which the veins are followed."""
    top = round(around.carina[0]) + around.scan.voxels(above_carina_mm)
    if around.notch_z is not None:
        top = min(top, round(around.notch_z) + around.scan.voxels(above_notch_mm))
    return min(around.scan.grid.shape[0], top)


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


def find_brachiocephalic_vein_left(around: Surroundings, soft: BoolArray, cava: BoolArray, left_x: float) -> Findings:
    """Trace the left brachiocephalic vein from the cava to behind the left clavicle's head.

    Args:
        around: The surroundings.
        soft: Soft tissue that may be vein.
        cava: Superior vena cava with the right brachiocephalic vein.
        left_x: Column (voxel index) behind the head of the left clavicle, where the vein begins.

    Returns:
        ``brachiocephalic_vein_left`` and the landmark ``left_brachiocephalic_vein_crossing``, where its caudal
        margin crosses the front of the trachea; nothing where the top of the view lies too low.
    """
    found, scan = Findings(), around.scan
    if around.notch_z is None:
        return found
    notch, edges = round(around.notch_z), trachea_edges(around)
    low, high = max(0, notch - scan.voxels(40.0)), min(scan.grid.shape[0], notch + scan.voxels(18.0))
    front = round(float(edges[low:high, 0].min()))
    right = max(0, round(float(edges[low:high, 1].min())) - scan.voxels(30.0))
    region = (
        slice(low, high),
        slice(max(0, front - scan.voxels(60.0)), front + scan.voxels(8.0)),
        slice(right, min(scan.grid.shape[2], round(left_x) + scan.voxels(12.0))),
    )
    start = cava[region].copy()
    # It joins in the upper mediastinum, not at the heart.
    start[: max(0, notch - scan.voxels(32.0) - low)] = False
    goal = _left_end(around, region, soft, left_x, notch)
    path = cheapest(around, region, soft, start, goal)
    if path is None:
        return found
    bright = float(np.mean(around.bright[tuple(path.T)]))
    if bright > _ENHANCED_PART:
        tube = tube_along(scan, path, region, around.blocked | cava | ~around.bright, _ENHANCED_RADIUS_MM)
    else:
        tube = tube_along(scan, path, region, around.blocked | cava, _BRACHIOCEPHALIC_RADIUS_MM)
    source = OrganSource.IMAGE if bright > _ENHANCED_PART else OrganSource.SURROGATE
    detail = "enhanced" if bright > _ENHANCED_PART else "best path through unenhanced soft tissue"
    found.organ("brachiocephalic_vein_left", tube, source, f"{detail} from cava to left clavicle")
    _add_crossing(found, around, tube, source)
    return found


def _left_end(
    around: Surroundings, region: tuple[slice, ...], soft: BoolArray, left_x: float, notch: int
) -> BoolArray:
    """Soft tissue behind the head of the left clavicle, at and above the notch."""
    goal = (soft | around.bright)[region].copy()
    z, _, x = (np.arange(s.start, s.stop) for s in region)
    columns = np.abs(x - left_x) * around.scan.spacing_mm <= 5.0
    slices = (z >= notch - around.scan.voxels(2.0)) & (z <= notch + around.scan.voxels(14.0))
    goal &= slices[:, None, None] & columns[None, None, :]
    return goal


def crossing_of(vein: Organ, around: Surroundings) -> Findings:
    """The landmark ``left_brachiocephalic_vein_crossing`` of a vein that is known already."""
    found = Findings()
    source = OrganSource.DERIVED if vein.source is OrganSource.SUPPLIED else vein.source
    _add_crossing(found, around, vein.mask, source)
    return found


def _add_crossing(found: Findings, around: Surroundings, vein: BoolArray, source: OrganSource) -> None:
    columns = np.flatnonzero(around.trachea.any(axis=(0, 1)))
    known = np.flatnonzero(around.trachea.any(axis=(1, 2)))
    steady = around.trachea[known[len(known) // 2] :]
    columns = np.flatnonzero(steady.any(axis=(0, 1))) if steady.any() else columns
    part = vein[:, :, columns[0] : columns[-1] + 1]
    if not part.any():
        return
    # Per column the lowest voxel of the vein; their median is the caudal margin at the trachea.
    z, _, x = np.nonzero(part)
    lowest = [int(z[x == column].min()) for column in np.unique(x)]
    level = float(np.median(lowest))
    y = float(np.nonzero(part[round(level) : round(level) + 2])[1].mean())
    middle = float(columns.mean())
    found.landmark(
        "left_brachiocephalic_vein_crossing",
        (level, y, middle),
        around.scan.grid,
        source,
        "caudal margin of the left brachiocephalic vein in front of the trachea",
    )


def add_crossing_surrogate(found: Findings, around: Surroundings, arch_top_z: float | None) -> None:
    """The crossing at its usual level where the vein was not found."""
    edges = trachea_edges(around)
    if around.notch_z is not None:
        z = around.notch_z - CROSSING_BELOW_NOTCH_MM / around.scan.spacing_mm
        detail = f"{CROSSING_BELOW_NOTCH_MM:.0f} mm below the upper border of the manubrium"
    elif arch_top_z is not None:
        z, detail = arch_top_z, "at the top of the aortic arch"
    else:
        found.warnings.append(
            "The crossing of trachea and left brachiocephalic vein lies above the CT or is unknown."
        )
        return
    row = int(np.clip(round(z), 0, len(edges) - 1))
    middle = float(np.nonzero(around.trachea)[2].mean())
    found.landmark(
        "left_brachiocephalic_vein_crossing",
        (z, float(edges[row, 0]), middle),
        around.scan.grid,
        OrganSource.SURROGATE,
        detail,
    )
    found.warnings.append(f"The left brachiocephalic vein was not seen; its crossing was placed {detail}.")
