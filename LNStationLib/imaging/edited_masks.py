"""Masks that a reader drew, as they arrive: checked, and placed in the CT's array."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, bounding_region, empty_part, grown, inside_of, like, within
from LNStationLib.imaging.masks import CROP_MARGIN_VOXELS
from LNStationLib.support.errors import GeometryError
from LNStationLib.support.types import BoolArray

_OFF_LATTICE_VOXELS = 0.02
"""Part of a voxel by which grids may differ through rounding of their origin."""


@dataclass(frozen=True)
class EditedMask:
    """A mask in the CT's array.

    Attributes:
        box: Smallest box that holds it.
        inside: Its voxels, boolean ``[z, y, x]`` in ``box``.
    """

    box: Box
    inside: BoolArray

    @property
    def n_voxels(self) -> int:
        """Number of its voxels."""
        return int(np.count_nonzero(self.inside))

    def image(self, ct: sitk.Image) -> sitk.Image:
        """As binary uint8 image on the CT's grid, cropped to a margin, as ``Case.organ_masks`` holds masks."""
        wide = grown(self.box, CROP_MARGIN_VOXELS, ct.GetSize()[::-1])
        image = sitk.GetImageFromArray(in_region(self, wide).astype(np.uint8))
        image.SetSpacing(ct.GetSpacing())
        image.SetDirection(ct.GetDirection())
        image.SetOrigin(ct.TransformIndexToPhysicalPoint([part.start for part in reversed(wide)]))
        return image


def placed(what: str, image: sitk.Image | None, ct: sitk.Image) -> EditedMask | None:
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
    return EditedMask((z, y, x), inside[tight])


def placed_value(labels: sitk.Image, value: int, ct: sitk.Image) -> EditedMask | None:
    """The voxels of one value of a label map in a box of the CT's grid; ``None`` where it has none.

    Raises:
        GeometryError: The map is on a different grid from the CT, or reaches outside of it.
    """
    return placed(f"node {value}", sitk.Equal(labels, value), ct)


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


def in_region(mask: EditedMask | None, region: Box) -> BoolArray:
    """The voxels of a mask in a box of the CT that holds it, ``[z, y, x]``."""
    result = np.zeros(tuple(part.stop - part.start for part in region), bool)
    if mask is not None:
        result[within(mask.box, region)] = mask.inside
    return result


def mask_at(labels: np.ndarray, value: int, region: Box) -> EditedMask | None:
    """The voxels of a value of a label map ``[z, y, x]``, which all lie in a box; ``None`` where it has none."""
    inside = labels[region] == value
    tight = bounding_box(inside)
    return None if tight is None else EditedMask(inside_of(region, tight), inside[tight])


def shared(mask: EditedMask, region: Box) -> tuple[Box, BoolArray] | None:
    """The part of a mask that lies in a box: where within the box, and its voxels; ``None`` where they are apart."""
    common = tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(mask.box, region, strict=True))
    if any(part.start >= part.stop for part in common):
        return None
    z, y, x = common
    return within((z, y, x), region), mask.inside[within((z, y, x), mask.box)]


def label_image(masks: Mapping[int, EditedMask], ct: sitk.Image) -> sitk.Image | None:
    """Masks as one uint16 label map, their keys its values, in a box of the CT's grid; ``None`` without any.

    Where masks overlap, the later one wins.
    """
    region = bounding_region(mask.box for mask in masks.values())
    if region is None:
        return None
    labels = np.zeros(tuple(part.stop - part.start for part in region), np.uint16)
    for value, mask in masks.items():
        labels[within(mask.box, region)][mask.inside] = value
    return like(labels, empty_part(ct, region))


def digest(mask: EditedMask) -> str:
    """A short text that is the same for the same voxels of the CT."""
    place = ",".join(f"{part.start}:{part.stop}" for part in mask.box)
    return f"{place}:{hashlib.blake2b(np.packbits(mask.inside).tobytes(), digest_size=12).hexdigest()}"
