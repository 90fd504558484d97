"""All bone of the chest: spine, sternum, clavicles, ribs; never contrast or calcified vessels."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray, FloatArray

_BONE_HU = 200
_SMALLEST_RIB_ML = 0.5


_SPINE_HALF_MM = 30.0
_RIB_HALF_MM = 6.0


def lung_outline(lungs: BoolArray) -> BoolArray:
    """The convex outline of both lungs in every slice, joined with that of all slices above.

    The chest widens downwards, so what lies inside its outline above lies inside it below, liver and kidneys too.
    """
    inside = np.zeros_like(lungs)
    above = np.zeros(lungs.shape[1:], dtype=bool)
    for z in range(len(lungs) - 1, -1, -1):
        if lungs[z].any():
            above = above | _hull(lungs[z])
        inside[z] = above
    return inside


def between_lungs(scan: Scan, outline: BoolArray, lungs: BoolArray, spine: Spine | None) -> BoolArray:
    """Voxels inside the outline of the lungs, without lungs and spine: no bone lies there.

    Args:
        scan: The scan.
        outline: Result of ``lung_outline``.
        lungs: Both lungs, ``[z, y, x]``.
        spine: The spine, or ``None`` where it is not known.
    """
    inside = outline & ~lungs
    if spine is None:
        return inside
    columns = np.arange(lungs.shape[2])
    for z in np.flatnonzero(inside.any(axis=(1, 2))):
        near = np.abs(columns - spine.canal[z, 1]) * scan.spacing_mm <= _SPINE_HALF_MM
        inside[z, max(0, round(spine.front_y[z])) :, near] = False
    return inside


def dense_contrast(scan: Scan) -> BoolArray:
    """Undiluted contrast: brighter than 550 HU through and through, as no bone of the chest is.

    Cortical bone is as bright but thin; the veins on the side of an injection are not.
    """
    core = morphology.erode(scan.hu > 550, 3.2, scan.spacing_mm)
    return morphology.dilate(core, 5.5, scan.spacing_mm) & (scan.hu > 250)


def thick_contrast(scan: Scan, inside: BoolArray, bodies: BoolArray) -> BoolArray:
    """Contrast in vessels beside the spine: bright, within the outline of the lungs, and thicker than any rib.

    Args:
        scan: The scan.
        inside: Voxels inside the outline of the lungs that are not lung.
        bodies: The vertebral bodies, which are thick and bright themselves.
    """
    bright = (scan.hu > 150) & inside & ~morphology.dilate(bodies, scan.spacing_mm, scan.spacing_mm)
    core = morphology.erode(bright, _RIB_HALF_MM, scan.spacing_mm)
    return morphology.dilate(core, _RIB_HALF_MM + scan.spacing_mm, scan.spacing_mm) & bright


def _hull(cut: BoolArray) -> BoolArray:
    """Convex hull of one slice, from the ends of its rows."""
    rows = np.flatnonzero(cut.any(axis=1))
    first = cut[rows].argmax(axis=1)
    last = cut.shape[1] - 1 - cut[rows, ::-1].argmax(axis=1)
    y, x = np.arange(rows[0], rows[-1] + 1), np.arange(cut.shape[1])
    left, right = _lower_chain(rows, first, y), -_lower_chain(rows, -last, y)
    hull = np.zeros_like(cut)
    hull[rows[0] : rows[-1] + 1] = (x >= left[:, None] - 1e-6) & (x <= right[:, None] + 1e-6)
    return hull


def _lower_chain(rows: np.ndarray, values: np.ndarray, at: np.ndarray) -> FloatArray:
    """Largest convex function below points ``(row, value)``, at some rows (Andrew's monotone chain, 1979)."""
    chain: list[tuple[int, int]] = []
    for row, value in zip(rows.tolist(), values.tolist(), strict=True):
        while len(chain) > 1:
            (r0, v0), (r1, v1) = chain[-2], chain[-1]
            if (v1 - v0) * (row - r0) < (value - v0) * (r1 - r0):
                break
            chain.pop()
        chain.append((row, value))
    corners = np.array(chain, dtype=float)
    return np.asarray(np.interp(at, corners[:, 0], corners[:, 1]))


def find_bone(scan: Scan, body: BoolArray, known: dict[str, BoolArray], not_bone: BoolArray) -> Findings:
    """Bone as the known bones with everything else as bright as bone outside the mediastinum, called ribs.

    Args:
        scan: The scan.
        body: The body.
        known: Bones found already (spine, sternum, clavicles).
        not_bone: Voxels that are not bone however bright: vessels, heart, mediastinum, lungs.
    """
    found = Findings()
    named = np.zeros(scan.grid.shape, dtype=bool)
    for mask in known.values():
        named |= mask
    bright = (scan.hu > _BONE_HU) & body & ~not_bone & ~named
    labels = morphology.components(morphology.close(bright, scan.spacing_mm, scan.spacing_mm) & ~not_bone & ~named)
    keep = np.bincount(labels.ravel()) * scan.grid.voxel_volume_ml >= _SMALLEST_RIB_ML
    keep[0] = False
    ribs = keep[labels]
    found.organ("ribs", ribs, OrganSource.IMAGE, "bone outside spine, sternum and clavicles (scapulae included)")
    found.organ("bone", ribs | named, OrganSource.IMAGE, "spine, sternum, clavicles and ribs")
    return found
