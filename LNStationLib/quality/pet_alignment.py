"""How far PET and CT lie apart at the dome of the liver, because they were breathed differently.

CT is often taken at a held breath and PET over minutes of quiet breathing, so that the dome of the liver, and less
what lies above it, is elsewhere on either. Where it moved by more than lesions are large, uptake goes to the wrong
organ (Osman et al. 2003, J Nucl Med 44:240-243: in 2 % of 300 patients, at the base of the lungs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, gaussian_filter1d

from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

LARGEST_OFFSET_MM = 10.0
"""Of the liver's dome, from which a reader is told: the short axis of an enlarged node, and two to three voxels of a
PET. What lies higher moves less."""
OFFSET = "pet_dome_above_ct_mm"
"""Name of the offset in the provenance of the organs."""
_REACH_MM = 40.0
"""Of profiles on either side of the dome, and the farthest offset that is looked for but for its last 10 mm."""
_STEP_MM = 1.0
_DOME_MM = 25.0
"""From the median height of the lung's lower border: what lies higher or lower is at the hilum or in the recesses."""
_STEEPEST = 1.0
"""45 degrees: profiles cross a steeper border slantwise."""
_DIAPHRAGM_MM = 2.5
"""Between lung and liver, with little uptake: without it 23 phantoms were measured 2.5 mm too low."""
_EDGE_MM = 15.0
"""Left out along the lung's outline, where the profile meets the heart or the chest wall."""
_LEAST_COLUMNS_CM2 = 10.0
_PET_FWHM_MM = 7.0
"""Of a clinical PET/CT after reconstruction, with some breathing."""
_LEAST_CONTRAST = 0.4
"""SUV by which the liver must exceed the lung: it has 2 to 3, the lung 0.5."""
_UNCOVERED = -1.0
_SIGMA_OF_FWHM = 1 / 2.355


@dataclass(frozen=True)
class _Domes:
    """The dome below a lung, column by column.

    Attributes:
        rows: Array index y of each column.
        columns: Array index x.
        height_mm: LPS z of the liver's upper border there.
    """

    rows: np.ndarray
    columns: np.ndarray
    height_mm: FloatArray


def pet_offset_mm(pet: sitk.Image, organs: OrganSet) -> float | None:
    """How much higher the dome of the liver lies on PET than on CT, in mm.

    The lower border of the right lung is followed over the dome; the mean uptake at each height above and below it is
    correlated with what the CT has there (tissue below, lung above) as a PET would show it, at every offset.

    Args:
        pet: SUVbw.
        organs: With the lungs.

    Returns:
        Positive where PET shows the dome nearer to the head, as after an inspiration at CT; ``None`` where it cannot
        be measured: no right lung, a dome outside either image, or a liver no hotter than the lung.
    """
    lung = organs.mask("lung_right")
    domes = None if lung is None else _domes(lung, organs.grid)
    if domes is None:
        return None
    profile = _profile(pet, domes, organs.grid)
    return None if profile is None else _best_offset_mm(profile)


def check_alignment(pet: sitk.Image | None, organs: OrganSet) -> tuple[dict[str, float], list[Reason]]:
    """How far PET and CT lie apart, for the provenance, and a warning where that is too far; empty without PET."""
    offset_mm = None if pet is None else pet_offset_mm(pet, organs)
    record = {} if offset_mm is None else {OFFSET: round(offset_mm, 1)}
    return record, _warnings(offset_mm)


def _warnings(offset_mm: float | None) -> list[Reason]:
    if offset_mm is None or abs(offset_mm) <= LARGEST_OFFSET_MM:
        return []
    return [Reason("pet_misregistered", {"offset_mm": offset_mm, "limit_mm": LARGEST_OFFSET_MM})]


def _domes(lung: BoolArray, grid: Grid) -> _Domes | None:
    """Columns over the middle of the dome; ``None`` where there are too few, or the lung leaves the field of view."""
    away = round(_EDGE_MM / grid.spacing_mm[1])
    inner = binary_erosion(lung.any(axis=0), iterations=away)
    lowest = np.argmax(lung, axis=0)
    if not inner.any() or lowest[inner].min() == 0:
        return None
    height_mm = grid.coordinates_mm(0)[lowest] - grid.spacing_mm[0] / 2 - _DIAPHRAGM_MM
    slope = np.hypot(*np.gradient(height_mm, *grid.spacing_mm[1:]))
    near = np.abs(height_mm - np.median(height_mm[inner])) <= _DOME_MM
    rows, columns = np.nonzero(inner & near & (slope <= _STEEPEST))
    if not _is_enough(len(rows), grid):
        return None
    return _Domes(rows, columns, height_mm[rows, columns])


def _is_enough(columns: int, grid: Grid) -> bool:
    return bool(columns * grid.spacing_mm[1] * grid.spacing_mm[2] / 100 >= _LEAST_COLUMNS_CM2)


def _offsets_mm() -> FloatArray:
    return np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)


def _profile(pet: sitk.Image, domes: _Domes, grid: Grid) -> FloatArray | None:
    """Mean uptake at every height above the dome; ``None`` where PET covers too little of it."""
    low_mm, high_mm = domes.height_mm.min() - _REACH_MM, domes.height_mm.max() + _REACH_MM
    y, x = (slice(int(at.min()), int(at.max()) + 1) for at in (domes.rows, domes.columns))
    part = grid.part((slice(0, 1), y, x))
    levels = int(np.ceil((high_mm - low_mm) / _STEP_MM)) + 2
    tall = Grid((levels, *part.shape[1:]), (_STEP_MM, *part.spacing_mm[1:]), (low_mm, *part.origin_mm[1:]))
    suv = resample_to_grid(pet, tall, labels=False, outside=_UNCOVERED)
    level = np.rint((domes.height_mm[:, None] + _offsets_mm()[None, :] - low_mm) / _STEP_MM).astype(int)
    found = suv[level, domes.rows[:, None] - y.start, domes.columns[:, None] - x.start]
    covered = found[(found >= 0).all(axis=1)]
    return covered.mean(axis=0) if _is_enough(len(covered), grid) else None


def _best_offset_mm(profile: FloatArray) -> float | None:
    """The offset at which the profile is most like that of the CT, to a part of a millimeter."""
    offsets = _offsets_mm()
    if profile[offsets < -_REACH_MM / 2].mean() < profile[offsets > _REACH_MM / 2].mean() + _LEAST_CONTRAST:
        return None
    allowed = np.flatnonzero(np.abs(offsets) <= _REACH_MM - 10)
    likeness = np.array([_likeness(profile, offsets[at]) for at in allowed])
    best = int(np.argmax(likeness))
    return float(offsets[allowed[best]] + _STEP_MM * _vertex(likeness, best))


def _likeness(profile: FloatArray, offset_mm: float) -> float:
    """Correlation with tissue below an offset and lung above it."""
    step = (_offsets_mm() < offset_mm).astype(float)
    blurred = gaussian_filter1d(step, _PET_FWHM_MM * _SIGMA_OF_FWHM / _STEP_MM, mode="nearest")
    return float(np.corrcoef(profile, blurred)[0, 1])


def _vertex(values: FloatArray, best: int) -> float:
    """Where between its neighbors a parabola through the largest value has its top, in steps."""
    if best in (0, len(values) - 1):
        return 0.0
    before, at, after = values[best - 1 : best + 2]
    bend = before - 2 * at + after
    return 0.0 if bend == 0 else float(0.5 * (before - after) / bend)
