"""Contours of an RT Structure Set as a label map (DICOM PS3.3, C.8.8.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.contours import contours_mask
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.types import FloatArray

_CLOSED = ("CLOSED_PLANAR", "CLOSED_PLANAR_XOR")
_TILT_SLICES = 0.25
"""How far the points of a contour may stray from its plane, in slices of the CT: rounding lies far below."""
_SAME_PLANE_MM = 0.2
"""Positions written with one decimal stray by 0.1 mm; the thinnest slices of chest CTs lie farther apart."""
_FEWEST_POINTS = 3


@dataclass(frozen=True)
class _Contour:
    """Structure by its place from 1, plane in slices of the CT, and polygon ``(column, row)``."""

    value: int
    plane: float
    polygon: FloatArray


def contour_image(regions: Sequence[tuple[str, Sequence[Dataset]]], ct: sitk.Image, name: str) -> sitk.Image:
    """Fill contours.

    Args:
        regions: Label and contours of each structure.
        ct: Gives the plane and the pixels. Slices lie where the contours do: where those are drawn on every second
            slice only, theirs are twice as far apart, so that nothing is left empty between them.
        name: How messages call the file.

    Returns:
        uint16, each structure by its place from 1; where they overlap the first stays. An empty slice at both ends.

    Raises:
        InputError: A contour is open, or has too few points.
        GeometryError: A contour does not lie in the plane of the CT's slices.
    """
    contours = [
        _contour(value, label, contour, ct, name)
        for value, (label, drawn) in enumerate(regions, start=1)
        for contour in drawn
    ]
    planes = np.array([contour.plane for contour in contours])
    first, step, count = _stack(planes, _SAME_PLANE_MM / ct.GetSpacing()[2])
    labels = np.zeros((count + 2, *ct.GetSize()[1::-1]), np.uint16)
    index = np.rint((planes - first) / step).astype(int) + 1
    for value in range(len(regions), 0, -1):
        for z in np.unique(index):
            drawn_here = [
                one.polygon for one, at in zip(contours, index, strict=True) if at == z and one.value == value
            ]
            labels[z][contours_mask(drawn_here, labels.shape[1:])] = value
    return _placed(labels, ct, first - step, step)


def _contour(value: int, label: str, contour: Dataset, ct: sitk.Image, name: str) -> _Contour:
    kind = dcm.text(contour, "ContourGeometricType")
    numbers = np.array(contour.get("ContourData") or (), float)
    if kind not in _CLOSED:
        raise InputError(
            f"{name}: '{label}' has open contours ({kind or 'no geometric type'}), which enclose no volume; close "
            "them or leave that structure out."
        )
    if numbers.size < 3 * _FEWEST_POINTS or numbers.size % 3:
        raise InputError(f"{name}: a contour of '{label}' has too few points; export the structure set again.")
    index = (numbers.reshape(-1, 3) - ct.GetOrigin()) @ np.array(ct.GetDirection()).reshape(3, 3) / ct.GetSpacing()
    plane = float(np.median(index[:, 2]))
    if np.abs(index[:, 2] - plane).max() > _TILT_SLICES:
        raise GeometryError(
            f"{name}: contours of '{label}' do not lie in the plane of the CT's slices; give a structure set that "
            "was drawn on this CT."
        )
    return _Contour(value, plane, index[:, :2])


def _stack(planes: FloatArray, same: float) -> tuple[float, float, int]:
    """First plane, distance of planes, and their number, in slices of the CT."""
    ordered = np.sort(planes)
    steps = np.diff(ordered)
    steps = steps[steps > same]
    step = float(np.median(steps)) if steps.size else 1.0
    return float(ordered[0]), step, int(np.rint((ordered[-1] - ordered[0]) / step)) + 1


def _placed(labels: np.ndarray, ct: sitk.Image, first: float, step: float) -> sitk.Image:
    image = sitk.GetImageFromArray(labels)
    spacing = ct.GetSpacing()
    image.SetSpacing([spacing[0], spacing[1], spacing[2] * step])
    image.SetDirection(ct.GetDirection())
    image.SetOrigin(ct.TransformContinuousIndexToPhysicalPoint([0.0, 0.0, first]))
    return image
