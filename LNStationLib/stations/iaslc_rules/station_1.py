"""Station 1: low cervical, supraclavicular and sternal notch."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, minimum_filter1d

from LNStationLib.imaging.distances import within_mm
from LNStationLib.imaging.growing import open_by_box, open_by_disk
from LNStationLib.organs.blood import enhanced_blood
from LNStationLib.organs.groups import AIRWAYS, LUNGS
from LNStationLib.stations.iaslc_rules.borders import Border, surface
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.muscles import long_soft_tissue
from LNStationLib.stations.iaslc_rules.region import Anatomy, Region
from LNStationLib.stations.profiles import filled
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, Side

NECK_HALF_WIDTH_MM = 50.0
"""The subclavian vessels run on to the armpit; station 1 ends with the clavicle's medial half."""
STRAP_MUSCLES_MM = 8.0
"""Low cervical nodes lie deep to the strap and sternocleidomastoid muscles, whose layer begins in front of trachea
and vessels."""
LEAST_DEPTH_MM = 10.0
"""Skin, subcutaneous fat, platysma and the investing fascia with its muscle; station 1 lies deep to all of these."""
CAROTID_SHEATH_MM = 20.0
"""Width of the common carotid artery and the internal jugular vein side by side (8 and 12 mm): beside the one that
was found lies the other, as far in front."""
SUPERFICIAL_VEIN_MM = 6.0
"""External and anterior jugular veins are narrower, the vessels of the carotid sheath and the subclavians wider."""
THINNEST_ROOM_MM = 5.0
"""From front to back; a node with a smaller short axis is not seen."""
_SMOOTHING_MM = 4.0
"""Sigma along and across the front: it jumps where a vessel begins or ends. Chosen in development; no published
source."""
_DEEP_TO_MUSCLES = (
    "trachea",
    "common_carotid_artery_left",
    "common_carotid_artery_right",
    "internal_jugular_vein_left",
    "internal_jugular_vein_right",
    "subclavian_artery_left",
    "subclavian_artery_right",
    "brachiocephalic_trunk",
    "brachiocephalic_vein_left",
    "brachiocephalic_vein_right",
)


def station_1(anatomy: Anatomy, side: Side) -> Region:
    """1R, 1L, low cervical, supraclavicular and sternal notch; the midline of the trachea divides the two.

    Upper border: lower margin of the cricoid cartilage. Lower border: clavicles on both sides, in the midline the
    upper border of the manubrium. The clavicles bound what lies in front of the vessels, the lung's apex what lies
    behind.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    midline = walls.trachea_midline
    mask = anatomy.shared(_low_neck) & (frame.left_of(midline) if side == "L" else frame.right_of(midline))
    borders = {
        "upper": levels.cricoid_lower_margin,
        "lower": levels.thoracic_inlet,
        "lower (in front)": levels.clavicles,
        "medial": midline,
        "anterior": _strap_muscles(anatomy),
        "posterior": walls.spine_front,
    }
    return Region(mask, borders)


def _low_neck(anatomy: Anatomy) -> BoolArray:
    """Both sides of the station, without muscles."""
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    in_front = frame.above(levels.clavicles) & frame.in_front_of(anatomy.prevascular)
    behind = frame.above(levels.thoracic_inlet) & frame.behind(anatomy.prevascular)
    room = frame.below(levels.cricoid_lower_margin) & (in_front | behind)
    room &= np.abs(frame.x_mm - walls.trachea_midline.position_mm) < NECK_HALF_WIDTH_MM
    room &= frame.in_front_of(walls.spine_front) & frame.behind(_strap_muscles(anatomy))
    room &= _behind_clavicles(anatomy) & _under_skin(anatomy)
    mask = anatomy.tissue & _deep_enough(room, round(frame.voxels(THINNEST_ROOM_MM)))
    return np.asarray(mask & ~long_soft_tissue(frame, anatomy.tissue, mask))


def _deep_enough(room: BoolArray, voxels: int) -> BoolArray:
    """What of a space goes on for some voxels from front to back: no film between two of its walls."""
    return open_by_box(room, (1, voxels, 1))


def _behind_clavicles(anatomy: Anatomy) -> BoolArray:
    """Voxels that have no part of clavicles or sternum behind them; those inside these have."""
    bones = anatomy.frame.union("clavicle_left", "clavicle_right", "sternum", "manubrium")
    return np.asarray(~np.maximum.accumulate(bones[:, ::-1], axis=1)[:, ::-1])


def _under_skin(anatomy: Anatomy) -> BoolArray:
    """Voxels of the body at least as deep as the muscles under which low cervical nodes lie."""
    frame = anatomy.frame
    body = frame.mask("body")
    if body is None:
        return np.ones(frame.grid.shape, dtype=bool)
    solid = body | frame.union(*AIRWAYS, *LUNGS)
    return ~within_mm(~solid, LEAST_DEPTH_MM, frame.grid.spacing_mm)


def _strap_muscles(anatomy: Anatomy) -> Border:
    """Layer of the muscles in front of trachea and vessels, y per slice and column, straight on at either side."""
    frame = anatomy.frame
    smooth = gaussian_filter(_front_rows(anatomy), frame.voxels(_SMOOTHING_MM), mode="nearest")
    position = frame.grid.origin_mm[1] + frame.grid.spacing_mm[1] * (smooth - 0.5) - STRAP_MUSCLES_MM
    return surface(position, Reason("before_neck_vessels", {"before_mm": STRAP_MUSCLES_MM}))


def _front_rows(anatomy: Anatomy) -> FloatArray:
    """Foremost row of trachea and neck vessels, per slice and column; nowhere deeper than that of the trachea."""
    frame = anatomy.frame
    deep = _deep_to_muscles(anatomy)
    columns = np.arange(deep.shape[2])
    front = np.repeat(_tracheal_front(frame)[:, None], columns.size, axis=1)
    for z in np.flatnonzero(deep.any(axis=(1, 2))):
        there = np.flatnonzero(deep[z].any(axis=0))
        front[z] = np.minimum(front[z], np.interp(columns, there, deep[z].argmax(axis=0)[there]))
    beside = 2 * round(frame.voxels(CAROTID_SHEATH_MM)) + 1
    return np.asarray(minimum_filter1d(front, beside, axis=1, mode="nearest"))


def _deep_to_muscles(anatomy: Anatomy) -> BoolArray:
    """Trachea and vessels of the neck that were seen."""
    frame = anatomy.frame
    aside = np.abs(frame.x_mm - anatomy.walls.trachea_midline.position_mm)
    seen = [name for name in _DEEP_TO_MUSCLES if not frame.is_surrogate(name)]
    vessels = _wide_vessels(frame) & frame.in_front_of(anatomy.walls.trachea_back)
    return np.asarray((frame.union(*seen) | vessels) & (aside < NECK_HALF_WIDTH_MM))


def _tracheal_front(frame: Frame) -> FloatArray:
    """Foremost row of the trachea in every slice."""
    rows = np.asarray(frame.require("trachea").mask.any(axis=2))
    return filled(np.where(rows.any(axis=1), rows.argmax(axis=1), np.nan), sigma=frame.voxels(_SMOOTHING_MM))


def _wide_vessels(frame: Frame) -> BoolArray:
    """Vessels that contrast shows and that are too wide for veins in or above the muscles."""
    radius = max(round(frame.voxels(SUPERFICIAL_VEIN_MM / 2)), 1)
    return open_by_disk(enhanced_blood(frame.hu, frame.organs), radius**2)
