"""Volumes of messages as SimpleITK images, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.worker.volume_files import VolumeError, VolumeGeometry, read_volume, write_volume


def read_image(folder: Path, reference: Mapping[str, Any]) -> sitk.Image | None:
    """Read a volume; ``None`` where an axis has the length 0.

    Raises:
        VolumeError: It cannot be used.
    """
    array, geometry = read_volume(folder, reference)
    if array.size == 0:
        return None
    image = sitk.GetImageFromArray(array)
    image.SetOrigin(geometry.origin_mm)
    image.SetSpacing(geometry.spacing_mm)
    try:
        image.SetDirection(geometry.direction)
    except RuntimeError as error:
        raise VolumeError("the direction of a volume is not a rotation") from error
    return image


def required_image(folder: Path, reference: Mapping[str, Any], what: str) -> sitk.Image:
    """Read a volume that must not be empty.

    Raises:
        VolumeError: It cannot be used, or is empty.
    """
    image = read_image(folder, reference)
    if image is None:
        raise VolumeError(f"the {what} has no voxels")
    return image


def write_image(folder: Path, name: str, image: sitk.Image) -> dict[str, Any]:
    """Write an image as a volume and return its description."""
    geometry = VolumeGeometry(image.GetOrigin(), image.GetSpacing(), image.GetDirection())
    return write_volume(folder, name, array_view(image), geometry)
