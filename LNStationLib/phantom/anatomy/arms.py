"""Arms beside the chest with air between, in the frame of ``central``.

The right arm lies against the flank near the elbow, the left one stands off along its whole length; shoulders are
those of lowered arms (``skeleton``, ``muscles``). Below the elbow the forearms go on beside the hips.
"""

from __future__ import annotations

import numpy as np

from LNStationLib.phantom.anatomy.shapes import Blend, Shape, Tube, tube
from LNStationLib.phantom.anatomy.skeleton import humeral_head
from LNStationLib.support.types import PointMm

BLEND_MM = 6.0
"""Rounding between arm and trunk; wider would fill the air between them."""
ELBOW_MM, WRIST_MM, FINGERS_MM = -215.0, -445.0, -560.0
"""Heights (z) of the joints and of the fingertips."""
_AXIS_Z_MM = (45.0, -15.0, -110.0, ELBOW_MM, -330.0, WRIST_MM, FINGERS_MM)
"""Heights of the points between which the axis runs, from the shoulder down."""
_AXIS_X_MM = (172.0, 208.0, 226.0, 222.0, 224.0, 222.0, 218.0)
"""Distance of the axis from the midline at those heights."""
_AXIS_Y_MM = (14.0, 18.0, 24.0, 22.0, 6.0, -8.0, -10.0)
"""Its y at those heights."""
_RADIUS_MM = (40.0, 40.0, 41.0, 41.0, 38.0, 27.0, 20.0)
"""Radius of the arm with its skin at those heights."""
# How far the right arm lies nearer to the trunk, by height.
_TOUCH_Z_MM, _TOUCH_MM = (-200.0, -140.0, -60.0, 0.0), (17.0, 17.0, 4.0, 0.0)
# The trunk's half width grows by as much as its fat, the arm's by half.
_AT_FAT_MM = 10.0


def axis(side: int, fat_mm: float, heights: tuple[float, ...]) -> list[PointMm]:
    """Points on the middle of an arm from the shoulder to the fingers.

    Args:
        side: +1 for the left.
        fat_mm: Thickness of the fat at the side of the chest.
        heights: z in mm, falling.
    """
    rising = slice(None, None, -1)
    x, y = (np.interp(heights, _AXIS_Z_MM[rising], values[rising]) for values in (_AXIS_X_MM, _AXIS_Y_MM))
    wide = 1.5 * (fat_mm - _AT_FAT_MM) * np.interp(heights, (0.0, 60.0), (1.0, 0.0))
    near = np.interp(heights, _TOUCH_Z_MM, _TOUCH_MM) if side < 0 else np.zeros(len(heights))
    return [(float(side * (a + b - c)), float(d), z) for a, b, c, d, z in zip(x, wide, near, y, heights, strict=True)]


def skin(side: int, fat_mm: float) -> Tube:
    """Skin of shoulder, arm and hand."""
    x, y, z = humeral_head(side, raised=False)
    path = [(x - 8.0 * side, y, z - 14.0), *axis(side, fat_mm, _AXIS_Z_MM)]
    more = 0.5 * fat_mm
    return tube(path, [34.0 + more, *(r + more * min(1.0, r / 40) for r in _RADIUS_MM)])


def humerus(side: int, fat_mm: float) -> Tube:
    """Head and shaft of one humerus."""
    head = humeral_head(side, raised=False)
    return tube([head, *axis(side, fat_mm, (42.0, -15.0, -110.0, ELBOW_MM))], [21, 12, 11, 11, 14])


def forearm_bones(side: int, fat_mm: float) -> list[Shape]:
    """Radius and ulna, and crudely the bones of the hand."""
    path = axis(side, fat_mm, (ELBOW_MM, -330.0, WRIST_MM))
    bones: list[Shape] = [tube([(x, y + shift, z) for x, y, z in path], [10, 7, 8]) for shift in (-9.0, 9.0)]
    hand = axis(side, fat_mm, (WRIST_MM - 8.0, -520.0))
    bones += [tube([(x, y + shift, z) for x, y, z in hand], [5, 3.5]) for shift in (-12.0, 0.0, 12.0)]
    return bones


def muscles(side: int, fat_mm: float) -> list[Shape]:
    """Deltoid, flexors and extensors of the arm."""
    x, y, z = humeral_head(side, raised=False)
    s = side
    upper = axis(side, fat_mm, (30.0, -30.0))
    deltoid = Blend(
        tuple(
            tube([(x + a * s, y + b, z + c), *((u + d * s, v + b * 0.6, w) for u, v, w in upper)], [7, 11, 6])
            for a, b, c, d in ((-2, -24, 12, 4), (8, 0, 24, 18), (-2, 26, 8, 4))
        ),
        4.0,
    )
    arm = axis(side, fat_mm, (30.0, -60.0, -140.0, ELBOW_MM))
    forearm = axis(side, fat_mm, (ELBOW_MM, -290.0, WRIST_MM))
    flexors = tube([(u, v - 19, w) for u, v, w in arm], [8, 18, 18, 14])
    extensors = tube([(u, v + 20, w) for u, v, w in arm], [9, 18, 18, 14])
    lower = [tube([(u + d * s, v, w) for u, v, w in forearm], [16, 18, 8]) for d in (-14.0, 14.0)]
    return [deltoid, flexors, extensors, *lower]
