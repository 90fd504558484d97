"""The vertebral column: its canal first, then the bodies in front of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.paths import best_path
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_BONE_HU = 180
"""Trabecular bone of the vertebrae averages about 180 HU within a denser cortex; muscle and nodes stay below."""
_CANAL_REACH_MM = 13.0
"""Thoracic canal: 15 to 20 mm wide (Gray's Anatomy, 41st ed., ch. 43), so bone within 13 mm of its middle all
around."""
_SIDE_REACH_MM, _REAR_FROM_SHARE = 38.0, 0.35
"""To the sides of the midline: scoliosis and an off-center trachea; of the body's depth: in front are heart and
lungs."""
_WITHIN_CANAL_MM, _CANAL_MIDDLE_MM = 5.0, 8.0
"""Windows within the canal and around its middle, in whole voxels: on a coarse grid nothing wider is soft."""
_CANAL_HU = (-60, 140)
"""Cord, cerebrospinal fluid and epidural fat, blurred with some bone."""
_BACK_BONUS_PER_MM = 0.004
"""A brittle vertebral body is soft with bone around it too: the canal is the one farther back. 1 cm is worth a third
of one of eight directions; chosen on phantoms and one real CT."""
_STEP_COST, _CANAL_SMOOTH_MM = 0.08, 10.0
"""Per voxel of sideways movement between slices, and the sigma along the path: the canal curves over several
vertebrae. Chosen on phantoms and one real CT."""
_WEAKEST_CANAL_SHARE = 0.45
"""Of the directions with bone around the canal: at least 0.65 in a healthy spine; brittle bone and noise lower it.
Chosen on phantoms and one real CT."""
_FRONT_MM = (20.0, 54.0)
"""From the middle of the canal to the front of a body: 24 (T1) to 45 mm (L1), with osteophytes."""
_TYPICAL_FRONT_MM, _FRONT_COST_PER_MM2 = 35.0, 0.0004
"""The middle of that range; 1 cm off costs as much as a drop of 16 HU. Chosen on phantoms and one real CT."""
_DROP_SCALE_HU = 400.0
"""From cortical bone (clipped) to fat: a score near 1."""
_PROFILE_HU, _FAT_HU = (-100, 400), -100.0
"""Fat to cortical bone: lung and metal beyond it do not count as stronger edges."""
_PROFILE_HALF_MM = 7.5
"""Half the width averaged: the flat part of a vertebral body's front face."""
_FRONT_STEP_COST, _FRONT_MEDIAN_MM, _FRONT_SMOOTH_MM = 0.25, 15.0, 4.0
"""Per voxel between slices, then half a vertebra against discs and osteophytes; chosen on phantoms and one real
CT."""
_HALF_WIDTH_MM = (11.0, 23.0)
"""Half of the bodies' width, from T4, the narrowest, to T12 (Panjabi et al., Spine 1991;16:888)."""
_MIDDLE_SHARES = (0.3, 0.7)
"""Of the way from front face to canal: the middle of the body, without its rounded corners and the pedicles."""
_WIDTH_MEDIAN_MM, _WIDTH_SMOOTH_MM = 20.0, 6.0
"""A vertebra, against the heads of ribs; chosen on phantoms and one real CT."""
_CANAL_RADIUS_MM = 7.0
"""Half of its sagittal diameter, 14.6 (T8) to 16.7 mm (T12) in adults (Korean J Spine 2012;9:165)."""
_BEHIND_BODY_SHARE = 0.7
"""Of the canal's radius: where the rounded back of the body meets it."""
_CORNER_EXPONENT = 3
"""A superellipse: flat in front, as vertebral bodies are, rounded at the corners."""
_ARCH_BELOW_BONE_HU, _ABOVE_LUNG_HU = 30, -200
"""Thin laminae are blurred by some 30 HU; lung is not spine, fat within its outline is."""
_ARCH_BEHIND_MM, _ARCH_SIDE_MM = 32.0, 30.0
"""Behind and beside the canal's middle: spinous process at its root, and transverse processes (6 cm across)."""


@dataclass(frozen=True)
class Spine:
    """The column slice by slice.

    Attributes:
        canal: Middle of the spinal canal ``(y, x)`` in voxels, one row per slice.
        front_y: Front face of the vertebral bodies (voxel row) in the canal's column, one per slice.
        half_width: Half width of the bodies in voxels, one per slice.
    """

    canal: np.ndarray
    front_y: FloatArray
    half_width: FloatArray


def find_canal(scan: Scan, body: BoolArray, middle_x: float) -> np.ndarray | None:
    """Follow the spinal canal: soft tissue surrounded by bone, behind the middle of the body.

    Args:
        scan: The scan.
        body: The body.
        middle_x: Column (voxel index) near which the canal lies.

    Returns:
        ``(y, x)`` of its middle per slice, smoothed; ``None`` where no such path exists.
    """
    path, strength = follow_canal(scan, body, middle_x)
    if strength < _WEAKEST_CANAL_SHARE:
        return None
    return np.asarray(
        ndimage.gaussian_filter1d(path.astype(float), _CANAL_SMOOTH_MM / scan.spacing_mm, axis=0, mode="nearest")
    )


def follow_canal(scan: Scan, body: BoolArray, middle_x: float) -> tuple[np.ndarray, float]:
    """The path most like a spinal canal in the rear of the body, and its likeness to one.

    Returns:
        ``(y, x)`` per slice in voxels, and the mean share of directions with bone around it, in [0, 1]: at least 0.65
        in a spine, under 0.5 elsewhere.
    """
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    front = int(rows[0] + _REAR_FROM_SHARE * (rows[-1] - rows[0]))
    side = scan.window(2, middle_x, _SIDE_REACH_MM, _SIDE_REACH_MM)
    region = (slice(None), slice(front, int(rows[-1]) + 1), side)
    hu = scan.hu[region]
    enclosed = _enclosure(hu > _BONE_HU, scan.voxels(_CANAL_REACH_MM))
    within, around = (2 * int(width / (2 * scan.spacing_mm)) + 1 for width in (_WITHIN_CANAL_MM, _CANAL_MIDDLE_MM))
    soft = ndimage.uniform_filter(hu.astype(np.float32), size=(1, within, within))
    score = np.where((soft > _CANAL_HU[0]) & (soft < _CANAL_HU[1]), enclosed, 0.0)
    # All neighbors agree on the middle of the canal, not on its edge.
    score = ndimage.uniform_filter(score, size=(1, around, around))
    score += _BACK_BONUS_PER_MM * scan.spacing_mm * np.arange(score.shape[1])[None, :, None]
    path = best_path(score, step_cost=_STEP_COST)
    strength = float(np.mean([enclosed[z, y, x] for z, (y, x) in enumerate(path)]))
    return path + np.array([region[1].start, side.start]), strength


def _enclosure(bone: BoolArray, reach: int) -> FloatArray:
    """Fraction of eight in-plane directions in which bone lies within ``reach`` voxels."""
    found = np.zeros(bone.shape, dtype=np.float32)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        steps = reach if dy == 0 or dx == 0 else max(1, round(reach / 1.41))
        hit = np.zeros_like(bone)
        for step in range(2, steps + 1):
            hit |= _shifted(bone, dy * step, dx * step)
        found += hit
    return found / 8.0


def _shifted(mask: BoolArray, dy: int, dx: int) -> BoolArray:
    """``result[z, y, x] = mask[z, y + dy, x + dx]``, False beyond the edge."""
    result = np.zeros_like(mask)
    rows, columns = mask.shape[1:]
    if abs(dy) < rows and abs(dx) < columns:
        to_y, from_y = slice(max(0, -dy), rows - max(0, dy)), slice(max(0, dy), rows + min(0, dy))
        to_x, from_x = slice(max(0, -dx), columns - max(0, dx)), slice(max(0, dx), columns + min(0, dx))
        result[:, to_y, to_x] = mask[:, from_y, from_x]
    return result


def find_spine(scan: Scan, canal: np.ndarray, vessels: BoolArray) -> Spine:
    """Find the front face and the width of the vertebral bodies.

    The front face is the strongest drop from bone to fat or lung in front of the canal, followed smoothly from
    slice to slice, so that neither discs nor an enhanced aorta beside it pull it away.

    Args:
        scan: The scan.
        canal: Middle of the canal per slice.
        vessels: Known vessels and heart, never bone at any HU.
    """
    near, far = scan.voxels(_FRONT_MM[0]), scan.voxels(_FRONT_MM[1])
    profiles = np.stack([_profile(scan, vessels, z, canal[z], far + 4) for z in range(scan.grid.shape[0])])
    drop = np.full((len(profiles), far + 1), -1.0)
    for depth in range(near, far + 1):
        inside = profiles[:, depth - 2 : depth + 1].max(axis=1)
        outside = profiles[:, depth + 1 : depth + 4].mean(axis=1)
        drop[:, depth] = (inside - outside) / _DROP_SCALE_HU
    depths = np.arange(far + 1) * scan.spacing_mm
    drop -= _FRONT_COST_PER_MM2 * (depths - _TYPICAL_FRONT_MM)[None, :] ** 2
    steps = best_path(drop[:, None, :], step_cost=_FRONT_STEP_COST)[:, 1].astype(float)
    steps = ndimage.median_filter(steps, scan.voxels(_FRONT_MEDIAN_MM))
    front = canal[:, 0] - ndimage.gaussian_filter1d(steps, _FRONT_SMOOTH_MM / scan.spacing_mm)
    return Spine(canal, front, _half_widths(scan, canal, front, vessels))


def _profile(scan: Scan, vessels: BoolArray, z: int, canal: FloatArray, length: int) -> FloatArray:
    """Mean HU straight forward from the canal over its middle 15 mm, clipped to fat and cortical bone."""
    y, columns = round(float(canal[0])), scan.window(2, float(canal[1]), _PROFILE_HALF_MM, _PROFILE_HALF_MM)
    values = np.clip(scan.hu[z, : y + 1, columns], *_PROFILE_HU).astype(float)
    values[vessels[z, : y + 1, columns]] = 0.0
    # Rows in front of the view count as fat.
    profile = np.pad(values.mean(axis=1)[::-1], (0, length), constant_values=_FAT_HU)
    return np.asarray(profile[:length])


def _half_widths(scan: Scan, canal: np.ndarray, front: FloatArray, vessels: BoolArray) -> FloatArray:
    """Half width of the bodies: where bone ends on both sides of the middle of the body, averaged."""
    low, high = (scan.voxels(width) for width in _HALF_WIDTH_MM)
    widths = []
    for z, ((y, x), face) in enumerate(zip(canal, front, strict=True)):
        # Of a body whose front lies outside the view the rows in view count.
        first, last = (max(face + share * (y - face), 0.0) for share in _MIDDLE_SHARES)
        rows = scan.grid.between(1, first, last)
        values = np.where(vessels[z, rows], 0, np.clip(scan.hu[z, rows], *_PROFILE_HU)).mean(axis=0)
        sides = []
        for step in (-1, 1):
            columns = np.clip(round(x) + step * np.arange(high + 4), 0, len(values) - 1)
            line = values[columns]
            drops = [line[d - 1 : d + 1].max() - line[d + 1 : d + 3].mean() for d in range(low, high)]
            sides.append(low + int(np.argmax(drops)))
        widths.append(float(np.mean(sides)))
    smooth = ndimage.median_filter(np.array(widths), scan.voxels(_WIDTH_MEDIAN_MM))
    return np.asarray(ndimage.gaussian_filter1d(smooth, _WIDTH_SMOOTH_MM / scan.spacing_mm))


def paint_bodies(scan: Scan, spine: Spine) -> tuple[BoolArray, BoolArray]:
    """Vertebral bodies and spinal canal as smooth columns, ``[z, y, x]`` each."""
    y, x = np.ogrid[: scan.grid.shape[1], : scan.grid.shape[2]]
    bodies, canal = np.zeros(scan.grid.shape, dtype=bool), np.zeros(scan.grid.shape, dtype=bool)
    radius = _CANAL_RADIUS_MM / scan.spacing_mm
    for z, ((cy, cx), face, half) in enumerate(zip(spine.canal, spine.front_y, spine.half_width, strict=True)):
        canal[z] = (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
        back = cy - _BEHIND_BODY_SHARE * radius
        middle, depth = (face + back) / 2, max((back - face) / 2, 1.0)
        away_y, away_x = np.abs((y - middle) / depth), np.abs((x - cx) / half)
        bodies[z] = away_y**_CORNER_EXPONENT + away_x**_CORNER_EXPONENT <= 1.0
    return bodies & scan.in_view, canal & scan.in_view


def paint_spine(scan: Scan, spine: Spine, forbidden: BoolArray) -> Findings:
    """Column and canal as masks.

    Args:
        scan: The scan.
        spine: The column slice by slice.
        forbidden: Voxels that are not spine: lungs, airways, known vessels.
    """
    bodies, canal = paint_bodies(scan, spine)
    arches = (scan.hu > _BONE_HU - _ARCH_BELOW_BONE_HU) & ~forbidden & _arch_zone(scan, spine)
    column = (bodies | canal | arches) & ~forbidden & (scan.hu > _ABOVE_LUNG_HU)
    found = Findings()
    how = Reason("vertebrae_around_canal")
    found.organ("spine", morphology.largest(column) if column.any() else None, OrganSource.IMAGE, how)
    found.organ("spinal_cord", canal, OrganSource.IMAGE, Reason("tube_in_canal"))
    return found


def _arch_zone(scan: Scan, spine: Spine) -> BoolArray:
    """Region of vertebral arches and processes: from the middle of the body backwards, 3 cm to either side."""
    y, x = np.arange(scan.grid.shape[1]), np.arange(scan.grid.shape[2])
    middle = (spine.front_y + spine.canal[:, 0]) / 2
    rows = (y[None] > middle[:, None]) & (y[None] < spine.canal[:, :1] + scan.voxels(_ARCH_BEHIND_MM))
    columns = np.abs(x[None] - spine.canal[:, 1:]) < scan.voxels(_ARCH_SIDE_MM)
    return np.asarray(rows[:, :, None] & columns[:, None, :])
