"""Aorta, pulmonary artery and heart from their contrast enhancement, where no masks were supplied."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from scipy import ndimage

from LNStationLib.imaging.growing import close_by_disk
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.paths import best_path
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_ENHANCED_HU = 130
"""Unenhanced blood is 30 to 65 HU; enhanced lymph nodes stay below about 120 HU."""
_SMALLEST_BLOOD_ML = 100.0
"""Heart and great vessels hold several times as much; less is calcification or the edge of bone, not contrast."""
_CORE_VOXELS = 2.0
"""Away from the rim, whose voxels share wall and fat."""
_WALL_MM = 2.0
"""Wall and partial volume at the rim of a lumen; bridges twice as wide between vessels are cut too."""
_RIM_VOXELS = 1.5
"""Rim of a neighboring vessel, whose voxels are blurred by partial volume."""
_MUSCLE_HU = 55.0
"""Muscle, and the wall of vessels and heart."""
_THRESHOLD_HU = (130.0, 150.0)
"""Halfway between muscle and blood, but never into enhanced nodes, nor so high that diluted blood is lost."""
_GAP_RADIUS_MM = 2.5
"""Flaps, stent struts and noise leave gaps up to 5 mm wide that would make a lumen look narrow."""
_RADIUS_CAP_MM = 15.0
"""Aortas are 20 to 45 mm wide (Gray's Anatomy, 41st ed., ch. 55); beyond 30 mm a wider disc is not a better one."""
_SMALLEST_RADIUS_MM = 6.0
"""Branches of the arch stay under 15 mm, segmental arteries far under 12 mm; an adult aorta does not."""
_SMALLEST_ARCH_MM2 = 250.0
"""A circle of 18 mm: larger than any branch of the arch, smaller than the arch cut across."""
_STEP_GROWTH_MM = 4.0
"""How far the arch may spread from slice to slice; farther, it would take in veins beside it. Chosen on phantoms and
one real CT."""
_ARCH_ABOVE_COLUMN_MM = 80.0
"""A cap only: the arch usually ends 3 to 4 cm above the carina, and the search stops there."""
_ARTERIAL_FACTOR, _ARTERIAL_MARGIN_HU = 1.5, 50.0
"""Undiluted contrast in the first pass is several times brighter than arterial blood; noise and mixing reach 1.5
times and 50 HU. Chosen on phantoms and one real CT."""
_STENT_HALF_MM, _CONTRAST_RIM_MM, _CONTRAST_RIM_HU = 3.0, 4.5, 100
"""Stents and calcified plaques are thinner than 6 mm, an opacified vein is wider; its rim is blurred by about 100
HU."""
_PLACE_COST_PER_MM2 = 0.0009
"""A place 33 mm from the usual one costs as much as a full disc is worth; chosen on phantoms and one real CT."""
_STEP_COST = 0.08
"""Per voxel of sideways movement between slices, against 1 for a full disc; chosen on phantoms and one real CT."""
_COLUMN_FACTOR, _ASCENDING_FACTOR = 1.5, 1.3
"""Times the typical radius: an ectatic segment stays inside, touching vessels stay out; the ascending aorta touches
superior vena cava and pulmonary trunk, so less is allowed there."""
_RADIUS_MEDIAN_MM = 21.0
"""A vertebral level: irregular single slices do not change the typical radius."""
_DESCENDING_BELOW_CARINA_MM, _ABOVE_CARINA_MM = 110.0, 6.0
"""Most of the descending aorta (its hiatus lies lower, at T12); 6 mm above the carina is still below the arch."""
_DESCENDING_PLACE_MM, _DESCENDING_REACH_MM = (2.0, 20.0), 42.0
"""Usual center behind the front of the vertebral bodies and beside the canal's middle (a body is 15 mm, the aorta 12
mm in half width); the search allows a tortuous aorta in front of the spine."""
_DESCENDING_SOLID_SHARE, _ASCENDING_SOLID_SHARE = 0.5, 0.8
"""Of the slices, with a disc of at least 6 mm radius: tortuous and dissected columns leave gaps, but the 3 cm of
ascending aorta are straight. Chosen on phantoms and one real CT."""
_ASCENDING_BELOW_CARINA_MM = 30.0
"""Lower down the ascending aorta curves into the root and the heart."""
_ASCENDING_PLACE_MM, _ASCENDING_REACH_MM = (42.0, 4.0), 40.0
"""Usual center in front of the carina and to the aorta's side of it; chosen on phantoms and one real CT."""
_PULMONARY_LEVEL_MM = (25.0, 12.0)
"""Below and above the carina: lower down the artery meets the left atrium, which is equally bright."""
_AORTA_SECTION_MM = (10.0, -10.0)
"""Level of the ascending aorta's section from which the trunk is sought."""
_THIN_VESSEL_MM = 3.5
"""Half the width of what is left out: lobar branches; the main branches are 16 mm and more (J Korean Radiol Soc
1989;25:228)."""
_TRUNK_PLACE_MM, _TRUNK_SEED_MM = (4.0, 15.0), 8.0
"""The trunk's center lies behind the aorta's center and half its width (27 ± 3 mm, Br J Radiol 1998;71:1018) beside
its edge; the seed stays inside it."""
_CAVA_BEFORE_CARINA_MM = 14.0
"""Rows in front of this on the aorta's other side hold the superior vena cava; the right pulmonary artery lies
behind."""
_SMALLEST_PULMONARY_ML = 10.0
"""Trunk and right branch (27 and 24 mm wide) hold about 40 ml in this range; less is a vein or an appendage."""
_HEART_LEVEL_MM = (125.0, 25.0)
"""Below the carina, from the diaphragm to where the pulmonary artery ends."""
_CHAMBER_HALF_MM, _SMALLEST_CHAMBERS_ML = 5.0, 80.0
"""Chambers are wider than 10 mm, coronary vessels and veins are not; with less blood than this no heart is outlined.
Chosen on phantoms and one real CT."""
_MYOCARDIUM_MM, _MYOCARDIUM_HU = 9.0, (20, 400)
"""Left ventricular wall up to 12 mm; muscle with or without contrast, but not fat, calcium or metal."""
_HEART_OPENING_MM, _HEART_CLOSING_MM, _HEART_ABOVE_HU = 3.0, 6.0, -50
"""Smooth the outline: strands of muscle under 6 mm go, fat in the grooves stays out. Chosen on phantoms and one real
CT."""


@dataclass(frozen=True)
class BloodPool:
    """Enhanced blood of the mediastinum.

    Attributes:
        scan: The scan.
        mask: Voxels as bright as enhanced blood, without bone, in the mediastinum and beside the spine.
        carina: Carina as a voxel index ``(z, y, x)``.
        spine: The spine.
    """

    scan: Scan
    mask: BoolArray
    carina: tuple[float, float, float]
    spine: Spine


def blood_pool(
    scan: Scan, mediastinum: BoolArray, bones: BoolArray, carina: tuple[float, float, float], spine: Spine
) -> BloodPool | None:
    """The enhanced blood of the mediastinum; ``None`` for a CT without contrast."""
    region = mediastinum & ~bones
    bright = region & (scan.hu > _ENHANCED_HU)
    if bright.sum() * scan.grid.voxel_volume_ml < _SMALLEST_BLOOD_ML:
        return None
    core = morphology.erode(bright, _CORE_VOXELS * scan.spacing_mm, scan.spacing_mm)
    if not core.any():
        return None
    threshold = float(np.clip((np.median(scan.hu[core]) + _MUSCLE_HU) / 2, *_THRESHOLD_HU))
    bright = region & (scan.hu > threshold)
    closed = close_by_disk(bright, scan.voxels(_GAP_RADIUS_MM) ** 2)
    return BloodPool(scan, morphology.fill_slices(closed) & region, carina, spine)


def _disc(radius: int) -> BoolArray:
    """A disc in the axial plane as a structuring element."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray((y**2 + x**2 <= radius**2)[None])


def find_aorta(pool: BloodPool) -> Findings:
    """Find the aorta: a round column beside the spine, one in front of the carina, and the arch that joins them.

    Returns:
        ``aorta`` with source ``IMAGE``; only a warning where the columns were not found.
    """
    found, scan = Findings(), pool.scan
    descending = _descending(pool)
    if descending is None:
        found.warn("no_enhanced_aorta")
        return found
    core = morphology.erode(descending, _WALL_MM, scan.spacing_mm)
    blood = float(np.median(scan.hu[core if core.any() else descending]))
    arterial = pool.mask & ~_denser(scan, _ARTERIAL_FACTOR * blood + _ARTERIAL_MARGIN_HU)
    ascending = _ascending(pool, arterial, _side(pool, descending))
    if ascending is None:
        found.warn("no_enhanced_ascending_aorta")
        return found
    aorta = _join(pool, arterial, ascending, descending)
    aorta = morphology.dilate(aorta, 0.5 * scan.spacing_mm, scan.spacing_mm)
    how = Reason("enhanced_aorta", {"blood_hu": float(blood)})
    found.organ("aorta", morphology.largest(aorta), OrganSource.IMAGE, how)
    return found


def _denser(scan: Scan, hu: float) -> BoolArray:
    """Undiluted contrast, as in the superior vena cava beside the aorta; thin stents and calcium do not count."""
    core = morphology.erode(scan.hu > hu, _STENT_HALF_MM, scan.spacing_mm)
    return morphology.dilate(core, _CONTRAST_RIM_MM, scan.spacing_mm) & (scan.hu > hu - _CONTRAST_RIM_HU)


def _radii(mask: BoolArray, spacing_mm: float) -> FloatArray:
    """Radius in mm of the largest axial disc around every voxel that fits into a mask."""
    return np.stack(
        [edt.edt(cut, anisotropy=(spacing_mm, spacing_mm), black_border=False, parallel=1) for cut in mask]
    )


def _track(
    pool: BloodPool, mask: BoolArray, level: slice, expected: FloatArray, reach_mm: float
) -> tuple[np.ndarray, FloatArray] | None:
    """Best path of disc centers near an expected place.

    Args:
        pool: The enhanced blood.
        mask: Where the discs may lie.
        level: Slices to follow.
        expected: Usual center ``(y, x)`` in voxels in each of them.
        reach_mm: How far from the usual places to search.

    Returns:
        ``(y, x)`` per slice of ``level`` and the discs' radii in mm; ``None`` where none of it is in view.
    """
    scan = pool.scan
    if level.stop <= level.start:
        return None
    rows, columns = (_span(scan, 1 + axis, expected[:, axis], reach_mm) for axis in (0, 1))
    if morphology.is_empty((level, rows, columns)):
        return None
    y0, x0 = rows.start, columns.start
    radii = _radii(mask[level, rows, columns], scan.spacing_mm)
    y, x = np.arange(radii.shape[1])[:, None], np.arange(radii.shape[2])[None, :]
    off = np.hypot(y[None] - expected[:, 0, None, None] + y0, x[None] - expected[:, 1, None, None] + x0)
    score = np.minimum(radii, _RADIUS_CAP_MM) / _RADIUS_CAP_MM - _PLACE_COST_PER_MM2 * (off * scan.spacing_mm) ** 2
    path = best_path(score, step_cost=_STEP_COST)
    found = np.array([radii[z, py, px] for z, (py, px) in enumerate(path)])
    return path + np.array([y0, x0]), found


def _span(scan: Scan, axis: int, places: FloatArray, reach_mm: float) -> slice:
    """Voxels around some places along an axis."""
    low, high = float(places.min()), float(places.max())
    return scan.window(axis, low, reach_mm, (high - low) * scan.spacing_mm + reach_mm)


def _columns(
    scan: Scan, mask: BoolArray, low: int, centers: np.ndarray, radii: FloatArray, widest: float = _COLUMN_FACTOR
) -> BoolArray:
    """Voxels of a mask around every center, to ``widest`` times the typical radius, connected in the slice."""
    column = np.zeros_like(mask)
    y, x = np.ogrid[: mask.shape[1], : mask.shape[2]]
    usual = ndimage.median_filter(radii, min(len(radii), scan.voxels(_RADIUS_MEDIAN_MM)))
    for step, ((cy, cx), radius) in enumerate(zip(centers, usual, strict=True)):
        limit = max(widest * radius, _SMALLEST_RADIUS_MM)
        near = mask[low + step] & (np.hypot(y - cy, x - cx) * scan.spacing_mm <= limit)
        labels, _ = ndimage.label(near)
        if labels[cy, cx]:
            column[low + step] = labels == labels[cy, cx]
    return column


def _descending(pool: BloodPool) -> BoolArray | None:
    """The column beside the spine up to the level of the carina, on the side where it is rounder."""
    scan = pool.scan
    level = scan.window(0, pool.carina[0], _DESCENDING_BELOW_CARINA_MM, _ABOVE_CARINA_MM)
    best, best_score = None, 0.0
    for side in (1.0, -1.0):
        mm, (back, aside) = 1.0 / scan.spacing_mm, _DESCENDING_PLACE_MM
        expected = np.stack([pool.spine.front_y + back * mm, pool.spine.canal[:, 1] + side * aside * mm], axis=1)
        track = _track(pool, pool.mask, level, expected[level], _DESCENDING_REACH_MM)
        if track is None:
            continue
        centers, radii = track
        solid = float((radii >= _SMALLEST_RADIUS_MM).mean())
        score = solid * float(np.minimum(radii, _RADIUS_CAP_MM).mean())
        if solid > _DESCENDING_SOLID_SHARE and score > best_score:
            best, best_score = _columns(scan, pool.mask, level.start, centers, radii), score
    return None if best is None or not best.any() else morphology.largest(best)


def _side(pool: BloodPool, aorta: BoolArray) -> float:
    """+1 where the part of the aorta behind the carina lies left of the spine, as usual; -1 where right."""
    z, y, x = np.nonzero(aorta)
    behind = y > pool.carina[1]
    if not behind.any():
        return 1.0
    return 1.0 if float(np.median((x - pool.spine.canal[z, 1])[behind])) >= 0 else -1.0


def _ascending(pool: BloodPool, arterial: BoolArray, side: float) -> BoolArray | None:
    """The column in front of the carina, from 3 cm below it to a little above."""
    scan, mm = pool.scan, 1.0 / pool.scan.spacing_mm
    level = scan.window(0, pool.carina[0], _ASCENDING_BELOW_CARINA_MM, _ABOVE_CARINA_MM)
    front, aside = _ASCENDING_PLACE_MM
    place = np.array([pool.carina[1] - front * mm, pool.carina[2] + side * aside * mm])
    expected = np.repeat(place[None, :], level.stop - level.start, axis=0)
    track = _track(pool, arterial, level, expected, _ASCENDING_REACH_MM)
    if track is None or float((track[1] >= _SMALLEST_RADIUS_MM).mean()) < _ASCENDING_SOLID_SHARE:
        return None
    column = _columns(scan, arterial, level.start, *track, widest=_ASCENDING_FACTOR)
    return column if column.any() else None


def _join(pool: BloodPool, arterial: BoolArray, ascending: BoolArray, descending: BoolArray) -> BoolArray:
    """Follow both columns upwards slice by slice until they meet in the arch and the arch ends."""
    scan = pool.scan
    aorta = ascending | descending
    top = int(np.flatnonzero(ascending.any(axis=(1, 2)))[-1])
    parts = [ascending[top], descending[top]]
    for z in range(top + 1, min(scan.grid.shape[0], top + scan.voxels(_ARCH_ABOVE_COLUMN_MM))):
        parts = _carry_up(scan, arterial[z], parts)
        if not parts:
            break
        aorta[z] = np.logical_or.reduce(parts)
    return aorta


def _carry_up(scan: Scan, cut: BoolArray, parts: list[BoolArray]) -> list[BoolArray]:
    """The parts of the aorta one slice higher: both columns, or the one arch once they have met."""
    near = ndimage.distance_transform_edt(~np.logical_or.reduce(parts)) * scan.spacing_mm <= _STEP_GROWTH_MM
    smooth = ndimage.binary_opening(cut, structure=_disc(scan.voxels(_WALL_MM))[0])
    labels, count = ndimage.label(smooth & near)
    areas = np.bincount(labels.ravel(), minlength=count + 1) * scan.spacing_mm**2
    found = []
    for part in parts:
        overlap = np.bincount(labels[part], minlength=count + 1)
        overlap[0] = 0
        overlap[areas < _SMALLEST_ARCH_MM2] = 0
        if overlap.any():
            found.append(int(np.argmax(overlap)))
    # Branches that leave the arch are not followed: one part stays one part.
    return [labels == value for value in dict.fromkeys(found)]


def find_pulmonary_artery(pool: BloodPool, aorta: BoolArray) -> Findings:
    """Find the pulmonary trunk left of the ascending aorta with the main branches that leave it.

    The search runs from 25 mm below to 12 mm above the carina: lower down the artery meets the left atrium, which is
    equally bright.
    """
    found, scan = Findings(), pool.scan
    # The ascending aorta 10 mm below the carina; it may lie below the view.
    section = np.asarray(aorta[scan.window(0, pool.carina[0], *_AORTA_SECTION_MM)].any(axis=0))
    section[round(pool.carina[1]) :] = False
    if not section.any():
        return found
    side = _side(pool, aorta)
    level = scan.window(0, pool.carina[0], *_PULMONARY_LEVEL_MM)
    thick = _thick_blood(pool, aorta, level) & ~_beside_cava(pool, section, side)[None]
    artery = morphology.connected_to(thick, _trunk_seed(scan, section, level, side) & thick)
    if artery.sum() * scan.grid.voxel_volume_ml < _SMALLEST_PULMONARY_ML:
        found.warn("no_enhanced_pulmonary_artery")
        return found
    found.organ("pulmonary_artery", artery, OrganSource.IMAGE, Reason("enhanced_pulmonary_trunk"))
    return found


def _thick_blood(pool: BloodPool, aorta: BoolArray, level: slice) -> BoolArray:
    """Enhanced blood outside the aorta within some slices, without thin vessels."""
    spacing_mm = pool.scan.spacing_mm
    free = pool.mask & ~morphology.dilate(aorta, _RIM_VOXELS * spacing_mm, spacing_mm)
    free[: level.start] = False
    free[level.stop :] = False
    return morphology.open_(free, _THIN_VESSEL_MM, spacing_mm)


def _trunk_seed(scan: Scan, section: BoolArray, level: slice, side: float) -> BoolArray:
    """A box in the pulmonary trunk, beside the section ``[y, x]`` of the ascending aorta."""
    rows, columns = np.nonzero(section)
    edge = columns.max() if side > 0 else columns.min()
    mm, (back, aside) = 1.0 / scan.spacing_mm, _TRUNK_PLACE_MM
    row = scan.window(1, float(rows.mean()) + back * mm, _TRUNK_SEED_MM, _TRUNK_SEED_MM)
    column = scan.window(2, float(edge) + side * aside * mm, _TRUNK_SEED_MM, _TRUNK_SEED_MM)
    seed = np.zeros(scan.grid.shape, dtype=bool)
    seed[level, row, column] = True
    return seed


def _beside_cava(pool: BloodPool, section: BoolArray, side: float) -> BoolArray:
    """Where the cava runs: in front of the carina, on the other side of the aorta's section; ``[y, x]``."""
    y, x = (np.arange(size) for size in section.shape)
    columns = np.flatnonzero(section.any(axis=0))
    other = x < columns[0] if side > 0 else x > columns[-1]
    front = y < pool.carina[1] - _CAVA_BEFORE_CARINA_MM * (1.0 / pool.scan.spacing_mm)
    return np.asarray(front[:, None] & other[None, :])


def find_heart(pool: BloodPool, known: BoolArray) -> Findings:
    """A rough heart: the blood below the pulmonary artery with the muscle around it."""
    found, scan = Findings(), pool.scan
    low, high = (max(0, round(pool.carina[0]) - scan.voxels(depth)) for depth in _HEART_LEVEL_MM)
    chambers = pool.mask & ~morphology.dilate(known, scan.spacing_mm, scan.spacing_mm)
    chambers[high:] = False
    chambers[:low] = False
    chambers = morphology.largest(morphology.open_(chambers, _CHAMBER_HALF_MM, scan.spacing_mm))
    if chambers.sum() * scan.grid.voxel_volume_ml < _SMALLEST_CHAMBERS_ML:
        return found
    heart = morphology.close(chambers | _myocardium(scan, chambers), _HEART_CLOSING_MM, scan.spacing_mm)
    heart &= ~known & (scan.hu > _HEART_ABOVE_HU)
    found.organ("heart", morphology.largest(heart), OrganSource.IMAGE, Reason("rough_heart"))
    return found


def _myocardium(scan: Scan, chambers: BoolArray) -> BoolArray:
    """Muscle around the chambers."""
    low, high = _MYOCARDIUM_HU
    muscle = (scan.hu > low) & (scan.hu < high) & morphology.dilate(chambers, _MYOCARDIUM_MM, scan.spacing_mm)
    return morphology.open_(muscle, _HEART_OPENING_MM, scan.spacing_mm)
