"""Station 1: low cervical, supraclavicular and sternal notch."""

from __future__ import annotations

import numpy as np

from LNStationLib.stations.borders import plane
from LNStationLib.stations.rules.region import Anatomy, Region
from LNStationLib.types import Side

NECK_REACH_MM = 18.0
"""Nodes of the lower neck lie along the trachea and the carotid sheaths, and above the clavicles on the
subclavian vessels."""
NECK_HALF_WIDTH_MM = 50.0
"""The subclavian vessels run on to the armpit; station 1 ends with the clavicle's medial half."""
_AXES = (
    "trachea",
    "common_carotid_artery_left",
    "common_carotid_artery_right",
    "internal_jugular_vein_left",
    "internal_jugular_vein_right",
    "subclavian_artery_left",
    "subclavian_artery_right",
    "brachiocephalic_trunk",
)


def station_1(anatomy: Anatomy, side: Side) -> Region:
    """1R, 1L, low cervical, supraclavicular and sternal notch; the midline of the trachea divides the two.

    Upper border: lower margin of the cricoid cartilage. Lower border: clavicles on both sides, in the midline the
    upper border of the manubrium.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.cricoid_lower_margin, levels.thoracic_inlet
    in_front = frame.above(levels.manubrium_top) & frame.in_front_of(anatomy.prevascular)
    mask = anatomy.tissue & frame.below(upper) & (frame.above(lower) | in_front)
    mask &= frame.left_of(walls.trachea_midline) if side == "L" else frame.right_of(walls.trachea_midline)
    mask &= anatomy.distance_mm(*_AXES) <= NECK_REACH_MM
    mask &= np.abs(frame.x_mm - walls.trachea_midline.position_mm) < NECK_HALF_WIDTH_MM
    mask &= frame.in_front_of(walls.spine_front)
    around = plane(0.0, f"{NECK_REACH_MM:.0f} mm around the trachea and the neck vessels that were found")
    return Region(mask, {"upper": upper, "lower": lower, "medial": walls.trachea_midline, "around": around})
