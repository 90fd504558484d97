"""Candidates as peaks of a probability, each outlined at a part of its own peak.

Small nodes are often found with a low probability, and a fixed level outlines them too thin or not at all. So every
peak is a candidate: it owns the voxels that a watershed (Meyer 1994) gives it, from half of its height on.
"""

from __future__ import annotations

from collections.abc import Iterator

import cc3d
import numpy as np
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.models.package.thorough_search import ThoroughSearch
from LNStationLib.nodes.from_network.instances import Instances, parted_at_necks
from LNStationLib.support.types import BoolArray, FloatArray

_SMALLEST_MM3 = 20.0
"""A ball of 3.4 mm; smaller peaks are noise of single voxels."""


def find_peaks(
    probability: FloatArray, spacing_mm: tuple[float, float, float], search: ThoroughSearch
) -> tuple[Instances, dict[int, float]]:
    """Single nodes in a mean of probabilities.

    Args:
        probability: Of a node, ``[z, y, x]`` in [0, 1].
        spacing_mm: Voxel size along z, y, x.
        search: Which peaks count, and how far they reach.

    Returns:
        Candidates, and by their numbers the probability from which voxels belong to them.
    """
    seeds = _seeds(probability, search)
    basins = watershed(-probability, seeds, mask=probability >= search.least_peak * search.outline)
    smallest = max(1, round(_SMALLEST_MM3 / float(np.prod(spacing_mm))))
    labels = np.zeros(probability.shape, np.uint16)
    scores: dict[int, float] = {}
    levels: dict[int, float] = {}
    for number, box in label_boxes(basins).items():
        values = np.where(basins[box] == number, probability[box], 0.0)
        level = search.outline * float(values.max())
        for piece in _pieces(values, level, spacing_mm):
            if np.count_nonzero(piece) >= smallest:
                place = len(scores) + 1
                labels[box][piece] = place
                scores[place], levels[place] = float(values[piece].mean()), level
    return Instances(labels, scores), levels


def _seeds(probability: FloatArray, search: ThoroughSearch) -> np.ndarray:
    """All peaks that count, numbered."""
    # Peaks that count and are parted by less are two in any case, so that each such part is looked at alone.
    parts = np.asarray(
        cc3d.connected_components(probability > search.least_peak - search.least_rise, connectivity=26)
    )
    seeds, count = np.zeros(probability.shape, np.uint32), 0
    for part, box in label_boxes(parts).items():
        here = parts[box] == part
        for crest in _crests(np.where(here, probability[box], 0.0), search):
            count += 1
            seeds[box][crest] = count
    return seeds


def _crests(values: FloatArray, search: ThoroughSearch) -> Iterator[BoolArray]:
    """Extended maxima (Soille 2003): tops of nearly, or exactly, the same height with a high saddle are one."""
    # Beyond the part it is 0, so that what fills its box is a peak.
    whole = np.pad(values, 1)
    maxima = local_maxima(reconstruction(whole - search.least_rise, whole))[1:-1, 1:-1, 1:-1]
    numbers = np.asarray(cc3d.connected_components(maxima, connectivity=26))
    for number in range(1, int(numbers.max()) + 1):
        crest = numbers == number
        if values[crest].max() >= search.least_peak:
            yield crest


def _pieces(values: FloatArray, level: float, spacing_mm: tuple[float, float, float]) -> Iterator[BoolArray]:
    """What hangs together with the top from a level on, parted at necks: a crest may hold several nodes."""
    parts = np.asarray(cc3d.connected_components(values >= level, connectivity=18))
    own = parts == parts[np.unravel_index(values.argmax(), values.shape)]
    split = parted_at_necks(own, spacing_mm)
    yield from (split == number for number in range(1, int(split.max()) + 1))
