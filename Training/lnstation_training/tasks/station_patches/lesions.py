"""Which station a lesion on PET lies in: what the lesion baseline of Engelson et al. 2026 (Sec. 4.2) rests on."""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np

from LNStationLib.support.types import BoolArray, LabelArray

LESION_SUV = 4.0
"""Of our own lesions where no program gave any: the threshold of the paper's comparison (Table 4)."""
_LEAST_ML = 0.25
"""Smaller ones are noise: a sphere of 8 mm."""


def hot_voxels(suv: np.ndarray) -> BoolArray:
    """Lesions by a threshold, where no program segmented any; they hold all that is hot, the heart too."""
    return np.asarray(suv >= LESION_SUV)


def lesion_overlaps(lesions: BoolArray, stations: LabelArray, voxel_ml: float) -> Mapping[int, float]:
    """Of each lesion the part in every station; a station gets its largest over the lesions that it holds most of.

    Args:
        lesions: ``[z, y, x]``; connected voxels are one lesion.
        stations: Values of the station table.
        voxel_ml: Volume of a voxel.

    Returns:
        By label value, above 0 and at most 1; stations without a lesion are left out.
    """
    found: dict[int, float] = {}
    labels = cc3d.connected_components(lesions, connectivity=26)
    sizes = np.bincount(labels.ravel())
    inside = (labels > 0) & (stations > 0)
    shared = np.zeros((len(sizes), 256), np.int64)
    np.add.at(shared, (labels[inside], stations[inside]), 1)
    for lesion in range(1, len(sizes)):
        value = int(shared[lesion].argmax())
        if sizes[lesion] * voxel_ml >= _LEAST_ML and shared[lesion, value]:
            found[value] = max(found.get(value, 0.0), float(shared[lesion, value] / sizes[lesion]))
    return found
