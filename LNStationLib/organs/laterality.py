"""Check that left and right are not exchanged, by independent organs, none of which needs contrast.

A mirrored image (a flip that the header does not record) and situs inversus look alike; both are rare, so a single
organ on the wrong side is most often disease: a tumor, a shifted heart, an effusion. Several rarely err together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.distances import within_mm
from LNStationLib.organs.context import Context
from LNStationLib.organs.groups import AIRWAYS, BONES
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_LEAST_INDICATORS, _MOST_AGAINST = 3, 1
"""Organs needed on the wrong side, and most allowed on the usual one: disease may mislead a single one."""

_LENGTH_EXCESS_SHARE = 0.25
"""The left main bronchus (5 cm) is twice as long as the right one (2.5 cm; Gray's Anatomy, 41st ed., ch. 53); a
quarter is beyond the error of where a fork is seen."""
_ARCH_ABOVE_CARINA_MM = (5.0, 35.0)
"""Levels of the arch: its underside lies near the carina, its top 3 to 4 cm above."""
_ARCH_EXCESS_MM = 8.0
"""The arch passes left of the trachea, at least 20 mm wide; on the right the lung comes within 4 mm but for azygos
arch and fat (the right paratracheal stripe: Savoca et al., Radiology 1977;122:295)."""
_AORTA_BESIDE_SPINE_MM = 8.0
"""Less than a third of its width beside the midline; low in the chest it lies in front of the spine."""
_HEART_BELOW_CARINA_MM = (30.0, 110.0)
"""From the pulmonary artery's lower border to the diaphragm."""
_HEART_EXCESS_SHARE = 0.1
"""Two thirds of the heart lie left of the midline, an excess of 0.33; a third of that is beyond noise."""
_TISSUE_HU = -300
"""Soft tissue and fat, without lung and its partial volume."""
_LIVER_BELOW_DOME_MM = (20.0, 80.0)
"""The liver fills the right upper abdomen; lower down bowel and kidneys take its place."""
_LIVER_HU = (25.0, 250.0)
"""Liver from fatty, unenhanced to enhanced, with noise; spleen and stomach lie farther back and are smaller."""
_LIVER_HALF_THICKNESS_MM, _LIVER_SIGMA_VOXELS = 8.0, 1.0
"""Muscle and bowel wall are thinner than 16 mm; the sigma keeps noise from puncturing the liver."""
_LIVER_EXCESS_SHARE = 0.15
"""Spleen and stomach on the other side leave a clear excess; chosen on phantoms and one real CT."""
_ABDOMEN_MM = 100.0
"""Below the dome: the stomach, but little colon."""
_GAS_HU = -850
"""Gas without its partial volume with the wall."""
_GAS_FROM_LUNG_MM, _GAS_HALF_THICKNESS_MM = 4.5, 3.0
"""The diaphragm with the blurred base of the lung; bubbles under 6 mm are those of bowel content."""
_GAS_ML, _GAS_EXCESS_SHARE = 5.0, 0.6
"""Four fifths of the gas, of more than a swallow, on one side."""
_DOME_BESIDE_MIDLINE_MM = 40.0
"""Beyond heart and spine, where the domes are."""
_DOME_FRONT_SHARE, _DOME_PERCENTILE = 0.4, 90.0
"""The dome is read behind the heart, in the rear 60 % of the lungs; its highest tenth may be a fissure."""
_MIDLINE_SIGMA_MM = 10.0
"""Half a vertebral body: smooths over processes and ribs in the mask."""


@dataclass(frozen=True)
class SideIndicator:
    """An organ that lies on a known side in nearly every patient.

    Attributes:
        title: The organ, for messages.
        mirrored: True on the wrong side, False on the usual one, ``None`` where unclear.
    """

    title: str
    mirrored: bool | None


def warn_of_exchanged_sides(context: Context) -> None:
    """Add a warning where the image seems mirrored, else where only the descending aorta lies on the right."""
    warning = laterality_warning(side_indicators(context))
    if warning is None and _aorta_right_of_spine(context):
        warning = Reason("aorta_right_of_spine")
    if warning is not None:
        context.organs.add_warning(warning)


def laterality_warning(indicators: Iterable[SideIndicator]) -> Reason | None:
    """A warning where enough organs show that left and right are exchanged, else ``None``."""
    indicators = list(indicators)
    mirrored = [indicator.title for indicator in indicators if indicator.mirrored]
    against = sum(indicator.mirrored is False for indicator in indicators)
    if len(mirrored) < _LEAST_INDICATORS or against > _MOST_AGAINST:
        return None
    return Reason("sides_exchanged", {"organs": mirrored})


def side_indicators(context: Context) -> list[SideIndicator]:
    """Bronchi, aortic arch, heart, liver and stomach; only the bronchi without both lungs and the spine."""
    indicators = [SideIndicator("main bronchi", _mirrored(_bronchi(context), _LENGTH_EXCESS_SHARE))]
    right, left, spine = (context.organs.mask(name) for name in ("lung_right", "lung_left", "spine"))
    if right is None or left is None or spine is None:
        return indicators
    chest = _Chest(context, right, left, spine)
    return [
        *indicators,
        SideIndicator("aortic arch", _mirrored(chest.arch_mm(), _ARCH_EXCESS_MM)),
        SideIndicator("heart", _mirrored(chest.heart(), _HEART_EXCESS_SHARE)),
        SideIndicator("liver", _mirrored(chest.liver(), _LIVER_EXCESS_SHARE)),
        SideIndicator("stomach", _mirrored(chest.stomach(), _GAS_EXCESS_SHARE)),
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
    """The side by a measure that is positive in the usual patient; ``None`` where it is below ``least``."""
    return None if value is None or abs(value) < least else value < 0


def _bronchi(context: Context) -> float | None:
    """Excess length of the left main bronchus over the right, as a share of the shorter one.

    Length is measured from the carina to the first visible fork.
    """
    left = _length_mm(context, "left_upper_lobe_bronchus_origin")
    right = _length_mm(context, "right_upper_lobe_bronchus_origin", "bronchus_intermedius_end")
    if left is None or right is None:
        return None
    return left / right - 1 if left > right else 1 - right / left


def _length_mm(context: Context, *forks: str) -> float | None:
    """Distance in mm from the carina to the first visible one of some forks."""
    marks = context.organs.landmarks
    carina = marks.get("carina")
    seen = [marks[name] for name in forks if name in marks and marks[name].source is not OrganSource.SURROGATE]
    if carina is None or not seen:
        return None
    return max(float(np.linalg.norm(np.subtract(seen[0].point_mm, carina.point_mm))), 1.0)


class _Chest:
    """Midline, lungs and diaphragm of one patient, and the organs beside them."""

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
            ndimage.gaussian_filter1d(np.interp(slices, known, values), self._scan.voxels(_MIDLINE_SIGMA_MM))
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
        """Excess thickness of the tissue between trachea and lung on the left, in mm, median over the slices."""
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
        smooth = ndimage.gaussian_filter(self._scan.hu[level].astype(np.float32), _LIVER_SIGMA_VOXELS)
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
        far = ~within_mm(chest[level], _GAS_FROM_LUNG_MM, self._scan.grid.spacing_mm)
        inside = self._enclosed(level)
        gas[level] = self._opened((self._scan.hu[level] < _GAS_HU) & far & inside, _GAS_HALF_THICKNESS_MM)
        if float(gas.sum()) * self._scan.grid.voxel_volume_ml < _GAS_ML:
            return None
        return self._share(gas, level, before_spine=False)

    def _enclosed(self, level: slice) -> BoolArray:
        """The body with the air it encloses in each slice."""
        return np.stack([ndimage.binary_fill_holes(part) for part in self._context.body[level]])

    def _opened(self, mask: BoolArray, radius_mm: float) -> BoolArray:
        """The parts of a mask thicker than twice a radius."""
        spacing = self._scan.grid.spacing_mm
        return mask & within_mm(~within_mm(~mask, radius_mm, spacing), radius_mm, spacing)

    def _share(self, mask: BoolArray, level: slice, *, before_spine: bool) -> float | None:
        """Left minus right voxels of a mask within some slices, as a share of both; ``None`` where it is empty."""
        columns, rows = (values[level, None, None] for values in self._midline)
        part = mask[level]
        if before_spine:
            part = part & (np.arange(part.shape[1])[None, :, None] < rows)
        left = float((part & (np.arange(part.shape[2])[None, None, :] >= columns)).sum())
        both = float(part.sum())
        return (2 * left - both) / both if both else None
