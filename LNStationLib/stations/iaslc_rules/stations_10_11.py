"""Stations 10 and 11: hilar and interlobar."""

from __future__ import annotations

import numpy as np

from LNStationLib.stations.iaslc_rules.borders import Border, plane
from LNStationLib.stations.iaslc_rules.region import Anatomy, Region
from LNStationLib.stations.iaslc_rules.walls import AIRWAY_WALL_MM
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, Side

BRONCHUS_REACH_MM = 12.0
"""From a bronchus' outer wall; tissue further out belongs to the lung or to the mediastinum."""
HILAR_ARTERY_REACH_MM = 6.0
"""Half of the reach around a bronchus: the artery lies at the rim of the hilum. Chosen in development; no published
source."""
HILUM_FROM_CARINA_MM = 15.0
"""Further medially the pulmonary artery lies in the mediastinum, not in the hilum."""
INTERLOBAR_EXTENT_MM = 20.0
"""11 keeps to the origins of the lobar bronchi; further along them lie 12 and 13."""
_FROM_LUMEN_MM = BRONCHUS_REACH_MM + AIRWAY_WALL_MM
_ORIGINS: dict[Side, tuple[str, ...]] = {
    "R": ("right_upper_lobe_bronchus_origin", "bronchus_intermedius_end"),
    "L": ("left_upper_lobe_bronchus_origin", "left_lower_lobe_bronchus_origin"),
}
_LOBAR: dict[Side, tuple[str, ...]] = {
    "R": (
        "upper_lobe_bronchus_right",
        "bronchus_intermedius",
        "middle_lobe_bronchus_right",
        "lower_lobe_bronchus_right",
    ),
    "L": ("upper_lobe_bronchus_left", "lower_lobe_bronchus_left"),
}
_MAIN: dict[Side, str] = {"R": "main_bronchus_right", "L": "main_bronchus_left"}
_ARTERY: dict[Side, str] = {"R": "pulmonary_artery_right", "L": "pulmonary_artery_left"}


def station_10(anatomy: Anatomy, side: Side) -> Region:
    """10R, 10L, hilar: next to the main bronchus and the hilar vessels.

    Upper border: right the lower rim of the azygos vein, left the upper rim of the pulmonary artery. Lower
    border: interlobar region, i.e. where a lobar bronchus is nearer than the main bronchus.
    """
    anatomy.frame.require(_MAIN[side])
    upper = _upper(anatomy, side)
    to_main, to_lobar = anatomy.distance_mm(_MAIN[side]), anatomy.distance_mm(*_LOBAR[side])
    at_artery = (anatomy.distance_mm(_ARTERY[side]) <= HILAR_ARTERY_REACH_MM) & _lateral(anatomy, side)
    beside = ((to_main <= _FROM_LUMEN_MM) & (to_main <= to_lobar)) | (at_artery & (to_lobar > _FROM_LUMEN_MM))
    mask = _hilum(anatomy, side, upper) & beside
    surrogate = anatomy.frame.is_surrogate(_MAIN[side])
    reach = {"bronchus_mm": BRONCHUS_REACH_MM, "artery_mm": HILAR_ARTERY_REACH_MM}
    around = plane(0.0, Reason("around_main_bronchus", reach), surrogate=surrogate)
    return Region(mask, {"upper": upper, "around": around})


def station_11(anatomy: Anatomy, side: Side) -> Region:
    """11R, 11L, interlobar: between the origins of the lobar bronchi.

    On the right 11s above and 11i below the bronchus intermedius; both and what lies between them along that
    bronchus, which is no longer a main bronchus, are one station here.
    """
    present = anatomy.frame.require(*_LOBAR[side])
    upper = _upper(anatomy, side)
    to_lobar = anatomy.distance_mm(*_LOBAR[side])
    mask = _hilum(anatomy, side, upper) & (to_lobar <= _FROM_LUMEN_MM)
    mask &= (to_lobar < anatomy.distance_mm(_MAIN[side])) & _interlobar(anatomy, side)
    surrogate = anatomy.frame.is_surrogate(present.name)
    rests_on = Reason("around_lobar_origins", {"bronchus_mm": BRONCHUS_REACH_MM})
    around = plane(0.0, rests_on, surrogate=surrogate)
    return Region(mask, {"upper": upper, "around": around})


def _lateral(anatomy: Anatomy, side: Side) -> BoolArray:
    """One hilum, away from the carina and not below the last lobar origin."""
    frame = anatomy.frame
    from_carina = frame.x_mm - frame.organs.landmarks["carina"].point_mm[0]
    lateral = (from_carina if side == "L" else -from_carina) > HILUM_FROM_CARINA_MM
    origins = [found[0][2] for name in _ORIGINS[side] if (found := frame.landmark(name)) is not None]
    return np.asarray(lateral & (frame.z_mm >= min(origins, default=-np.inf)))


def _interlobar(anatomy: Anatomy, side: Side) -> BoolArray:
    """At the origins of the lobar bronchi; on the right also between 11s and 11i, along the bronchus intermedius."""
    near = _near_origins(anatomy, side)
    if side == "R" and "bronchus_intermedius" in anatomy.frame.organs:
        others = [name for name in _LOBAR[side] if name != "bronchus_intermedius"]
        near |= anatomy.distance_mm("bronchus_intermedius") <= anatomy.distance_mm(*others)
    return near


def _near_origins(anatomy: Anatomy, side: Side) -> BoolArray:
    """Voxels near the origin of a lobar bronchus; everywhere if no origin was found."""
    frame = anatomy.frame
    marks = [found[0] for name in _ORIGINS[side] if (found := frame.landmark(name)) is not None]
    near = np.full(frame.grid.shape, not marks)
    for x, y, z in marks:
        square = (frame.x_mm - x) ** 2 + (frame.y_mm - y) ** 2 + (frame.z_mm - z) ** 2
        near |= square <= INTERLOBAR_EXTENT_MM**2
    return near


def _upper(anatomy: Anatomy, side: Side) -> Border:
    levels = anatomy.levels
    return levels.azygos_lower_border if side == "R" else levels.left_pulmonary_artery_top


def _hilum(anatomy: Anatomy, side: Side, upper: Border) -> BoolArray:
    """Tissue below the hilum's upper border on one side of the carina, outside the subcarinal space."""
    frame, walls = anatomy.frame, anatomy.walls
    carina_x = frame.organs.landmarks["carina"].point_mm[0]
    beside = frame.x_mm > carina_x if side == "L" else frame.x_mm <= carina_x
    return anatomy.mediastinal_tissue & frame.below(upper) & beside & frame.in_front_of(walls.spine_front)
