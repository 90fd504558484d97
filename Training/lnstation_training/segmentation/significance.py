"""Significant nodes with the distance of their centers to the tumor, as patients of prepared data hold them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lnstation_training.segmentation.patients import UNKNOWN_DISTANCE
from LNStationLib.imaging.boxes import label_boxes

FARTHEST_MM = 253
"""Largest distance that ``significant`` holds; a chest is hardly longer."""


def significant_codes(
    numbers: np.ndarray, significant: Mapping[int, bool], distance_mm: np.ndarray | None
) -> np.ndarray:
    """The array ``significant``: uint8 ``[z, y, x]``.

    Args:
        numbers: Of the nodes.
        significant: Nodes that are, by number.
        distance_mm: To the tumor, on the same grid; ``None`` where there is none.
    """
    codes = np.zeros(numbers.shape, np.uint8)
    for number, box in label_boxes(numbers).items():
        if significant.get(number, False):
            inside = numbers[box] == number
            near = None if distance_mm is None else center_distance(inside, distance_mm[box])
            codes[box][inside] = UNKNOWN_DISTANCE if near is None else 1 + round(min(max(near, 0.0), FARTHEST_MM))
    return codes


def center_distance(inside: np.ndarray, distance_mm: np.ndarray) -> float:
    """Distance in mm at the centroid of a node ``[z, y, x]``; far away where no voxel of the grid holds it."""
    found = np.argwhere(inside)
    if len(found) == 0:
        return float(FARTHEST_MM)
    z, y, x = (round(n) for n in found.mean(axis=0))
    return float(distance_mm[z, y, x])
