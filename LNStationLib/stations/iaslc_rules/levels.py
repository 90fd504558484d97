"""The axial levels that the IASLC definitions name, each found on this patient or by a declared surrogate.

Definitions: Rusch et al. 2009, table of the IASLC lymph node map; Kim et al. 2015, table 1. A level is a
:class:`Border` along z. Surrogate distances are typical adult values and only serve where the structure itself
is missing; every use is declared in the border's ``surrogate`` flag.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from LNStationLib.stations import left_out
from LNStationLib.stations.iaslc_rules.abdomen import abdominal_organs, under_diaphragm
from LNStationLib.stations.iaslc_rules.borders import Border, MissingAnatomyError, plane
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.profiles import center_mm, filled, highest_z_mm, lowest_z_mm
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, Side

_APEX_TO_MANUBRIUM_MM = 25.0
"""The apex lies 2 to 3 cm above the clavicle (Gray's Anatomy, 41st ed., ch. 54)."""
_MANUBRIUM_TO_CRICOID_MM = 50.0
"""The cricoid lies about 5 cm above the jugular notch (Gray's Anatomy, 41st ed., ch. 29)."""
_CARINA_TO_INFERIOR_VEIN_MM = 56.0
"""Surrogate where the vein was not found. Chosen in development; no published source."""
_INFERIOR_VEIN_RADIUS_MM = 6.0
"""The landmark marks the vein's middle where it joins the heart; 12 to 14 mm is its width in adults."""
_BESIDE_CARINA_MM = 8.0
"""Lateral of the trachea's own wall, where the azygos arch crosses the bronchus. Chosen in development; no published
source."""
_HEART_BODY_SHARE = 0.2
"""Share of the largest axial area below which a slice shows only the apex. Chosen in development; no published
source."""
_CARINA_TO_ABDOMEN_MM = 40.0
"""No dome of the diaphragm rises higher."""
_HIATUS_BELOW_HEART_MM = (-10.0, 30.0)
"""A hiatus outside this range contradicts the heart and is not used. Chosen in development; no published source."""
_FLANK_MM = (10.0, 26.0)
"""Distance from the esophagus' center between which liver and stomach are looked for. Chosen in development; no
published source."""
_FLANK_BEHIND_MM = 4.5
"""The flank ends this far behind the esophagus' center, in front of crura and aorta. Chosen in development; no
published source."""
_FLANKED_SHARE = 0.45
"""Liver on the right and stomach on the left take about half of the place beside the esophagus at the hiatus."""
_INLET_MIDLINE_MM, _INLET_LATERAL_MM = 12.0, 26.0
"""The thoracic inlet follows the manubrium up to the first distance from the midline, and the lung apex from the
second on. Chosen in development; no published source."""
_SIDES: dict[Side, str] = {"L": "left", "R": "right"}


class Levels:
    """Levels of one patient, computed when a rule asks for them."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def _landmark(self, name: str) -> Border | None:
        found = self._frame.landmark(name)
        return None if found is None else plane(found[0][2], Reason(name), surrogate=found[1])

    def _required_landmark(self, name: str) -> Border:
        border = self._landmark(name)
        if border is None:
            raise MissingAnatomyError(left_out.not_found(name))
        return border

    @cached_property
    def carina(self) -> Border:
        """The carina."""
        return self._required_landmark("carina")

    @cached_property
    def cricoid_lower_margin(self) -> Border:
        """Lower margin of the cricoid cartilage (upper border of station 1)."""
        cricoid = self._frame.mask("cricoid_cartilage")
        if cricoid is not None:
            return plane(lowest_z_mm(cricoid, self._frame.grid), Reason("cricoid_lower_margin"))
        level = float(self.manubrium_top.position_mm.item()) + _MANUBRIUM_TO_CRICOID_MM
        above = Reason("above_manubrium", {"above_mm": _MANUBRIUM_TO_CRICOID_MM})
        return plane(level, above, surrogate=True)

    def lung_apex(self, side: Side) -> Border:
        """Apex of one lung and pleural space."""
        names = ("lung_left", "lung_right") if side == "L" else ("lung_right", "lung_left")
        lung = self._frame.require(*names)
        level = highest_z_mm(lung.mask, self._frame.grid)
        facts = {"side": _SIDES[side]}
        if lung.name != names[0]:
            return plane(level, Reason("apex_of_other_lung", facts), surrogate=True)
        cut = level >= self._top_mm - self._frame.grid.spacing_mm[0]
        return plane(level, Reason("lung_apex_above_view" if cut else "lung_apex", facts), surrogate=cut)

    @property
    def _top_mm(self) -> float:
        return float(self._frame.z_mm[-1, 0, 0]) + self._frame.grid.spacing_mm[0] / 2

    @cached_property
    def manubrium_top(self) -> Border:
        """Upper border of the manubrium in the midline."""
        border = self._landmark("manubrium_top")
        if border is not None:
            return border
        manubrium = self._frame.mask("manubrium")
        if manubrium is not None:
            return plane(highest_z_mm(manubrium, self._frame.grid), Reason("manubrium_top"))
        apex = min(float(self.lung_apex(side).position_mm.item()) for side in ("L", "R"))
        below = Reason("below_lung_apex", {"below_mm": _APEX_TO_MANUBRIUM_MM})
        return plane(apex - _APEX_TO_MANUBRIUM_MM, below, surrogate=True)

    @cached_property
    def thoracic_inlet(self) -> Border:
        """Border between stations 1 and 2: the manubrium in the midline, rising to the lung apex on either side."""
        trachea = self._frame.require("trachea").mask
        centers = filled(center_mm(trachea, self._frame.grid, 2), sigma=1.0)
        midline = float(np.median(centers[-max(1, centers.size // 5) :]))
        apices = {side: self.lung_apex(side) for side in ("L", "R")}
        manubrium = self.manubrium_top
        x = self._frame.x_mm
        apex = np.where(x > midline, apices["L"].position_mm, apices["R"].position_mm)
        ramp = np.clip((np.abs(x - midline) - _INLET_MIDLINE_MM) / (_INLET_LATERAL_MM - _INLET_MIDLINE_MM), 0, 1)
        lateral = ramp**2 * (3 - 2 * ramp)
        position = manubrium.position_mm + lateral * (apex - manubrium.position_mm)
        facts = {"midline": manubrium.rests_on, "right": apices["R"].rests_on, "left": apices["L"].rests_on}
        surrogate = manubrium.surrogate or any(border.surrogate for border in apices.values())
        return Border(position.astype(np.float32), Reason("thoracic_inlet", facts), surrogate)

    @cached_property
    def clavicles(self) -> Border:
        """Lower border of station 1 in front: the clavicles' axes on both sides, the manubrium between them."""
        rests_on = self.manubrium_top.rests_on
        level = np.full(self._frame.grid.shape[2], self.manubrium_top.position_mm.item())
        z = self._frame.grid.coordinates_mm(0)
        for name in ("clavicle_left", "clavicle_right"):
            clavicle = self._frame.mask(name)
            if clavicle is None:
                continue
            weights = clavicle.sum(axis=1, dtype=np.float64)
            there = np.flatnonzero(weights.any(axis=0))
            axis = z @ weights[:, there] / weights.sum(axis=0)[there]
            # Where the view or the mask ends, the bone does not.
            beyond = slice(there[0], None) if name == "clavicle_left" else slice(0, there[-1] + 1)
            columns = np.arange(level.size)[beyond]
            level[beyond] = np.maximum(level[beyond], np.interp(columns, there, axis))
            rests_on = Reason("clavicles_beside", {"midline": self.manubrium_top.rests_on})
        return Border(level[None, None, :].astype(np.float32), rests_on, self.manubrium_top.surrogate)

    @cached_property
    def chest_apex(self) -> Border:
        """Apex of the chest: the higher of the two lung apices (upper border of 3P)."""
        return max((self.lung_apex("L"), self.lung_apex("R")), key=lambda border: border.position_mm.item())

    @cached_property
    def left_brachiocephalic_vein_crossing(self) -> Border:
        """Where the caudal margin of the left brachiocephalic vein crosses the trachea (2R above, 4R below)."""
        border = self._landmark("left_brachiocephalic_vein_crossing")
        trunk = self._frame.mask("brachiocephalic_trunk")
        if border is not None and (not border.surrogate or trunk is None):
            return border
        if trunk is not None:
            # The vein crosses in front of the trunk's origin: nearer the truth than a guess of the vein's path.
            level = lowest_z_mm(trunk, self._frame.grid)
            return plane(level, Reason("trunk_origin_for_vein"), surrogate=True)
        raise MissingAnatomyError(left_out.all_not_found("left brachiocephalic vein", "brachiocephalic trunk"))

    @cached_property
    def arch_top(self) -> Border:
        """Upper margin of the aortic arch."""
        border = self._landmark("aortic_arch_top")
        if border is not None:
            return border
        arch = self._frame.require("aortic_arch", "aorta")
        level = highest_z_mm(arch.mask, self._frame.grid)
        return plane(level, Reason("aortic_arch_top"), surrogate=arch.name != "aortic_arch")

    @cached_property
    def arch_underside(self) -> Border:
        """Lower border of the aortic arch: lower face of the lowest slice that joins its limbs."""
        middle = self._required_landmark("aortic_arch_underside")
        level = float(middle.position_mm.item()) - self._frame.grid.spacing_mm[0] / 2
        return plane(level, middle.rests_on, surrogate=middle.surrogate)

    @cached_property
    def azygos_lower_border(self) -> Border:
        """Lower border of the azygos arch (4R above, 10R below)."""
        arch = self._frame.organs.get("azygos_arch")
        if arch is None:
            return self._above_right_bronchus()
        surrogate = self._frame.is_surrogate("azygos_arch")
        rests_on = Reason("guessed_azygos_arch", {"how": arch.how}) if surrogate else Reason("azygos_arch")
        return plane(lowest_z_mm(self._beside_airway(arch.mask), self._frame.grid), rests_on, surrogate=surrogate)

    def _beside_airway(self, arch: BoolArray) -> BoolArray:
        """The azygos arch between front and back of the airway that it rides on.

        Its ends behind and before that lie in the veins that it joins, the azygos and the superior vena cava, and
        dip lower than the arch itself. The whole mask where none of it lies beside the airway.
        """
        airway = self._frame.union("trachea", "main_bronchus_right") & arch.any(axis=(1, 2), keepdims=True)
        beside = arch & airway.any(axis=(0, 2), keepdims=True)
        return beside if beside.any() else arch

    def _above_right_bronchus(self) -> Border:
        """Surrogate for the azygos arch, which rides on the right main bronchus."""
        bronchus = self._frame.require("main_bronchus_right").mask
        carina = self._frame.landmark("carina")
        if carina is None:
            raise MissingAnatomyError(left_out.all_not_found("azygos arch", "carina"))
        x_carina = carina[0][0]
        lateral = bronchus & (self._frame.x_mm < x_carina - _BESIDE_CARINA_MM)
        top = highest_z_mm(lateral if lateral.any() else bronchus, self._frame.grid)
        return plane(top, Reason("right_bronchus_for_azygos"), surrogate=True)

    @cached_property
    def left_pulmonary_artery_top(self) -> Border:
        """Upper rim of the left main pulmonary artery (4L and 5 above, 10L below)."""
        return self._required_landmark("left_pulmonary_artery_top")

    @cached_property
    def subcarinal_floor(self) -> Border:
        """Lower border of station 7 and upper border of 8.

        Right: lower border of the bronchus intermedius. Left: upper border of the lower lobe bronchus. Between
        the two the border runs straight, since the definition gives only the two ends.
        """
        right = self._required_landmark("bronchus_intermedius_end")
        left = self._required_landmark("left_lower_lobe_bronchus_origin")
        marks = self._frame.organs.landmarks
        x_right = marks["bronchus_intermedius_end"].point_mm[0]
        x_left = max(marks["left_lower_lobe_bronchus_origin"].point_mm[0], x_right + 1.0)
        ramp = np.clip((self._frame.x_mm - x_right) / (x_left - x_right), 0, 1)
        position = right.position_mm + ramp * (left.position_mm - right.position_mm)
        rests_on = Reason("right_and_left", {"right": right.rests_on, "left": left.rests_on})
        return Border(position.astype(np.float32), rests_on, right.surrogate or left.surrogate)

    def inferior_pulmonary_vein(self, side: Side) -> Border:
        """Lower border of the inferior pulmonary vein (upper border of station 9)."""
        name = "inferior_pulmonary_vein_left" if side == "L" else "inferior_pulmonary_vein_right"
        rests_on = Reason("inferior_pulmonary_vein", {"side": _SIDES[side]})
        vein = self._frame.mask(name)
        if vein is not None:
            return plane(lowest_z_mm(vein, self._frame.grid), rests_on, surrogate=self._frame.is_surrogate(name))
        mark = self._frame.landmark(name)
        if mark is not None:
            return plane(mark[0][2] - _INFERIOR_VEIN_RADIUS_MM, rests_on, surrogate=mark[1])
        level = float(self.carina.position_mm.item()) - _CARINA_TO_INFERIOR_VEIN_MM
        below = Reason("below_carina_for_vein", {"below_mm": _CARINA_TO_INFERIOR_VEIN_MM})
        return plane(level, below, surrogate=True)

    @cached_property
    def abdomen(self) -> BoolArray:
        """Organs of the upper abdomen, the diaphragm on them and the vena cava."""
        return under_diaphragm(self._frame, self._abdominal_organs, float(self.diaphragm.position_mm.item()))

    @cached_property
    def _abdominal_organs(self) -> BoolArray:
        carina = self._frame.landmark("carina")
        top = np.inf if carina is None else carina[0][2] - _CARINA_TO_ABDOMEN_MM
        return abdominal_organs(self._frame, top)

    @cached_property
    def diaphragm(self) -> Border:
        """The diaphragm at the esophageal hiatus (lower border of 8 and 9)."""
        border = self._landmark("esophageal_hiatus")
        if border is not None:
            return border
        heart = self._heart_bottom_mm()
        hiatus = self._hiatus_mm()
        if hiatus is not None and (
            heart is None or _HIATUS_BELOW_HEART_MM[0] <= heart - hiatus <= _HIATUS_BELOW_HEART_MM[1]
        ):
            return self._above_lung_bases(hiatus, "esophagus_between_abdominal_organs")
        if heart is None:
            raise MissingAnatomyError(left_out.all_not_found("diaphragm", "heart"))
        return self._above_lung_bases(heart, "heart_for_diaphragm")

    def _above_lung_bases(self, level_mm: float, rests_on: str) -> Border:
        """A surrogate of the hiatus (T10), which lies above the recesses of the lungs (T12) whatever else is seen."""
        lungs = self._frame.union("lung_left", "lung_right")
        bases = lowest_z_mm(lungs, self._frame.grid) if lungs.any() else -np.inf
        if level_mm >= bases:
            return plane(level_mm, Reason(rests_on), surrogate=True)
        return plane(bases, Reason("lung_bases_for_diaphragm"), surrogate=True)

    def _heart_bottom_mm(self) -> float | None:
        """Lower border of the heart without its apex, which dips below the hiatus."""
        heart = self._frame.mask("heart")
        if heart is None:
            return None
        areas = heart.sum(axis=(1, 2))
        return lowest_z_mm(heart & (areas >= _HEART_BODY_SHARE * areas.max())[:, None, None], self._frame.grid)

    def _hiatus_mm(self) -> float | None:
        """Upper face of the slices in which abdominal organs flank the esophagus, counted from below."""
        esophagus = self._frame.mask("esophagus")
        if esophagus is None or not self._abdominal_organs.any():
            return None
        grid = self._frame.grid
        flanked = None
        for z in np.flatnonzero(esophagus.any(axis=(1, 2))):
            if self._flank_share(esophagus[z], self._abdominal_organs[z]) >= _FLANKED_SHARE:
                flanked = z
            elif flanked is not None:
                break
        return None if flanked is None else float(grid.coordinates_mm(0)[flanked] + grid.spacing_mm[0] / 2)

    def _flank_share(self, esophagus: BoolArray, abdomen: BoolArray) -> float:
        """Share of abdominal organs in the half ring before and beside the esophagus of one slice."""
        y, x = (float(index.mean()) for index in np.nonzero(esophagus))
        rows, columns = np.ogrid[: esophagus.shape[0], : esophagus.shape[1]]
        away = np.hypot(rows - y, columns - x) * self._frame.grid.spacing_mm[0]
        ring = (away > _FLANK_MM[0]) & (away < _FLANK_MM[1]) & (rows < y + self._frame.voxels(_FLANK_BEHIND_MM))
        return float(abdomen[ring].mean()) if ring.any() else 0.0
