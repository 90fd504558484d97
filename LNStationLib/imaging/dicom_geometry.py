"""Where the slices of a series lie: their order and the grid that they make (DICOM PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.checks import orthonormal_direction
from LNStationLib.imaging.dicom_grouping import SAME_PLACE_MM
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.types import FloatArray

_STEP_SHARE = 0.1
"""Slice distances may stray from their median by this share; more is a gap."""

ROUNDING_MM = 0.1
"""Positions written with one decimal are off by up to 0.05 mm each, and the distance of two by up to this ..."""

_ROUNDING_SHARE = 1 / 3
"""... which for slices thinner than 0.3 mm would hide a slice at the wrong place."""

_MISSING_SLICE_STEPS = 1.5
"""A gap of this many slice spacings is called a missing slice, a smaller one uneven spacing."""

_OFF_GRID_PIXELS = 0.5
"""A slice may lie this share of a voxel off its position on the even grid, so that it stays in its own voxel."""

_TILT_TOLERANCE_SHARE = 1e-3
"""Sideways shift per length of the stack: 0.06 degrees, from rounded direction cosines."""
_TILT_MM = 0.1
"""Positions are written with one decimal (see ROUNDING_MM)."""


@dataclass(frozen=True)
class Stack:
    """The slices of a series in space.

    Attributes:
        direction: ``(3, 3)``, columns: the LPS directions along a row, along a column, and from slice to slice.
        pixel_mm: Distance of columns and of rows.
        positions: ``(n, 3)``, LPS mm of each header's first pixel, in the order of the headers.
    """

    direction: FloatArray
    pixel_mm: tuple[float, float]
    positions: FloatArray

    @property
    def depth_mm(self) -> FloatArray:
        """Place of each slice along the normal."""
        return np.asarray(self.positions @ self.direction[:, 2])

    @property
    def order(self) -> np.ndarray:
        """Indices of the headers along the normal."""
        return np.argsort(self.depth_mm, kind="stable")

    @property
    def places(self) -> list[np.ndarray]:
        """Indices of the headers at each place, along the normal."""
        order = self.order
        ends = np.flatnonzero(np.diff(self.depth_mm[order]) >= SAME_PLACE_MM) + 1
        return np.split(order, ends)


def stack_of(headers: Sequence[Dataset], name: str) -> Stack:
    """Read where slices of one plane lie; the plane is the median of theirs, so noise of one header does not count.

    Raises:
        InputError: A geometry attribute is missing or damaged.
        GeometryError: A pixel spacing is not positive, or the axes of the images are sheared.
    """
    cosines = np.array([dcm.numbers(header, "ImageOrientationPatient", 6, name) for header in headers])
    spacings = np.array([dcm.numbers(header, "PixelSpacing", 2, name) for header in headers])
    row_mm, column_mm = np.median(spacings, axis=0)
    axes = np.median(cosines, axis=0).reshape(2, 3)
    if not (spacings.min() > 0 and np.linalg.norm(axes, axis=1).min() > 0):
        raise GeometryError(f"{name}: zero or negative pixel spacing; export the series again with its true spacing.")
    along_row, along_column = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    normal = np.cross(along_row, along_column)
    direction = orthonormal_direction(np.stack([along_row, along_column, normal], axis=1), name)
    positions = np.array([dcm.numbers(header, "ImagePositionPatient", 3, name) for header in headers])
    # Pixel Spacing is (between rows, between columns): the first steps along the column, image axis j.
    return Stack(direction, (float(column_mm), float(row_mm)), positions)


def slice_spacing(stack: Stack, name: str) -> float:
    """Distance in mm of the slices of a stack, one at each place.

    Raises:
        InputError: Several images share a place.
        GeometryError: Slices are missing, uneven or shifted, or the gantry was tilted.
    """
    order = stack.order
    positions, depth = stack.positions[order], stack.depth_mm[order]
    steps = np.diff(depth)
    if steps.min() < SAME_PLACE_MM:
        raise InputError(
            f"{name}: several images at the same position {at(positions[int(steps.argmin())])}; give one volume."
        )
    spacing = float((depth[-1] - depth[0]) / steps.size)
    _check_even(positions, depth, name)
    _check_aligned(stack, positions, depth, name)
    return spacing


def at(*points: FloatArray) -> str:
    """Points in mm for messages: ``(1.0, 2.0, 3.0) mm``."""
    return " and ".join("(" + ", ".join(f"{value:.1f}" for value in point) + ")" for point in points) + " mm"


def _check_even(positions: FloatArray, depth: FloatArray, name: str) -> None:
    steps = np.diff(depth)
    step = float(np.median(steps))
    worst = int(np.abs(steps - step).argmax())
    if abs(steps[worst] - step) > max(_STEP_SHARE * step, min(ROUNDING_MM, _ROUNDING_SHARE * step)) + 1e-6:
        raise GeometryError(_gap_message(name, positions[worst], positions[worst + 1], float(steps[worst]), step))
    even = np.linspace(depth[0], depth[-1], depth.size)
    off = np.abs(depth - even)
    if off.max() > _OFF_GRID_PIXELS * step:
        raise GeometryError(
            f"{name}: slice spacing drifts between {steps.min():.2f} and {steps.max():.2f} mm, so that the slice at "
            f"{at(positions[int(off.argmax())])} lies {off.max():.1f} mm off its position on an even grid; "
            "give a series of evenly spaced slices."
        )


def _gap_message(name: str, below: FloatArray, above: FloatArray, gap: float, step: float) -> str:
    where = at(below, above)
    if gap > _MISSING_SLICE_STEPS * step:
        missing = round(gap / step) - 1
        return (
            f"{name}: {missing} slice{'s are' if missing > 1 else ' is'} missing between the positions {where}; "
            "copy the whole series again."
        )
    return (
        f"{name}: uneven slice spacing, {gap:.2f} mm between the positions {where} and {step:.2f} mm elsewhere; "
        "give a series of evenly spaced slices."
    )


def _check_aligned(stack: Stack, positions: FloatArray, depth: FloatArray, name: str) -> None:
    """Refuse slices that do not lie straight above each other: a tilted gantry, or parts shifted sideways."""
    length = depth[-1] - depth[0]
    sideways = positions - positions[0] - np.outer(depth - depth[0], stack.direction[:, 2])
    shear = sideways[-1]
    beside = np.linalg.norm(sideways - np.outer((depth - depth[0]) / length, shear), axis=1)
    if beside.max() > max(_OFF_GRID_PIXELS * min(stack.pixel_mm), _TILT_MM):
        raise GeometryError(
            f"{name}: the slices do not lie straight above each other, the one at "
            f"{at(positions[int(beside.argmax())])} is {beside.max():.1f} mm off; "
            "give a series of one reconstruction."
        )
    if np.linalg.norm(shear) > max(_TILT_TOLERANCE_SHARE * length, _TILT_MM):
        tilt = np.degrees(np.arctan2(np.linalg.norm(shear), length))
        raise GeometryError(
            f"{name}: sheared by a gantry tilt of {tilt:.1f} degrees; resample it to right-angled axes first, for "
            "instance with dcm2niix."
        )
