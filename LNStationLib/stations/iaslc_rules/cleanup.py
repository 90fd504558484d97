"""From overlapping regions to one smooth label map."""

from __future__ import annotations

import cc3d
import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import box_of
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.rules import Anatomy, Region
from LNStationLib.support.types import BoolArray, LabelArray

_SMOOTHING_MM = 1.6
"""Sigma of the neighborhood, about a voxel of a usual CT. Chosen in development; no published source."""
_KEEP_SHARE, _WIN_SHARE = 0.35, 0.55
"""A voxel of a station stays with at least the first share of its neighborhood (slivers and spikes go) and another
station or none gives it up for more than the second (so that no ragged rim grows past a border)."""
_LEAST_TISSUE_SHARE = 0.3
"""With less tissue around it a voxel lies in a thin layer, and few neighbors would decide its vote. Chosen in
development; no published source."""
_SMALLEST_PART_SHARE = 0.08
"""Islands smaller than this share of the station are left-overs between organs."""


def clean_labels(frame: Frame, patient: Anatomy, regions: dict[str, Region]) -> LabelArray:
    """Resolve overlaps by rule order, smooth the borders and drop islands.

    Smoothing never moves a label into tissue outside ``patient.tissue``, so the exclusions (air, bone, vessels,
    heart) hold afterwards.
    """
    labels = np.zeros(frame.grid.shape, dtype=np.uint8)
    for name, region in regions.items():
        labels[region.mask & (labels == 0)] = anatomy.station(name).label_value
    labels = _smoothed(labels, patient.tissue, frame.voxels(_SMOOTHING_MM))
    for name in regions:
        _drop_islands(labels, anatomy.station(name).label_value)
    return labels


def _smoothed(labels: LabelArray, tissue: BoolArray, sigma: float) -> LabelArray:
    """Gaussian vote among the labels, normalised by the tissue so that thin layers beside organs survive."""
    reach = int(np.ceil(4 * sigma)) + 1
    best = np.zeros(labels.shape, dtype=np.float32)
    result = np.zeros_like(labels)
    weight = gaussian_filter(tissue.astype(np.float32), sigma, truncate=3)
    for value in np.unique(labels[labels > 0]):
        box = box_of(labels == value, reach)
        own = labels[box] == value
        share = gaussian_filter(own.astype(np.float32), sigma, truncate=3)
        share /= np.maximum(weight[box], 1e-3)
        needed = np.where(own, _KEEP_SHARE, _WIN_SHARE)
        wins = (share > best[box]) & (share > needed) & tissue[box] & (weight[box] > _LEAST_TISSUE_SHARE)
        result[box][wins] = value
        best[box][wins] = share[wins]
    return result


def _drop_islands(labels: LabelArray, value: int) -> None:
    mask = labels == value
    if not mask.any():
        return
    box = box_of(mask)
    parts = cc3d.connected_components(mask[box], connectivity=18)
    sizes = np.bincount(parts.ravel())
    small = sizes < _SMALLEST_PART_SHARE * sizes[1:].sum()
    small[0] = False
    labels[box][small[parts]] = 0
