"""What a CT shows of the thorax, measured coarsely: lungs, airway, and the box that holds the chest.

A look at a 4 mm copy of the image (some seconds for a head-to-thigh CT): it only has to distinguish a chest from an
abdomen, a head or legs, for any orientation, also where a tight crop lets the lungs touch the side of the image, and
to say which part of a larger examination is worth a close look.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.imaging.grid import AIR_HU, Grid, field_of_view, resample_to_grid, working_grid
from LNStationLib.imaging.growing import grow_by_faces, open_by_box
from LNStationLib.imaging.patient import TISSUE_HU, Patient, find_patient
from LNStationLib.support.types import BoolArray, FloatArray, PointMm

_SPACING_MM = 4.0
"""Shows lungs and trunk within seconds; smaller things are not judged on this copy."""
_LUNG_HU = (-950.0, -500.0)
"""Aerated lung at 4 mm: neither the air outside (-1000) nor bowel gas (about -1000) nor fat (-100)."""

_PADDING_HU = -1100.0
"""Scanner padding; a CT that was checked holds none."""

_PIECE_ML = 20.0
"""A smaller piece of lung is left to a closer look."""

_ABOVE_LUNGS_MM = 70.0
"""From the lungs' apices to the cricoid, the upper border of station 1, with room to spare: the apex lies 2 to 3 cm
above the clavicle, the cricoid about 5 cm above the jugular notch (Gray's Anatomy, 41st ed., ch. 29 and 54)."""

_BELOW_LUNGS_MM = 40.0
"""The posterior recesses reach L1, two vertebrae below the hiatus at T10: what lies lower holds no station."""

_AROUND_BODY_MM = 12.0
"""Some room air all around, by which the patient's skin is known."""

_AIRWAY_HU = -700.0
"""Air in a trachea, blurred at its rim by a voxel of 2.5 mm."""
_AIRWAY_SPACING_MM = 2.5
"""An adult trachea is at least 10 mm wide (Breatnach et al. 1984): four voxels."""
_AIRWAY_AREA_MM2 = (40.0, 900.0)
"""From a narrowed trachea to wider than any healthy one (750 mm2; Breatnach et al. 1984)."""
_AIRWAY_OFF_MIDLINE_MM = 45.0
"""As far as a shifted mediastinum takes the trachea. Chosen in development; no published source."""
_AERATED_SHARE = 0.1
"""A lung with less than a tenth of the other's air is consolidated, collapsed or gone."""

_BONE_HU = 200.0
"""Trabecular bone of adults, above unenhanced soft tissue; dense contrast also exceeds it."""
_VERTEBRA_MM = 16.0
"""No rib, scapula or sternum is as thick from front to back; the body of a thoracic vertebra alone is."""

_SPINE_SLICE_SHARE = 0.4
"""Part of the slices that must show a vertebra. Chosen in development; no published source."""
_SKULL_SHARE, _SKULL_SLICE_SHARE = 0.5, 0.2
"""Bone encloses this part of a head's axial slice, in this part of all slices. Chosen in development; no published
source."""
_GAP_SMOOTHING_VOXELS = 1.5
_OFF_CENTER_COST = 0.02
"""The gap between the lungs is the column with the least lung, smoothed. In proportion to the distance from the
body's center, up to this share of the fullest column is added. Chosen in development; no published source."""

_SAME_SIZE_SHARE = 0.5
"""Second largest body part over the largest: two legs are about equal. Chosen in development; no published source."""
_LIMB_MM2 = 20000.0
"""Cross-section of a thigh of 50 cm around; the trunk of a small adult has more."""


class Seen(StrEnum):
    """What a CT without a chest shows, as far as a coarse view shows."""

    LIMBS = "limbs"
    HEAD = "head"
    ABDOMEN = "abdomen"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ThoraxView:
    """What of a thorax is in view.

    Attributes:
        lung_left_ml: Aerated lung on the patient's left of the midline in ml.
        lung_right_ml: The same on the right.
        lung_height_mm: Extent of the aerated lung from foot to head in mm.
        airway_mm: Length of the longest upright air tube near the midline at lung level, in mm.
        beside_midline_mm: How far the body reaches to the patient's (right, left) of the midline, in mm.
        chest_mm: Corners of the box that holds the chest, LPS ``((x, y, z), (x, y, z))`` in mm, lower one first;
            ``None`` without lungs.
        seen: What is in view where there are no lungs.
    """

    lung_left_ml: float
    lung_right_ml: float
    lung_height_mm: float
    airway_mm: float
    beside_midline_mm: tuple[float, float]
    chest_mm: tuple[PointMm, PointMm] | None
    seen: Seen


def thorax_view(ct: sitk.Image) -> ThoraxView:
    """Measure lungs and airway in a CT in HU of any orientation."""
    thin = _thinned(ct)
    grid, hu, in_view = _coarse(thin, _SPACING_MM)
    patient = find_patient(hu, in_view, _SPACING_MM)
    lung = _lung(hu, patient)
    if not lung.any():
        return ThoraxView(0.0, 0.0, 0.0, 0.0, (0.0, 0.0), None, _seen(hu, in_view, patient))
    midline = _midline_x(hu, lung, patient)
    columns = lung.sum(axis=(0, 1)) * grid.voxel_volume_ml
    heights = np.flatnonzero(lung.any(axis=(1, 2)))
    body = np.flatnonzero(patient.body[lung.any(axis=(1, 2))].any(axis=(0, 1)))
    return ThoraxView(
        lung_left_ml=float(columns[midline:].sum()),
        lung_right_ml=float(columns[:midline].sum()),
        lung_height_mm=float((heights[-1] - heights[0] + 1) * _SPACING_MM),
        airway_mm=_airway_mm(thin, lung, midline, grid),
        beside_midline_mm=((midline - float(body[0])) * _SPACING_MM, (float(body[-1]) - midline) * _SPACING_MM),
        chest_mm=_chest_mm(lung, patient, grid),
        seen=_seen(hu, in_view, patient),
    )


def chest_grid(ct: sitk.Image, spacing_mm: float, view: ThoraxView | None = None) -> Grid:
    """The working grid of the part of a CT that holds the chest; of all of it where no lungs are seen.

    What a whole-body examination shows beside the chest costs nothing then, and cannot be taken for it.

    Args:
        ct: In HU.
        spacing_mm: Of the grid.
        view: What was seen of this CT before; measured where ``None``.
    """
    seen = thorax_view(ct) if view is None else view
    return working_grid(ct, spacing_mm, within_mm=seen.chest_mm)


def _thinned(ct: sitk.Image) -> sitk.Image:
    """The CT averaged over so many voxels that no axis is much finer than half the coarse spacing."""
    factors = [
        max(1, min(int(_SPACING_MM / 2 // s), n // 8)) for s, n in zip(ct.GetSpacing(), ct.GetSize(), strict=True)
    ]
    return sitk.Cast(ct if max(factors) == 1 else sitk.BinShrink(ct, factors), sitk.sitkFloat32)


def _coarse(thin: sitk.Image, spacing_mm: float) -> tuple[Grid, FloatArray, BoolArray]:
    """HU on a coarse LPS grid, smoothed to its spacing, and where the image covers it."""
    grid = working_grid(thin, spacing_mm)
    smooth = sitk.DiscreteGaussian(thin, variance=[2.0] * 3, useImageSpacing=True)
    hu = resample_to_grid(smooth, grid, labels=False, outside=AIR_HU)
    return grid, np.maximum(hu, AIR_HU), field_of_view(thin, grid) & (hu > _PADDING_HU)


def _lung(hu: FloatArray, patient: Patient) -> BoolArray:
    """Aerated lung: of lung density, inside the patient, thicker than the partial-volume shell of a surface."""
    candidates = (hu > _LUNG_HU[0]) & (hu < _LUNG_HU[1]) & patient.body
    candidates &= ~grow_by_faces(patient.outside, 2)
    core = open_by_box(candidates, (3, 3, 3))
    labels = cc3d.connected_components(core.astype(np.uint8), connectivity=6)
    counts = np.bincount(labels.ravel())
    keep = counts * _SPACING_MM**3 / 1000.0 >= _PIECE_ML
    keep[0] = False
    if not keep.any():
        return np.zeros_like(core)
    return _without_bowel(np.where(keep[labels], labels, 0), counts)


def _without_bowel(labels: np.ndarray, counts: np.ndarray) -> BoolArray:
    """Drop pieces that lie wholly below the largest one: gas with stool in it has the density of lung."""
    boxes = label_boxes(labels)
    largest = max(boxes, key=lambda value: counts[value])
    lung = labels == largest
    for value, box in boxes.items():
        if box[0].stop > boxes[largest][0].start:
            lung |= labels == value
    return np.asarray(lung)


def _midline_x(hu: FloatArray, lung: BoolArray, patient: Patient) -> int:
    """Column of the patient's midline: the spine's, else the gap between the lungs in the middle of the body."""
    spine = _spine_x(hu, patient, np.asarray(lung.any(axis=(1, 2))))
    if spine is not None:
        return spine
    columns = ndimage.gaussian_filter1d(lung.sum(axis=(0, 1)).astype(float), _GAP_SMOOTHING_VOXELS)
    body = np.flatnonzero(patient.body.any(axis=(0, 1)))
    low, high = int(body[0]), int(body[-1])
    third = np.arange(low + (high - low) // 4, high - (high - low) // 4 + 1)
    center = (low + high) / 2
    cost = columns[third] + _OFF_CENTER_COST * columns.max() * np.abs(third - center) / max(center - low, 1)
    return int(third[np.argmin(cost)])


def _spine_x(hu: FloatArray, patient: Patient, slices: BoolArray) -> int | None:
    """Column of the spine in some slices; ``None`` where too few of them show a vertebra.

    A vertebra is the bone farthest back that is thicker than any rib; contrast in heart and aorta lies before it.
    """
    rows = max(1, round(_VERTEBRA_MM / _SPACING_MM))
    bone = (hu > _BONE_HU) & patient.body
    thick = open_by_box(bone, (1, rows, 1)) & slices[:, None, None]
    there = np.flatnonzero(thick.any(axis=(1, 2)))
    if there.size < _SPINE_SLICE_SHARE * slices.sum():
        return None
    columns = []
    for z in there:
        y, x = np.nonzero(thick[z])
        columns.append(float(np.median(x[y > y.max() - rows])))
    return round(float(np.median(columns)))


def _chest_mm(lung: BoolArray, patient: Patient, grid: Grid) -> tuple[PointMm, PointMm]:
    """Corners of the box around the chest, LPS ``(x, y, z)`` in mm."""
    z = np.flatnonzero(lung.any(axis=(1, 2)))
    body = patient.body[z[0] : z[-1] + 1]
    y, x = (np.flatnonzero(body.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    low, high = grid.point_mm((z[0], y[0], x[0])), grid.point_mm((z[-1], y[-1], x[-1]))
    around = _AROUND_BODY_MM
    return (
        (low[0] - around, low[1] - around, low[2] - _BELOW_LUNGS_MM),
        (high[0] + around, high[1] + around, high[2] + _ABOVE_LUNGS_MM),
    )


def _seen(hu: FloatArray, in_view: BoolArray, patient: Patient) -> Seen:
    """What a view without lungs shows."""
    if not patient.tissue.any():
        return Seen.UNKNOWN
    bone = (hu > _BONE_HU) & patient.body
    slices = np.flatnonzero(patient.body.any(axis=(1, 2)))
    areas = patient.body.sum(axis=(1, 2))[slices] * _SPACING_MM**2
    skull = [ndimage.binary_fill_holes(bone[z]).sum() >= _SKULL_SHARE * patient.body[z].sum() for z in slices]
    if np.mean(skull) >= _SKULL_SLICE_SHARE:
        return Seen.HEAD
    if not bone.any():
        return Seen.UNKNOWN
    return Seen.LIMBS if _pair(hu, in_view) or float(np.median(areas)) <= _LIMB_MM2 else Seen.ABDOMEN


def _pair(hu: FloatArray, in_view: BoolArray) -> bool:
    """Whether the two largest bodies in view are of about the same size, as two legs are."""
    labels = cc3d.connected_components(((hu > TISSUE_HU) & in_view).astype(np.uint8), connectivity=6)
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    return bool(len(sizes) > 1 and sizes[1] >= _SAME_SIZE_SHARE * sizes[0])


def _airway_mm(ct: sitk.Image, lung: BoolArray, midline: int, grid: Grid) -> float:
    """Length in z of the longest run of slices with overlapping round air holes near the midline at lung level.

    Where both lungs hold air the holes lie between them; beside a lung without air, near the midline is all there is.
    """
    fine = working_grid(ct, _AIRWAY_SPACING_MM)
    hu = resample_to_grid(ct, fine, labels=False, outside=AIR_HU)
    x_mm = fine.coordinates_mm(2)
    near = np.abs(x_mm - grid.coordinates_mm(2)[midline]) <= _AIRWAY_OFF_MIDLINE_MM
    left, right = _lung_span(lung)
    sides = int(lung[:, :, :midline].sum()), int(lung[:, :, midline:].sum())
    both = min(sides) >= _AERATED_SHARE * max(sides)
    holes = np.zeros(hu.shape, dtype=bool)
    for z, row in enumerate(_nearest(grid, fine, 0)):
        if left[row] < right[row]:
            low, high = grid.coordinates_mm(2)[[left[row], right[row]]]
            holes[z] = _holes(hu[z], near & (x_mm > low) & (x_mm < high) if both else near)
    labels = cc3d.connected_components(holes.astype(np.uint8), connectivity=26)
    heights = [z.stop - z.start for z, _, _ in label_boxes(labels).values()]
    return float(max(heights, default=0) * _AIRWAY_SPACING_MM)


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
