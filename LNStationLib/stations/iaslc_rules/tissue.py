"""The tissue that can hold a node: fat and soft tissue of the mediastinum, hila and lower neck.

Stations are made of it alone: never air, lung, bone, vessel lumen, heart or esophagus.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, label
from scipy.spatial import ConvexHull, QhullError

from LNStationLib.imaging.growing import grow_by_ball, grow_by_faces, open_by_box
from LNStationLib.organs.blood import enhanced_blood
from LNStationLib.organs.groups import AIRWAYS, BONES, HEART, LUNGS, VESSELS
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.stations import left_out
from LNStationLib.stations.iaslc_rules.borders import MissingAnatomyError
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.profiles import center_mm, filled
from LNStationLib.support.types import BoolArray, FloatArray

TISSUE_HU = (-400, 300)
"""Fat to enhanced nodes. Below lies lung (a voxel half fat, half lung has about -450 HU), above calcification, bone
and dense contrast."""
THINNEST_MM = 3.0
"""A layer thinner than that on the lung holds no node that could be seen."""
OTHER_ORGANS = (
    *HEART,
    "esophagus",
    "thyroid_gland",
    "cricoid_cartilage",
    "spinal_cord",
    "liver",
    "stomach",
)
_OUTLINED = (OrganSource.SUPPLIED, OrganSource.NETWORK)
"""Masks that hold a vessel's wall."""
_FAT_HU = -30
"""Between fat (-100 HU) and the wall of the esophagus (40 HU)."""
_HU_SMOOTHING_VOXELS = 0.6
"""Sigma against noise; too small to blur a node into the fat around it. Chosen in development; no published
source."""
_RETROSTERNAL_MM = 12.0
"""Depth of the layer behind the sternum, and beside it in front of the lungs, that the line between the lungs cuts
off. Chosen in development; no published source."""
_SOLID_RUN_MM = 30.0
"""Apices and bases of healthy lungs differ by less in height."""
_INLET_HALF_WIDTH_MM = 42.0
"""The subclavian vessels run on to the armpit; first ribs and clavicles lie further out."""
_INLET_LEAST_HALF_WIDTH_MM = 38.0
"""Where veins were not found, the inlet would end at the trunk of an artery."""
_GREAT_VESSELS = (
    "superior_vena_cava",
    "brachiocephalic_vein_right",
    "brachiocephalic_vein_left",
    "brachiocephalic_trunk",
    "common_carotid_artery_left",
    "common_carotid_artery_right",
    "subclavian_artery_left",
    "subclavian_artery_right",
)
_CORNER_NEIGHBORS = 3
"""Squared distance in voxels of neighbors that share a corner."""
_ON_EDGE = 1e-6
"""Pixels on an edge count as inside: corners are whole pixels, so that any other lies further off."""


def node_tissue(frame: Frame) -> BoolArray:
    """Tissue anywhere in the region that is not an organ, lung, air, bone or vessel.

    Surrogate organs are not cut out: their place is a guess, and a hole there would be a false statement. The
    esophagus is: it is there in every patient, and its surrogate follows soft tissue that no other organ claims.
    """
    smooth = gaussian_filter(frame.hu.astype(np.float32), _HU_SMOOTHING_VOXELS)
    tissue = (smooth > TISSUE_HU[0]) & (smooth < TISSUE_HU[1])
    # Walls count to the lumen: one voxel around airways and around blood that only its contrast shows.
    outlined = [name for name in VESSELS if name in frame.organs and frame.organs[name].source in _OUTLINED]
    walled = frame.union(*AIRWAYS) | (enhanced_blood(frame.hu, frame.organs) & ~frame.union(*outlined))
    tissue &= ~grow_by_faces(walled)
    seen = [
        name
        for name in (*LUNGS, *BONES, *VESSELS, *OTHER_ORGANS)
        if name in frame.organs and not frame.is_surrogate(name)
    ]
    tissue &= ~frame.union(*seen)
    if frame.is_surrogate("esophagus"):
        tissue &= ~_certain(frame.union("esophagus"), tissue & (smooth > _FAT_HU))
    return tissue & ~_films(frame, tissue, smooth)


def _films(frame: Frame, tissue: BoolArray, hu: FloatArray) -> BoolArray:
    """Films of tissue on the lung: between a vessel and the lung they are its wall and partial volume."""
    edge = max(round(frame.voxels(THINNEST_MM)), 1)
    beside_lung = grow_by_ball(frame.union(*LUNGS) | (hu < TISSUE_HU[0]), _CORNER_NEIGHBORS)
    return np.asarray(tissue & beside_lung & ~open_by_box(tissue, (edge,) * 3))


def _certain(organ: BoolArray, soft: BoolArray) -> BoolArray:
    """A surrogate without its rim where that touches soft tissue, for only fat shows where its wall is."""
    return organ & ~grow_by_faces(soft & ~organ)


def mediastinum(frame: Frame) -> BoolArray:
    """Space between the lungs: per axial slice the convex hull of both lungs without them.

    The hull ends at the ventral lung edges; up to 12 mm further forward count as well where they lie behind the
    back of the sternum and not in front of lung, for prevascular fat bulges there.

    A lung that is solid, removed or out of view has its bound from the other one, mirrored.

    Raises:
        MissingAnatomyError: Both lungs are missing, or no slice shows what bounds the space.
    """
    left, right = both_sides(frame)
    both = left | right
    hull = np.zeros_like(both)
    for z in np.flatnonzero(left.any(axis=(1, 2)) & right.any(axis=(1, 2))):
        hull[z] = _slice_hull(both[z])
    if not hull.any():
        raise MissingAnatomyError(left_out.NOT_BOTH_LUNGS)
    hull |= (_retrosternal(frame, hull) & ~_before(both, frame.voxels(_RETROSTERNAL_MM))) | _inlet(frame)
    return hull & ~both


def both_sides(frame: Frame) -> tuple[BoolArray, BoolArray]:
    """Left and right lung, each completed by its mirror image where only the other holds air for a long way.

    Raises:
        MissingAnatomyError: Both lungs are missing.
    """
    frame.require(*LUNGS)
    left, right = (frame.union(name) for name in LUNGS)
    return _completed(frame, left, right), _completed(frame, right, left)


def _completed(frame: Frame, lung: BoolArray, other: BoolArray) -> BoolArray:
    """A lung with the mirror image of the other one in runs of slices that lack it."""
    runs, count = label(~lung.any(axis=(1, 2)) & other.any(axis=(1, 2)))
    completed = lung.copy()
    for run in range(1, count + 1):
        slices = np.flatnonzero(runs == run)
        if len(slices) >= frame.voxels(_SOLID_RUN_MM):
            completed[slices] = _mirrored(frame, other, slices) & ~_behind_heart(frame, slices)
    return completed


def _behind_heart(frame: Frame, slices: np.ndarray) -> BoolArray:
    """Between esophagus, descending aorta and spine, off the midline: a mirrored lung does not reach there."""
    organs = frame.union("esophagus", "descending_aorta", "spine")
    return np.stack([_slice_hull(organs[z]) if organs[z].any() else organs[z] for z in slices])


def _mirrored(frame: Frame, lung: BoolArray, slices: np.ndarray) -> BoolArray:
    """Slices of a lung with right and left exchanged about the middle of the spine, else of the trachea."""
    middle = frame.require("spine", "trachea").mask
    center = filled(center_mm(middle, frame.grid, 2), sigma=1.0)
    twice = np.round(2 * (center - frame.grid.origin_mm[2]) / frame.grid.spacing_mm[2]).astype(int)
    source = twice[slices, None] - np.arange(lung.shape[2])
    inside = (source >= 0) & (source < lung.shape[2])
    picked = np.take_along_axis(lung[slices], np.clip(source, 0, lung.shape[2] - 1)[:, None, :], axis=2)
    return np.asarray(picked & inside[:, None, :])


def _inlet(frame: Frame) -> BoolArray:
    """The thoracic inlet above the arch: between the outermost great vessels, behind the manubrium.

    There the lungs' apices lie beside the spine, so that their hull ends behind the vessels.
    """
    trachea, arch = frame.mask("trachea"), frame.landmark("aortic_arch_top")
    if trachea is None or arch is None:
        return np.zeros(frame.grid.shape, dtype=bool)
    middle = float(frame.grid.coordinates_mm(2)[trachea.any(axis=(0, 1))].mean())
    aside = np.abs(frame.x_mm - middle)
    vessels = (frame.union(*_GREAT_VESSELS) & (aside < _INLET_HALF_WIDTH_MM)).any(axis=1)
    vessels |= aside[0] < _INLET_LEAST_HALF_WIDTH_MM
    between = np.maximum.accumulate(vessels, axis=1) & np.maximum.accumulate(vessels[:, ::-1], axis=1)[:, ::-1]
    bone = np.maximum.accumulate(frame.union("sternum", "manubrium"), axis=1)
    behind = bone | ~bone.any(axis=1, keepdims=True)
    return np.asarray(between[:, None, :] & behind & (frame.z_mm > arch[0][2]))


def _slice_hull(mask: BoolArray) -> BoolArray:
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    points = np.concatenate([np.stack([rows, first], axis=1), np.stack([rows, last], axis=1)])
    result = np.zeros_like(mask)
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:  # all points on one line: the slice only grazes the lungs
        return result
    columns = np.arange(mask.shape[1])
    between = slice(rows[0], rows[-1] + 1)
    left, right = _ends_of_rows(corners, np.arange(rows[0], rows[-1] + 1))
    result[between] = (columns >= left[:, None] - _ON_EDGE) & (columns <= right[:, None] + _ON_EDGE)
    return result


def _ends_of_rows(corners: np.ndarray, rows: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Where a convex polygon with corners ``(row, column)`` begins and ends in each of the rows that it spans.

    Asking for every pixel whether it lies inside would take most of the time of the mediastinum.
    """
    start, end = corners.astype(float), np.roll(corners, -1, axis=0).astype(float)
    height = end[:, 0] - start[:, 0]
    part = (rows[:, None] - start[:, 0]) / np.where(height == 0, 1.0, height)
    met = (part >= 0) & (part <= 1) & (height != 0)
    column = start[:, 1] + part * (end[:, 1] - start[:, 1])
    return np.where(met, column, np.inf).min(axis=1), np.where(met, column, -np.inf).max(axis=1)


def _retrosternal(frame: Frame, hull: BoolArray) -> BoolArray:
    """The layer in front of the hull that lies behind the sternum."""
    sternum = frame.union("sternum", "manubrium")
    forward = _before(hull, frame.voxels(_RETROSTERNAL_MM))
    return forward & np.maximum.accumulate(sternum, axis=1) & ~sternum


def chest_wall_before_lungs(frame: Frame) -> BoolArray:
    """The layer of 12 mm in front of the lungs beside the sternum: costal cartilage, muscle and parasternal vessels.

    The line that touches both lungs' front edges passes through it where the wall bulges in between.
    """
    lungs = frame.union(*LUNGS)
    beside = ~frame.union("sternum", "manubrium").any(axis=1, keepdims=True)
    return np.asarray(_before(lungs, frame.voxels(_RETROSTERNAL_MM)) & ~lungs & beside)


def _before(mask: BoolArray, voxels: float) -> BoolArray:
    """The mask and what lies up to some voxels in front of it."""
    forward = mask.copy()
    for step in range(1, round(voxels) + 1):
        forward[:, :-step] |= mask[:, step:]
    return forward
