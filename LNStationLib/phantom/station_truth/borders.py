"""Levels, walls and lines of the IASLC definitions, from the splines and radii of one synthetic patient.

Source: Rusch et al., J Thorac Oncol 2009;4:568-577 (map); Lynch et al., Pract Radiat Oncol 2013;3:54-66 (reading on
CT). All in mm of the frame of ``central``, in which axial planes are those of the CT. How each border is read:

==============================  =====================================================================================
carina                          highest axial plane in which the lumina of the main bronchi are apart
upper margin of the arch        highest point of the arch's tube
underside of the arch           radius below the arch's axis where the axis is highest: there the two limbs meet
azygos arch, lower border       lowest point of the arch beside the trachea and right main bronchus; its ends,
                                where it leaves the azygos vein and joins the cava, are those veins'
left brachiocephalic vein       lowest point of the vein in front of the trachea, between its lateral walls
left pulmonary artery           highest point of its tube
floor of 7                      right: where the bronchus intermedius parts into middle and lower lobe bronchus; left:
                                where the lower lobe bronchus parts from the upper one, its upper border; straight
                                between
inferior pulmonary veins        lowest point of each within the mediastinum
==============================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from LNStationLib.phantom.anatomy.central import BRONCHUS_WALL_MM, TRACHEA_WALL_MM
from LNStationLib.phantom.anatomy.shapes import Blend, Shape, Tube
from LNStationLib.phantom.station_truth.surfaces import Array, Axis, Spheres, filled, front, parting_z, spheres, wall
from LNStationLib.support.types import Side

_Z_MM = np.arange(-230.0, 146.0, 0.5)
"""Heights of the profiles, past both ends of the field of view."""
_X_MM = np.arange(-90.0, 91.0, 1.0)
"""Their positions from right to left: past every great vessel."""
_CAVAL = ("superior_vena_cava", "brachiocephalic_vein_right")
"""The right paratracheal veins."""
_AORTIC = ("ascending_aorta", "aortic_arch")
"""Beside these 4L, 5 and 6 divide."""


@dataclass(frozen=True)
class Extents:
    """What the definitions ask of structures that are no tubes, measured on their masks.

    Attributes:
        apex_mm: Highest z of each lung.
        pleura_x_mm: Middle of the medial border of each lung between manubrium and apex, x.
        cricoid_bottom_mm: Lower margin of the cricoid; the top of the image where it lies above.
        spine_z: Heights at which the spine was measured.
        spine_front_y: Front of the vertebral bodies there.
        spine_x: Right and left border of the vertebral bodies there, ``(n, 2)``.
    """

    apex_mm: Mapping[Side, float]
    pleura_x_mm: Mapping[Side, float]
    cricoid_bottom_mm: float
    spine_z: Array
    spine_front_y: Array
    spine_x: Array


class Borders:
    """Borders of one patient; each is computed when first asked for.

    Args:
        shapes: ``shape_tables.organ_shapes`` of the patient.
        extents: See ``Extents``.
    """

    def __init__(self, shapes: Mapping[str, Shape], extents: Extents) -> None:
        self._shapes = shapes
        self.extents = extents
        self._spheres: dict[str, Spheres] = {}

    def tube(self, name: str) -> Spheres:
        """Sampled axis of one tube.

        Raises:
            TypeError: The organ is not a tube.
        """
        if name not in self._spheres:
            shape = self._shapes[name]
            # A blend's first tube is its axis; the others are branches and bulges that no border asks for.
            if isinstance(shape, Blend) and isinstance(shape.shapes[0], Tube):
                shape = shape.shapes[0]
            if not isinstance(shape, Tube):
                raise TypeError(f"{name} is {type(shape).__name__}; the station truth needs a tube")
            self._spheres[name] = spheres(shape)
        return self._spheres[name]

    def _tubes(self, names: Sequence[str]) -> list[Spheres]:
        return [self.tube(name) for name in names]

    # Levels

    @cached_property
    def carina_z(self) -> float:
        """Where the lumina of the main bronchi part."""
        return self._parting("trachea", "main_bronchus_right", "main_bronchus_left")

    def _parting(self, parent: str, first: str, second: str) -> float:
        return parting_z(self.tube(parent), self.tube(first), self.tube(second))

    @cached_property
    def arch_top_z(self) -> float:
        """Upper margin of the aortic arch."""
        return self.tube("aortic_arch").top_mm()

    @cached_property
    def arch_underside_z(self) -> float:
        """Lower border of the aortic arch."""
        arch = self.tube("aortic_arch")
        summit = int(arch.centers[:, 2].argmax())
        return float(arch.centers[summit, 2] - arch.radii[summit])

    @cached_property
    def azygos_z(self) -> float:
        """Lower border of the azygos arch."""
        arch = self.tube("azygos_arch")
        front_y, back_y = (float(np.interp(8.0, _Z_MM, self._airway("y", sign))) for sign in (-1, 1))
        beside = (arch.centers[:, 1] > front_y) & (arch.centers[:, 1] < back_y)
        return (arch.part(beside) if beside.any() else arch).bottom_mm()

    @cached_property
    def left_vein_z(self) -> float:
        """Caudal margin of the left brachiocephalic vein at the trachea."""
        vein = self.tube("brachiocephalic_vein_left")
        x, z = vein.centers[:, 0], vein.centers[:, 2]
        right, left = (np.interp(z, _Z_MM, filled(self._airway("x", sign))) for sign in (-1, 1))
        crossing = (x > right) & (x < left)
        return (vein.part(crossing) if crossing.any() else vein).bottom_mm()

    @cached_property
    def left_artery_z(self) -> float:
        """Upper rim of the left main pulmonary artery."""
        return self.tube("pulmonary_artery_left").top_mm()

    @cached_property
    def manubrium_z(self) -> float:
        """Upper border of the manubrium in the midline."""
        return self.tube("manubrium").top_mm()

    def inferior_vein_z(self, side: Side) -> float:
        """Lower border of an inferior pulmonary vein."""
        return self.tube(f"inferior_pulmonary_vein_{_word(side)}").bottom_mm()

    def floor_of_7(self, x: Array) -> Array:
        """Lower border of station 7 and upper border of 8 at each x."""
        right, left = self._floor
        return np.interp(x, [right[0], left[0]], [right[1], left[1]])

    @cached_property
    def _floor(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """``(x, z)`` of the floor's right and left end."""
        right = self._parting("bronchus_intermedius", "middle_lobe_bronchus_right", "lower_lobe_bronchus_right")
        left = self._parting("main_bronchus_left", "upper_lobe_bronchus_left", "lower_lobe_bronchus_left")
        right_x = self.tube("bronchus_intermedius").centers[-1, 0]
        left_x = self.tube("main_bronchus_left").centers[-1, 0]
        return (float(right_x), right), (float(left_x), left)

    def inlet_z(self, x: Array, z: Array) -> Array:
        """Border of 1 and 2 behind the vessels' front.

        The manubrium's upper border where the trachea is, the lung's apex where the lung is, straight between.
        """
        left, right = self.trachea_wall("x", 1, z), self.trachea_wall("x", -1, z)
        apex, pleura = self.extents.apex_mm, self.extents.pleura_x_mm
        to_left = np.clip((x - left) / np.maximum(pleura["L"] - left, 1), 0, 1) * (apex["L"] - self.manubrium_z)
        to_right = np.clip((right - x) / np.maximum(right - pleura["R"], 1), 0, 1) * (apex["R"] - self.manubrium_z)
        return np.asarray(self.manubrium_z + to_left + to_right)

    def clavicle_z(self, x: Array) -> Array:
        """Border of 1 in front of the vessels: the clavicles' axes, and between them the manubrium."""
        level = np.full(x.shape, self.manubrium_z)
        for side, sign in (("left", 1), ("right", -1)):
            axis = self.tube(f"clavicle_{side}").centers
            order = np.argsort(sign * axis[:, 0])
            there = sign * x >= sign * axis[order[0], 0]
            height = np.interp(sign * x, sign * axis[order, 0], axis[order, 2])
            level = np.where(there, np.maximum(level, height), level)
        return level

    # Walls

    def _airway(self, axis: Axis, sign: int) -> Array:
        return wall([self.tube("trachea")], axis, sign, _Z_MM) + sign * TRACHEA_WALL_MM

    def trachea_wall(self, axis: Axis, sign: int, z: Array) -> Array:
        """Outer wall of the trachea; below its end it goes on as it was."""
        profile = self._airway(axis, sign)
        profile[self.tube("trachea").centers[:, 2].min() > _Z_MM] = np.nan
        return np.interp(z, _Z_MM, filled(profile))

    def trachea_middle_x(self, z: Array) -> Array:
        """Midline of the trachea."""
        return (self.trachea_wall("x", 1, z) + self.trachea_wall("x", -1, z)) / 2

    def bronchi_medial(self, side: Side, z: Array) -> Array:
        """Medial outer wall of the main bronchus, on the right with the bronchus intermedius."""
        names = ("main_bronchus_left",) if side == "L" else ("main_bronchus_right", "bronchus_intermedius")
        sign = -1 if side == "L" else 1
        profile = wall(self._tubes(names), "x", sign, _Z_MM) + sign * BRONCHUS_WALL_MM
        return np.interp(z, _Z_MM, filled(profile))

    def bronchi_front(self, z: Array) -> Array:
        """Front of the main bronchi and the bronchus intermedius."""
        names = ("main_bronchus_left", "main_bronchus_right", "bronchus_intermedius")
        return np.interp(z, _Z_MM, filled(wall(self._tubes(names), "y", -1, _Z_MM) - BRONCHUS_WALL_MM))

    def great_vessel_side(self, sign: int, z: Array) -> Array:
        """Left (+1) or right (-1) wall of the outermost great vessel between neck and arch; straight on below."""
        if sign < 0:
            tubes = self._tubes(("superior_vena_cava", "brachiocephalic_vein_right", "internal_jugular_vein_right"))
        else:
            tubes = self._tubes(("brachiocephalic_vein_left", "internal_jugular_vein_left", "aortic_arch"))
            artery = self.tube("subclavian_artery_left")
            # Over the lung's apex the artery turns away to the arm.
            vein_x = self.tube("internal_jugular_vein_left").centers[0, 0]
            medial = np.flatnonzero(artery.centers[:, 0] <= vein_x)
            if medial.size:
                tubes.append(artery.part(np.arange(len(artery.centers)) <= medial[-1]))
        return np.interp(z, _Z_MM, filled(wall(tubes, "x", sign, _Z_MM)))

    def organ_wall(self, name: str, axis: Axis, sign: int, z: Array) -> Array:
        """Outermost wall of one tube, continued above and below its ends."""
        return np.interp(z, _Z_MM, filled(wall([self.tube(name)], axis, sign, _Z_MM)))

    def spine_front(self, z: Array) -> Array:
        """Front of the vertebral bodies."""
        return np.interp(z, self.extents.spine_z, self.extents.spine_front_y)

    def spine_side(self, sign: int, z: Array) -> Array:
        """Left (+1) or right (-1) border of the vertebral bodies."""
        return np.interp(z, self.extents.spine_z, self.extents.spine_x[:, (sign + 1) // 2])

    def arch_axis_x(self, y: Array) -> Array:
        """Axis of the arch: left of it lies what is lateral to the arch."""
        arch = self.tube("aortic_arch").centers
        order = np.argsort(arch[:, 1])
        return np.interp(y, arch[order, 1], arch[order, 0])

    def ligament_x(self, y: Array) -> Array:
        """Ligamentum arteriosum as an upright surface along its axis."""
        axis = self.tube("ligamentum_arteriosum").centers
        order = np.argsort(axis[:, 1])
        return np.interp(y, axis[order, 1], axis[order, 0])

    @cached_property
    def _aorta_front(self) -> Array:
        return front(self._tubes(_AORTIC), _X_MM, _Z_MM)

    def aorta_summit_x(self, z: Array) -> Array:
        """X of the foremost point of ascending aorta and arch in each slice."""
        lattice = self._aorta_front
        known = np.isfinite(lattice).any(1)
        summit = np.full(_Z_MM.shape, np.nan)
        summit[known] = _X_MM[np.nanargmin(lattice[known], axis=1)]
        return np.interp(z, _Z_MM, filled(summit))

    @cached_property
    def _prevascular(self) -> RegularGridInterpolator:
        right = front(self._tubes(_CAVAL), _X_MM, _Z_MM)
        left = front([self.tube("common_carotid_artery_left")], _X_MM, _Z_MM)
        aorta = self._aorta_front
        trunk = front([self.tube("brachiocephalic_trunk")], _X_MM, _Z_MM)
        rows = np.stack([_front_line(*sections) for sections in zip(right, trunk, aorta, left, strict=True)])
        for column in range(rows.shape[1]):
            rows[:, column] = filled(rows[:, column])
        return RegularGridInterpolator((_Z_MM, _X_MM), rows, bounds_error=False, fill_value=None)

    def prevascular_y(self, x: Array, z: Array) -> Array:
        """Border of 3A behind, of 2 and 4 in front.

        In each slice the line from the front of the superior vena cava (above it the right brachiocephalic vein)
        over the fronts of brachiocephalic trunk and aorta to the front of the left common carotid artery; straight
        on beyond its ends. Where no carotid is left below the arch, it ends at the front of the aorta.
        """
        inside = np.clip(x, _X_MM[0], _X_MM[-1])
        return np.asarray(self._prevascular(np.stack([z, inside], axis=-1)))


def _front_line(right: Array, trunk: Array, aorta: Array, left: Array) -> Array:
    """Polyline over the vessels' foremost points in one slice, pushed forward where a vessel bulges over it."""
    tips = []
    for section in (right, trunk, aorta, left):
        if np.isfinite(section).any():
            tip = int(np.nanargmin(section))
            tips.append((tip, float(section[tip])))
    if not tips:
        return np.full(right.shape, np.nan)
    start = tips[0][0]
    end = int(np.nanargmin(left)) if np.isfinite(left).any() else max(tip for tip, _ in tips)
    between = sorted({tip: y for tip, y in tips if min(start, end) <= tip <= max(start, end)}.items())
    index = np.arange(right.size)
    line = np.interp(index, [tip for tip, _ in between], [y for _, y in between])
    spanned = (index >= min(start, end)) & (index <= max(start, end))
    for section in (right, trunk, aorta, left):
        line = np.where(spanned, np.fmin(line, section), line)
    return line


def _word(side: Side) -> str:
    return "left" if side == "L" else "right"
