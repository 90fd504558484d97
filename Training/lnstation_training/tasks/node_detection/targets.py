"""What each network of a run is taught: classes that a voxel may have, for visible nodes and for significant ones.

For a stream of significant nodes whatever else looks like a node is a look-alike: vessels and recesses, and nodes
that the reader did not call. Nodes of the other zone count for nothing (our reading of OSLN, Sec. 3.1), since the
stream does not speak there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lnstation_training.segmentation.patients import (
    LOOK_ALIKE,
    NODE_KINDS,
    SIGNIFICANT,
    SMALL_NODE,
    UNKNOWN_DISTANCE,
    VISIBLE_NODE,
)
from LNStationLib.models.package.node_detection import CLASSES
from LNStationLib.models.package.node_streams import STREAMS, Zone
from LNStationLib.support.types import BoolArray

_OWN, _OTHER = 4, 5
"""Values of a stream's target beside those of ``node_kinds``: significant nodes that it learns, and the others."""


def allowed_kinds() -> BoolArray:
    """Classes that a voxel may have by its value in ``node_kinds``: ``[256, class]``; for visible nodes."""
    background, node, alike = range(len(CLASSES))
    table = np.zeros((256, len(CLASSES)), bool)
    table[:, background] = True
    table[VISIBLE_NODE] = np.arange(len(CLASSES)) == node
    table[SMALL_NODE, node] = True
    table[LOOK_ALIKE] = np.arange(len(CLASSES)) == alike
    return table


def allowed_in_stream() -> BoolArray:
    """The same by a stream's target, see ``target_of``; for significant nodes."""
    background, node, alike = range(len(CLASSES))
    table = np.zeros((256, len(CLASSES)), bool)
    table[:, background] = True
    table[[VISIBLE_NODE, LOOK_ALIKE]] = np.arange(len(CLASSES)) == alike
    table[SMALL_NODE, alike] = True
    table[_OWN] = np.arange(len(CLASSES)) == node
    table[_OTHER] = True
    return table


def target_of(batch: Mapping[str, Any], role: str, near_mm: float) -> tuple[Tensor, Tensor]:
    """A network's label map ``[B, 1, z, y, x]``, and the classes that each of its values allows, ``[B, 256, class]``.

    Args:
        batch: With ``node_kinds``, and for a stream ``significant``.
        role: Of the network.
        near_mm: Up to this distance a node is near the tumor.
    """
    kinds = batch[NODE_KINDS]
    if role not in STREAMS:
        return kinds, _of_batch(allowed_kinds(), kinds)
    marks = batch[SIGNIFICANT]
    own = in_zone(marks, STREAMS[role].zone, near_mm)
    target = torch.where(marks > 0, torch.where(own, _OWN, _OTHER), kinds.long()).to(torch.uint8)
    return target, _of_batch(allowed_in_stream(), kinds)


def in_zone(marks: Tensor, zone: Zone | None, near_mm: float) -> Tensor:
    """Whether a voxel of ``significant`` is of a node of a zone; one whose distance is not known is of both."""
    if zone is None:
        return marks > 0
    distance = marks.long() - 1
    of_zone = distance <= near_mm if zone == "near" else distance > near_mm
    return (marks > 0) & (of_zone | (marks == UNKNOWN_DISTANCE))


def _of_batch(table: BoolArray, like: Tensor) -> Tensor:
    one = torch.from_numpy(table).to(like.device)
    return one[None].expand(len(like), *one.shape)
