"""Masks of lymph nodes and of the primary tumor."""

from __future__ import annotations

from collections.abc import Iterator

import cc3d
import numpy as np
import SimpleITK as sitk

from LNStationLib.case.unchecked import GivenLabels, GivenMask, GivenMasks
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import covers, indices_of, like, points_mm
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.masks import foreground, on_ct_space, union_on
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import InstanceArray

_MAX_NODES = 65535
"""Node numbers are stored in 16 bits."""
_MASK_OF_BYTES = 255
"""What programs write for foreground where 1 is not."""


def checked_nodes(given: GivenMasks, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    """Node masks as one uint16 label map.

    Args:
        given: Binary masks, maps with one value a node, and segmentations with one segment a node; where there are
            several, nodes are numbered from 1 in their order.
        ct: The CT that they must overlap.
        warn: Told of empty masks and of nodes that overlap.

    Returns:
        1 for a single binary mask, otherwise one value a node, as given; on the mask's own grid, or on the CT's where
        several masks have different ones. ``None`` where nothing is marked.

    Raises:
        InputError: Values that are no node numbers.
        GeometryError: A mask does not overlap the CT.
    """
    layers = _instance_layers(given, ct, warn)
    if not layers:
        return None
    if len(layers) == 1:
        return _inside_ct(layers[0], ct, warn)
    grid = _common_grid(layers, ct)
    return _inside_ct(like(_numbered(layers, grid, warn), grid), ct, warn)


def checked_tumor(given: GivenMasks, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    """The primary tumor as a binary uint8 mask on its own grid; every non-zero label is tumor.

    Returns:
        The mask, or ``None`` where it is empty.

    Raises:
        InputError: It is no mask.
        GeometryError: It does not overlap the CT.
    """
    layers = _instance_layers(given, ct, warn)
    if not layers:
        return None
    grid = _common_grid(layers, ct)
    return _inside_ct(like(union_on(layers, grid).astype(np.uint8), grid), ct, warn, "tumor")


def _instance_layers(given: GivenMasks, ct: sitk.Image, warn: Warn) -> list[sitk.Image]:
    """Instance maps (uint16); a segmentation gives one a segment."""
    layers: list[sitk.Image] = []
    for masks in given:
        layers += _segments(masks, ct, warn) if isinstance(masks, GivenLabels) else _instances(masks, ct, warn)
    return layers


def _instances(mask: GivenMask, ct: sitk.Image, warn: Warn) -> Iterator[sitk.Image]:
    volume = on_ct_space(mask.read(), ct, mask.name)
    instances = _node_numbers(array_view(volume), mask.name, warn)
    if instances is not None:
        yield like(instances, volume)


def _segments(labels: GivenLabels, ct: sitk.Image, warn: Warn) -> Iterator[sitk.Image]:
    for segment in labels.labels:
        volume = on_ct_space(labels.layer(segment.layer), ct, labels.name)
        inside = array_view(volume) == segment.value
        if inside.any():
            yield like(inside.astype(np.uint16), volume)
        else:
            warn(Reason("segment_empty", {"image": labels.name, "value": segment.value}))


def _common_grid(layers: list[sitk.Image], ct: sitk.Image) -> sitk.Image:
    return layers[0] if all(same_grid(layer, layers[0]) for layer in layers) else ct


def _node_numbers(values: np.ndarray, name: str, warn: Warn) -> InstanceArray | None:
    """Values as node numbers; a mask with one value or probabilities becomes 1, ``None`` where nothing is marked.

    A map that holds one node keeps its number.

    Raises:
        InputError: Values that are no node numbers.
    """
    whole = values.dtype.kind != "f" or bool(np.isfinite(values).all() and (values == np.rint(values)).all())
    several = whole and values.max() > 1 and np.any((values != 0) & (values != values.max()))
    if not several and not (whole and _one_numbered_node(values)):
        inside = foreground(values, name, warn)
        return None if inside is None else inside.astype(np.uint16)
    if values.min() < 0 or values.max() > _MAX_NODES:
        raise InputError(
            f"{name}: values from {values.min():g} to {values.max():g} are no node numbers (0 to {_MAX_NODES}); give "
            "a mask or one value a node."
        )
    return values.astype(np.uint16)


def _one_numbered_node(values: np.ndarray) -> bool:
    """Whether the only value of a map is the number of its only node, which tables may name, and no mask's."""
    number = values.max()
    if number in (0, 1, _MASK_OF_BYTES) or values.min() < 0:
        return False
    return int(cc3d.connected_components(values > 0, connectivity=26, return_N=True)[1]) == 1


def _numbered(layers: list[sitk.Image], grid: sitk.Image, warn: Warn) -> InstanceArray:
    """All nodes of all layers in one map, numbered on from layer to layer; where they overlap the first stays."""
    total = np.zeros(grid.GetSize()[::-1], dtype=np.uint16)
    overlapping, offset = 0, 0
    for layer in layers:
        values = _on_grid(layer, grid)
        taken = (total > 0) & (values > 0)
        overlapping += int(taken.sum())
        free = (values > 0) & ~taken
        total[free] = values[free] + offset
        offset += int(array_view(layer).max())
    if overlapping:
        warn(Reason("node_masks_overlap", {"n_voxels": overlapping}))
    return total


def _on_grid(layer: sitk.Image, grid: sitk.Image) -> InstanceArray:
    if not same_grid(layer, grid):
        layer = sitk.Resample(layer, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0, layer.GetPixelID())
    return array_view(layer)


def _inside_ct(mask: sitk.Image, ct: sitk.Image, warn: Warn, what: str = "nodes") -> sitk.Image | None:
    """The mask, with a warning where part of its foreground lies outside the CT; ``None`` where all of it does."""
    inside = covers(ct, indices_of(ct, points_mm(mask, np.argwhere(array_view(mask)))))
    if not inside.any():
        warn(Reason("mask_outside_ct", {"what": what}))
        return None
    if not inside.all():
        warn(Reason("mask_partly_outside_ct", {"what": what, "percent": 100 * float(1 - inside.mean())}))
    return mask
