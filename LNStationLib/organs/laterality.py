"""Is the patient's left on the image's left? Independent witnesses, none of which needs contrast.

A mirrored image (a flip that the header does not tell) and situs inversus look alike; both are rare, so one witness
that speaks for them is most often disease: a tumor, a shifted heart, an effusion. Several rarely err together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import edt
import numpy as np
from scipy import ndimage

from LNStationLib.organs.context import Context
from LNStationLib.organs.groups import AIRWAYS, BONES
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.sentences import listed
from LNStationLib.support.types import BoolArray, FloatArray

_LEAST_WITNESSES, _MOST_AGAINST = 3, 1
"""So many must speak for a mirrored image, and no more against it: one may be misled by disease."""

# The left main bronchus (5 cm) is twice as long as the right one (2.5 cm); Gray's Anatomy, 41st ed., ch. 53.
_LENGTHS_APART = 1.25
# The arch passes left of the trachea, 20 mm wide and more; on the right the lung comes within 4 mm but for azygos
# arch and fat (the right paratracheal stripe: Savoca et al., Radiology 1977;122:295).
_ARCH_ABOVE_CARINA_MM = (5.0, 35.0)
_ARCH_APART_MM = 8.0
_AORTA_BESIDE_SPINE_MM = 8.0
"""Less than a third of its width beside the midline; low in the chest it lies in front of the spine."""
# Two thirds of the heart lie left of the midline; a quarter more on one side is beyond noise.
_HEART_BELOW_CARINA_MM = (30.0, 110.0)
_HEART_APART = 0.1
_TISSUE_HU = -300
# The liver fills the right upper abdomen; spleen and stomach lie further back and are smaller.
_LIVER_BELOW_DOME_MM = (20.0, 80.0)
_LIVER_HU = (25.0, 250.0)
_LIVER_HALF_THICKNESS_MM = 8.0
_LIVER_APART = 0.15
_ABDOMEN_MM = 100.0
_GAS_HU = -850
_GAS_FROM_LUNG_MM, _GAS_HALF_THICKNESS_MM = 4.5, 3.0
_GAS_ML, _GAS_APART = 5.0, 0.6
"""Four fifths of the gas, of more than a swallow, on one side."""
_DOME_BESIDE_MIDLINE_MM = 40.0
_DOME_FRONT_SHARE, _DOME_PERCENTILE = 0.4, 90.0
"""The dome is read behind the heart's bed, in the rear 60 % of the lungs; its highest tenth may be a fissure."""


@dataclass(frozen=True)
class Witness:
    """One organ that lies on one side of nearly every patient.

    Attributes:
        title: The organ, for messages.
        mirrored: True where it lies on the wrong side, False where on the right one, ``None`` where it says nothing.
    """

    title: str
    mirrored: bool | None


def warn_of_exchanged_sides(context: Context) -> None:
    """Add a warning where the image seems mirrored, else where the descending aorta alone lies on the right."""
    warning = laterality_warning(witnesses_of(context))
    if warning is None and _aorta_right_of_spine(context):
        warning = (
            "The descending aorta lies right of the spine: the patient has a right-sided aorta or the image is "
            "mirrored."
        )
    if warning is not None:
        context.organs.warnings.append(warning)


def laterality_warning(witnesses: Iterable[Witness]) -> str | None:
    """One sentence where enough witnesses say that left and right are exchanged, else ``None``."""
    said = list(witnesses)
    mirrored = [one.title for one in said if one.mirrored]
    against = sum(one.mirrored is False for one in said)
    if len(mirrored) < _LEAST_WITNESSES or against > _MOST_AGAINST:
        return None
    return (
        f"Left and right are exchanged: {listed(mirrored)} lie on the side opposite to the usual one, so the image "
        "is mirrored or the patient has situs inversus; check the side markers, for every station's side rests on it."
    )


def witnesses_of(context: Context) -> list[Witness]:
    """What bronchi, aortic arch, heart, liver and stomach say; the bronchi alone without both lungs and the spine."""
    witnesses = [Witness("main bronchi", _mirrored(_bronchi(context), _LENGTHS_APART - 1))]
    right, left, spine = (context.organs.mask(name) for name in ("lung_right", "lung_left", "spine"))
    if right is None or left is None or spine is None:
        return witnesses
    chest = _Chest(context, right, left, spine)
    return [
        *witnesses,
        Witness("aortic arch", _mirrored(chest.arch_mm(), _ARCH_APART_MM)),
        Witness("heart", _mirrored(chest.heart(), _HEART_APART)),
        Witness("liver", _mirrored(chest.liver(), _LIVER_APART)),
        Witness("stomach", _mirrored(chest.stomach(), _GAS_APART)),
    ]


def _aorta_right_of_spine(context: Context) -> bool:
    aorta, spine = context.organs.mask("descending_aorta"), context.organs.mask("spine")
    if aorta is None or spine is None:
        return False
    slices = aorta.any(axis=(1, 2)) & spine.any(axis=(1, 2))
    if not slices.any():
        return False
    middle = [float(np.nonzero(mask[slices])[2].mean()) for mask in (aorta, spine)]
    return (middle[0] - middle[1]) * context.scan.spacing_mm < -_AORTA_BESIDE_SPINE_MM


def _mirrored(value: float | None, least: float) -> bool | None:
    """A measure that is positive in the usual patient, as a vote."""
    return None if value is None or abs(value) < least else value < 0


def _bronchi(context: Context) -> float | None:
    """By how much the left main bronchus is longer than the right one, as a share of the shorter of both.

    A length is that from the carina to the first fork that was seen.
    """
    left = _length_mm(context, "left_upper_lobe_bronchus_origin")
    right = _length_mm(context, "right_upper_lobe_bronchus_origin", "bronchus_intermedius_end")
    if left is None or right is None:
        return None
    return left / right - 1 if left > right else 1 - right / left


def _length_mm(context: Context, *forks: str) -> float | None:
    """Distance in mm from the carina to the first of the forks that was seen."""
    marks = context.organs.landmarks
    carina = marks.get("carina")
    seen = [marks[name] for name in forks if name in marks and marks[name].source is not OrganSource.SURROGATE]
    if carina is None or not seen:
        return None
    return max(float(np.linalg.norm(np.subtract(seen[0].point_mm, carina.point_mm))), 1.0)


class _Chest:
    """Midline, lungs and diaphragm of one patient, and what lies beside them."""

    def __init__(self, context: Context, right: BoolArray, left: BoolArray, spine: BoolArray) -> None:
        self._context, self._scan = context, context.scan
        self._right, self._left, self._spine = right, left, spine

    @cached_property
    def _carina_z(self) -> float | None:
        carina = self._context.index("carina")
        return None if carina is None else carina[0]

    @cached_property
    def _midline(self) -> tuple[FloatArray, FloatArray]:
        """Middle column and front row of the spine, per slice in voxels."""
        known = np.flatnonzero(self._spine.any(axis=(1, 2)))
        slices = np.arange(len(self._spine))
        columns = [float(np.nonzero(self._spine[z])[1].mean()) for z in known]
        rows = [float(np.flatnonzero(self._spine[z].any(axis=1))[0]) for z in known]
        smooth = [
            ndimage.gaussian_filter1d(np.interp(slices, known, values), self._scan.voxels(10.0))
            for values in (columns, rows)
        ]
        return smooth[0], smooth[1]

    @cached_property
    def _dome_z(self) -> float | None:
        """Slice of the higher dome of the diaphragm; ``None`` where the lungs' bases are not in view."""
        domes = [dome for lung in (self._right, self._left) if (dome := self._dome(lung)) is not None]
        return max(domes, default=None)

    def _dome(self, lung: BoolArray) -> float | None:
        rows = np.flatnonzero((self._left | self._right).any(axis=(0, 2)))
        middle = float(np.median(self._midline[0]))
        foot = np.asarray(lung.any(axis=0))
        foot[: round(rows[0] + _DOME_FRONT_SHARE * (rows[-1] - rows[0]))] = False
        foot &= np.abs(np.arange(foot.shape[1]) - middle) * self._scan.spacing_mm > _DOME_BESIDE_MIDLINE_MM
        if not foot.any():
            return None
        return float(np.percentile(lung.argmax(axis=0)[foot], _DOME_PERCENTILE))

    def arch_mm(self) -> float | None:
        """By how much the tissue between trachea and lung is thicker on the left, in mm, median over the slices."""
        trachea = self._context.organs.mask("trachea")
        if trachea is None or self._carina_z is None:
            return None
        low, high = _ARCH_ABOVE_CARINA_MM
        level = self._scan.window(0, self._carina_z, -low, high)
        apart = [self._arch_in(z, trachea[z]) for z in range(level.start, level.stop)]
        known = [value for value in apart if value is not None]
        return float(np.median(known)) if known else None

    def _arch_in(self, z: int, trachea: BoolArray) -> float | None:
        """Left minus right thickness in mm beside the rear half of the trachea of one slice."""
        ys, xs = np.nonzero(trachea)
        if not xs.size:
            return None
        rows = slice(int(ys.mean()), int(ys.max()) + 1)
        right, left = self._right[z, rows, : xs.min()], self._left[z, rows, xs.max() :]
        both = right.any(axis=1) & left.any(axis=1)
        if not both.any():
            return None
        apart = left[both].argmax(axis=1) - right[both][:, ::-1].argmax(axis=1)
        return float(np.median(apart)) * self._scan.spacing_mm

    def heart(self) -> float | None:
        """Left minus right share of the tissue between the lungs, in front of the spine, above the diaphragm."""
        if self._carina_z is None or self._dome_z is None:
            return None
        near, far = _HEART_BELOW_CARINA_MM
        level = self._scan.window(0, self._carina_z, far, -near)
        level = slice(min(max(level.start, int(self._dome_z) + 1), level.stop), level.stop)
        tissue = self._context.outline & ~(self._left | self._right) & (self._scan.hu > _TISSUE_HU)
        both = self._left.any(axis=(1, 2), keepdims=True) & self._right.any(axis=(1, 2), keepdims=True)
        return self._share(tissue & both, level, before_spine=True)

    def liver(self) -> float | None:
        """Right minus left share of thick solid tissue below the diaphragm, in front of the spine."""
        if self._dome_z is None:
            return None
        near, far = _LIVER_BELOW_DOME_MM
        level = self._scan.window(0, self._dome_z, far, -near)
        smooth = ndimage.gaussian_filter(self._scan.hu[level].astype(np.float32), 1.0)
        dense = (smooth > _LIVER_HU[0]) & (smooth < _LIVER_HU[1]) & self._context.body[level]
        dense &= ~self._context.union(BONES)[level]
        solid = np.zeros(self._scan.grid.shape, dtype=bool)
        solid[level] = self._opened(dense, _LIVER_HALF_THICKNESS_MM)
        share = self._share(solid, level, before_spine=True)
        return None if share is None else -share

    def stomach(self) -> float | None:
        """Left minus right share of the gas below the diaphragm."""
        if self._dome_z is None:
            return None
        level = self._scan.window(0, self._dome_z, _ABDOMEN_MM, 0.0)
        chest = self._context.union(AIRWAYS) | self._left | self._right
        gas = np.zeros(self._scan.grid.shape, dtype=bool)
        far = edt.edt(~chest[level], anisotropy=self._scan.grid.spacing_mm) > _GAS_FROM_LUNG_MM
        inside = self._enclosed(level)
        gas[level] = self._opened((self._scan.hu[level] < _GAS_HU) & far & inside, _GAS_HALF_THICKNESS_MM)
        if float(gas.sum()) * self._scan.grid.voxel_volume_ml < _GAS_ML:
            return None
        return self._share(gas, level, before_spine=False)

    def _enclosed(self, level: slice) -> BoolArray:
        """The body with the air that it encloses in each slice."""
        return np.stack([ndimage.binary_fill_holes(part) for part in self._context.body[level]])

    def _opened(self, mask: BoolArray, radius_mm: float) -> BoolArray:
        """What of a mask is thicker than twice a radius."""
        spacing = self._scan.grid.spacing_mm
        core = edt.edt(mask, anisotropy=spacing) > radius_mm
        return np.asarray(mask & (edt.edt(~core, anisotropy=spacing) <= radius_mm)) if core.any() else core

    def _share(self, mask: BoolArray, level: slice, *, before_spine: bool) -> float | None:
        """Left minus right voxels of a mask within some slices, as a share of both; ``None`` where it is empty."""
        columns, rows = (values[level, None, None] for values in self._midline)
        part = mask[level]
        if before_spine:
            part = part & (np.arange(part.shape[1])[None, :, None] < rows)
        left = float((part & (np.arange(part.shape[2])[None, None, :] >= columns)).sum())
        both = float(part.sum())
        return (2 * left - both) / both if both else None
