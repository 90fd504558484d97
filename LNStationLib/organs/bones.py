"""All bones of the chest: spine, sternum, clavicles, ribs, without contrast and calcified vessels."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_BONE_HU = 200
"""Trabecular bone of ribs averages 150 to 300 HU within a denser cortex; muscle, enhanced or not, stays below 150
HU."""
_SMALLEST_RIB_ML = 0.5
"""Below this are calcified cartilage, plaques and metal clips; a rib in view holds 5 ml and more."""
_SPINE_HALF_MM = 30.0
"""Vertebral bodies are up to 4 cm wide; with transverse processes and rib heads 6 cm."""
_RIB_HALF_MM = 6.0
"""Ribs are up to 12 mm thick (Gray's Anatomy, 41st ed., ch. 53: body 10 to 12 mm high and thinner than that)."""
_UNDILUTED_HU, _UNDILUTED_RIM_HU = 550, 250
"""Contrast before it mixes with blood, and its blurred rim; trabecular bone of the chest stays below 550 HU."""
_CORTEX_HALF_MM, _UNDILUTED_RIM_MM = 3.2, 5.5
"""Cortical bone of clavicle and ribs is thinner than 6.4 mm; the rim is that and two blurred voxels more."""
_VESSEL_HU = 150
"""Lowest HU of the vessels taken for thick contrast: enhanced blood, above muscle and nodes."""
_ROUNDING = 1e-6
"""Of the hull's edge in voxels, so that a voxel on it counts as inside."""


def lung_outline(lungs: BoolArray) -> BoolArray:
    """The convex outline of both lungs in every slice, joined with the outlines of all slices above.

    The chest widens downwards, so anything inside its outline above is inside it below, including liver and kidneys.
    """
    inside = np.zeros_like(lungs)
    above = np.zeros(lungs.shape[1:], dtype=bool)
    for z in range(len(lungs) - 1, -1, -1):
        if lungs[z].any():
            above = above | _hull(lungs[z])
        inside[z] = above
    return inside


def between_lungs(scan: Scan, outline: BoolArray, lungs: BoolArray, spine: Spine | None) -> BoolArray:
    """Voxels inside the outline of the lungs, without lungs and spine: no bone there.

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
    """Undiluted contrast: above 550 HU throughout, unlike any bone of the chest.

    Cortical bone is as bright but thin; veins on the side of the injection are thick.
    """
    core = morphology.erode(scan.hu > _UNDILUTED_HU, _CORTEX_HALF_MM, scan.spacing_mm)
    return morphology.dilate(core, _UNDILUTED_RIM_MM, scan.spacing_mm) & (scan.hu > _UNDILUTED_RIM_HU)


def thick_contrast(scan: Scan, inside: BoolArray, bodies: BoolArray) -> BoolArray:
    """Contrast in vessels beside the spine: bright, within the outline of the lungs, and thicker than any rib.

    Args:
        scan: The scan.
        inside: Voxels inside the outline of the lungs that are not lung.
        bodies: The vertebral bodies, which are thick and bright themselves.
    """
    bright = (scan.hu > _VESSEL_HU) & inside & ~morphology.dilate(bodies, scan.spacing_mm, scan.spacing_mm)
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
    hull[rows[0] : rows[-1] + 1] = (x >= left[:, None] - _ROUNDING) & (x <= right[:, None] + _ROUNDING)
    return hull


def _lower_chain(rows: np.ndarray, values: np.ndarray, at: np.ndarray) -> FloatArray:
    """Largest convex function below points ``(row, value)`` at given rows (Andrew's monotone chain, 1979)."""
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
    """Bone: the known bones plus everything else as dense as bone outside the mediastinum, named ribs.

    Args:
        scan: The scan.
        body: The body.
        known: Bones found already (spine, sternum, clavicles).
        not_bone: Voxels that are not bone at any HU: vessels, heart, mediastinum, lungs.
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
    found.organ("ribs", ribs, OrganSource.IMAGE, Reason("other_bone"))
    found.organ("bone", ribs | named, OrganSource.IMAGE, Reason("all_bone"))
    return found
