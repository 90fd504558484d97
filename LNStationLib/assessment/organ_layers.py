"""The organs of a case as a reader sees and edits them: whole masks on the CT's grid, packed into few label maps.

Organs overlap (the arch is part of the aorta), so one label map cannot hold them: a layer holds some that do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import (
    bounding_box,
    bounding_region,
    box_around_points,
    crop,
    empty_part,
    inside_of,
    label_boxes,
    like,
    within,
)
from LNStationLib.imaging.checks import corners_mm
from LNStationLib.imaging.edited_masks import EditedMask, digest
from LNStationLib.imaging.masks import mask_on
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.state.packed_organs import PackedOrgans
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import LabelArray

NOT_SHOWN = frozenset({"body"})
"""The outline of the patient is no structure to correct, and would be as large as the CT."""


def shown_masks(case: Case, organs: PackedOrgans) -> dict[str, EditedMask]:
    """The masks that a reader sees, by canonical name in table order.

    What a reader drew or a user supplied is shown as it is; what was found, as it was found on the working grid.
    """
    images = {name: image for name, image in case.organ_edits.items() if image is not None}
    for organ, box, inside in organs.boxes():
        given = case.organ_masks.get(organ.name) if organ.source is OrganSource.SUPPLIED else None
        if organ.name not in images and organ.name not in NOT_SHOWN:
            images[organ.name] = organs.grid.part(box).image(inside) if given is None else given
    return masks_on_ct(images, case.ct)


def masks_on_ct(images: Mapping[str, sitk.Image], ct: sitk.Image) -> dict[str, EditedMask]:
    """Binary masks on any grid, by canonical name in table order; those without a voxel of the CT are left out."""
    placed = {row.name: _on_ct(images[row.name], ct) for row in anatomy.organs() if row.name in images}
    return {name: mask for name, mask in placed.items() if mask is not None}


def _on_ct(image: sitk.Image, ct: sitk.Image) -> EditedMask | None:
    """A binary mask on any grid, as voxels of the CT; ``None`` where it has none there."""
    box = box_around_points(ct, corners_mm(image))
    if box is None:
        return None
    inside = mask_on(image, empty_part(ct, box))
    tight = bounding_box(inside)
    return None if tight is None else EditedMask(inside_of(box, tight), inside[tight])


def digests(masks: Mapping[str, EditedMask]) -> dict[str, str]:
    """The digest of every mask."""
    return {name: digest(mask) for name, mask in masks.items()}


def layers(masks: Mapping[str, EditedMask], ct: sitk.Image, only: Collection[str] | None = None) -> list[sitk.Image]:
    """Masks as label maps with the values of the organ table; in each the first that has room for it.

    Args:
        masks: By canonical name.
        ct: Gives the grid; a label map is the box of it that holds its organs.
        only: Names of the masks to draw; all where ``None``.
    """
    region = bounding_region(mask.box for name, mask in masks.items() if only is None or name in only)
    drawn: list[LabelArray] = []
    for name, mask in masks.items():
        if only is None or name in only:
            assert region is not None
            _draw(drawn, mask, within(mask.box, region), anatomy.organ(name).label_value, _shape(region))
    return [_cropped(layer, empty_part(ct, region)) for layer in drawn] if region is not None else []


def masks_of(label_maps: Iterable[sitk.Image]) -> dict[str, sitk.Image]:
    """The masks of label maps as :func:`layers` gives them, each cropped to its own extent.

    Raises:
        InputError: A value is not one of the organ table.
    """
    names = {row.label_value: row.name for row in anatomy.organs()}
    masks = {}
    for label_map in label_maps:
        values = array_view(label_map)
        for value, box in label_boxes(values).items():
            if value not in names:
                raise InputError(f"a map of organs holds the value {value}, which is not an organ.")
            part = crop(label_map, box)
            masks[names[value]] = like((values[box] == value).astype(np.uint8), part)
    return masks


def _draw(drawn: list[LabelArray], mask: EditedMask, box: tuple[slice, ...], value: int, shape: list[int]) -> None:
    layer = next((one for one in drawn if not one[box][mask.inside].any()), None)
    if layer is None:
        layer = np.zeros(shape, np.uint8)
        drawn.append(layer)
    layer[box][mask.inside] = value


def _shape(region: tuple[slice, ...]) -> list[int]:
    return [part.stop - part.start for part in region]


def _cropped(layer: LabelArray, reference: sitk.Image) -> sitk.Image:
    box = bounding_box(layer)
    assert box is not None
    return crop(like(layer, reference), box)
