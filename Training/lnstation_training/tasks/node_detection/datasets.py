"""Patches around nodes and their look-alikes, and the part of a patient that nodes are looked for in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lnstation_training.segmentation.dataset import Allowed, BoxDataset, VolumeDataset
from lnstation_training.segmentation.folder import VolumeSample
from lnstation_training.segmentation.patients import NODE_KINDS, SIGNIFICANT, STATIONS, VolumeFile, open_patient
from LNStationLib.imaging.boxes import bounding_box
from LNStationLib.nodes.from_network.region import MARGIN_MM
from LNStationLib.support.types import BoolArray

_KEPT_POINTS = 2000
"""Points of a patient that patches may be centered at: enough that no place is favored."""


class NodeBoxDataset(BoxDataset):
    """Boxes around patches, of which a given part is centered near something that is or looks like a node.

    Args:
        samples: As for ``BoxDataset``, like the next three.
        arrays: See there.
        allowed: See there.
        size: See there.
        near_nodes: How many of the boxes; the others lie anywhere in the stations.
        near_significant: How many of those near a node lie near a significant one, where the patient has any.
    """

    def __init__(
        self,
        samples: Sequence[VolumeSample],
        arrays: Sequence[str],
        allowed: Allowed,
        size: Sequence[int],
        near_nodes: float,
        near_significant: float = 0.0,
    ) -> None:
        super().__init__(samples, arrays, allowed, size)
        self.near_nodes, self.near_significant = near_nodes, near_significant

    def center(self, file: VolumeFile, rng: np.random.Generator) -> list[float]:
        """Near a node or a look-alike, or in a station; anywhere in the chest where there is neither."""
        points = points_in(file.path, NODE_KINDS if rng.random() < self.near_nodes else STATIONS)
        if SIGNIFICANT in self.arrays and rng.random() < self.near_significant * self.near_nodes:
            marked = points_in(file.path, SIGNIFICANT)
            points = marked if len(marked) else points
        if len(points) == 0:
            return super().center(file, rng)
        moved = points[rng.integers(len(points))] + rng.uniform(-0.2, 0.2, 3) * self.size
        return [float(n) for n in moved]


@lru_cache(maxsize=1024)
def points_in(path: Path, array: str) -> np.ndarray:
    """Some voxels of an array that are not 0, spread evenly: ``[point, 3]`` along z, y, x."""
    file = open_patient(path)
    if array not in file.names:
        return np.zeros((0, 3), int)
    found = np.argwhere(file.read(array).numpy() > 0)
    return found[:: max(1, len(found) // _KEPT_POINTS)]


class RegionDataset(VolumeDataset):
    """The part of each patient that a network looks at: the box of the stations with a margin, as in use."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self.samples[index]
        file = open_patient(sample.path)
        corner, size = region_of(file)
        return {**file.read_box(self.arrays, corner, size), **self._about(sample, file)}


def region_of(file: VolumeFile) -> tuple[list[int], list[int]]:
    """First voxel and size, along z, y, x, of the region of a patient; the whole patient without stations."""
    stations: BoolArray = file.read(STATIONS).numpy() > 0 if STATIONS in file.names else np.zeros((1, 1, 1), bool)
    box = bounding_box(stations)
    if box is None:
        return [0, 0, 0], list(file.shape)
    margins = [round(MARGIN_MM / step) for step in file.spacing_mm]
    low = [max(0, part.start - margin) for part, margin in zip(box, margins, strict=True)]
    high = [min(n, part.stop + margin) for part, margin, n in zip(box, margins, file.shape, strict=True)]
    return low, [b - a for a, b in zip(low, high, strict=True)]
