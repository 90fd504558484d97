"""Label fusion: what several atlases say of each voxel becomes one station and its probability.

Majority vote as Engelson et al. 2026 use it; beside it a vote weighted by local likeness of the images,
Artaechevarria et al. 2009, doi:10.1109/TMI.2009.2014372.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from LNStationLib import anatomy
from LNStationLib.support.types import FloatArray, LabelArray

_LIKENESS_MM = 7.5
"""Edge of the cube in which images are compared: a vessel's wall on both sides of a station."""
_SHARPNESS = 2.0
"""Weights are the inverse mean squared difference to this power; Artaechevarria et al. found 1 to 4 alike."""
_NOISE = 0.02
"""Difference in the window, 10 HU, below which two images are the same."""


@dataclass(frozen=True)
class Vote:
    """What one atlas says, on one grid.

    Attributes:
        stations: uint8 ``[z, y, x]``.
        weight: How much it counts, a number or a value for each voxel; positive.
    """

    stations: LabelArray
    weight: float | FloatArray


def likeness(patient: FloatArray, atlas: FloatArray, spacing_mm: float) -> FloatArray:
    """How alike two images are around each voxel; larger is more alike.

    Args:
        patient: CT in the window, 0 to 1, ``[z, y, x]``.
        atlas: The atlas's, carried over.
        spacing_mm: Of both.
    """
    edge = max(round(_LIKENESS_MM / spacing_mm), 1)
    squared = uniform_filter((patient - atlas).astype(np.float32) ** 2, edge, mode="nearest")
    return np.asarray((squared + _NOISE**2) ** -_SHARPNESS)


def fused(votes: Sequence[Vote]) -> tuple[LabelArray, FloatArray]:
    """The station with the largest part of the votes in each voxel.

    Returns:
        Labels, 0 where none is drawn, and the largest part of the votes that any station has, drawn or not. Between
        no station and several, a voxel that most call some station gets the one most named.
    """
    shape = votes[0].stations.shape
    labels, best, outside = np.zeros(shape, np.uint8), np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for value, part in parts(votes):
        outside -= part
        wins = part > best
        labels[wins], best[wins] = value, part[wins]
    labels[outside > 0.5] = 0
    return labels, best


def parts(votes: Sequence[Vote]) -> Iterator[tuple[int, FloatArray]]:
    """Label value and part of the votes, 0 to 1, ``[z, y, x]``, of every station that any atlas draws."""
    weights = [np.asarray(vote.weight, np.float32) for vote in votes]
    total = np.zeros(votes[0].stations.shape, np.float32)
    for weight in weights:
        total += weight
    for row in anatomy.stations():
        part = np.zeros_like(total)
        for vote, weight in zip(votes, weights, strict=True):
            np.add(part, weight, out=part, where=vote.stations == row.label_value)
        if part.any():
            yield row.label_value, part / total
