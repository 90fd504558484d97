"""Masks that a reader drew, as they arrive: checked, and placed in the CT's array."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, grown, within
from LNStationLib.imaging.masks import CROP_MARGIN_VOXELS
from LNStationLib.support.errors import GeometryError
from LNStationLib.support.types import BoolArray

_OFF_LATTICE_VOXELS = 0.02
"""Part of a voxel by which grids may differ through rounding of their origin."""


@dataclass(frozen=True)
class DrawnMask:
    """A mask in the CT's array.

    Attributes:
        box: Smallest box that holds it.
        inside: Its voxels, boolean ``[z, y, x]`` in ``box``.
    """

    box: Box
    inside: BoolArray

    def image(self, ct: sitk.Image) -> sitk.Image:
        """As binary uint8 image on the CT's grid, cropped to a margin, as ``Case.organ_masks`` holds masks."""
        wide = grown(self.box, CROP_MARGIN_VOXELS, ct.GetSize()[::-1])
        image = sitk.GetImageFromArray(in_region(self, wide).astype(np.uint8))
        image.SetSpacing(ct.GetSpacing())
        image.SetDirection(ct.GetDirection())
        image.SetOrigin(ct.TransformIndexToPhysicalPoint([part.start for part in reversed(wide)]))
        return image


def placed(what: str, image: sitk.Image | None, ct: sitk.Image) -> DrawnMask | None:
    """Find the voxels of an edited structure in the CT.

    Args:
        what: The structure as messages call it, e.g. ``"station 4R"``.
        image: Its whole mask, every voxel but 0 inside, in a box of the CT's grid; ``None`` where it was emptied.
        ct: The CT.

    Returns:
        ``None`` where it has no voxel.

    Raises:
        GeometryError: The mask is on a different grid from the CT, or reaches outside of it.
    """
    if image is None:
        return None
    start = _offset(what, image, ct)
    inside = array_view(image) != 0
    tight = bounding_box(inside)
    if tight is None:
        return None
    z, y, x = (slice(a + t.start, a + t.stop) for a, t in zip(start, tight, strict=True))
    if any(part.start < 0 or part.stop > size for part, size in zip((z, y, x), reversed(ct.GetSize()), strict=True)):
        raise GeometryError(f"the edited {what} reaches outside the CT: erase what lies outside.")
    return DrawnMask((z, y, x), inside[tight])


def _offset(what: str, image: sitk.Image, ct: sitk.Image) -> list[int]:
    """Index ``(z, y, x)`` in the CT of the mask's first voxel.

    Raises:
        GeometryError: The mask is on another grid.
    """
    alike = np.allclose(image.GetSpacing(), ct.GetSpacing(), rtol=1e-4, atol=0) and np.allclose(
        image.GetDirection(), ct.GetDirection(), atol=1e-4
    )
    index = np.array(ct.TransformPhysicalPointToContinuousIndex(image.GetOrigin()))[::-1]
    whole = np.rint(index).astype(int)
    if not alike or np.abs(index - whole).max() > _OFF_LATTICE_VOXELS:
        raise GeometryError(
            f"the edited {what} is on a different voxel grid from the CT: set the CT as the reference geometry of "
            "the segmentation and edit again."
        )
    return [int(n) for n in whole]


def in_region(mask: DrawnMask | None, region: Box) -> BoolArray:
    """The voxels of a mask in a box of the CT that holds it, ``[z, y, x]``."""
    result = np.zeros(tuple(part.stop - part.start for part in region), bool)
    if mask is not None:
        result[within(mask.box, region)] = mask.inside
    return result


def digest(mask: DrawnMask) -> str:
    """A short text that is the same for the same voxels of the CT."""
    place = ",".join(f"{part.start}:{part.stop}" for part in mask.box)
    return f"{place}:{hashlib.blake2b(np.packbits(mask.inside).tobytes(), digest_size=12).hexdigest()}"
