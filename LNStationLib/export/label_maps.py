"""Label maps as NIfTI on the CT's grid."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.writing import write_nifti

_QUICK = 1
"""Level of compression: label maps are small however they are packed."""


def write_label_map(labels: sitk.Image, ct: sitk.Image, path: Path) -> None:
    """Write a label map, or a map of numbers, on the CT's grid.

    Args:
        labels: uint8 or uint16 label map, or float32.
        ct: The CT whose grid it must have; the file carries the CT's geometry exactly.
        path: File to write, ending in ``.nii.gz``.

    Raises:
        ValueError: The label map is on a different grid from the CT.
        OSError: Not all of it could be written.
    """
    if not same_grid(labels, ct):
        raise ValueError(f"the label map for {path.name} is on a different grid from the CT")
    exact = sitk.Image(labels)
    exact.CopyInformation(ct)
    write_nifti(exact, path, _QUICK)
