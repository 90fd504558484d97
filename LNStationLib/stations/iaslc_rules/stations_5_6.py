"""Stations 5 and 6: aortopulmonary window and para-aortic."""

from __future__ import annotations

import numpy as np

from LNStationLib.stations.iaslc_rules.borders import MissingAnatomyError
from LNStationLib.stations.iaslc_rules.region import Anatomy, Region
from LNStationLib.support.types import BoolArray, FloatArray

PARA_AORTIC_REACH_MM = 15.0
"""6 hugs the aorta; prevascular tissue further forward is 3A (contouring after Lynch et al. 2013)."""


def station_5(anatomy: Anatomy) -> Region:
    """5, subaortic (aortopulmonary window): lateral to the ligamentum arteriosum.

    Upper border: lower border of the aortic arch. Lower border: upper rim of the left main pulmonary artery.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.arch_underside, levels.left_pulmonary_artery_top
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= frame.left_of(walls.ligamentum_arteriosum)
    mask &= frame.behind(walls.ascending_middle) & frame.in_front_of(walls.descending_front)
    return Region(
        mask,
        {
            "upper": upper,
            "lower": lower,
            "medial": walls.ligamentum_arteriosum,
            "anterior": walls.ascending_middle,
            "posterior": walls.descending_front,
        },
    )


def station_6(anatomy: Anatomy) -> Region:
    """6, para-aortic (ascending aorta, phrenic): in front of and lateral to the ascending aorta and the arch.

    Upper border: a line tangential to the upper border of the arch. Lower border: lower border of the arch. What is
    nearer to the sternum than to the aorta is 3A.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.arch_top, levels.arch_underside
    to_aorta = anatomy.distance_mm("ascending_aorta", "aortic_arch")
    near = (to_aorta <= PARA_AORTIC_REACH_MM) & ~_nearer_to_sternum(anatomy, to_aorta)
    lateral = frame.left_of(walls.arch_center) & frame.in_front_of(walls.isthmus)
    ventral = frame.in_front_of(anatomy.prevascular) & frame.left_of(walls.aorta_summit)
    mask = anatomy.mediastinal_tissue & near & (lateral | ventral)
    mask &= frame.below(upper) & frame.above(lower)
    return Region(mask, {"upper": upper, "lower": lower, "medial": walls.aorta_summit, "posterior": walls.isthmus})


def _nearer_to_sternum(anatomy: Anatomy, to_aorta: FloatArray) -> BoolArray:
    try:
        back = anatomy.walls.sternum_back.position_mm
    except MissingAnatomyError:
        return np.zeros(to_aorta.shape, dtype=bool)
    return np.asarray(anatomy.frame.y_mm - back < to_aorta)
