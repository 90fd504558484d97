"""Stations 5 and 6: aortopulmonary window and para-aortic."""

from __future__ import annotations

from LNStationLib.stations.rules.region import Anatomy, Region

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

    Upper border: a line tangential to the upper border of the arch. Lower border: lower border of the arch.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.arch_top, levels.arch_underside
    near = anatomy.distance_mm("ascending_aorta", "aortic_arch") <= PARA_AORTIC_REACH_MM
    lateral = frame.left_of(walls.arch_center) & frame.in_front_of(walls.descending_front)
    ventral = frame.in_front_of(anatomy.prevascular) & frame.left_of(walls.ascending_center)
    mask = anatomy.mediastinal_tissue & near & (lateral | ventral)
    mask &= frame.below(upper) & frame.above(lower)
    return Region(mask, {"upper": upper, "lower": lower, "medial": walls.ascending_center})
