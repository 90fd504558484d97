"""Muscles of chest wall, shoulder and neck, parted by fat; breasts; in the frame of ``central``.

The flat muscles of the chest wall are layers over the ribs, given by their reach around the chest (degrees, see
``wall.wall_angle``) and along the body; the round ones are tubes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Float32Array, Shape, Tube, tube
from LNStationLib.phantom.anatomy.skeleton import humeral_head
from LNStationLib.phantom.anatomy.wall import chest_wall_point

RIB_LAYER_MM = 10.5
"""Thickness of ribs and intercostal muscles over the inner chest wall."""


@dataclass(frozen=True)
class FlatMuscle:
    """A flat muscle of the chest wall.

    Attributes:
        depth_mm: Distance of its inner face from the inner chest wall.
        thickness_mm: Where it is thickest.
        angles: First and last angle around the chest.
        heights: Lowest and highest z in mm.
        soft_deg: Over how many degrees it thins out at its borders.
        soft_mm: Over how many mm it thins out at its ends.
    """

    depth_mm: float
    thickness_mm: float
    angles: tuple[float, float]
    heights: tuple[float, float]
    soft_deg: float = 14.0
    soft_mm: float = 25.0


FLAT_MUSCLES = (
    FlatMuscle(11.5, 7.0, (58, 128), (-125, 66), 14, 20),  # serratus anterior
    FlatMuscle(12.0, 10.0, (20, 70), (-215, -12), 14, 30),  # latissimus dorsi, behind
    FlatMuscle(20.0, 9.0, (58, 102), (-205, 5), 14, 30),  # latissimus dorsi, at the side
    FlatMuscle(11.5, 9.0, (112, 152), (2, 80), 12, 25),  # pectoralis minor
    FlatMuscle(12.5, 10.0, (116, 170), (-66, 6), 16, 40),  # pectoralis major, below
    FlatMuscle(21.5, 14.0, (100, 170), (-10, 88), 16, 30),  # pectoralis major, above
    FlatMuscle(11.5, 9.0, (94, 164), (-225, -72), 14, 30),  # external oblique
    FlatMuscle(12.0, 10.0, (158, 180.1), (-225, -88), 9, 20),  # rectus abdominis
    FlatMuscle(11.5, 8.5, (24, 80), (-28, 92), 12, 15),  # subscapularis
    FlatMuscle(24.0, 15.0, (30, 86), (-34, 88), 12, 20),  # infraspinatus and teres
    FlatMuscle(24.0, 8.0, (-20, 42), (-90, 20), 12, 40),  # trapezius, below
    FlatMuscle(31.0, 9.0, (-20, 44), (-5, 120), 12, 25),  # trapezius, above
    FlatMuscle(20.5, 8.0, (4, 36), (-5, 92), 8, 25),  # rhomboids
)
"""One row a muscle, two where its parts lie at different depths."""


def flat_muscle_distance(
    depth: Float32Array, angle: Float32Array, z: Float32Array, scale: float, sway: Float32Array
) -> Float32Array:
    """Distance in mm from the nearest flat muscle's surface, negative inside, of points given as flat arrays.

    Args:
        depth: Distance from the inner chest wall in mm.
        angle: Around the chest in degrees.
        z: Height in mm.
        scale: Of the thickness of muscles.
        sway: Small random shift in mm that makes borders uneven.
    """
    nearest = np.full(depth.shape, 20.0, np.float32)
    for muscle in FLAT_MUSCLES:
        near = (z > muscle.heights[0]) & (z < muscle.heights[1])
        near &= (angle > muscle.angles[0]) & (angle < muscle.angles[1])
        index = np.flatnonzero(near)
        if not index.size:
            continue
        a, h = angle[index], z[index]
        ramp = np.minimum(a - muscle.angles[0], muscle.angles[1] - a) / np.float32(muscle.soft_deg)
        ends = np.minimum(h - muscle.heights[0], muscle.heights[1] - h) / np.float32(muscle.soft_mm)
        half = np.float32(muscle.thickness_mm * scale / 2) * np.sqrt(np.clip(np.minimum(ramp, ends), 0, 1))
        middle = np.float32(muscle.depth_mm + muscle.thickness_mm * scale / 2) + sway[index]
        distance = np.abs(depth[index] - middle) - half + np.float32(0.4)
        nearest[index] = np.minimum(nearest[index], distance)
    return nearest


SHOULDERS_FROM_MM = 30.0
"""Height below which there is none of ``shoulder_bulk``."""


def shoulder_bulk(
    x: Float32Array,
    y: Float32Array,
    z: Float32Array,
    depth: Float32Array,
    sway: Float32Array,
    *,
    with_neck: bool = True,
) -> Float32Array:
    """Distance in mm from the muscles that fill shoulder and back of the neck, parted by uneven planes of fat.

    Args:
        x: LPS of the points, as flat arrays.
        y: See ``x``.
        z: See ``x``.
        depth: Distance from the inner chest wall in mm.
        sway: Smooth random field of unit variance, whose zeros are the planes.
        with_neck: Whether they fill the neck too; not where its muscles are drawn one by one.
    """
    # The armpit's fat, between the muscles in front and behind, opens downward.
    opening = 16 + 1.4 * np.clip(84 - z, 0, None)
    armpit_fat = (1 - np.sqrt(((np.abs(x) - 92) / 46) ** 2 + ((y - 8) / opening) ** 2)) * 16 + 3 * sway
    shoulder = np.maximum(np.maximum(np.maximum(armpit_fat, 58 - z + 4 * sway), 22 - depth), 42 - np.abs(x))
    # Vessels and nerves pass the armpit in fat.
    armpit = 17 - np.sqrt(((y + 12) / 1.15) ** 2 + (z - 92 + 0.22 * np.clip(np.abs(x) - 60, 0, None)) ** 2)
    # In the neck all but the visceral and carotid spaces in front of the spine.
    wide = 46 + 1.3 * np.clip(104 - z, 0, None)
    spaces = (1 - np.sqrt((x / wide) ** 2 + ((y + 14) / 40) ** 2)) * 40
    neck = np.maximum(np.maximum(86 - z + 5 * sway, spaces), 8 - depth)
    planes = np.float32(5.0) * (np.float32(0.13) - np.abs(sway))
    if with_neck:
        bulk = np.minimum(np.maximum(shoulder, armpit), neck)
    else:
        # Where the neck's muscles are drawn one by one, the back goes over into them and the front is fat.
        bulk = np.minimum(np.maximum(shoulder, armpit), np.maximum(48 - y + 4 * sway, z - 104 + 4 * sway))
        before = -24 - y + 5 * sway + 0.2 * (np.abs(x) - 90)
        bulk = np.maximum(bulk, np.where(z > 80, before, -20.0))
    return np.asarray(np.maximum(bulk, planes), np.float32)


def back_muscles(side: int) -> list[Shape]:
    """Erector spinae along the back, and the muscles behind the neck."""
    s = side
    return [
        tube([(23 * s, 78, -220), (23 * s, 88, -150), (22 * s, 99, -80), (20 * s, 98, -10), (18 * s, 82, 40),
              (18 * s, 58, 90), (18 * s, 42, 140)], [19, 19, 17, 15, 14, 14, 15], stretch=(1.15, 1, 1)),
        tube([(9 * s, 56, 60), (11 * s, 44, 110), (12 * s, 38, 140)], [6, 9, 11]),
        tube([(32 * s, 22, 140), (38 * s, 30, 110), (52 * s, 58, 78)], [9, 9, 7], stretch=(1, 1.3, 1)),
        tube([(16 * s, 62, 140), (42 * s, 62, 112), (76 * s, 54, 98), (112 * s, 38, 102)], [7, 10, 12, 9],
             stretch=(1.3, 1, 1)),
    ]  # fmt: skip


def supraspinatus(side: int, *, raised: bool) -> Tube:
    """Supraspinatus, from over the scapula to the humeral head."""
    x, y, z = humeral_head(side, raised=raised)
    return tube([(60 * side, 52, 76), (90 * side, 40, 90), (x - 14 * side, y + 4, z + 18)], [7, 10, 6])


def shoulder_muscles(side: int, *, raised: bool) -> list[Shape]:
    """Supraspinatus, deltoid and the muscles of the upper arm around the bone."""
    x, y, z = humeral_head(side, raised=raised)
    s = side
    supra = supraspinatus(side, raised=raised)
    if raised:
        arm = [
            tube(
                [(x + 6 * s, y + 22, z - 22), (x + 18 * s, y + 22, z + 10), (x + 34 * s, y + 12, z + 60)],
                [10, 17, 18],
            ),
            tube(
                [(x + 4 * s, y - 26, z - 12), (x + 16 * s, y - 22, z + 14), (x + 30 * s, y - 26, z + 60)], [8, 13, 16]
            ),
            tube([(x - 12 * s, y, z - 30), (x - 8 * s, y - 2, z + 2), (x + 4 * s, y - 6, z + 60)], [9, 8, 10]),
        ]
        return [supra, *arm]
    deltoid = Blend(
        (
            tube([(x - 2 * s, y - 24, z + 12), (x + 14 * s, y - 20, z - 30), (x + 26 * s, y, z - 90)], [7, 11, 6]),
            tube([(x + 6 * s, y, z + 25), (x + 28 * s, y + 2, z - 20), (x + 34 * s, y + 6, z - 80)], [6, 11, 5]),
            tube(
                [(x - 2 * s, y + 26, z + 8), (x + 14 * s, y + 24, z - 30), (x + 26 * s, y + 14, z - 90)], [7, 11, 6]
            ),
        ),
        4.0,
    )
    flexors = tube(
        [(x + 14 * s, y - 12, z - 50), (x + 25 * s, y - 14, z - 120), (x + 29 * s, y - 10, z - 300)], [8, 17, 18]
    )
    extensors = tube(
        [(x + 14 * s, y + 20, z - 50), (x + 26 * s, y + 30, z - 130), (x + 30 * s, y + 32, z - 300)], [9, 18, 18]
    )
    return [supra, deltoid, flexors, extensors]


def arm_skin(side: int, fat_mm: float, *, raised: bool) -> Tube:
    """Skin of shoulder and upper arm."""
    x, y, z = humeral_head(side, raised=raised)
    more = 0.5 * fat_mm
    if raised:
        path = [
            (x - 22 * side, y, z - 34),
            (x + 6 * side, y, z),
            (x + 16 * side, y - 2, z + 18),
            (x + 30 * side, y - 6, z + 60),
        ]
        return tube(path, [40 + more, 44 + more, 42 + more, 41 + more])
    path = [
        (x - 8 * side, y, z - 14),
        (x + 14 * side, y + 2, z - 34),
        (x + 26 * side, y + 8, z - 110),
        (x + 30 * side, y + 12, z - 300),
    ]
    return tube(path, [34 + more, 40 + more, 40 + more, 40 + more])


def breast(side: int, volume_ml: float, fat_mm: float) -> tuple[Ellipsoid, Ellipsoid]:
    """Breast and its gland, lying on the pectoral muscle of a supine patient.

    Args:
        side: +1 for the left.
        volume_ml: Of one breast, taken as half a flattened ellipsoid.
        fat_mm: Thickness of the fat at the side of the chest.
    """
    height = (volume_ml * 1000 / (2 / 3 * np.pi * 1.75 * 1.65)) ** (1 / 3)
    root = np.array(chest_wall_point(130.0, -38.0, 26.0 + 0.6 * fat_mm, side))
    out = root - np.array(chest_wall_point(130.0, -38.0, 0.0, side))
    out /= np.linalg.norm(out)
    across = np.array([-out[1], out[0], 0.0])
    axes = (_row(out), _row(across), (0.0, 0.0, 1.0))
    center = root - out * 4
    whole = Ellipsoid(_row(center), (height + 4, 1.75 * height, 1.65 * height), axes)
    gland = Ellipsoid(_row(center + out * 0.42 * height), (0.42 * height, 0.95 * height, 0.9 * height), axes)
    return whole, gland


def _row(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
