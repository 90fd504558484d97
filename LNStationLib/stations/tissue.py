"""The tissue that can hold a node: fat and soft tissue of the mediastinum, hila and lower neck.

Stations are made of it alone: never air, lung, bone, vessel lumen, heart or esophagus.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter, generate_binary_structure
from scipy.spatial import ConvexHull, QhullError
from skimage.draw import polygon as polygon_pixels

from LNStationLib.organs.blood import enhanced_blood
from LNStationLib.organs.groups import AIRWAYS, BONES, HEART, LUNGS, VESSELS
from LNStationLib.organs.organ_set import OrganSource
from LNStationLib.stations.borders import MissingAnatomyError
from LNStationLib.stations.frame import Frame
from LNStationLib.types import BoolArray

TISSUE_HU = (-200, 300)
"""Fat to enhanced nodes; below lies partial lung, above calcification, bone and dense contrast."""
OTHER_ORGANS = (
    *HEART,
    "esophagus",
    "thyroid_gland",
    "cricoid_cartilage",
    "spinal_cord",
    "liver",
    "stomach",
)
_HU_SMOOTHING_VOXELS = 0.6
_RETROSTERNAL_MM = 12.0
_FACE_NEIGHBORS = generate_binary_structure(3, 1)


def node_tissue(frame: Frame) -> BoolArray:
    """Tissue anywhere in the region that is no organ, lung, air, bone or vessel.

    Surrogate organs are not cut out: their place is a guess, and a hole there would be a false statement.
    """
    smooth = gaussian_filter(frame.hu.astype(np.float32), _HU_SMOOTHING_VOXELS)
    tissue = (smooth > TISSUE_HU[0]) & (smooth < TISSUE_HU[1])
    # Walls count to the lumen: one voxel around airways and around blood that only its contrast shows.
    walled = frame.union(*AIRWAYS) | enhanced_blood(frame.hu, frame.organs)
    tissue &= ~binary_dilation(walled, _FACE_NEIGHBORS)
    seen = [
        name
        for name in (*LUNGS, *BONES, *VESSELS, *OTHER_ORGANS)
        if name in frame.organs and frame.organs[name].source is not OrganSource.SURROGATE
    ]
    return tissue & ~frame.union(*seen)


def mediastinum(frame: Frame) -> BoolArray:
    """Space between the lungs: per axial slice the convex hull of both lungs without them.

    The hull ends at the ventral lung edges; up to 12 mm further forward count as well where they lie behind the
    back of the sternum, for prevascular fat bulges there.

    Raises:
        MissingAnatomyError: A lung is missing.
    """
    lungs = {name: frame.require(name).mask for name in LUNGS}
    both = lungs["lung_left"] | lungs["lung_right"]
    hull = np.zeros_like(both)
    for z in np.flatnonzero(lungs["lung_left"].any(axis=(1, 2)) & lungs["lung_right"].any(axis=(1, 2))):
        hull[z] = _slice_hull(both[z])
    if not hull.any():
        raise MissingAnatomyError("no slice shows both lungs")
    hull |= _retrosternal(frame, hull)
    return hull & ~both


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
    result[polygon_pixels(corners[:, 0], corners[:, 1], mask.shape)] = True
    return result


def _retrosternal(frame: Frame, hull: BoolArray) -> BoolArray:
    """The layer in front of the hull that lies behind the sternum."""
    sternum = frame.union("sternum", "manubrium")
    forward = hull.copy()
    for step in range(1, round(frame.voxels(_RETROSTERNAL_MM)) + 1):
        forward[:, :-step] |= hull[:, step:]
    return forward & np.maximum.accumulate(sternum, axis=1) & ~sternum
