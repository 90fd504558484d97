"""The walls and lines that the IASLC definitions name: sides of the trachea, fronts of vessels and spine.

"Right" and "left" borders are :class:`Border` along x, "front" and "back" along y, all in LPS mm.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter, label

from LNStationLib.imaging.growing import grow_by_faces
from LNStationLib.stations import left_out
from LNStationLib.stations.iaslc_rules.borders import Border, MissingAnatomyError, curve, surface
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.levels import Levels
from LNStationLib.stations.profiles import center_mm, filled, first_mm, last_mm
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

AIRWAY_WALL_MM = 1.5
"""Thickness of the tracheal and main bronchial wall in adults; masks hold the lumen."""
_SMOOTHING_MM = 4.0
"""Sigma along the body: walls are smooth from slice to slice. Chosen in development; no published source."""
_STERNUM_CONCAVITY_MM = 3.0
"""Beside its middle the back of the sternum may lie this much further forward. Chosen in development; no published
source."""
_WIDENING_MM = 8.0
"""Above the carina the trachea widens into the main bronchi; its side walls are read above that."""
_SLOPE_FROM_MM = 30.0
"""Length of the back of the trachea whose direction is continued beyond its ends. Chosen in development; no published
source."""
_VERTEBRAL_HALF_WIDTH_MM = 12.0
"""The front of a vertebral body is read this near to its middle; ribs and transverse processes lie further out."""
_TRACHEA_TO_SPINE_MM = 25.0
"""Surrogate where the spine was not found. Chosen in development; no published source."""


class Walls:
    """Walls and lines of one patient, computed when a rule asks for them."""

    def __init__(self, frame: Frame, levels: Levels) -> None:
        self._frame = frame
        self._levels = levels

    @property
    def _sigma(self) -> float:
        return self._frame.voxels(_SMOOTHING_MM)

    @cached_property
    def _straight_trachea(self) -> BoolArray:
        """Trachea above its widening at the carina."""
        trachea = self._frame.require("trachea").mask
        above = self._frame.z_mm > self._levels.carina.position_mm + _WIDENING_MM
        straight = trachea & above
        return straight if straight.any() else trachea

    @cached_property
    def trachea_left(self) -> Border:
        """Left lateral border of the trachea: the oncologic midline of stations 2 and 4."""
        edge = last_mm(self._straight_trachea, self._frame.grid, 2) + AIRWAY_WALL_MM
        return curve(filled(edge, sigma=self._sigma), Reason("trachea_left"))

    @cached_property
    def trachea_midline(self) -> Border:
        """Midline of the trachea, which divides 1R from 1L."""
        center = center_mm(self._straight_trachea, self._frame.grid, 2)
        return curve(filled(center, sigma=self._sigma), Reason("trachea_midline"))

    @cached_property
    def trachea_back(self) -> Border:
        """Posterior wall of the trachea: 3P behind it."""
        edge = last_mm(self._straight_trachea, self._frame.grid, 1) + AIRWAY_WALL_MM
        known = int(np.isfinite(edge).sum())
        slope = min(known, round(self._frame.voxels(_SLOPE_FROM_MM)))
        return curve(filled(edge, sigma=self._sigma, slope_from=slope), Reason("trachea_back"))

    @cached_property
    def sternum_back(self) -> Border:
        """Back of sternum and manubrium, y per slice and column; beside the bone its edge is continued."""
        bone = self._frame.union("sternum", "manubrium")
        if not bone.any():
            raise MissingAnatomyError(left_out.not_found("sternum"))
        back = self._back_of(bone)
        # Beside the bone's mask, and where it misses the rear table, the middle of its back goes on.
        middle = filled(_row_median(back), sigma=self._sigma)[:, None]
        back = np.fmax(np.fmax(back, middle - _STERNUM_CONCAVITY_MM), self._back_of(self._bones_beside_sternum))
        smooth = gaussian_filter(np.where(np.isfinite(back), back, middle), self._sigma / 2, mode="nearest")
        surrogate = self._frame.is_surrogate("sternum")
        return surface(smooth, Reason("sternum_back"), surrogate=surrogate)

    @property
    def _bones_beside_sternum(self) -> BoolArray:
        """Heads of the clavicles and front ends of the ribs."""
        in_front = self._frame.y_mm < np.nanmin(first_mm(self._straight_trachea, self._frame.grid, 1))
        return self._frame.union("clavicle_left", "clavicle_right", "ribs") & in_front

    def _back_of(self, bone: BoolArray) -> FloatArray:
        """Rear face of a bone, y in mm per slice and column; NaN where it is not."""
        spacing, origin = self._frame.grid.spacing_mm[1], self._frame.grid.origin_mm[1]
        last = bone.shape[1] - 1 - np.argmax(bone[:, ::-1], axis=1)
        return np.where(bone.any(axis=1), origin + spacing * (last + 0.5), np.nan)

    @cached_property
    def spine_front(self) -> Border:
        """Front of the vertebral bodies, in the midline of the column."""
        spine = self._frame.mask("spine")
        if spine is not None:
            center = filled(center_mm(spine, self._frame.grid, 2), sigma=self._sigma)
            near = np.abs(self._frame.x_mm - center[:, None, None]) < _VERTEBRAL_HALF_WIDTH_MM
            edge = first_mm(spine & near, self._frame.grid, 1)
            if np.isfinite(edge).any():
                return curve(
                    filled(edge, sigma=self._sigma),
                    Reason("spine_front"),
                    surrogate=self._frame.is_surrogate("spine"),
                )
        back = self.trachea_back.position_mm[:, 0, 0]
        behind = Reason("behind_trachea_for_spine", {"behind_mm": _TRACHEA_TO_SPINE_MM})
        return curve(back + _TRACHEA_TO_SPINE_MM, behind, surrogate=True)

    @cached_property
    def midline(self) -> Border:
        """Sagittal midline of the patient: centre of the vertebral column, else of the trachea."""
        spine = self._frame.mask("spine")
        if spine is None:
            return self._midline_of_trachea()
        center = center_mm(spine, self._frame.grid, 2)
        return curve(filled(center, sigma=3 * self._sigma), Reason("spine_midline"))

    def _midline_of_trachea(self) -> Border:
        """Midline of the whole trachea, which is there even where the view ends above the carina."""
        center = center_mm(self._frame.require("trachea").mask, self._frame.grid, 2)
        return curve(filled(center, sigma=self._sigma), Reason("trachea_midline_for_spine"), surrogate=True)

    @cached_property
    def arch_center(self) -> Border:
        """Axis of the arch as seen from above; medial of it lies 4L, lateral 6.

        Given per row, for the arch runs obliquely to the back; before and behind the arch the axis of its last row.
        """
        arch = self._frame.require("aortic_arch").mask.sum(axis=0, dtype=np.float64)
        rows = np.flatnonzero(arch.any(axis=1))
        center = (arch[rows] @ self._frame.grid.coordinates_mm(2)) / arch[rows].sum(axis=1)
        axis = np.interp(np.arange(len(arch)), rows, center)
        return Border(axis[None, :, None].astype(np.float32), Reason("arch_axis"))

    @cached_property
    def aorta_summit(self) -> Border:
        """Foremost point of ascending aorta and arch, x per slice; in front of it 3A lies right, 6 left."""
        self._frame.require("ascending_aorta")
        aorta = self._frame.union("ascending_aorta", "aortic_arch")
        x = self._frame.grid.coordinates_mm(2)
        summit = np.full(len(aorta), np.nan)
        for z in np.flatnonzero(aorta.any(axis=(1, 2))):
            foremost = aorta[z, aorta[z].any(axis=1).argmax()]
            summit[z] = float(np.median(x[foremost]))
        surrogate = self._frame.is_surrogate("ascending_aorta")
        return curve(filled(summit, sigma=self._sigma), Reason("aorta_summit"), surrogate=surrogate)

    @cached_property
    def ascending_middle(self) -> Border:
        """Middle of the ascending aorta, y per slice: front limit of the aortopulmonary window."""
        organ = self._frame.require("ascending_aorta")
        center = filled(center_mm(organ.mask, self._frame.grid, 1), sigma=self._sigma)
        return curve(center, Reason("ascending_aorta_middle"), surrogate=self._frame.is_surrogate(organ.name))

    @cached_property
    def descending_front(self) -> Border:
        """Front of the descending aorta, y per slice: back limit of the aortopulmonary window."""
        organ = self._frame.require("descending_aorta")
        edge = filled(first_mm(organ.mask, self._frame.grid, 1), sigma=self._sigma)
        return curve(edge, Reason("descending_aorta_front"), surrogate=self._frame.is_surrogate(organ.name))

    @cached_property
    def ligamentum_arteriosum(self) -> Border:
        """The ligamentum arteriosum: 4L medial, 5 lateral.

        Rarely visible on CT; the usual surrogate is the line from the underside of the arch at its isthmus to the
        origin of the left pulmonary artery, here an upright plane: x as a function of y. In front of the artery's
        origin and behind the isthmus there is no ligament; the plane goes on straight forward and backward there.
        """
        ligament = self._frame.mask("ligamentum_arteriosum")
        if ligament is not None and not self._frame.is_surrogate("ligamentum_arteriosum"):
            center = float(np.nanmean(center_mm(ligament, self._frame.grid, 2)))
            return Border(np.full((1, 1, 1), center, np.float32), Reason("ligamentum_arteriosum"))
        isthmus, artery = self._isthmus, self._left_artery_origin()
        if isthmus is None or artery is None:
            raise MissingAnatomyError(left_out.not_found("aortic arch", "left pulmonary artery"))
        (x_arch, y_arch), (x_artery, y_artery) = isthmus, artery
        # The artery's origin lies in front of the isthmus. Nearly transverse lines would make the plane cut the
        # window crosswise: the slope is limited to 45 degrees.
        slope = float(np.clip((x_arch - x_artery) / max(y_arch - y_artery, 1.0), -1, 1))
        along = np.clip(self._frame.y_mm, y_artery, max(y_arch, y_artery))
        position = x_artery + slope * (along - y_artery)
        return Border(position.astype(np.float32), Reason("line_for_ligament"), surrogate=True)

    @cached_property
    def isthmus(self) -> Border:
        """Isthmus of the aorta, where the ligamentum arteriosum joins it: back limit of 6 beside the arch."""
        isthmus = self._isthmus
        if isthmus is None:
            raise MissingAnatomyError(left_out.not_found("isthmus of the aorta"))
        return Border(np.full((1, 1, 1), isthmus[1], np.float32), Reason("aortic_isthmus"))

    @cached_property
    def _isthmus(self) -> tuple[float, float] | None:
        """``(x, y)`` where the ligament reaches the aorta: front and medial side of the rear limb below the arch.

        Where that limb is not in view, the arch's underside between its limbs stands for it.
        """
        underside = self._frame.landmark("aortic_arch_underside")
        if underside is None:
            return None
        # Supplied arches often run some way down into their limbs.
        aorta = self._frame.union("descending_aorta", "aortic_arch")
        below = aorta.any(axis=(1, 2)) & (self._frame.z_mm < self._levels.arch_underside.position_mm)[:, 0, 0]
        if "descending_aorta" not in self._frame.organs or not below.any():
            return underside[0][:2]
        labels, count = label(aorta[np.flatnonzero(below)[-1]], structure=np.ones((3, 3)))
        limb = max(
            (np.argwhere(labels == value) for value in range(1, count + 1)), key=lambda part: part[:, 0].mean()
        )
        y, x = limb[(limb <= limb.mean(axis=0)).all(axis=1)].mean(axis=0)
        grid = self._frame.grid
        return grid.origin_mm[2] + grid.spacing_mm[2] * x, grid.origin_mm[1] + grid.spacing_mm[1] * y

    def _left_artery_origin(self) -> tuple[float, float] | None:
        """``(x, y)`` where the left pulmonary artery leaves the trunk, else its upper rim."""
        left, trunk = self._frame.mask("pulmonary_artery_left"), self._frame.mask("pulmonary_trunk")
        if left is not None and trunk is not None:
            contact = np.argwhere(left & grow_by_faces(trunk, 2))
            if len(contact):
                _, y, x = contact.mean(axis=0)
                grid = self._frame.grid
                return grid.origin_mm[2] + grid.spacing_mm[2] * x, grid.origin_mm[1] + grid.spacing_mm[1] * y
        rim = self._frame.landmark("left_pulmonary_artery_top")
        return None if rim is None else rim[0][:2]

    @cached_property
    def right_bronchi_medial(self) -> Border:
        """Medial wall of the right main bronchus and the bronchus intermedius, x per slice."""
        names = ("main_bronchus_right", "bronchus_intermedius")
        return self._bronchi(names, Reason("right_bronchi_medial"), left_edge=True)

    @cached_property
    def left_bronchi_medial(self) -> Border:
        """Medial wall of the left main bronchus, x per slice."""
        return self._bronchi(("main_bronchus_left",), Reason("left_bronchus_medial"), left_edge=False)

    def _bronchi(self, names: tuple[str, ...], rests_on: Reason, *, left_edge: bool) -> Border:
        present = [self._frame.require(name) for name in names[:1]]
        mask = self._frame.union(*names)
        mask &= self._frame.below(self._levels.carina)
        if not mask.any():
            mask = present[0].mask
        grid = self._frame.grid
        edge = last_mm(mask, grid, 2) + AIRWAY_WALL_MM if left_edge else first_mm(mask, grid, 2) - AIRWAY_WALL_MM
        surrogate = any(self._frame.is_surrogate(name) for name in names)
        return curve(filled(edge, sigma=self._sigma / 2), rests_on, surrogate=surrogate)

    @cached_property
    def esophagus_front(self) -> Border:
        """Front of the esophagus, y per slice."""
        edge = first_mm(self._frame.require("esophagus").mask, self._frame.grid, 1)
        surrogate = self._frame.is_surrogate("esophagus")
        return curve(filled(edge, sigma=self._sigma), Reason("esophagus_front"), surrogate=surrogate)

    @cached_property
    def esophagus_back(self) -> Border:
        """Back of the esophagus, y per slice."""
        edge = last_mm(self._frame.require("esophagus").mask, self._frame.grid, 1)
        surrogate = self._frame.is_surrogate("esophagus")
        return curve(filled(edge, sigma=self._sigma), Reason("esophagus_back"), surrogate=surrogate)

    @cached_property
    def bronchi_front(self) -> Border:
        """Front of the main bronchi and the bronchus intermedius, y per slice."""
        mask = self._frame.union("main_bronchus_right", "main_bronchus_left", "bronchus_intermedius")
        if not mask.any():
            raise MissingAnatomyError(left_out.not_found("main bronchi"))
        edge = filled(first_mm(mask, self._frame.grid, 1), sigma=self._sigma)
        return curve(edge - AIRWAY_WALL_MM, Reason("bronchi_front"))


def _row_median(rows: FloatArray) -> FloatArray:
    """Median of every row that has a value, NaN for the others."""
    return np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in rows])
