"""Spine, sternum, clavicles, ribs and scapulae, in the frame of ``central``.

Levels: the carina lies at T4/T5, the sternal angle at T4/T5, the manubrium's upper border at T2/T3.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from LNStationLib.phantom.anatomy.shapes import Blend, Shape, Tube, tube
from LNStationLib.phantom.anatomy.wall import chest_wall_point

# z of the disc below each vertebra, C5 to L1, with the first value the top of C5.
DISC_Z_MM = (138, 122, 107, 92, 76, 60, 42, 23, 3, -18, -40, -62, -84.5, -107.5, -131, -155.5, -181, -208)
_SPINE_Z_MM = (-215, -160, -125, -100, -70, -30, 0, 22, 58, 100, 135)
"""Heights of the nodes of the curves below, from L1 to C5."""
_SPINE_Y_MM = (34, 38, 46.5, 54.5, 59.5, 58.5, 52.5, 44.5, 27, 13, 9.5)
"""Centers of the vertebral bodies: the thoracic kyphosis and the start of the cervical lordosis."""
_HALF_DEPTH_MM = (17.5, 17, 16.5, 16, 15.5, 15, 14.5, 13.8, 12, 9.6, 8.6)
"""Half the bodies' depth."""
_HALF_WIDTH_MM = (21, 20, 18.5, 17.5, 16.5, 15.5, 15, 15, 15.5, 14, 13)
"""Half the bodies' width."""

spine_y = PchipInterpolator(_SPINE_Z_MM, _SPINE_Y_MM)
spine_half_depth = PchipInterpolator(_SPINE_Z_MM, _HALF_DEPTH_MM)
spine_half_width = PchipInterpolator(_SPINE_Z_MM, _HALF_WIDTH_MM)


@dataclass(frozen=True)
class Vertebra:
    """One vertebra: its level and the shapes of its arch."""

    center_z: float
    arch: Shape


def vertebrae() -> list[Vertebra]:
    """Vertebrae from C5 down."""
    return [_vertebra((top + bottom) / 2) for top, bottom in pairwise(DISC_Z_MM)]


def _vertebra(z: float) -> Vertebra:
    y, depth, width = float(spine_y(z)), float(spine_half_depth(z)), float(spine_half_width(z))
    return Vertebra(z, vertebral_arch(z, y, depth, width))


def vertebral_arch(z: float, y: float, depth: float, width: float) -> Shape:
    """Pedicles, laminae and processes of a vertebra whose body lies at ``(0, y, z)`` with these half axes in mm."""
    lamina_y, side = y + depth + 17, 11.0
    parts: list[Shape] = []
    for s in (-1, 1):
        parts.append(
            tube(
                [(s * side, y + depth - 3, z + 3), (s * (side + 1), y + depth + 6, z + 2)], 4.2, stretch=(0.8, 1, 1.4)
            )
        )
        parts.append(
            tube([(s * (side + 1), y + depth + 6, z + 2), (s * 3, lamina_y + 2, z - 3)], 3.6, stretch=(1, 1, 1.9))
        )
        parts.append(
            tube(
                [(s * (side + 2), y + depth + 7, z), (s * (width + 15), y + depth + 16, z + 2)],
                4.2,
                stretch=(1, 0.9, 1.2),
            )
        )
    parts.append(tube([(0, lamina_y + 1, z - 4), (0, lamina_y + 18, z - 16)], [3.2, 3.0], stretch=(1, 1, 2)))
    return Blend(tuple(parts), 2.0)


def spinal_canal() -> Tube:
    """The canal, from neck to loin."""
    z = np.linspace(135, -215, 40)
    return tube([(0, float(spine_y(v) + spine_half_depth(v) + 7.5), v) for v in z], 8.0, stretch=(1.2, 1, 1))


def spinal_cord() -> Tube:
    """The cord in the middle of the canal."""
    z = np.linspace(135, -215, 40)
    return tube([(0, float(spine_y(v) + spine_half_depth(v) + 7.5), v) for v in z], 4.6, stretch=(1.25, 1, 1))


def sternum() -> dict[str, Shape]:
    """Manubrium (upper border at z = 66) and body with xiphoid, thin plates in front of the chest."""
    manubrium = tube([(0, -55, 58), (0, -62, 40), (0, -69, 24)], [6.6, 6.6, 5.4], stretch=(3.2, 1, 1.1))
    body = tube([(0, -72, 15), (0, -80, -15), (0, -91, -52), (0, -96, -80)], [5.2, 5, 5.2, 4.4], stretch=(2.9, 1, 1))
    xiphoid = tube([(0, -96, -86), (0, -97, -104)], [4, 2.5], stretch=(1.8, 1, 1))
    return {"manubrium": manubrium, "body": Blend((body, xiphoid), 3.0)}


def clavicle(side: int) -> Tube:
    """One clavicle; ``side`` is +1 for the left."""
    path = [(20, -57, 64), (38, -60, 70), (66, -52, 78), (100, -38, 88), (140, -20, 98)]
    return tube([(side * x, y, z) for x, y, z in path], [9, 6.6, 5.4, 5.2, 5.6])


def ribs(side: int) -> tuple[list[Tube], list[Tube]]:
    """Bony ribs 1 to 12 of one side and the costal cartilages of ribs 1 to 7."""
    bones, cartilages = [], []
    for number in range(1, 13):
        back_z = (DISC_Z_MM[number + 2] + DISC_Z_MM[number + 3]) / 2 + 5
        drop = np.interp(number, [1, 2, 5, 8, 12], [20, 44, 84, 108, 80])
        last = np.interp(number, [1, 3, 7, 10, 11, 12], [150, 152, 146, 118, 92, 70])
        angles = np.linspace(14, last, 24)
        heights = back_z - drop * (angles / 160) ** 0.9
        path = [chest_wall_point(a, z, 5.0, side) for a, z in zip(angles, heights, strict=True)]
        path = [*_rib_neck(back_z, side), *path[4:]]
        bones.append(tube(path, 3.4, stretch=(1, 1, 1.7), step_mm=5))
        if number <= 7:
            attach_z = np.interp(number, [1, 2, 7], [46, 19, -76])
            attach = (
                side * (22.0 if number == 1 else 16.0),
                float(np.interp(attach_z, [-80, 15, 66], [-94, -72, -56])),
                attach_z,
            )
            cartilages.append(tube([path[-1], attach], 3.4, stretch=(1, 1, 1.6), step_mm=5))
    return bones, cartilages


def _rib_neck(z: float, side: int) -> list[tuple[float, float, float]]:
    """Head and neck of a rib, from the side of the disc to the tip of the transverse process."""
    y, depth, width = float(spine_y(z)), float(spine_half_depth(z)), float(spine_half_width(z))
    return [(side * (width + 1.0), y + 0.55 * depth, z), (side * (width + 15.0), y + depth + 11.0, z - 1.0)]


def paraspinal() -> Tube:
    """Muscles, processes and ligaments beside and behind the canal, which keep the lungs off the midline."""
    z = np.linspace(135, -215, 30)
    return tube([(0, float(spine_y(v) + spine_half_depth(v) + 22), v) for v in z], 17.0, stretch=(2.4, 1, 1))


def scapula(side: int, *, raised: bool) -> Shape:
    """One scapula: a thin blade behind the ribs, its spine, the acromion and the glenoid.

    Args:
        side: +1 for the left.
        raised: With the arms raised the scapula turns to the side and up.
    """
    turn, lift = (7.0, 8.0) if raised else (0.0, 0.0)
    blade = [
        tube(
            [chest_wall_point(a + turn, z + lift, 21.0, side) for z in (72, 40, 8, -30 + 0.5 * abs(a - 48))],
            [2.4, 2.7, 2.5, 2.0], step_mm=5,
        )
        for a in np.arange(38, 64, 2.5)
    ]  # fmt: skip
    head = humeral_head(side, raised=raised)
    glenoid = (head[0] - side * 24, head[1] + 3, head[2] - 4)
    border = tube([chest_wall_point(62 + turn, 30 + lift, 22, side), glenoid], [5, 9])
    ridge = [chest_wall_point(38 + turn, 62 + lift, 26, side), chest_wall_point(58 + turn, 70 + lift, 38, side)]
    spine = tube(
        [*ridge, (head[0] - side * 6, head[1] + 24, head[2] + 16), (head[0], head[1] - 4, head[2] + 27)], 4.5
    )
    return Blend((*blade, border, spine), 4.0)


def humeral_head(side: int, *, raised: bool) -> tuple[float, float, float]:
    """Center of a humeral head."""
    return (136.0 * side, 18.0, 100.0) if raised else (152.0 * side, 12.0, 82.0)


def humerus(side: int, *, raised: bool) -> Tube:
    """Head and shaft of one humerus, above the head or beside the chest."""
    x, y, z = humeral_head(side, raised=raised)
    if raised:
        return tube([(x, y, z), (x + side * 12, y - 2, z + 18), (x + side * 28, y - 8, z + 60)], [21, 15, 11])
    return tube(
        [
            (x, y, z),
            (x + side * 14, y + 2, z - 26),
            (x + side * 26, y + 8, z - 110),
            (x + side * 30, y + 12, z - 300),
        ],
        [21, 13, 11, 12],
    )
