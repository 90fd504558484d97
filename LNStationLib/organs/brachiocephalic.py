"""The left brachiocephalic vein and where it crosses the trachea: by contrast, else by tissue and usual course.

The vein runs down from behind the left sternoclavicular joint to the right, behind the upper half of the manubrium
and in front of the branches of the arch, to join the right one (Gray's Anatomy, 41st ed., ch. 55). On CT the two most
often join in the first intercostal space (Clin Anat 2016;29:165, doi:10.1002/ca.22556), and at the vertebral level
at which the brachiocephalic trunk leaves the arch: T4 in 62 and 60 % of 48 adults (bibliomed.org, no. 172916). That
origin is therefore the best guide to its level where it is known; elsewhere arch and manubrium are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.morphology import Box
from LNStationLib.organs.veins import ENHANCED_SHARE
from LNStationLib.organs.vessel_paths import Surroundings, cheapest, trachea_edges, trachea_sides, tube_along
from LNStationLib.state.organ_set import Organ, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_CROSSING = "left_brachiocephalic_vein_crossing"
_CROSSING_BELOW_NOTCH_MM = 25.0
"""The manubrium is 5 cm high: its upper half, which covers the vein, ends 25 mm below the jugular notch."""
_MANUBRIUM_MM = 50.0
"""Its usual height (Gray's Anatomy, 41st ed., ch. 53)."""
_DESCENT_MM_PER_MM = 0.4
"""About 25 mm down over its 6 cm (Gray's Anatomy), from the joint to the first intercostal space."""
_RADIUS_MM = 5.5
"""Half of 11 mm; a wider tube would take arteries and thymus around an unenhanced vein. Chosen on phantoms and one
CT."""
_ENHANCED_RADIUS_MM = 9.0
"""Contrast itself limits an enhanced vein, so that wide veins of up to 18 mm fit."""
_USUAL_WITHIN_MM, _NOT_FAR_MM = 10.0, 30.0
"""The levels of trunk, arch and notch vary by about a centimeter between adults; enhanced veins are visible and may
lie farther away, but not in the neck or below the arch."""
_COST_PER_MM = 0.15
"""Against 1 per voxel of soft tissue, so that 1 cm off course costs more than twice the length; chosen on phantoms
and one real CT."""
_LEVELS_MM = (30.0, 50.0)
"""Below and above the crossing: as far as an enhanced vein may lie, and the vein's rise to the left joint (25 mm)
more."""
_ROWS_MM = (60.0, 8.0)
"""In front of and behind the front of the trachea: the manubrium lies 3 to 5 cm in front, the vein never behind."""
_RIGHT_OF_TRACHEA_MM = 30.0
"""To the center of the superior vena cava, 2 to 3 cm right of the trachea's edge."""
_BESIDE_LEFT_END_MM = 12.0
"""Beyond the clavicle's head, with room for the end of the vein's tube."""
_LEFT_END_HALF_MM = 5.0
"""About the vein's radius: the columns in which its left end may lie."""
_COLUMNS_OF_A_LINE = 4
"""Of three points any two make a line."""


@dataclass(frozen=True)
class Crossing:
    """The usual place at which the vein crosses the trachea.

    Attributes:
        z: Slice (fractional voxel index) of its caudal margin in front of the trachea's middle.
        x: Column of the trachea's middle.
        basis: What its place is based on.
    """

    z: float
    x: float
    basis: Reason


def usual_crossing(around: Surroundings) -> Crossing | None:
    """The usual crossing, by the origin of the brachiocephalic trunk, else by arch and manubrium with equal weight.

    Returns:
        ``None`` where none of them is known. The vein lies behind the manubrium even where the trunk leaves the
        arch above or below it.
    """
    mm, notch = 1.0 / around.scan.spacing_mm, around.notch_z
    x = float(np.nonzero(around.trachea)[2].mean())
    if around.trunk_z is not None:
        z = around.trunk_z if notch is None else float(np.clip(around.trunk_z, notch - _MANUBRIUM_MM * mm, notch))
        return Crossing(z, x, Reason("at_trunk_origin"))
    levels: list[tuple[float, Reason]] = []
    if around.arch_z is not None:
        levels.append((around.arch_z, Reason("at_aorta_end")))
    if notch is not None:
        below = Reason("below_manubrium", {"below_mm": _CROSSING_BELOW_NOTCH_MM})
        levels.append((notch - _CROSSING_BELOW_NOTCH_MM * mm, below))
    if not levels:
        return None
    bases = [basis for _, basis in levels]
    basis = bases[0] if len(bases) == 1 else Reason("halfway_between", {"levels": bases})
    return Crossing(float(np.mean([z for z, _ in levels])), x, basis)


def find_brachiocephalic_vein_left(around: Surroundings, soft: BoolArray, cava: BoolArray, left_x: float) -> Findings:
    """Trace the left brachiocephalic vein from the cava to behind the head of the left clavicle.

    Args:
        around: The surroundings.
        soft: Soft tissue that may be vein.
        cava: Superior vena cava with the right brachiocephalic vein.
        left_x: Column (voxel index) behind the head of the left clavicle, where the vein begins.

    Returns:
        ``brachiocephalic_vein_left`` and the landmark ``left_brachiocephalic_vein_crossing``, where its caudal
        margin crosses the front of the trachea; nothing where its level is unknown or out of view.
    """
    found, crossing = Findings(), usual_crossing(around)
    if crossing is None:
        return found
    region = _region(around, crossing, left_x)
    if morphology.is_empty(region):
        return found
    off_mm = _off_course_mm(around, crossing, region)
    bright = around.bright[region]
    start = _start(cava[region], bright, off_mm)
    goal = _left_end(around, region, soft, left_x, off_mm)
    path = cheapest(around, region, soft, start, goal, np.where(bright, 0.0, _COST_PER_MM * off_mm))
    if path is not None:
        _add_vein(found, around, path, region, cava)
    return found


def _region(around: Surroundings, crossing: Crossing, left_x: float) -> Box:
    """Search region of the vein: behind the manubrium, from right of the trachea to the left clavicle."""
    scan, edges = around.scan, trachea_edges(around)
    level = scan.window(0, crossing.z, *_LEVELS_MM)
    if level.stop <= level.start:
        return level, level, level
    right = float(edges[level, 1].min())
    side = scan.window(2, right, _RIGHT_OF_TRACHEA_MM, (left_x - right) * scan.spacing_mm + _BESIDE_LEFT_END_MM)
    return level, scan.window(1, float(edges[level, 0].min()), *_ROWS_MM), side


def _off_course_mm(around: Surroundings, crossing: Crossing, region: Box) -> FloatArray:
    """Height in mm above or below the vein's usual course, by slice and column of a region; ``[z, y, x]``."""
    spacing = around.scan.spacing_mm
    z, x = np.arange(region[0].start, region[0].stop), np.arange(region[2].start, region[2].stop)
    course = crossing.z + _RADIUS_MM / spacing + _DESCENT_MM_PER_MM * (x - crossing.x)
    off_mm = np.abs(z[:, None] - course[None, :]) * spacing
    return np.repeat(off_mm[:, None, :], region[1].stop - region[1].start, axis=1)


def _start(cava: BoolArray, bright: BoolArray, off_mm: FloatArray) -> BoolArray:
    """Where the vein joins the cava; all of the cava where neither usual level nor contrast narrows it down."""
    start = _near_course(cava & bright, cava, off_mm)
    return start if start.any() else cava


def _left_end(around: Surroundings, region: Box, soft: BoolArray, left_x: float, off_mm: FloatArray) -> BoolArray:
    """Contrast or soft tissue near the usual level behind the head of the left clavicle."""
    columns = (
        np.abs(np.arange(region[2].start, region[2].stop) - left_x) * around.scan.spacing_mm <= _LEFT_END_HALF_MM
    )
    bright, tissue = (mask[region] & columns[None, None, :] for mask in (around.bright, soft))
    return _near_course(bright, tissue, off_mm)


def _near_course(bright: BoolArray, soft: BoolArray, off_mm: FloatArray) -> BoolArray:
    """Contrast not far from the usual course and tissue along it; where there is none, tissue not far from it."""
    far = off_mm <= _NOT_FAR_MM
    near = (bright & far) | (soft & (off_mm <= _USUAL_WITHIN_MM))
    return np.asarray(near if near.any() else soft & far)


def _add_vein(found: Findings, around: Surroundings, path: np.ndarray, region: Box, cava: BoolArray) -> None:
    scan = around.scan
    enhanced = float(np.mean(around.bright[tuple(path.T)])) > ENHANCED_SHARE
    if enhanced:
        tube = tube_along(scan, path, region, around.blocked | cava | ~around.bright, _ENHANCED_RADIUS_MM)
    else:
        tube = tube_along(scan, path, region, around.blocked | cava, _RADIUS_MM)
    source = OrganSource.IMAGE if enhanced else OrganSource.SURROGATE
    how = Reason("left_vein_enhanced" if enhanced else "left_vein_path")
    found.organ("brachiocephalic_vein_left", tube, source, how)
    _add_crossing(found, around, tube, source)


def crossing_of(vein: Organ, around: Surroundings) -> Findings:
    """The landmark ``left_brachiocephalic_vein_crossing`` of a known vein."""
    found = Findings()
    source = OrganSource.DERIVED if vein.source is OrganSource.SUPPLIED else vein.source
    _add_crossing(found, around, vein.mask, source)
    return found


def _add_crossing(found: Findings, around: Surroundings, vein: BoolArray, source: OrganSource) -> None:
    crossing = _caudal_margin(vein, trachea_sides(around))
    if crossing is not None:
        found.landmark(_CROSSING, crossing, around.scan.grid, source)


def _caudal_margin(vein: BoolArray, sides: FloatArray) -> tuple[float, float, float] | None:
    """Lowest point of the vein's caudal margin over the trachea, as a voxel index; ``None`` beside the trachea.

    The margin is a straight line through the lowest voxels of the columns, so that what hangs from a mask in
    fewer than half of them, a spur or the beginning of the cava, does not lower it.

    Args:
        vein: The vein ``[z, y, x]``.
        sides: Right and left column of the trachea per slice.
    """
    columns = np.arange(vein.shape[2])
    before = vein & ((columns >= sides[:, :1]) & (columns <= sides[:, 1:]))[:, None, :]
    seen = np.flatnonzero(before.any(axis=(0, 1)))
    if not seen.size:
        return None
    lowest = before[:, :, seen].any(axis=1).argmax(axis=0).astype(float)
    margin = _line_of_most(seen, lowest) if seen.size >= _COLUMNS_OF_A_LINE else lowest
    z = float(max(margin.min(), lowest.min()))
    row = before[round(z)]
    near = np.argwhere(row if row.any() else before.any(axis=0))
    # The margin is the lower face of its voxels.
    return z - 0.5, float(near[:, 0].mean()), float(seen.mean())


def _line_of_most(x: np.ndarray, y: FloatArray) -> FloatArray:
    """Values at ``x`` of the line through the half of the points that lies best on one.

    Least trimmed differences over the lines through every two points (after Rousseeuw, J Am Stat Assoc 1984;79:871),
    then least squares over the points within a voxel of it.
    """
    first, second = np.triu_indices(x.size, 1)
    slopes = (y[second] - y[first]) / (x[second] - x[first])
    off = np.abs(y[first, None] + slopes[:, None] * (x - x[first, None]) - y)
    best = int(np.sort(off, axis=1)[:, : x.size // 2 + 1].sum(axis=1).argmin())
    near = off[best] <= 1.0
    return np.polyval(np.polyfit(x[near], y[near], 1), x)


def add_crossing_surrogate(found: Findings, around: Surroundings, arch_top_z: float | None) -> None:
    """Add the crossing at its usual level where the vein was not found, else at the top of the arch."""
    crossing = usual_crossing(around)
    if crossing is None and arch_top_z is not None:
        crossing = Crossing(arch_top_z, float(np.nonzero(around.trachea)[2].mean()), Reason("at_arch_top"))
    if crossing is None:
        found.warn("vein_crossing_unknown")
        return
    edges = trachea_edges(around)
    row = int(np.clip(round(crossing.z), 0, len(edges) - 1))
    index = (crossing.z, float(edges[row, 0]), crossing.x)
    found.landmark(_CROSSING, index, around.scan.grid, OrganSource.SURROGATE)
    found.warn("vein_crossing_placed", basis=crossing.basis)
