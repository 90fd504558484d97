"""Is a chest in view: lungs on both sides of the body, and an airway between them.

Coarse on purpose (4 mm and 2.5 mm, under a second): it only has to tell a chest from an abdomen, a head or a
water phantom, for any orientation, and also where a tight crop lets the lungs touch the border of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LNStationLib.errors import InputError
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid, working_grid
from LNStationLib.imaging.reading import Warn
from LNStationLib.types import BoolArray

_SPACING_MM = 4.0
_LUNG_HU = (-950.0, -500.0)
"""Aerated lung at 4 mm: neither the air outside (-1000) nor bowel gas (about -1000) nor fat (-100)."""

_OUTSIDE_HU = -975.0
_BODY_HU = -300.0
_AIRWAY_HU = -700.0
_AIRWAY_SPACING_MM = 2.5
_AIRWAY_AREA_MM2 = (40.0, 900.0)
_AIRWAY_OFF_MIDLINE_MM = 45.0
_MIN_AIRWAY_MM = 28.0
_MIN_LUNGS_ML, _MIN_LUNG_ML = 150.0, 40.0
_MIN_LUNG_HEIGHT_MM = 110.0
"""Lungs at the top of an abdominal CT reach less far down than this."""


@dataclass(frozen=True)
class ThoraxView:
    """What of a thorax is in view.

    Attributes:
        lung_left_ml: Aerated lung on the patient's left of the midline in ml.
        lung_right_ml: The same on the right.
        lung_height_mm: Extent of the aerated lung from foot to head in mm.
        airway_mm: Length of the longest upright air tube near the midline at lung level, in mm.
    """

    lung_left_ml: float
    lung_right_ml: float
    lung_height_mm: float
    airway_mm: float


def check_thorax(ct: sitk.Image, name: str, warn: Warn) -> None:
    """Refuse a CT without lungs or without an airway, warn where one lung is hardly aerated.

    Args:
        ct: Volume in HU, any orientation.
        name: How messages call it.
        warn: Told what is odd about the chest in view.

    Raises:
        InputError: No chest is in view; the message says what is missing.
    """
    view = thorax_view(ct)
    left, right = view.lung_left_ml, view.lung_right_ml
    if left + right < _MIN_LUNGS_ML or max(left, right) < _MIN_LUNG_ML:
        raise InputError(
            f"{name}: no lungs in view ({left + right:.0f} ml of aerated lung), as in an abdomen or head; give a CT "
            "that "
            "shows the chest."
        )
    if view.airway_mm < _MIN_AIRWAY_MM and view.lung_height_mm < _MIN_LUNG_HEIGHT_MM:
        raise InputError(
            f"{name}: no trachea in view and only {view.lung_height_mm:.0f} mm of lung, as in an abdomen that shows "
            "the lung "
            "bases; give a CT that shows the chest."
        )
    if view.airway_mm < _MIN_AIRWAY_MM:
        warn(f"{name}: no trachea was found between the lungs; check the image.")
    for side, volume in (("left", left), ("right", right)):
        if volume < _MIN_LUNG_ML:
            warn(f"{name}: hardly any aerated lung on the patient's {side} ({volume:.0f} ml).")


def thorax_view(ct: sitk.Image) -> ThoraxView:
    """Measure lungs and airway in a CT in HU of any orientation."""
    grid = working_grid(ct, _SPACING_MM)
    thin = _thinned(ct)
    smooth = sitk.DiscreteGaussian(thin, variance=[2.0] * 3, useImageSpacing=True)
    hu = resample_to_grid(smooth, grid, labels=False, outside=AIR_HU)
    lung = _lung(hu)
    if not lung.any():
        return ThoraxView(0.0, 0.0, 0.0, 0.0)
    midline = _midline_x(hu, lung)
    columns = lung.sum(axis=(0, 1)) * grid.voxel_volume_ml
    heights = np.flatnonzero(lung.any(axis=(1, 2)))
    return ThoraxView(
        lung_left_ml=float(columns[midline:].sum()),
        lung_right_ml=float(columns[:midline].sum()),
        lung_height_mm=float((heights[-1] - heights[0] + 1) * _SPACING_MM),
        airway_mm=_airway_mm(thin, lung, midline, grid),
    )


def _thinned(ct: sitk.Image) -> sitk.Image:
    """The CT with every so many voxels left out, so that no axis is finer than half the coarse spacing."""
    factors = [max(1, int(_SPACING_MM / 2 // s)) for s in ct.GetSpacing()]
    thin = sitk.Shrink(ct, [min(f, max(1, n // 8)) for f, n in zip(factors, ct.GetSize(), strict=True)])
    return sitk.Cast(thin, sitk.sitkFloat32)


def _lung(hu: np.ndarray) -> BoolArray:
    """Aerated lung: of lung density, thicker than the partial-volume shell of a surface, not part of the outside."""
    candidates = (hu > _LUNG_HU[0]) & (hu < _LUNG_HU[1]) & ~ndimage.binary_dilation(_outside(hu), iterations=2)
    core = ndimage.binary_opening(candidates, np.ones((3, 3, 3), dtype=bool))
    labels = cc3d.connected_components(core.astype(np.uint8), connectivity=6)
    counts = np.bincount(labels.ravel())
    keep = counts * _SPACING_MM**3 / 1000.0 >= _MIN_LUNG_ML / 2
    keep[0] = False
    return np.asarray(keep[labels])


def _outside(hu: np.ndarray) -> BoolArray:
    """Air around the patient: clear air connected to a side of the image, not to its top or bottom."""
    labels = cc3d.connected_components((hu < _OUTSIDE_HU).astype(np.uint8), connectivity=6)
    faces = (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1])
    touching = np.unique(np.concatenate([face.ravel() for face in faces]))
    return np.isin(labels, touching[touching > 0])


def _midline_x(hu: np.ndarray, lung: BoolArray) -> int:
    """Column that splits the body: the lungs' gap in the middle third, by the fewest lung voxels, ties central."""
    columns = ndimage.gaussian_filter1d(lung.sum(axis=(0, 1)).astype(float), 1.5)
    body = np.flatnonzero((hu > _BODY_HU).any(axis=(0, 1)))
    low, high = (body[0], body[-1]) if body.size else (0, hu.shape[2] - 1)
    third = np.arange(low + (high - low) // 4, high - (high - low) // 4 + 1)
    center = (low + high) / 2
    cost = columns[third] + 0.02 * columns.max() * np.abs(third - center) / max(center - low, 1)
    return int(third[np.argmin(cost)])


def _airway_mm(ct: sitk.Image, lung: BoolArray, midline: int, grid: Grid) -> float:
    """Length in z of the longest run of slices with overlapping round air holes near the midline at lung level."""
    fine = working_grid(ct, _AIRWAY_SPACING_MM)
    hu = resample_to_grid(ct, fine, labels=False, outside=AIR_HU)
    rows = _nearest(grid, fine, 0)
    left, right = _lung_span(lung)
    middle_mm = grid.coordinates_mm(2)[midline]
    x_mm = fine.coordinates_mm(2)
    holes = np.zeros(hu.shape, dtype=bool)
    for z, row in enumerate(rows):
        if left[row] < right[row]:
            low, high = grid.coordinates_mm(2)[[left[row], right[row]]]
            near = (x_mm > low) & (x_mm < high) & (np.abs(x_mm - middle_mm) <= _AIRWAY_OFF_MIDLINE_MM)
            holes[z] = _holes(hu[z], near)
    labels = cc3d.connected_components(holes.astype(np.uint8), connectivity=26)
    boxes = ndimage.find_objects(labels)
    return max((float((box[0].stop - box[0].start) * _AIRWAY_SPACING_MM) for box in boxes if box), default=0.0)


def _nearest(grid: Grid, fine: Grid, axis: int) -> np.ndarray:
    """Index in ``grid`` of the voxel nearest to each voxel of ``fine`` along an axis."""
    index = (fine.coordinates_mm(axis) - grid.origin_mm[axis]) / grid.spacing_mm[axis]
    return np.clip(np.rint(index).astype(int), 0, grid.shape[axis] - 1)


def _lung_span(lung: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """First and last column with lung in every axial slice; the first lies behind the last where there is none."""
    columns = np.asarray(lung.any(axis=1))
    used = columns.any(axis=1)
    first = np.where(used, columns.argmax(axis=1), columns.shape[1] - 1)
    last = np.where(used, columns.shape[1] - 1 - columns[:, ::-1].argmax(axis=1), 0)
    return first, last


def _holes(hu: np.ndarray, near: BoolArray) -> BoolArray:
    """Pieces of clear air of a trachea's size in one axial slice whose center lies in a column that is ``near``."""
    labels, _ = ndimage.label(hu < _AIRWAY_HU)
    areas = np.bincount(labels.ravel()) * _AIRWAY_SPACING_MM**2
    keep = (areas >= _AIRWAY_AREA_MM2[0]) & (areas <= _AIRWAY_AREA_MM2[1])
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        keep[label] &= near[(box[1].start + box[1].stop - 1) // 2]
    keep[0] = False
    return np.asarray(keep[labels])
