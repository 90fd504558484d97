"""Stations 7, 8 and 9: subcarinal, paraesophageal and pulmonary ligament."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from LNStationLib.stations.iaslc_rules.borders import plane
from LNStationLib.stations.iaslc_rules.region import Anatomy, Region
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

PARAESOPHAGEAL_REACH_MM = 10.0
"""8 lies next to the wall of the esophagus: as far from it as the short axis of a node that counts as enlarged."""
LIGAMENT_REACH_MM = 32.0
"""The ligament reaches from the esophagus to the root of the lung; further out lies pericardial fat."""
LIGAMENT_THICKNESS_MM = 10.0
"""The layer beneath the pleura that its two sheets enclose."""
_BRONCHI_MARGIN_MM = 6.0
"""Nodes of 7 may reach this far in front of the main bronchi. Chosen in development; no published source."""

_ACROSS = np.zeros((3, 3, 3), dtype=bool)
_ACROSS[:, 1, 1] = _ACROSS[1, 1, :] = True
"""A voxel with its neighbors above, below, left and right."""


def station_7(anatomy: Anatomy) -> Region:
    """7, subcarinal, between the main bronchi.

    Upper border: carina. Lower border: upper border of the lower lobe bronchus on the left, lower border of the
    bronchus intermedius on the right.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    frame.require("spine")
    upper, lower = levels.carina, levels.subcarinal_floor
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= frame.left_of(walls.right_bronchi_medial) & frame.right_of(walls.left_bronchi_medial)
    mask &= frame.y_mm > walls.bronchi_front.position_mm - _BRONCHI_MARGIN_MM
    mask &= frame.in_front_of(walls.spine_front) & ~_before_heart(anatomy)
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


def _before_heart(anatomy: Anatomy) -> BoolArray:
    """What has the heart behind it: beside and before the roof of the left atrium runs the pulmonary artery.

    The heart is looked for one voxel to each side, above and below, where an outline is less sure than its tissue.
    """
    heart = binary_dilation(anatomy.frame.union("heart", "atrium_left"), _ACROSS)
    return np.logical_or.accumulate(heart[:, ::-1], axis=1)[:, ::-1]


def station_8(anatomy: Anatomy) -> Region:
    """8, paraesophageal: next to the wall of the esophagus, right or left of the midline, without 7.

    Upper border: upper border of the lower lobe bronchus on the left, lower border of the bronchus intermedius on
    the right. Lower border: diaphragm.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    esophagus = frame.require("esophagus")
    frame.require("spine")
    upper, lower = levels.subcarinal_floor, levels.diaphragm
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= (anatomy.distance_mm("esophagus") <= PARAESOPHAGEAL_REACH_MM) & ~_ligament(anatomy)
    mask &= frame.in_front_of(walls.spine_front) & ~levels.abdomen
    wall = plane(
        0.0,
        Reason("around_esophagus", {"around_mm": PARAESOPHAGEAL_REACH_MM, "how": esophagus.how}),
        surrogate=frame.is_surrogate("esophagus"),
    )
    return Region(mask, {"upper": upper, "lower": lower, "around": wall, "posterior": walls.spine_front})


def station_9(anatomy: Anatomy) -> Region:
    """9, within the pulmonary ligament.

    Upper border: inferior pulmonary vein. Lower border: diaphragm. The ligament itself is hardly visible on CT;
    here it is the pleural side of the mediastinum beside the esophagus: nearer to the lung than to the esophagus.
    """
    frame, levels = anatomy.frame, anatomy.levels
    frame.require("esophagus")
    frame.require("spine")
    right, left = levels.inferior_pulmonary_vein("R"), levels.inferior_pulmonary_vein("L")
    lower = levels.diaphragm
    mask = anatomy.mediastinal_tissue & frame.above(lower) & _ligament(anatomy) & ~levels.abdomen
    return Region(mask, {"upper (right)": right, "upper (left)": left, "lower": lower})


def _ligament(anatomy: Anatomy) -> BoolArray:
    """Beside the esophagus below the inferior pulmonary veins, nearer to the lung than to the esophagus."""
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    right, left = levels.inferior_pulmonary_vein("R"), levels.inferior_pulmonary_vein("L")
    upper = np.where(frame.left_of(walls.midline), frame.below(left), frame.below(right))
    to_lung, to_esophagus = anatomy.distance_mm("lung_left", "lung_right"), anatomy.distance_mm("esophagus")
    mask = upper & (to_lung <= LIGAMENT_THICKNESS_MM) & (to_lung < to_esophagus) & (to_esophagus <= LIGAMENT_REACH_MM)
    return np.asarray(mask & frame.behind(walls.esophagus_front) & frame.in_front_of(walls.esophagus_back))
