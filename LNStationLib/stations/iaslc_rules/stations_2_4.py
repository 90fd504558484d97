"""Stations 2, 3 and 4: paratracheal, prevascular and retrotracheal."""

from __future__ import annotations

import numpy as np

from LNStationLib.stations.iaslc_rules.borders import Border, plane
from LNStationLib.stations.iaslc_rules.needs import AORTA
from LNStationLib.stations.iaslc_rules.region import Anatomy, Region
from LNStationLib.stations.iaslc_rules.tissue import chest_wall_before_lungs
from LNStationLib.support.reason import Reason

RETROTRACHEAL_HALF_WIDTH_MM = 20.0
"""3P keeps to the esophagus and the space beside it; further out lies the paravertebral gutter."""
MEDIASTINAL_HALF_WIDTH_MM = 42.0
"""Above the arch the lungs bound the mediastinum only in part; first ribs and clavicles lie further out."""


def station_2r(anatomy: Anatomy) -> Region:
    """2R, right upper paratracheal.

    Upper border: apex of the right lung and pleural space, in the midline the upper border of the manubrium.
    Lower border: intersection of the caudal margin of the left brachiocephalic vein with the trachea.
    Reaches to the left lateral border of the trachea; 3A lies in front, 3P behind.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.thoracic_inlet, levels.left_brachiocephalic_vein_crossing
    return _paratracheal(
        anatomy, frame.below(upper) & frame.above(lower) & frame.right_of(walls.trachea_left), upper, lower
    )


def station_2l(anatomy: Anatomy) -> Region:
    """2L, left upper paratracheal.

    Upper border: apex of the left lung and pleural space, in the midline the upper border of the manubrium.
    Lower border: superior border of the aortic arch. Left of the left lateral border of the trachea.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.thoracic_inlet, levels.arch_top
    return _paratracheal(
        anatomy, frame.below(upper) & frame.above(lower) & frame.left_of(walls.trachea_left), upper, lower
    )


def station_4r(anatomy: Anatomy) -> Region:
    """4R, right lower paratracheal, with the pretracheal nodes up to the left lateral border of the trachea.

    Upper border: intersection of the caudal margin of the left brachiocephalic vein with the trachea.
    Lower border: lower border of the azygos vein.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.left_brachiocephalic_vein_crossing, levels.azygos_lower_border
    return _paratracheal(
        anatomy, frame.below(upper) & frame.above(lower) & frame.right_of(walls.trachea_left), upper, lower
    )


def station_4l(anatomy: Anatomy) -> Region:
    """4L, left lower paratracheal.

    Left of the left lateral border of the trachea, medial to the ligamentum arteriosum.
    Upper border: upper margin of the aortic arch. Lower border: upper rim of the left main pulmonary artery.
    Beside the arch the station keeps to its medial side. Below it nothing in front of the middle of the ascending
    aorta is paratracheal, however far the ligament's plane is continued.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    upper, lower = levels.arch_top, levels.left_pulmonary_artery_top
    under_arch = frame.below(levels.arch_underside)
    lateral = np.where(under_arch, frame.right_of(walls.ligamentum_arteriosum), frame.right_of(walls.arch_center))
    extent = frame.below(upper) & frame.above(lower) & frame.left_of(walls.trachea_left) & lateral
    if "ascending_aorta" in frame.organs:
        extent &= frame.behind(walls.ascending_middle) | ~under_arch
    region = _paratracheal(anatomy, extent, upper, lower)
    return Region(region.mask, region.borders | {"lateral": walls.ligamentum_arteriosum})


def _paratracheal(anatomy: Anatomy, extent: np.ndarray, upper: object, lower: object) -> Region:
    """Paratracheal tissue behind the prevascular surface and in front of the back of the trachea."""
    frame, walls = anatomy.frame, anatomy.walls
    mask = anatomy.mediastinal_tissue & extent
    mask &= frame.behind(anatomy.prevascular) & frame.in_front_of(walls.trachea_back)
    mask &= _central(anatomy)
    return Region(
        mask,
        {
            "upper": upper,  # type: ignore[dict-item]
            "lower": lower,  # type: ignore[dict-item]
            "tracheal": walls.trachea_left,
            "anterior": anatomy.prevascular,
            "posterior": walls.trachea_back,
        },
    )


def _central(anatomy: Anatomy) -> np.ndarray:
    midline = anatomy.walls.trachea_midline.position_mm
    return np.asarray(np.abs(anatomy.frame.x_mm - midline) < MEDIASTINAL_HALF_WIDTH_MM)


def station_3a(anatomy: Anatomy) -> Region:
    """3A, prevascular.

    Upper border: apex of the chest; in front of the vessels the chest ends at the upper border of the manubrium,
    above which lies the sternal notch (station 1). Lower border: level of the carina. Front: back of the sternum.
    Behind: front of the superior vena cava on the right, left common carotid artery on the left.
    """
    frame, levels = anatomy.frame, anatomy.levels
    upper, lower = levels.manubrium_top, levels.carina
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= frame.in_front_of(anatomy.prevascular) & _central(anatomy) & ~chest_wall_before_lungs(frame)
    borders = {"upper": upper, "lower": lower, "posterior": anatomy.prevascular}
    if "sternum" in frame.organs or "manubrium" in frame.organs:
        # Without a sternum the lungs' front edges bound the tissue well enough.
        borders["anterior"] = anatomy.walls.sternum_back
        mask &= frame.behind(anatomy.walls.sternum_back)
    return Region(mask, borders)


def station_3p(anatomy: Anatomy) -> Region:
    """3P, retrotracheal: behind the trachea, in front of the spine.

    Upper border: apex of the chest. Lower border: carina.
    """
    frame, levels, walls = anatomy.frame, anatomy.levels, anatomy.walls
    frame.require("spine")
    upper, lower = levels.chest_apex, levels.carina
    mask = anatomy.mediastinal_tissue & frame.below(upper) & frame.above(lower)
    mask &= frame.behind(walls.trachea_back) & frame.in_front_of(walls.spine_front)
    half_width = _retrotracheal_half_width(anatomy)
    mask &= np.abs(frame.x_mm - walls.trachea_midline.position_mm) < half_width.position_mm
    return Region(
        mask,
        {
            "upper": upper,
            "lower": lower,
            "anterior": walls.trachea_back,
            "posterior": walls.spine_front,
            "lateral": half_width,
        },
    )


def _retrotracheal_half_width(anatomy: Anatomy) -> Border:
    """How far 3P reaches to either side, in mm; beside the trachea's own width the arch may lie."""
    if anatomy.knows(AORTA):
        rests_on = Reason("beside_trachea_midline", {"aside_mm": RETROTRACHEAL_HALF_WIDTH_MM})
        return plane(RETROTRACHEAL_HALF_WIDTH_MM, rests_on)
    walls = anatomy.walls
    width = np.minimum(
        walls.trachea_left.position_mm - walls.trachea_midline.position_mm, RETROTRACHEAL_HALF_WIDTH_MM
    )
    return Border(np.asarray(width), Reason("trachea_width_for_aorta"), surrogate=True)
