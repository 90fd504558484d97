"""Muscles and unmasked vessels of the neck, distinguished from lymph nodes by their length.

On CT a node, a muscle and an unenhanced vein look alike, but sternocleidomastoid, strap and scalene muscles and the
jugular veins run through the whole lower neck, and a node does not: what holds a straight line of 40 mm within 45
degrees of the body's axis is none. The operation is an opening by line segments (Soille, Morphological Image
Analysis, 2nd ed., section 4.6.2).
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.growing import grow_by_faces
from LNStationLib.organs.groups import BONES
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.support.types import BoolArray, HuArray

_LONGEST_NODE_MM = 40.0
"""A muscle runs on for longer than a mediastinal node is long. Chosen in development; no published source."""
_SOFT_HU = 0.0
"""Between fat (-100 HU) and muscle (50 HU)."""
_SMOOTHING_MM = 1.2
"""Sigma that evens out noise and keeps a strap muscle of a few millimeters. Chosen in development; no published
source."""
_SLOPES = tuple(np.linspace(-1.0, 1.0, 9))
"""Millimeters sideways per millimeter along the body: up to 45 degrees, in steps that overlap."""


def long_soft_tissue(frame: Frame, tissue: BoolArray, within: BoolArray) -> BoolArray:
    """Soft tissue that goes on for 40 mm or more along the body.

    Args:
        frame: The patient's frame.
        tissue: Tissue without the known organs; the blurred rims that these leave in it do not count.
        within: Where the answer is wanted; only its surroundings are looked at.

    Returns:
        Mask ``[z, y, x]``, empty beyond 40 mm around ``within``.
    """
    found = np.zeros_like(within)
    if not within.any():
        return found
    steps = round(frame.voxels(_LONGEST_NODE_MM))
    box = tuple(_around(within, axis, steps) for axis in range(3))
    soft = (tissue | frame.union(*BONES))[box] & _soft(frame.hu[box], frame.voxels(_SMOOTHING_MM))
    for slopes in itertools.product(_SLOPES, _SLOPES):
        shifts = [tuple(round(slope * step) for slope in slopes) for step in range(steps)]
        found[box] |= _opened(soft, shifts)
    found[box] &= ~grow_by_faces(~tissue[box])
    return found


def _soft(hu: HuArray, sigma: float) -> BoolArray:
    return np.asarray(gaussian_filter(np.clip(hu, -100, 100).astype(np.float32), sigma) > _SOFT_HU)


def _around(mask: BoolArray, axis: int, margin: int) -> slice:
    known = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
    return slice(max(int(known[0]) - margin, 0), int(known[-1]) + margin + 1)


def _opened(mask: BoolArray, shifts: list[tuple[int, ...]]) -> BoolArray:
    """Opening by the line that moves by one slice and to the next shift ``(y, x)`` at a time."""
    grown = np.zeros_like(mask)
    last = len(mask) - len(shifts)
    if last < 0:
        return grown
    # A line begins at most so high that its end is in view.
    begins = mask[: last + 1].copy()
    for z, (y, x) in enumerate(shifts):
        if not begins.any():
            return grown
        here, there = _overlap(mask.shape[1:], (y, x))
        through = np.zeros_like(begins)
        through[:, *here] = mask[z : z + last + 1, *there]
        begins &= through
    for z, (y, x) in enumerate(shifts):
        here, there = _overlap(mask.shape[1:], (y, x))
        grown[z : z + last + 1, *there] |= begins[:, *here]
    return grown


def _overlap(shape: tuple[int, ...], shift: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where pixels of a slice lie whose place moved by a shift is in the slice, too, and these places."""
    here = tuple(slice(max(-o, 0), max(n - max(o, 0), 0)) for o, n in zip(shift, shape, strict=True))
    there = tuple(slice(max(o, 0), max(n + min(o, 0), 0)) for o, n in zip(shift, shape, strict=True))
    return here, there
