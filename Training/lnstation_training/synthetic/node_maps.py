"""The true nodes of a synthetic patient as label maps."""

from __future__ import annotations

import numpy as np

from lnstation_training.segmentation.patients import LOOK_ALIKE, SMALL_NODE, VISIBLE_NODE
from LNStationLib.phantom.case import PhantomCase
from LNStationLib.support.types import LabelArray


def node_numbers(phantom: PhantomCase) -> LabelArray:
    """Number of each node; those that a map of 8 bits has no number for share the last one."""
    return np.minimum(phantom.node_labels, np.iinfo(np.uint8).max).astype(np.uint8)


def node_kinds(phantom: PhantomCase) -> LabelArray:
    """What each voxel of a node or of its look-alikes is; a node lies over a look-alike."""
    kinds = np.zeros(phantom.grid.shape, np.uint8)
    if phantom.look_alike_labels is not None:
        kinds[phantom.look_alike_labels > 0] = LOOK_ALIKE
    by_number = np.zeros(len(phantom.nodes) + 1, np.uint8)
    for node in phantom.nodes:
        by_number[node.node_id] = VISIBLE_NODE if node.visible else SMALL_NODE
    inside = phantom.node_labels > 0
    kinds[inside] = by_number[phantom.node_labels[inside]]
    return kinds
