"""Aorta, pulmonary artery and heart from their contrast, where no masks were supplied."""

from __future__ import annotations

from dataclasses import dataclass

import edt
import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.paths import best_path
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray, FloatArray

_ENHANCED_HU = 130
_SMALLEST_BLOOD_ML = 100.0
_THRESHOLD_HU = (130.0, 150.0)
_MUSCLE_HU = 55.0
# Cross-sections: aorta 20 to 45 mm; branches of the arch stay under 15 mm (Gray's Anatomy, 41st ed., ch. 55).
_RADIUS_CAP_MM = 15.0
_SMALLEST_RADIUS_MM = 6.0
_SMALLEST_ARCH_MM2 = 250.0
_STEP_GROWTH_MM = 4.0
_HEART_BELOW_CARINA_MM = 125.0


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
    core = morphology.erode(bright, 2.0 * scan.spacing_mm, scan.spacing_mm)
    if not core.any():
        return None
    threshold = float(np.clip((np.median(scan.hu[core]) + _MUSCLE_HU) / 2, *_THRESHOLD_HU))
    bright = region & (scan.hu > threshold)
    # Flaps, stents and noise leave gaps that would make a lumen look narrow.
    closed = ndimage.binary_closing(bright, structure=_disc(scan.voxels(2.5)))
    return BloodPool(scan, morphology.fill_slices(closed) & region, carina, spine)


def _disc(radius: int) -> BoolArray:
    """A disc in the axial plane as a structuring element."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray((y**2 + x**2 <= radius**2)[None])


def find_aorta(pool: BloodPool) -> Findings:
    """Find the aorta: a round column beside the spine, one in front of the carina, and the arch that joins them.

    Returns:
        ``aorta`` with source ``IMAGE``; a warning alone where the columns were not found.
    """
    found, scan = Findings(), pool.scan
    descending = _descending(pool)
    if descending is None:
        found.warnings.append("No enhanced aorta was found beside the spine: supply its mask for stations 2L to 6.")
        return found
    core = morphology.erode(descending, 2.0, scan.spacing_mm)
    blood = float(np.median(scan.hu[core if core.any() else descending]))
    arterial = pool.mask & ~_denser(scan, 1.5 * blood + 50)
    ascending = _ascending(pool, arterial, _side(pool, descending))
    if ascending is None:
        found.warnings.append("No enhanced ascending aorta was found: supply a mask of the aorta.")
        return found
    aorta = _join(pool, arterial, ascending, descending)
    aorta = morphology.dilate(aorta, 0.5 * scan.spacing_mm, scan.spacing_mm)
    detail = f"enhanced columns beside the spine and before the carina, joined by the arch (blood {blood:.0f} HU)"
    found.organ("aorta", morphology.largest(aorta), OrganSource.IMAGE, detail)
    return found


def _denser(scan: Scan, hu: float) -> BoolArray:
    """Undiluted contrast, as in the superior vena cava beside the aorta; thin stents and lime do not count."""
    core = morphology.erode(scan.hu > hu, 3.0, scan.spacing_mm)
    return morphology.dilate(core, 4.5, scan.spacing_mm) & (scan.hu > hu - 100)


def _radii(mask: BoolArray, spacing_mm: float) -> FloatArray:
    """Radius in mm of the largest disc in the axial plane about every voxel that fits into a mask."""
    return np.stack(
        [edt.edt(cut, anisotropy=(spacing_mm, spacing_mm), black_border=False, parallel=1) for cut in mask]
    )


def _track(
    pool: BloodPool, mask: BoolArray, level: slice, expected: FloatArray, weight: float, reach_mm: float
) -> tuple[np.ndarray, FloatArray] | None:
    """Best path of disc centers near an expected place.

    Args:
        pool: The enhanced blood.
        mask: Where the discs may lie.
        level: Slices of the scan that are followed.
        expected: Usual center ``(y, x)`` in voxels in each of them.
        weight: Cost of a place per mm squared from the usual one.
        reach_mm: How far from the usual places is looked.

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
    score = np.minimum(radii, _RADIUS_CAP_MM) / _RADIUS_CAP_MM - weight * (off * scan.spacing_mm) ** 2
    path = best_path(score, step_cost=0.08)
    found = np.array([radii[z, py, px] for z, (py, px) in enumerate(path)])
    return path + np.array([y0, x0]), found


def _span(scan: Scan, axis: int, places: FloatArray, reach_mm: float) -> slice:
    """Voxels about some places along an axis."""
    low, high = float(places.min()), float(places.max())
    return scan.window(axis, low, reach_mm, (high - low) * scan.spacing_mm + reach_mm)


def _columns(
    scan: Scan, mask: BoolArray, low: int, centers: np.ndarray, radii: FloatArray, widest: float = 1.5
) -> BoolArray:
    """Voxels of a mask about every center, to ``widest`` times the typical radius, connected in the slice."""
    column = np.zeros_like(mask)
    y, x = np.ogrid[: mask.shape[1], : mask.shape[2]]
    usual = ndimage.median_filter(radii, min(len(radii), scan.voxels(21.0)))
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
    level = scan.window(0, pool.carina[0], 110.0, 6.0)
    best, best_score = None, 0.0
    for side in (1.0, -1.0):
        mm = 1.0 / scan.spacing_mm
        expected = np.stack([pool.spine.front_y + 2.0 * mm, pool.spine.canal[:, 1] + side * 20.0 * mm], axis=1)
        track = _track(pool, pool.mask, level, expected[level], 0.0009, 42.0)
        if track is None:
            continue
        centers, radii = track
        solid = float((radii >= _SMALLEST_RADIUS_MM).mean())
        score = solid * float(np.minimum(radii, _RADIUS_CAP_MM).mean())
        if solid > 0.5 and score > best_score:
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
    level = scan.window(0, pool.carina[0], 30.0, 6.0)
    place = np.array([pool.carina[1] - 42.0 * mm, pool.carina[2] + side * 4.0 * mm])
    expected = np.repeat(place[None, :], level.stop - level.start, axis=0)
    track = _track(pool, arterial, level, expected, 0.0009, 40.0)
    if track is None or float((track[1] >= _SMALLEST_RADIUS_MM).mean()) < 0.8:
        return None
    column = _columns(scan, arterial, level.start, *track, widest=1.3)
    return column if column.any() else None


def _join(pool: BloodPool, arterial: BoolArray, ascending: BoolArray, descending: BoolArray) -> BoolArray:
    """Carry both columns upwards slice by slice until they have met in the arch and the arch has ended."""
    scan = pool.scan
    aorta = ascending | descending
    top = int(np.flatnonzero(ascending.any(axis=(1, 2)))[-1])
    parts = [ascending[top], descending[top]]
    for z in range(top + 1, min(scan.grid.shape[0], top + scan.voxels(80.0))):
        parts = _carry_up(scan, arterial[z], parts)
        if not parts:
            break
        aorta[z] = np.logical_or.reduce(parts)
    return aorta


def _carry_up(scan: Scan, cut: BoolArray, parts: list[BoolArray]) -> list[BoolArray]:
    """The parts of the aorta one slice higher: both columns, or the one arch once they have met."""
    near = ndimage.distance_transform_edt(~np.logical_or.reduce(parts)) * scan.spacing_mm <= _STEP_GROWTH_MM
    smooth = ndimage.binary_opening(cut, structure=_disc(scan.voxels(2.0))[0])
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

    It is looked for from 25 mm below to 12 mm above the carina: lower down it meets the left atrium, from which its
    brightness does not part it.
    """
    found, scan, mm = Findings(), pool.scan, 1.0 / pool.scan.spacing_mm
    level = scan.window(0, pool.carina[0], 25.0, 12.0)
    # The ascending aorta 10 mm below the carina; it may lie below the view.
    section = np.asarray(aorta[scan.window(0, pool.carina[0], 10.0, -10.0)].any(axis=0))
    section[round(pool.carina[1]) :] = False
    if not section.any():
        return found
    rows, columns = np.nonzero(section)
    side = _side(pool, aorta)
    edge = columns.max() if side > 0 else columns.min()
    free = pool.mask & ~morphology.dilate(aorta, 1.5 * scan.spacing_mm, scan.spacing_mm)
    free[: level.start] = False
    free[level.stop :] = False
    thick = morphology.open_(free, 3.5, scan.spacing_mm)
    seed = np.zeros_like(free)
    cy, cx = float(rows.mean()) + 4.0 * mm, float(edge) + side * 15.0 * mm
    seed[level, scan.window(1, cy, 8.0, 8.0), scan.window(2, cx, 8.0, 8.0)] = True
    # The superior vena cava lies on the other side of the aorta and is left out by its column.
    other = np.arange(free.shape[2]) < columns.min() if side > 0 else np.arange(free.shape[2]) > columns.max()
    front = np.arange(free.shape[1]) < pool.carina[1] - 14.0 * mm
    thick &= ~(other[None, None, :] & front[None, :, None])
    artery = morphology.connected_to(thick, seed & thick)
    if artery.sum() * scan.grid.voxel_volume_ml < 10.0:
        found.warnings.append("No enhanced pulmonary artery was found: supply its mask for stations 4L, 5 and 10L.")
        return found
    found.organ("pulmonary_artery", artery, OrganSource.IMAGE, "enhanced trunk left of the ascending aorta")
    return found


def find_heart(pool: BloodPool, known: BoolArray) -> Findings:
    """A rough heart: the blood below the pulmonary artery with the muscle round it."""
    found, scan = Findings(), pool.scan
    high = max(0, round(pool.carina[0]) - scan.voxels(25.0))
    chambers = pool.mask & ~morphology.dilate(known, scan.spacing_mm, scan.spacing_mm)
    chambers[high:] = False
    chambers[: max(0, round(pool.carina[0]) - scan.voxels(_HEART_BELOW_CARINA_MM))] = False
    chambers = morphology.largest(morphology.open_(chambers, 5.0, scan.spacing_mm))
    if chambers.sum() * scan.grid.voxel_volume_ml < 80.0:
        return found
    muscle = (scan.hu > 20) & (scan.hu < 400) & morphology.dilate(chambers, 9.0, scan.spacing_mm)
    heart = morphology.close(chambers | morphology.open_(muscle, 3.0, scan.spacing_mm), 6.0, scan.spacing_mm)
    heart &= ~known & (scan.hu > -50)
    found.organ(
        "heart", morphology.largest(heart), OrganSource.IMAGE, "rough: chambers by contrast, muscle by distance"
    )
    return found
