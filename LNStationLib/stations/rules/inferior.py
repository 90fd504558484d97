"""Stations 7, 8 and 9: subcarinal, paraesophageal and pulmonary ligament."""

from __future__ import annotations

import numpy as np

from LNStationLib.stations.borders import plane
from LNStationLib.stations.rules.region import Anatomy, Region

PARAESOPHAGEAL_REACH_MM = 12.0
"""8 lies next to the wall of the esophagus."""
LIGAMENT_REACH_MM = 24.0
"""The pulmonary ligament runs beside the esophagus, from the inferior pulmonary vein down."""
LIGAMENT_THICKNESS_MM = 8.0
_BRONCHI_MARGIN_MM = 6.0


def station_7(anatomy: Anatomy) -> Region:
    """7, subcarinal, between the main bronchi.

    Upper border: carina. Lower border: upper border of the lower lobe bronchus on the left, lower border of the
    bronchus intermedius on the right.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.carina, levels.subcarinal_floor
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= frame.left_of(walls.right_bronchi_medial) & frame.right_of(walls.left_bronchi_medial)
    mask &= frame.y_mm > walls.bronchi_front.position_mm - _BRONCHI_MARGIN_MM
    mask &= frame.in_front_of(walls.spine_front)
    return Region(
        mask,
        {
            "upper": upper,
            "lower": lower,
            "right": walls.right_bronchi_medial,
            "left": walls.left_bronchi_medial,
            "anterior": walls.bronchi_front,
            "posterior": walls.spine_front,
        },
    )


def station_8(anatomy: Anatomy) -> Region:
    """8, paraesophageal: next to the wall of the esophagus, right or left of the midline, without 7.

    Upper border: upper border of the lower lobe bronchus on the left, lower border of the bronchus intermedius on
    the right. Lower border: diaphragm.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    esophagus = frame.require("esophagus")
    upper, lower = levels.subcarinal_floor, levels.diaphragm
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= anatomy.distance_mm("esophagus") <= PARAESOPHAGEAL_REACH_MM
    mask &= frame.in_front_of(walls.spine_front)
    wall = plane(
        0.0,
        f"{PARAESOPHAGEAL_REACH_MM:.0f} mm around the esophagus ({esophagus.detail})",
        surrogate=frame.is_surrogate("esophagus"),
    )
    return Region(mask, {"upper": upper, "lower": lower, "around": wall, "posterior": walls.spine_front})


def station_9(anatomy: Anatomy) -> Region:
    """9, within the pulmonary ligament.

    Upper border: inferior pulmonary vein. Lower border: diaphragm. The ligament itself is hardly visible on CT;
    here it is the pleural side of the mediastinum beside the esophagus, lateral of station 8.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    frame.require("esophagus")
    right, left = levels.inferior_pulmonary_vein("R"), levels.inferior_pulmonary_vein("L")
    upper = np.where(frame.left_of(walls.midline), frame.below(left), frame.below(right))
    lower = levels.diaphragm
    to_esophagus = anatomy.distance_mm("esophagus")
    mask = anatomy.mediastinal_tissue & upper & frame.above(lower)
    mask &= (to_esophagus <= LIGAMENT_REACH_MM) & (to_esophagus > PARAESOPHAGEAL_REACH_MM)
    mask &= anatomy.distance_mm("lung_left", "lung_right") <= LIGAMENT_THICKNESS_MM
    mask &= frame.behind(walls.esophagus_front) & frame.in_front_of(walls.esophagus_back)
    return Region(mask, {"upper (right)": right, "upper (left)": left, "lower": lower})
