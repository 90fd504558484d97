"""Organ masks of a case: masks, and label maps with names, to the organs of the anatomy table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.unchecked import GivenLabels, GivenMask, GivenMasks
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, crop, grown, label_boxes
from LNStationLib.imaging.label_names import NamedLabel
from LNStationLib.imaging.masks import CROP_MARGIN_VOXELS, binary_mask, cropped, on_ct_space, united
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

logger = logging.getLogger(__name__)

_MAX_LABEL = 65535
"""Label values are stored in 16 bits."""


@dataclass
class OrganMasks:
    """Organs by canonical name.

    Attributes:
        masks: Binary uint8, each on its own grid, cropped to its foreground and a margin.
        origins: Where each came from, for the report; same keys.
    """

    masks: dict[str, sitk.Image] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    organ: str
    mask: sitk.Image
    origin: str


def checked_organs(given: GivenMasks, ct: sitk.Image, warn: Warn) -> OrganMasks:
    """The organ masks of a case.

    Names go through the aliases of the anatomy table. Several masks of one organ are united; structures that
    segmentation tools deliver but LNStation does not use are left out silently, unknown names with a warning.

    Args:
        given: Masks and label maps.
        ct: The CT that they must overlap.
        warn: Told of unknown names, empty masks, and left and right that look swapped.

    Raises:
        InputError: An image is no mask, or no label map.
        GeometryError: A mask does not overlap the CT.
    """
    unknown: list[str] = []
    organs = _united_parts((part for masks in given for part in _parts(masks, ct, warn, unknown)), ct)
    _warn_unknown(unknown, warn)
    _warn_swapped(organs.masks, warn)
    if not organs.masks:
        warn(Reason("no_usable_organ"))
    return organs


def _parts(masks: GivenMask | GivenLabels, ct: sitk.Image, warn: Warn, unknown: list[str]) -> Iterator[_Part]:
    if isinstance(masks, GivenLabels):
        for layer in range(masks.layers()):
            yield from _layer_parts(masks, layer, ct, warn, unknown)
    elif organ := _organ_name(masks.structure, warn, unknown):
        mask = binary_mask(masks.read(), ct, masks.name, warn)
        if mask is not None:
            yield _Part(organ, mask, masks.origin)


def _layer_parts(masks: GivenLabels, layer: int, ct: sitk.Image, warn: Warn, unknown: list[str]) -> Iterator[_Part]:
    """Cut every organ out of one layer of a label map."""
    volume = on_ct_space(masks.layer(layer), ct, masks.name)
    values = _label_values(volume, masks.name)
    boxes = label_boxes(values)
    labels = [label for label in masks.labels if label.layer == layer]
    nameless = sorted(set(boxes) - {label.value for label in labels})
    if nameless:
        warn(Reason("values_without_name", {"image": masks.name, "values": nameless[:20]}))
    for label in labels:
        organ = _organ_name(label.name, warn, unknown)
        if organ is None:
            continue
        if label.value not in boxes:
            warn(Reason("label_empty", {"image": masks.name, "label": label.name, "value": label.value}))
            continue
        mask = _cut(values, label, boxes[label.value], volume, ct, warn)
        if mask is not None:
            yield _Part(organ, mask, f"{masks.origin}: {label.name}")


def _label_values(volume: sitk.Image, name: str) -> np.ndarray:
    values = array_view(volume)
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise InputError(f"{name}: a label map needs whole numbers; give labels, not probabilities.")
    if values.min() < 0 or values.max() > _MAX_LABEL:
        raise InputError(f"{name}: label values must lie between 0 and {_MAX_LABEL}.")
    return values.astype(np.uint16, copy=False)


def _cut(
    values: np.ndarray, label: NamedLabel, box: Box, volume: sitk.Image, ct: sitk.Image, warn: Warn
) -> sitk.Image | None:
    """One label as a mask; only its box is touched, because a label map may hold a hundred."""
    wide = grown(box, CROP_MARGIN_VOXELS, values.shape)
    return cropped(values[wide] == label.value, crop(volume, wide), ct, f"organ '{label.name}'", warn)


def _organ_name(name: str, warn: Warn, unknown: list[str]) -> str | None:
    entry = anatomy.find_organ(name)
    if entry is not None:
        return entry.name
    union = anatomy.find_union(name)
    if union:
        warn(Reason("organs_in_one_mask", {"name": name, "organs": union}))
    elif anatomy.is_unused(name):
        logger.debug("organ %s is not used", name)
    else:
        unknown.append(name)
    return None


def _united_parts(parts: Iterable[_Part], ct: sitk.Image) -> OrganMasks:
    grouped: dict[str, list[_Part]] = {}
    for part in parts:
        grouped.setdefault(part.organ, []).append(part)
    organs = OrganMasks()
    for organ, found in grouped.items():
        organs.masks[organ] = united([part.mask for part in found], ct)
        origins = list(dict.fromkeys(part.origin for part in found))
        organs.origins[organ] = origins[0] + (f" and {len(origins) - 1} more" if len(origins) > 1 else "")
    return organs


def _warn_unknown(unknown: list[str], warn: Warn) -> None:
    if not unknown:
        return
    described = []
    for name in unknown:
        close = anatomy.suggest_organs(name)
        described.append(f"'{name}' (did you mean {' or '.join(close)}?)" if close else f"'{name}'")
    warn(Reason("unknown_organ_names", {"names": described}))


def _warn_swapped(masks: dict[str, sitk.Image], warn: Warn) -> None:
    """Left organs lie left of their right twins; otherwise a file was mirrored or misnamed."""
    for name, mask in masks.items():
        twin = masks.get(name.removesuffix("_left") + "_right") if name.endswith("_left") else None
        if twin is not None and _center_x_mm(mask) < _center_x_mm(twin):
            warn(Reason("organ_right_of_its_twin", {"organ": name}))


def _center_x_mm(mask: sitk.Image) -> float:
    index = np.argwhere(array_view(mask))[:, ::-1].mean(axis=0)
    return float(mask.TransformContinuousIndexToPhysicalPoint(index.tolist())[0])
