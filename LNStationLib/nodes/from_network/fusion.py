"""Several streams made one answer: the maximum of their probabilities, each where it may speak (OSLN, eq. 2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from LNStationLib.models.package.node_streams import STREAMS, Zone
from LNStationLib.support.types import BoolArray, FloatArray


def fused(
    answers: Mapping[str, FloatArray],
    distance_mm: FloatArray | None,
    near_mm: float,
    masked: bool = True,
    pet_covers: BoolArray | None = None,
) -> FloatArray:
    """The largest probability at every voxel over streams that may speak there.

    Args:
        answers: Probability of a significant node by role, ``[z, y, x]``; at least one.
        distance_mm: Signed distance to the tumor on the same grid; ``None`` without a tumor: streams of either zone
            then speak everywhere.
        near_mm: Up to here a voxel is near.
        masked: Whether a stratified stream speaks in its own zone alone.
        pet_covers: Where PET reaches; a stream with PET speaks nowhere else. ``None`` for everywhere.

    Returns:
        float32 in [0, 1]; 0 where no stream may speak.

    Raises:
        ValueError: No answer is given.
    """
    if not answers:
        raise ValueError("there is no stream to fuse")
    zoned = distance_mm if masked else None
    return np.asarray(
        np.maximum.reduce(
            [_heard(role, values, zoned, near_mm, pet_covers) for role, values in answers.items()], dtype=np.float32
        )
    )


def zone_of(distance_mm: float, near_mm: float) -> Zone:
    """The zone of a distance to the tumor (OSLN, Sec. 3.1: near up to and with d)."""
    return "near" if distance_mm <= near_mm else "far"


def _heard(
    role: str, values: FloatArray, distance_mm: FloatArray | None, near_mm: float, pet_covers: BoolArray | None
) -> FloatArray:
    """A stream's answer, 0 where it may not speak."""
    stream, found = STREAMS[role], values
    if stream.zone is not None and distance_mm is not None:
        near = distance_mm <= near_mm
        found = np.where(near if stream.zone == "near" else ~near, found, 0.0)
    if stream.with_pet and pet_covers is not None:
        found = np.where(pet_covers, found, 0.0)
    return np.asarray(found)
