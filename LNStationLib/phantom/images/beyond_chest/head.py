"""Neck above the cricoid and head, crude, in the frame of ``central``: what a head-to-thigh CT shows above the chest.

Sizes are those of an average adult: head 156 x 196 mm, vertex 20 cm above the glottis, skull 7 mm thick.
"""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import wall
from LNStationLib.phantom.anatomy.shapes import (
    Blend,
    Ellipsoid,
    Float32Array,
    Patch,
    Shape,
    coordinates,
    smooth_minimum,
    tube,
)
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.phantom.images import contrast, ct
from LNStationLib.phantom.images.beyond_chest.body_part import BodyPart, Column, level_curve

LOWEST_MM, VERTEX_MM = 108.0, 338.0
"""Lower end of the part, under the chest's seam, and top of the head."""
BRAIN_SUV = 8.0
"""Gray and white matter together, hotter than any node of a usual patient."""
_NECK_Z_MM = (90, 105, 118, 135, 150, 165, 200)
"""Heights of the nodes of the three curves below; up to the seam they are those of ``wall``."""
_half_width = level_curve(_NECK_Z_MM, (166, 128, 82, 66, 64, 62, 58))
_front = level_curve(_NECK_Z_MM, (-68, -58, -53, -50, -49, -46, -40))
_back = level_curve(_NECK_Z_MM, (97, 86, 76, 70, 70, 74, 78))
_SKULL = Ellipsoid((0, 4, 258), (72, 92, 74))
"""Outer surface of the braincase."""
_SKULL_MM = 7.0
"""Its thickness."""
SPINE = Column(
    z=(100, 135, 150, 170, 190, 204),
    y=(13, 9.5, 7.5, 6, 7, 9),
    half_depth=(9.6, 8.6, 8.4, 8.2, 8, 7),
    half_width=(14, 13, 13, 13, 13, 13),
    discs=(122, 138, 153, 169, 203),
)
"""C5 to C1."""


def head_and_neck(grid: Grid, traits: Variation, rng: np.random.Generator) -> BodyPart:
    """Paint neck and head.

    Args:
        grid: Internal grid from about ``LOWEST_MM`` to above ``VERTEX_MM``.
        traits: The patient.
        rng: Random generator of the texture.
    """
    part = BodyPart(grid, _skin(grid, traits), ct.Canvas(grid), ct.smooth_texture(grid, rng))
    part.canvas.fill(part.skin, 10.0)
    part.canvas.fill(part.skin, ct.FAT_HU, -1.8)
    _muscles(part, traits)
    _arms(part, traits)
    _face(part)
    _skull(part)
    _vessels(part, traits)
    part.paint_spine(SPINE)
    _airways(part)
    return part


def _skin(grid: Grid, traits: Variation) -> Float32Array:
    more = ((traits.fat_mm - 4) * np.interp(grid.coordinates_mm(0), [60, 112], [1, 0.2])).astype(np.float32)
    more = more[:, None, None]
    width, front, back = wall.over_height(grid, _half_width, _front, _back)
    neck = wall.radial_distance(grid, width + more, front - more * np.float32(0.8), back + more, wall.BODY_POWER)
    skin = np.maximum(neck, grid.coordinates_mm(0).astype(np.float32)[:, None, None] - 200)
    shapes = [(_head(), 12.0), *((shape, 16.0) for shape in _raised_arms(traits))]
    for shape, radius in shapes:
        patch = shape.patch(grid, radius + 5)
        skin[patch.box] = smooth_minimum(skin[patch.box], patch.sdf, radius)
    return skin


def _head() -> Shape:
    jaw = [tube([(50 * s, -16, 190), (46 * s, -40, 164), (0, -78, 154)], [14, 14, 15]) for s in (-1, 1)]
    return Blend(
        (
            Ellipsoid((0, 4, 258), (78, 98, 80)),
            Ellipsoid((0, -50, 204), (60, 48, 62)),
            *jaw,
            tube([(0, -94, 226), (0, -110, 204), (0, -98, 192)], [6, 10, 8]),
            *(tube([(78 * s, 16, 200), (84 * s, 22, 226)], [5, 7], stretch=(0.8, 1.4, 1)) for s in (-1, 1)),
        ),
        12.0,
    )


def _arm_path(side: int) -> list[tuple[float, float, float]]:
    return [
        (114 * side, 18, 66), (142 * side, 18, 100), (152 * side, 16, 118), (166 * side, 12, 160),
        (172 * side, 2, 230), (166 * side, -10, 300), (160 * side, -14, 380),
    ]  # fmt: skip


def _raised_arms(traits: Variation) -> list[Shape]:
    if traits.arms != "up":
        return []
    more = 0.5 * traits.fat_mm
    radii = [r + more for r in (40, 44, 42, 41, 40, 37, 34)]
    return [tube(_arm_path(side), radii) for side in (-1, 1)]


def _arms(part: BodyPart, traits: Variation) -> None:
    """Humerus and muscles of the arms beside the head."""
    if traits.arms != "up":
        return
    muscle = contrast.organ_hu(traits, "muscle")
    for side in (-1, 1):
        shaft = _arm_path(side)[2:]
        for shift, radius in ((-22.0, 15.0), (20.0, 17.0)):
            moved = tube([(x + 2 * side, y + shift, z) for x, y, z in shaft], radius)
            part.paint(part.patch(moved), muscle, grain_hu=3.0)
        part.paint_bone(part.patch(tube(shaft, [13, 11, 11, 12, 14])), 3.0)


def _muscles(part: BodyPart, traits: Variation) -> None:
    """All of the neck but the visceral and carotid spaces, as in the chest's highest slices; chewing muscles."""
    whole = (slice(0, part.grid.shape[0]), slice(0, part.grid.shape[1]), slice(0, part.grid.shape[2]))
    x, y, z = coordinates(part.grid, whole)
    wide = 46 + np.float32(1.3) * np.clip(104 - z, 0, None)
    spaces = (1 - np.sqrt((x / wide) ** 2 + ((y + 14) / 40) ** 2)) * 40
    fat = np.float32(max(0.45 * traits.fat_mm, 3.0))
    nape = np.maximum(np.maximum(spaces, part.skin + fat + 2), np.maximum(z - 196, np.abs(x) - 66))
    nape = np.maximum(nape, np.where(z > 150, -8 - y, -60 - y))
    part.paint_muscle(nape, contrast.organ_hu(traits, "muscle"))
    chewing: list[Shape] = []
    for s in (-1, 1):
        chewing.append(tube([(56 * s, -26, 206), (54 * s, -24, 172)], [8, 9], stretch=(0.8, 1.6, 1)))
        chewing.append(tube([(66 * s, -30, 250), (60 * s, -30, 210)], [5, 6], stretch=(0.7, 3, 1)))
    part.paint(part.patch(*chewing), contrast.organ_hu(traits, "muscle"), grain_hu=4.0)
    glands: list[Shape] = [tube([(58 * s, -2, 194), (54 * s, -4, 168)], [11, 8]) for s in (-1, 1)]
    glands += [Ellipsoid((32 * s, -38, 158), (10, 14, 11)) for s in (-1, 1)]
    saliva = part.paint(part.patch(*glands), 18.0, grain_hu=12.0)
    part.uptake.append((saliva, 2.2))


def _face(part: BodyPart) -> None:
    """Tongue and palate, upper and lower jaw with teeth, orbits with eyes."""
    tongue = Blend((Ellipsoid((0, -52, 164), (24, 28, 12)), Ellipsoid((0, -34, 160), (19, 16, 18))), 6.0)
    part.uptake.append((part.paint(part.patch(tongue), 60.0, grain_hu=6.0), 1.6))
    maxilla = Blend((Ellipsoid((0, -62, 192), (38, 28, 20)), Ellipsoid((0, -58, 214), (46, 28, 20))), 8.0)
    part.paint_bone(part.patch(maxilla), 2.0)
    cheek = [tube([(40 * s, -66, 206), (58 * s, -44, 210), (66 * s, -8, 214)], [7, 5, 4]) for s in (-1, 1)]
    ramus = [
        tube([(52 * s, -6, 206), (50 * s, -16, 180), (44 * s, -36, 162), (28 * s, -66, 156), (0, -80, 154)],
             [5, 5, 6, 6, 7], stretch=(1, 1, 1.5)) for s in (-1, 1)
    ]  # fmt: skip
    part.paint_bone(part.patch(*cheek, *ramus), 2.0)
    teeth = [
        tube([(24 * s, -50, z), (21 * s, -70, z), (0, -85, z)], 4.5, stretch=(1, 1, 1.2))
        for s in (-1, 1) for z in (182.0, 170.0)
    ]  # fmt: skip
    part.paint(part.patch(*teeth), 1500.0)
    for s in (-1, 1):
        orbit = part.patch(Ellipsoid((31 * s, -58, 224), (19, 30, 17)))
        part.paint(orbit, ct.CORTICAL_BONE_HU, offset_mm=2.0)
        part.paint(orbit, ct.FAT_HU)
        part.paint(part.patch(tube([(30 * s, -62, 224), (14 * s, -28, 222)], [5, 3])), 40.0)
        part.paint(part.patch(Ellipsoid((31 * s, -74, 224), (12, 12, 12))), 12.0)


def _skull(part: BodyPart) -> None:
    """Vault and base, brain with ventricles, mastoid cells; the base slopes down to the back."""
    outer = _SKULL.patch(part.grid)
    _, y, z = coordinates(part.grid, outer.box)
    floor = np.float32(206) - np.float32(0.2) * y
    bone = Patch(outer.box, np.maximum(outer.sdf, floor - 8 - z))
    inner = Patch(outer.box, np.maximum(outer.sdf + np.float32(_SKULL_MM), floor - z))
    part.paint(bone, ct.CORTICAL_BONE_HU * 1.3)
    part.paint(Patch(outer.box, np.maximum(bone.sdf + 2.5, 4.5 - _SKULL_MM - outer.sdf)), 350.0, grain_hu=60.0)
    part.paint(inner, 10.0)
    brain = part.paint(Patch(outer.box, inner.sdf + 2), 34.0, grain_hu=3.0)
    ventricles = [tube([(9 * s, -36, 268), (11 * s, 0, 276), (20 * s, 34, 262)], [5, 6, 5]) for s in (-1, 1)]
    part.paint(part.patch(*ventricles, tube([(0, -4, 262), (0, 2, 248)], [2.5, 2.5])), 8.0)
    part.uptake.append((brain, BRAIN_SUV))
    part.uptake.append((part.patch(*ventricles), 2.0))
    stem = part.paint(part.patch(tube([(0, 24, 200), (0, 14, 222), (0, 4, 240)], [6, 11, 13])), 34.0)
    part.uptake.append((stem, BRAIN_SUV * 0.7))
    mastoid = part.patch(*(Ellipsoid((54 * s, 22, 200), (11, 13, 15)) for s in (-1, 1)))
    part.paint(mastoid, ct.CORTICAL_BONE_HU)
    cells = part.texture[mastoid.box] - np.float32(0.1)
    part.paint(Patch(mastoid.box, np.maximum(mastoid.sdf + 3, cells * 4)), -700.0)


def _vessels(part: BodyPart, traits: Variation) -> None:
    blood = contrast.blood_hu(traits)
    for side, s in (("left", 1), ("right", -1)):
        artery = part.patch(
            tube([(23 * s, -18, 112), (24 * s, -18, 135), (27 * s, -12, 165), (26 * s, 0, 200)], 3.7 * traits.artery)
        )
        vein = part.patch(
            tube([(32 * s, -19, 112), (33 * s, -17, 135), (34 * s, -6, 165), (31 * s, 8, 200)], 5.4 * traits.vein)
        )
        part.paint(artery, blood[f"common_carotid_artery_{side}"])
        part.paint(vein, blood[f"internal_jugular_vein_{side}"])
        part.organs[f"common_carotid_artery_{side}"] = artery
        part.organs[f"internal_jugular_vein_{side}"] = vein
        part.uptake += [(artery, "blood"), (vein, "blood")]


def _airways(part: BodyPart) -> None:
    """Larynx above the trachea with the glottis as its narrowest part, pharynx, nose and sinuses."""
    cartilage: list[Shape] = [tube([(20 * s, -18, 164), (14 * s, -38, 160), (0, -44, 158)], 2.6) for s in (-1, 1)]
    cartilage += [
        tube([(17 * s, -16, 140), (12 * s, -34, 140), (0, -42, 142)], 2.4, stretch=(1, 1, 4)) for s in (-1, 1)
    ]
    part.paint(part.patch(*cartilage), 190.0, grain_hu=50.0)
    throat = part.patch(tube([(0, -24, 118), (0, -23, 150), (0, -20, 170), (0, -17, 198)], [12, 14, 15, 14]))
    part.paint(throat, 45.0, grain_hu=4.0)
    trachea = part.patch(tube([(0, -22, 100), (0, -22, 112), (0, -24, 130)], 9.0, stretch=(1, 1.04, 1)))
    glottis = tube([(0, -24, 128), (0, -25, 138), (0, -24, 148)], [8.5, 3.0, 8.0], stretch=(0.8, 1.3, 1))
    pharynx = tube(
        [(0, -24, 146), (0, -20, 165), (0, -17, 185), (0, -20, 198)], [8, 7.5, 7, 9], stretch=(1.5, 0.8, 1)
    )
    nose = Ellipsoid((0, -62, 203), (12, 40, 20))
    part.paint(part.patch(nose), -850.0)
    septum = [tube([(0, -30, 200), (0, -95, 205)], 2.2, stretch=(1, 1, 8))]
    septum += [tube([(6 * s, -38, z), (7 * s, -80, z)], 3.2) for s in (-1, 1) for z in (193.0, 205.0)]
    part.paint(part.patch(*septum), 30.0)
    sinuses = [Ellipsoid((30 * s, -62, 203), (13, 17, 14)) for s in (-1, 1)]
    sinuses += [Ellipsoid((9 * s, -78, 240), (12, 5, 9)) for s in (-1, 1)]
    sinuses.append(Ellipsoid((0, -18, 216), (13, 12, 9)))
    part.paint(part.patch(*sinuses), ct.AIR_HU)
    cells = [Ellipsoid((8 * s, -50, 222), (6, 20, 8)) for s in (-1, 1)]
    part.paint(part.patch(*cells), -600.0, grain_hu=250.0)
    part.paint(part.patch(Ellipsoid((0, -58, 177), (20, 24, 3))), ct.AIR_HU)
    air = part.patch(glottis, pharynx)
    part.paint(air, ct.AIR_HU)
    part.paint(trachea, ct.AIR_HU)
    part.organs["trachea"] = trachea
    part.uptake += [(air, 0.0), (trachea, 0.1)]
