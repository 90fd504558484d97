"""The IASLC definitions of stations 1 to 11, read on points of tissue.

Every function gets the tissue's points and the patient's borders and returns which points belong to the station. The
definitions say "next to" and "within" without numbers; here the outer limits are:

* 1: between the prevertebral fascia and the layer of the strap and sternocleidomastoid muscles, sideways to the
  lateral edge of the scalene or sternocleidomastoid muscle, whichever lies further out. "Clavicles on both sides" is
  its lower border in front of the vessels (supraclavicular fossa); behind their front the apex of the lung and, in
  the midline, the manubrium part 1 from 2.
* 2 and 3A: sideways as far as the lungs or, in the inlet, the lateral walls of the outermost great vessels.
* 3A and 6: both lie in front of the aorta. What is nearer to the wall of ascending aorta or arch than to the sternum
  and left of the aorta's foremost point is 6 ("anterior and lateral to the ascending aorta and the arch"); the rest
  is 3A. Beside the arch 6 goes back to the isthmus, where the ligamentum arteriosum joins it.
* 3P: sideways as far as trachea, esophagus or vertebral body reach, whichever is widest: beyond lies the gutter.
* 4L and 5: beside the arch 4L is what lies medial to its axis; below the arch the ligamentum arteriosum divides, as
  an upright surface. 5 reaches forward to the lateral border of the ascending aorta, which is where 6 would begin.
* 7: all that lies between the medial walls of the bronchi, from their front walls to the spine.
* 8: up to 10 mm from the wall of the esophagus, the short axis of a node that counts as enlarged.
* 9: from the lower border of the inferior pulmonary vein down, the layer of 10 mm beneath the mediastinal pleura
  beside the esophagus; between esophagus and pleura what is nearer to the pleura is 9, the rest 8.
* 10: hilar vessels are the pulmonary artery lateral to the ligamentum arteriosum (left) or to the medial wall
  of the superior vena cava (right).
* 10 and 11: up to 12 mm from the outer wall of the bronchus to which they belong; the nearest bronchus decides. A
  bronchus begins where its axis leaves the lumen of the one it comes from. A point is interlobar where the nearest
  one is the bronchus intermedius or the first 12 mm of a lobar bronchus; further out lie 12 and 13.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from LNStationLib.phantom.anatomy.central import BRONCHUS_WALL_MM
from LNStationLib.phantom.station_truth.borders import Borders
from LNStationLib.phantom.station_truth.points import Mask, Tissue
from LNStationLib.phantom.station_truth.surfaces import Array, wall_distance
from LNStationLib.support.types import Side

BESIDE_BRONCHUS_MM = 12.0
"""10 and 11: see above."""
BESIDE_HILAR_ARTERY_MM = 6.0
"""10 beside an artery that no bronchus accompanies: half of what a bronchus has."""
BESIDE_ESOPHAGUS_MM = 10.0
"""8: see above."""
LIGAMENT_MM = 10.0
"""9: see above."""
LOBAR_ORIGIN_MM = 12.0
"""11: see above."""
_REACH_MM, _BESIDE_AORTA_MM = 16.0, 30.0
"""How far from walls distances are worked out: beyond what any definition asks of bronchi, hilar arteries and
esophagus, and of the aorta, beside which the sternum decides."""
_MAIN: dict[Side, str] = {"L": "main_bronchus_left", "R": "main_bronchus_right"}
"""Main bronchi by side."""
_PARENTS: dict[Side, dict[str, str]] = {
    "L": {"upper_lobe_bronchus_left": "main_bronchus_left", "lower_lobe_bronchus_left": "main_bronchus_left"},
    "R": {
        "bronchus_intermedius": "main_bronchus_right", "upper_lobe_bronchus_right": "main_bronchus_right",
        "middle_lobe_bronchus_right": "bronchus_intermedius", "lower_lobe_bronchus_right": "bronchus_intermedius",
    },
}  # fmt: skip
"""Bronchi between which the interlobar nodes lie, and what they come from."""


class Reading:
    """The definitions on one patient.

    Args:
        tissue: Where nodes may lie.
        borders: The patient's borders.
        right_arch: Whether the arch lies on the right; 4L then ends at the left pleura.
    """

    def __init__(self, tissue: Tissue, borders: Borders, *, right_arch: bool = False) -> None:
        self.tissue = tissue
        self.right_arch = right_arch
        self.borders = borders
        self._to_wall: dict[str, tuple[Array, Array]] = {}

    def stations(self) -> dict[str, Callable[[], Mask]]:
        """Station names to their functions; where two definitions hold, the earlier one is meant.

        Behind the trachea 3P goes up to the apex of the chest, so it precedes 1; 5 and 6 are carved out of what 3A
        and 4L would take, 7 out of 8 and 10, 8 out of 9. The other definitions exclude each other.
        """
        return {
            "3P": self.station_3p, "1R": lambda: self.station_1("R"), "1L": lambda: self.station_1("L"),
            "2R": self.station_2r, "2L": self.station_2l, "4R": self.station_4r, "4L": self.station_4l,
            "5": self.station_5, "6": self.station_6, "3A": self.station_3a, "7": self.station_7,
            "8": self.station_8, "9": self.station_9, "10R": lambda: self.station_10("R"),
            "10L": lambda: self.station_10("L"), "11R": lambda: self.station_11("R"),
            "11L": lambda: self.station_11("L"),
        }  # fmt: skip

    def _wall(self, name: str, limit_mm: float = _REACH_MM) -> tuple[Array, Array]:
        if name not in self._to_wall:
            self._to_wall[name] = wall_distance(self.borders.tube(name), self.tissue.points, limit_mm)
        return self._to_wall[name]

    def _near(self, names: tuple[str, ...], limit_mm: float = _REACH_MM) -> Array:
        return np.asarray(np.min([self._wall(name, limit_mm)[0] for name in names], axis=0))

    # Sides of the lines that several definitions share

    @cached_property
    def _prevascular(self) -> Mask:
        return np.asarray(self.tissue.y < self.borders.prevascular_y(self.tissue.x, self.tissue.z))

    @cached_property
    def _left_of_trachea(self) -> Mask:
        return np.asarray(self.tissue.x > self.borders.trachea_wall("x", 1, self.tissue.z))

    @cached_property
    def _retrotracheal(self) -> Mask:
        return np.asarray(self.tissue.y > self.borders.trachea_wall("y", 1, self.tissue.z))

    @cached_property
    def _prevertebral(self) -> Mask:
        return np.asarray(self.tissue.y < self.borders.spine_front(self.tissue.z))

    @cached_property
    def _between_vessels(self) -> Mask:
        t, b = self.tissue, self.borders
        left, right = b.great_vessel_side(1, t.z), b.great_vessel_side(-1, t.z)
        return np.asarray((t.x < left) & (t.x > right))

    @cached_property
    def _below_inlet(self) -> Mask:
        t, b = self.tissue, self.borders
        return np.asarray(np.where(self._prevascular, t.z < b.clavicle_z(t.x), t.z < b.inlet_z(t.x, t.z)))

    @cached_property
    def _mediastinal(self) -> Mask:
        """In the chest; above the arch between the great vessels."""
        t = self.tissue
        return np.asarray(t.in_chest & (self._between_vessels | (t.z <= self.borders.arch_top_z)))

    @cached_property
    def _paratracheal(self) -> Mask:
        return np.asarray(self._mediastinal & ~self._prevascular & ~self._retrotracheal & self._below_inlet)

    # Stations

    def station_1(self, side: Side) -> Mask:
        """Low cervical, supraclavicular, sternal notch: cricoid to clavicles and manubrium; split mid-trachea."""
        t, b = self.tissue, self.borders
        middle = b.trachea_middle_x(t.z)
        own = t.x > middle if side == "L" else t.x <= middle
        lateral = (t.x > t.neck_side_x[:, 0]) & (t.x < t.neck_side_x[:, 1])
        deep = (t.y > t.neck_front_y) & self._prevertebral
        return np.asarray(own & lateral & deep & ~self._below_inlet & (t.z < b.extents.cricoid_bottom_mm))

    def station_2r(self) -> Mask:
        """Right upper paratracheal: inlet to the left brachiocephalic vein, over to the left tracheal border."""
        return np.asarray(self._paratracheal & ~self._left_of_trachea & (self.tissue.z > self.borders.left_vein_z))

    def station_2l(self) -> Mask:
        """Left upper paratracheal: inlet to the top of the arch, left of the left tracheal border."""
        return np.asarray(self._paratracheal & self._left_of_trachea & (self.tissue.z > self.borders.arch_top_z))

    def station_4r(self) -> Mask:
        """Right lower paratracheal: left brachiocephalic vein to the azygos arch, over to the left border."""
        t, b = self.tissue, self.borders
        between = (t.z <= b.left_vein_z) & (t.z > b.azygos_z)
        return np.asarray(self._paratracheal & ~self._left_of_trachea & between)

    def station_4l(self) -> Mask:
        """Left lower paratracheal: top of the arch to the left pulmonary artery, medial to arch and ligament."""
        t, b = self.tissue, self.borders
        between = (t.z <= b.arch_top_z) & (t.z > b.left_artery_z)
        beside_arch = np.full(t.z.shape, np.inf) if self.right_arch else b.arch_axis_x(t.y)
        limit = np.where(t.z > b.arch_underside_z, beside_arch, b.ligament_x(t.y))
        return np.asarray(self._paratracheal & self._left_of_trachea & between & (t.x < limit))

    def station_5(self) -> Mask:
        """Aortopulmonary window: underside of the arch to the left pulmonary artery, lateral to the ligament."""
        t, b = self.tissue, self.borders
        between = (t.z <= b.arch_underside_z) & (t.z > b.left_artery_z)
        axis = b.tube("ascending_aorta").centers
        order = np.argsort(axis[:, 2])
        ahead = np.interp(t.z, axis[order, 2], axis[order, 1])
        window = (t.y > ahead) & (t.y < b.organ_wall("descending_aorta", "y", -1, t.z))
        return np.asarray(t.in_chest & between & window & (t.x >= b.ligament_x(t.y)))

    def station_6(self) -> Mask:
        """Para-aortic: top to underside of the arch, in front of and lateral to it."""
        t, b = self.tissue, self.borders
        between = (t.z <= b.arch_top_z) & (t.z > b.arch_underside_z)
        near = self._near(("ascending_aorta", "aortic_arch"), _BESIDE_AORTA_MM)
        before = self._prevascular & (t.x > b.aorta_summit_x(t.z)) & (near < t.y - t.sternum_y)
        isthmus = b.tube("ligamentum_arteriosum").centers[-1, 1]
        lateral = (t.x >= b.arch_axis_x(t.y)) & (t.y < isthmus) & (near < t.y - t.sternum_y)
        return np.asarray(t.in_chest & between & (before | lateral))

    def station_3a(self) -> Mask:
        """Prevascular: inlet to carina, from the sternum to the front of cava, aorta and left carotid."""
        t = self.tissue
        behind_sternum = t.y > t.sternum_y
        return np.asarray(
            t.in_chest
            & self._between_vessels
            & self._prevascular
            & self._below_inlet
            & behind_sternum
            & (t.z > self.borders.carina_z)
        )

    def station_3p(self) -> Mask:
        """Retrotracheal: apex of the chest to carina, from the trachea to the spine."""
        t, b = self.tissue, self.borders
        width = []
        for sign in (-1, 1):
            walls = (
                b.trachea_wall("x", sign, t.z),
                b.organ_wall("esophagus", "x", sign, t.z),
                b.spine_side(sign, t.z),
            )
            width.append(sign * np.max([sign * w for w in walls], axis=0))
        apex = max(b.extents.apex_mm.values())
        between = (t.z < apex) & (t.z > b.carina_z) & (t.x > width[0]) & (t.x < width[1])
        return np.asarray(self._retrotracheal & self._prevertebral & between)

    def station_7(self) -> Mask:
        """Subcarinal: between the main bronchi, carina to bronchus intermedius and left lower lobe bronchus."""
        t, b = self.tissue, self.borders
        between = (t.x > b.bronchi_medial("R", t.z)) & (t.x < b.bronchi_medial("L", t.z))
        depth = (t.y > b.bronchi_front(t.z)) & self._prevertebral
        return np.asarray(t.in_chest & between & depth & (t.z <= b.carina_z) & (t.z > b.floor_of_7(t.x)))

    @cached_property
    def _lower(self) -> Mask:
        t, b = self.tissue, self.borders
        return np.asarray(t.in_chest & t.above_diaphragm & (t.z <= b.floor_of_7(t.x)))

    @cached_property
    def _ligament(self) -> Mask:
        """Beneath the pleura, below the inferior pulmonary vein, nearer to the lung than to the esophagus."""
        t, b = self.tissue, self.borders
        middle = (b.organ_wall("esophagus", "x", 1, t.z) + b.organ_wall("esophagus", "x", -1, t.z)) / 2
        vein = np.where(t.x > middle, b.inferior_vein_z("L"), b.inferior_vein_z("R"))
        beside = (t.y > b.organ_wall("esophagus", "y", -1, t.z)) & (t.y < b.organ_wall("esophagus", "y", 1, t.z))
        layer = (t.pleura_mm <= LIGAMENT_MM) & (t.pleura_mm < self._wall("esophagus")[0])
        return np.asarray(self._lower & (t.z <= vein) & beside & layer)

    def station_8(self) -> Mask:
        """Paraesophageal: below 7 to the diaphragm, next to the wall of the esophagus."""
        near = self._wall("esophagus")[0] <= BESIDE_ESOPHAGUS_MM
        return np.asarray(self._lower & self._prevertebral & near & ~self._ligament)

    def station_9(self) -> Mask:
        """Pulmonary ligament: inferior pulmonary vein to diaphragm."""
        return self._ligament

    def _hilum(self, side: Side) -> Mask:
        t, b = self.tissue, self.borders
        carina_x = float(b.trachea_middle_x(np.array([b.carina_z]))[0])
        own = t.x > carina_x if side == "L" else t.x <= carina_x
        upper = b.left_artery_z if side == "L" else b.azygos_z
        return np.asarray(t.in_chest & own & (t.z <= upper) & self._prevertebral & ~self._prevascular)

    def station_10(self, side: Side) -> Mask:
        """Hilar: below the azygos arch or the left pulmonary artery, beside main bronchus and hilar artery."""
        t, b = self.tissue, self.borders
        main, lobar = self._near((_MAIN[side],)), self._to_lobar(side)
        beside = (main - BRONCHUS_WALL_MM <= BESIDE_BRONCHUS_MM) & (main <= lobar)
        artery = self._near((f"pulmonary_artery_{'left' if side == 'L' else 'right'}",))
        hilar = t.x > b.ligament_x(t.y) if side == "L" else t.x < b.organ_wall("superior_vena_cava", "x", 1, t.z)
        fork = min(b.tube(name).centers[0, 2] for name in _PARENTS[side])
        vessel = (artery <= BESIDE_HILAR_ARTERY_MM) & hilar & (t.z > fork)
        vessel &= lobar - BRONCHUS_WALL_MM > BESIDE_BRONCHUS_MM
        return np.asarray(self._hilum(side) & (beside | vessel))

    def station_11(self, side: Side) -> Mask:
        """Interlobar: between the origins of the lobar bronchi."""
        away = np.stack([self._lobar(name)[0] for name in _PARENTS[side]])
        along = np.stack([self._lobar(name)[1] for name in _PARENTS[side]])
        nearest = away.argmin(0)
        at = np.take_along_axis(along, nearest[None], 0)[0]
        at_origin = (np.array(list(_PARENTS[side]))[nearest] == "bronchus_intermedius") | (at <= LOBAR_ORIGIN_MM)
        distance = away.min(0)
        near = (distance - BRONCHUS_WALL_MM <= BESIDE_BRONCHUS_MM) & (distance < self._near((_MAIN[side],)))
        return np.asarray(self._hilum(side) & near & at_origin)

    def _lobar(self, name: str) -> tuple[Array, Array]:
        """Distance from a bronchus' wall and how far along it, beyond the lumen of the bronchus it comes from."""
        if name + " free" not in self._to_wall:
            parent = self.borders.tube(_PARENTS["R" if name in _PARENTS["R"] else "L"][name])
            whole = self.borders.tube(name)
            start = float(parent.radii[-1])
            distance, along = wall_distance(whole.part(whole.along_mm >= start), self.tissue.points, _REACH_MM)
            self._to_wall[name + " free"] = distance, along - start
        return self._to_wall[name + " free"]

    def _to_lobar(self, side: Side) -> Array:
        return np.asarray(np.min([self._lobar(name)[0] for name in _PARENTS[side]], axis=0))
