"""Single nodes in a map of probabilities: conglomerates are split at their necks, from a seed in each node.

A watershed (Meyer 1994) floods the depth within what is likelier node than not; two maxima of depth are two nodes
where the neck between them is clearly thinner than the smaller one (h-maxima).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cc3d
import numpy as np
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from LNStationLib.imaging.boxes import grown, label_boxes
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.support.types import BoolArray, FloatArray, InstanceArray

_NECK_MM = 2.0
"""Two seeds are two nodes where the depth between them falls by so much: a lobulated node is one. Chosen on
validation patients, where 1 mm split nodes."""
_SMALLEST_MM3 = 30.0
"""A ball of 3.9 mm: a node of 5 mm whose rim was not found."""


@dataclass(frozen=True)
class Instances:
    """Candidates on a network's grid.

    Attributes:
        labels: Number of each candidate from 1, ``[z, y, x]``.
        scores: Of each candidate in [0, 1], by number: the mean probability of its voxels (OSLN, Sec. 4.5).
    """

    labels: InstanceArray
    scores: dict[int, float]

    def only(self, numbers: Collection[int]) -> Instances:
        """Some of them, with their numbers."""
        labels = np.where(np.isin(self.labels, list(numbers)), self.labels, 0).astype(np.uint16)
        return Instances(labels, {number: self.scores[number] for number in sorted(numbers)})


def find_instances(probability: FloatArray, spacing_mm: tuple[float, float, float], probable: float) -> Instances:
    """Split what is probably node into candidates.

    Args:
        probability: Of a node, ``[z, y, x]`` in [0, 1].
        spacing_mm: Voxel size along z, y, x.
        probable: A voxel from this probability on belongs to a candidate.
    """
    mask = probability >= probable
    smallest = max(1, round(_SMALLEST_MM3 / float(np.prod(spacing_mm))))
    parts = np.asarray(cc3d.connected_components(mask, connectivity=18, out_dtype=np.uint32))
    labels = np.zeros(mask.shape, np.uint16)
    count = 0
    for number, box in label_boxes(parts).items():
        wide = grown(box, 1, mask.shape)
        own = parts[wide] == number
        split = parted_at_necks(own, spacing_mm)
        for piece in range(1, int(split.max()) + 1):
            voxels = split == piece
            if np.count_nonzero(voxels) >= smallest:
                count += 1
                labels[wide][voxels] = count
    return Instances(labels, _scores(labels, probability))


def parted_at_necks(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> InstanceArray:
    """Numbers of the nodes in one connected component: one of each seed."""
    # The edge counts as outside: a mask that fills its box would be infinitely deep, which h_maxima does not survive.
    depth = depth_mm(mask, spacing_mm, black_border=True)
    seeds = np.asarray(cc3d.connected_components(h_maxima(depth, _NECK_MM) > 0, connectivity=26))
    if seeds.max() <= 1:
        return mask.astype(np.uint16)
    return np.asarray(watershed(-depth, seeds, mask=mask), np.uint16)


def _scores(labels: InstanceArray, probability: FloatArray) -> dict[int, float]:
    return {
        number: float(probability[box][labels[box] == number].mean()) for number, box in label_boxes(labels).items()
    }
