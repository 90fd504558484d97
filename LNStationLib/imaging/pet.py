"""A PET volume in SUVbw: from DICOM headers, or by declaration where a file has none."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.checks import as_volume, check_extent, check_spacing, finite_values
from LNStationLib.imaging.dicom_series import DicomVolume
from LNStationLib.imaging.enhanced_pet import largest_mapped
from LNStationLib.imaging.reading import Warn
from LNStationLib.imaging.suv import PetDose, PetUnits, suv_factors
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

_IMPLAUSIBLE_SUV = (0.5, 1000.0)
"""A whole PET whose maximum lies outside is not in SUV: the heart's blood alone exceeds 0.5."""

_NEGATIVE_SUV = -0.1
"""Interpolation and scatter correction leave small negative values; larger ones are reported."""
_ROUNDING = 1e-5
"""Of 32-bit values."""
_MIN_VOXELS, _MIN_EXTENT_MM = 8, 80.0
"""Per axis; a smaller image does not hold a chest."""


def suv_from_dicom(volume: DicomVolume, name: str, warn: Warn, dose: PetDose | None = None) -> sitk.Image:
    """SUVbw of a DICOM series.

    Args:
        volume: Rescaled values and their headers.
        name: How messages call it.
        warn: Receives warnings.
        dose: Stands in for dose, weight and times of the headers, where given.

    Returns:
        float32 image on the series' grid.

    Raises:
        InputError: The headers do not allow SUV, or the result is implausible.
        GeometryError: Implausible spacing.
    """
    _check_mapped(volume, name)
    factors = np.array(suv_factors(volume.headers, name, warn, dose), dtype=np.float32)
    values = sitk.GetArrayFromImage(volume.image) * factors[:, None, None]
    return checked_suv(like(values, volume.image), name, warn)


def _check_mapped(volume: DicomVolume, name: str) -> None:
    """Refuse values above those whose meaning an Enhanced PET says; below them are fill values, lower than all."""
    for values, header in zip(array_view(volume.image), volume.headers, strict=True):
        largest = largest_mapped(header)
        if largest is not None and float(values.max()) > largest + _ROUNDING * abs(largest):
            raise InputError(
                f"{name}: it holds values beyond those that its real world value mapping covers, whose unit is not "
                "known; export the series again, in Bq/ml."
            )


def suv_from_file(
    image: sitk.Image, units: PetUnits | None, dose: PetDose | None, name: str, warn: Warn
) -> sitk.Image:
    """SUVbw of an image without headers.

    Args:
        image: As read.
        units: What its values are declared to be.
        dose: Needed for Bq/ml.
        name: How messages call it.
        warn: Receives warnings.

    Raises:
        InputError: Units undeclared, Bq/ml without a dose, or an implausible result.
        GeometryError: Sheared axes or implausible spacing.
    """
    if units is None:
        raise InputError(
            f'{name}: its units are unknown; declare them with --pet-units suvbw (or bqml), or "pet_units" in '
            "case.json."
        )
    if units == "suvbw":
        return checked_suv(image, name, warn)
    if dose is None:
        raise InputError(
            f'{name}: converting Bq/ml to SUV needs the dose; give "pet_dose" with weight_kg, injected_dose_bq, '
            "half_life_s, "
            "injection_to_scan_s and decay_corrected_to in case.json."
        )
    volume = as_volume(image, name)
    values = sitk.GetArrayFromImage(volume).astype(np.float32) * np.float32(dose.factor())
    return checked_suv(like(values, volume), name, warn)


def checked_suv(image: sitk.Image, name: str, warn: Warn) -> sitk.Image:
    """Check an image in SUVbw; negative values, which reconstruction leaves in the air, become 0.

    Raises:
        InputError: Not a volume, too small, empty, full of NaN, or its maximum is outside the range of SUV.
        GeometryError: Sheared axes or implausible spacing.
    """
    image = as_volume(image, name)
    check_spacing(image, name, warn)
    check_extent(image, name, voxels=_MIN_VOXELS, mm=_MIN_EXTENT_MM)
    values = finite_values(image, name, 0.0, warn).astype(np.float32)
    low, high = _IMPLAUSIBLE_SUV
    largest = float(values.max())
    if not low <= largest <= high:
        raise InputError(
            f"{name}: its largest value is {largest:.4g}, outside the range of SUV ({low:g} to {high:g}); check its "
            "units, dose and weight."
        )
    if values.min() < _NEGATIVE_SUV:
        warn(Reason("negative_values", {"image": name, "lowest": float(values.min())}))
    return like(np.maximum(values, 0), image)
