"""CT values: check for Hounsfield units; bring them to the range and type that later steps rely on."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.checks import as_volume, check_extent, check_spacing, finite_values
from LNStationLib.imaging.grid import AIR_HU
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import HuArray

MAX_HU = 3071
"""Upper end of the 12-bit range that scanners store: -1024 to 3071."""
FAT_HU = -100.0
"""Fat of the mediastinum: what lies around nodes and vessels."""

_PADDING_BELOW_HU = -1100
"""Values below are scanner padding (-2000, -2048, -3024), not tissue or air."""

_AIR_BELOW_HU = -500
"""Halfway between air (-1000 HU) and water (0 HU)."""
_MIN_AIR_FRACTION = 1e-3
"""Any chest holds far more air; a few voxels below are noise."""
_SOFT_TISSUE_HU = (-200, 300)
"""From fat (-100 HU) to enhanced blood (about 300 HU), with room for noise."""
_MIN_SOFT_FRACTION = 0.01
"""Any chest holds far more soft tissue."""
_UNRESCALED_AIR = -50
"""Stored values without rescale put air near 0; noise takes it a little below."""

_MIN_VOXELS, _MIN_EXTENT_MM = 10, 80.0
"""Per axis; a smaller image does not hold a chest."""


def hounsfield_image(image: sitk.Image, name: str, warn: Warn) -> sitk.Image:
    """Check a CT and bring it to int16 HU in [-1024, 3071] on its own grid.

    Args:
        image: As read, any pixel type.
        name: How messages call it.
        warn: Receives warnings.

    Returns:
        Volume with the geometry of ``image``.

    Raises:
        InputError: Not a volume, too small, empty, full of NaN, or not in Hounsfield units.
        GeometryError: Sheared axes or implausible spacing.
    """
    image = as_volume(image, name)
    check_spacing(image, name, warn)
    check_extent(image, name, voxels=_MIN_VOXELS, mm=_MIN_EXTENT_MM)
    values = finite_values(image, name, AIR_HU, warn)
    check_hounsfield(values, name)
    return like(_rounded(values), image)


def _rounded(values: np.ndarray) -> HuArray:
    """Whole HU in the range that is kept; slice by slice, for a thin CT in floating point takes 650 MB each time."""
    result = np.empty(values.shape, np.int16)
    for source, target in zip(values, result, strict=True):
        whole = np.rint(source) if source.dtype.kind == "f" else source
        target[...] = np.clip(whole, AIR_HU, MAX_HU)
    return result


def check_hounsfield(values: np.ndarray, name: str) -> None:
    """Refuse values that cannot be Hounsfield units of a chest.

    Air must be there (below -500 HU) and soft tissue (-200 to 300 HU).

    Args:
        values: Voxel values ``[z, y, x]``.
        name: How messages call the image.

    Raises:
        InputError: They are not; the message says what they look like.
    """
    sample = values[:: max(1, values.shape[0] // 128), ::2, ::2]
    sample = sample[sample > _PADDING_BELOW_HU]
    if sample.size == 0:
        raise InputError(f"{name}: only padding values; check that the right image was exported.")
    if np.mean(sample < _AIR_BELOW_HU) < _MIN_AIR_FRACTION:
        raise InputError(f"{name}: {_why_no_air(float(sample.min()), float(sample.max()))}")
    low, high = _SOFT_TISSUE_HU
    if np.mean((sample > low) & (sample < high)) < _MIN_SOFT_FRACTION:
        raise InputError(
            f"{name}: not Hounsfield units, hardly any value lies between {low} and {high} HU where soft tissue is; "
            "export the CT again with rescale slope and intercept applied once."
        )


def _why_no_air(lowest: float, highest: float) -> str:
    values = f"its values run from {lowest:g} to {highest:g}"
    if lowest >= -1 and highest <= 255:
        return (
            f"not Hounsfield units, {values} as after windowing or normalization; give the CT as it was "
            "reconstructed."
        )
    if lowest >= _UNRESCALED_AIR:
        return (
            f"not Hounsfield units, {values}, which looks like stored values without rescale (air near 0 instead of "
            "-1000) or like another modality; export the CT with rescale slope and intercept applied."
        )
    return f"no air in view, {values} and none lies below -500 HU; give a chest CT in Hounsfield units, not windowed."
