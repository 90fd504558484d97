"""Is an image usable: dimensions, spacing, axes, finite values, overlap with another image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.reason import Reason

_SHEAR_TOLERANCE = 1e-3
"""Largest deviation of the axes' dot products from a rotation that counts as header noise: 0.06 degrees."""

_ROUNDING = 1e-12
"""Cosines nearer than this to orthonormal ones differ from them by the arithmetic alone."""

_MIN_SPACING_MM, _MAX_SPACING_MM, _THICK_MM = 0.1, 20.0, 10.0
_FEW_NOT_FINITE = 0.01
"""Up to this share of NaN or infinite voxels is replaced; more is a broken image."""

_SAME_GRID_MM = 0.05
"""Corners of one grid differ by less: headers round positions to about 0.01 mm; the finest CT voxels are 0.2 mm."""

_FARTHEST_MM = 2.0**24
"""Headers in single precision cannot tell millimeters apart beyond; no scanner is 17 km long."""

_SAMPLES = 12
_PARTIAL = 0.9


def orthonormal_direction(direction: np.ndarray, name: str) -> np.ndarray:
    """The nearest orthonormal matrix (polar decomposition) where ``direction`` is off by header noise only.

    Args:
        direction: 3 x 3, unit columns: the LPS directions of the voxel axes.
        name: How messages call the image.

    Raises:
        GeometryError: The axes are sheared or degenerate.
    """
    if not np.all(np.isfinite(direction)):
        raise GeometryError(f"{name}: undefined voxel directions; export it again with its orientation.")
    deviation = np.abs(direction.T @ direction - np.eye(3)).max()
    if deviation > _SHEAR_TOLERANCE:
        raise GeometryError(
            f"{name}: sheared voxel axes ({np.degrees(np.arcsin(min(deviation, 1.0))):.1f} degrees off a right "
            "angle, as "
            "with a tilted gantry); resample it to right-angled axes first, for instance with dcm2niix."
        )
    left, _, right = np.linalg.svd(direction)
    return np.asarray(left @ right)


def as_volume(image: sitk.Image, name: str) -> sitk.Image:
    """Return ``image`` as a scalar volume with orthonormal axes; a fourth axis of length 1 is dropped.

    Where there is nothing to change it is the given image, for a copy of a thin CT takes hundreds of megabytes.

    Raises:
        InputError: It is 2D, has several time points or channels, or color or vector pixels.
        GeometryError: Its axes are sheared, or it does not say where it lies.
    """
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{name}: color or vector pixels; give an image with one plain number per voxel.")
    if image.GetDimension() == 4:
        image = _only_time_point(image, name)
    if image.GetDimension() != 3 or min(image.GetSize()) < 2:
        raise InputError(
            f"{name}: a two-dimensional image ({' x '.join(map(str, image.GetSize()))} voxels); give the whole "
            "volume."
        )
    if not all(abs(value) < _FARTHEST_MM for value in image.GetOrigin()):
        raise GeometryError(f"{name}: impossible position of its first voxel; export it again with its position.")
    direction = orthonormal_direction(np.array(image.GetDirection()).reshape(3, 3), name)
    if np.allclose(direction, _direction(image), rtol=0, atol=_ROUNDING):
        return image
    volume = sitk.Image(image)
    volume.SetDirection(direction.ravel().tolist())
    return volume


def _only_time_point(image: sitk.Image, name: str) -> sitk.Image:
    count = image.GetSize()[3]
    if count != 1:
        raise InputError(
            f"{name}: four-dimensional ({count} time points or channels); give one three-dimensional volume."
        )
    return sitk.Extract(image, [*image.GetSize()[:3], 0], [0, 0, 0, 0])


def check_spacing(image: sitk.Image, name: str, warn: Callable[[Reason], None]) -> None:
    """Refuse absurd voxel sizes and warn of very thick slices.

    Raises:
        GeometryError: A spacing is not between 0.1 and 20 mm.
    """
    spacing = image.GetSpacing()
    if min(spacing) < _MIN_SPACING_MM or max(spacing) > _MAX_SPACING_MM:
        raise GeometryError(
            f"{name}: implausible voxel spacing {_times(spacing)} mm (allowed {_MIN_SPACING_MM:g} to "
            f"{_MAX_SPACING_MM:g} mm); export it again with its true spacing."
        )
    if max(spacing) > _THICK_MM:
        warn(Reason("thick_slices", {"image": name, "slices_mm": max(spacing)}))


def check_extent(image: sitk.Image, name: str, *, voxels: int, mm: float) -> None:
    """Refuse images too small to hold what is looked for.

    Args:
        image: Volume.
        name: How messages call it.
        voxels: Fewest voxels along each axis.
        mm: Smallest field of view along each axis in mm.

    Raises:
        InputError: It is smaller.
    """
    size, spacing = image.GetSize(), image.GetSpacing()
    extent = [n * s for n, s in zip(size, spacing, strict=True)]
    if min(size) < voxels or min(extent) < mm:
        raise InputError(
            f"{name}: too small ({_times(size)} voxels, {_times(extent)} mm); at least {voxels} voxels and {mm:g} mm "
            "along each axis are needed to hold a mediastinum."
        )


def finite_values(image: sitk.Image, name: str, fill: float, warn: Callable[[Reason], None]) -> np.ndarray:
    """Voxel values ``[z, y, x]`` without NaN and infinity.

    Args:
        image: Volume.
        name: How messages call it.
        fill: Stands in for the few values that are not finite.
        warn: Told when some were replaced.

    Raises:
        InputError: More than 1 % are not finite, or all values are the same.
    """
    values = array_view(image)
    if values.dtype.kind == "f":
        values = _replaced(values, name, fill, warn)
    if values.min() == values.max():
        raise InputError(
            f"{name}: empty, every voxel is {values.flat[0]:g}; check that the right image was exported."
        )
    return values


def _replaced(values: np.ndarray, name: str, fill: float, warn: Callable[[Reason], None]) -> np.ndarray:
    bad = ~np.isfinite(values)
    count = int(bad.sum())
    if count == 0:
        return values
    if count > _FEW_NOT_FINITE * values.size:
        raise InputError(
            f"{name}: {100 * count / values.size:.0f} % of the voxels are not numbers (NaN or infinite); export it "
            "again."
        )
    warn(Reason("voxels_not_numbers", {"image": name, "n_voxels": count, "fill": fill}))
    return np.where(bad, np.float32(fill), values)


def corners_mm(image: sitk.Image) -> np.ndarray:
    """The eight outer corners of the field of view, LPS mm, shape ``(8, 3)``."""
    ends = [(-0.5, n - 0.5) for n in image.GetSize()]
    return np.array(
        [image.TransformContinuousIndexToPhysicalPoint([x, y, z]) for x in ends[0] for y in ends[1] for z in ends[2]]
    )


def covered_fraction(image: sitk.Image, by: sitk.Image) -> float:
    """Share of the field of view of ``image`` that lies inside that of ``by``, in [0, 1], by sampling."""
    steps = [np.linspace(-0.5, n - 0.5, _SAMPLES) for n in image.GetSize()]
    index = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = index * image.GetSpacing() @ _direction(image).T + image.GetOrigin()
    inside = (points - by.GetOrigin()) @ _direction(by) / by.GetSpacing()
    return float(np.all((inside >= -0.5 - 1e-6) & (inside <= np.array(by.GetSize()) - 0.5 + 1e-6), axis=1).mean())


def distance_mm(first: sitk.Image, second: sitk.Image) -> float:
    """Gap between the axis-aligned boxes of two fields of view in mm; 0 where the boxes touch."""
    a, b = corners_mm(first), corners_mm(second)
    gap = np.maximum(np.maximum(a.min(axis=0) - b.max(axis=0), b.min(axis=0) - a.max(axis=0)), 0)
    return float(np.linalg.norm(gap))


def check_overlap(image: sitk.Image, ct: sitk.Image, name: str) -> None:
    """Refuse an image whose field of view nowhere meets the CT's.

    Raises:
        GeometryError: They do not overlap; the message says how far they are apart.
    """
    # A small mask inside a large CT falls between the CT's samples, so both directions are asked.
    if covered_fraction(ct, image) == 0 and covered_fraction(image, ct) == 0:
        raise GeometryError(
            f"{name}: does not overlap the CT (their fields of view are {distance_mm(image, ct):.0f} mm apart); "
            "check that both come from the same examination and space."
        )


def warn_if_partial(image: sitk.Image, ct: sitk.Image, name: str, warn: Callable[[Reason], None]) -> None:
    """Warn where ``image`` leaves more than a tenth of the CT uncovered."""
    covered = covered_fraction(ct, image)
    if covered < _PARTIAL:
        warn(Reason("covers_part_of_ct", {"image": name, "percent": 100 * covered}))


def same_grid(first: sitk.Image, second: sitk.Image) -> bool:
    """Whether two grids are one up to header noise: same size, corners within 0.05 mm."""
    return first.GetSize() == second.GetSize() and bool(
        np.abs(corners_mm(first) - corners_mm(second)).max() < _SAME_GRID_MM
    )


def _direction(image: sitk.Image) -> np.ndarray:
    return np.array(image.GetDirection()).reshape(3, 3)


def _times(values: tuple[float, ...] | list[float]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
