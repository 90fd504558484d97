"""Station 1: low cervical, supraclavicular and sternal notch."""

from __future__ import annotations

import numpy as np

from LNStationLib.stations.borders import Border, curve
from LNStationLib.stations.muscles import long_soft_tissue
from LNStationLib.stations.profiles import filled, first_mm
from LNStationLib.stations.rules.region import Anatomy, Region
from LNStationLib.types import BoolArray, Side

NECK_HALF_WIDTH_MM = 50.0
"""The subclavian vessels run on to the armpit; station 1 ends with the clavicle's medial half."""
STRAP_MUSCLES_MM = 8.0
"""Low cervical nodes lie deep to the strap and sternocleidomastoid muscles, whose layer begins in front of trachea
and vessels."""
_SMOOTHING_MM = 4.0
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
    mask = anatomy.tissue & frame.below(levels.cricoid_lower_margin) & (in_front | behind)
    mask &= np.abs(frame.x_mm - walls.trachea_midline.position_mm) < NECK_HALF_WIDTH_MM
    mask &= frame.in_front_of(walls.spine_front) & frame.behind(_strap_muscles(anatomy)) & _behind_clavicles(anatomy)
    return np.asarray(mask & ~long_soft_tissue(frame, anatomy.tissue, mask))


def _behind_clavicles(anatomy: Anatomy) -> BoolArray:
    """Voxels that have no part of a clavicle behind them; those inside it have."""
    clavicles = anatomy.frame.union("clavicle_left", "clavicle_right")
    return np.asarray(~np.maximum.accumulate(clavicles[:, ::-1], axis=1)[:, ::-1])


def _strap_muscles(anatomy: Anatomy) -> Border:
    """Layer of the muscles in front of trachea and vessels, y per slice."""
    frame = anatomy.frame
    aside = np.abs(frame.x_mm - anatomy.walls.trachea_midline.position_mm)
    edge = first_mm(frame.union(*_DEEP_TO_MUSCLES) & (aside < NECK_HALF_WIDTH_MM), frame.grid, 1)
    front = filled(edge, sigma=frame.voxels(_SMOOTHING_MM)) - STRAP_MUSCLES_MM
    return curve(front, f"{STRAP_MUSCLES_MM:.0f} mm in front of the trachea and the neck vessels that were found")
