"""Abdomen below L1, pelvis and thighs, crude, in the frame of ``central``: as a head-to-thigh CT shows them.

Levels follow the spine's: iliac crest at L4, promontory 145 mm below the disc L1/L2, hip joints at the coccyx.
"""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import abdomen, arms, wall
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
from LNStationLib.support.types import PointMm

HIGHEST_MM, LOWEST_MM = -176.0, -665.0
"""Upper end of the part, over the seam, and its lower end in mid-thigh."""
BLADDER_SUV = 25.0
"""Urine after FDG."""
_CROTCH_MM = -500.0
"""Height below which there are two thighs."""
_SKIN_Z_MM = (-540, -500, -480, -440, -400, -350, -300, -250, -215, -150)
"""Heights of the nodes of the three curves below; at the seam they are those of ``wall``."""
_skin_half_width = level_curve(_SKIN_Z_MM, (146, 160, 168, 175, 176, 172, 162, 156, 157, 160))
_skin_front = level_curve(_SKIN_Z_MM, (-66, -72, -80, -92, -100, -106, -108, -110, -112, -116))
_skin_back = level_curve(_SKIN_Z_MM, (94, 108, 118, 127, 126, 117, 109, 111, 116, 121))
_CAVITY_Z_MM = (-500, -480, -440, -400, -350, -300, -250, -215, -150, -100)
"""The same of the abdominal and pelvic cavity."""
_cavity_half_width = level_curve(_CAVITY_Z_MM, (25, 45, 76, 96, 114, 124, 128, 130, 133, 132))
_cavity_front = level_curve(_CAVITY_Z_MM, (-30, -44, -66, -78, -83, -84, -84, -84, -88, -88))
_cavity_back = level_curve(_CAVITY_Z_MM, (62, 74, 84, 84, 74, 78, 86, 92, 99, 103))
SPINE = Column(
    z=(-170, -215, -260, -310, -352),
    y=(37.2, 34, 27, 22, 32),
    half_depth=(17.1, 17.5, 17.8, 18, 17),
    half_width=(20.2, 21, 23, 25, 26),
    discs=(-155.5, -181, -208, -244, -280, -316, -352),
)
"""L1 to the promontory."""
# Course of each part of the large bowel, its radii, and the height (y) above which it holds gas.
_COLON: dict[str, tuple[list[PointMm], list[float], float]] = {
    "ascending": ([(-92, -14, -398), (-102, 0, -350), (-103, 8, -290), (-97, 10, -258)], [23, 23, 21, 19], -8.0),
    "transverse": (
        [(-97, 10, -258), (-84, -38, -252), (-40, -62, -276), (10, -66, -288), (60, -58, -262), (97, -6, -226)],
        [18, 19, 18, 18, 18, 16], -58.0,
    ),
    "descending": ([(100, 4, -222), (108, 32, -270), (104, 30, -340), (90, 12, -386)], [15, 15, 15, 13], 22.0),
    "sigmoid": ([(90, 12, -386), (50, -12, -412), (0, 2, -396), (-20, 32, -402), (0, 64, -424)], [13] * 5, -6.0),
    "rectum": ([(0, 64, -424), (0, 72, -452), (0, 60, -478), (0, 56, -490)], [15, 15, 10, 6], 64.0),
}  # fmt: skip
_GUT_WALL_MM = 2.5
"""Thickness of the bowel's wall."""


def abdomen_to_thighs(grid: Grid, traits: Variation, rng: np.random.Generator) -> BodyPart:
    """Paint abdomen, pelvis and thighs.

    Args:
        grid: Internal grid from below ``LOWEST_MM`` to about ``HIGHEST_MM``.
        traits: The patient.
        rng: Random generator of texture and bowel loops.
    """
    part = BodyPart(grid, _skin(grid, traits), ct.Canvas(grid), ct.smooth_texture(grid, rng))
    part.canvas.fill(part.skin, 10.0)
    part.canvas.fill(part.skin, ct.FAT_HU, -1.8)
    width, front, back = wall.over_height(grid, _cavity_half_width, _cavity_front, _cavity_back)
    cavity = wall.radial_distance(grid, width, front, back, wall.CAVITY_POWER)
    cavity = np.maximum(cavity, -495 - grid.coordinates_mm(0).astype(np.float32)[:, None, None])
    _muscles(part, traits, cavity)
    _forearms(part, traits)
    _upper_organs(part, traits, cavity)
    _bowel(part, rng)
    _vessels(part, traits)
    _bones(part)
    part.paint_spine(SPINE)
    _pelvic_organs(part, traits)
    return part


def _thigh(side: int, more: float = 0.0) -> Shape:
    path = [(80 * side, 20, -425), (92 * side, 16, -510), (88 * side, 10, -600), (82 * side, 4, -720)]
    return tube(path, [70 + more, 80 + more, 73 + more, 63 + more], stretch=(1, 1.08, 1))


def _skin(grid: Grid, traits: Variation) -> Float32Array:
    more = np.float32(traits.fat_mm - 4)
    width, front, back = wall.over_height(grid, _skin_half_width, _skin_front, _skin_back)
    trunk = wall.radial_distance(grid, width + more, front - more * np.float32(0.8), back + more, wall.BODY_POWER)
    above_crotch = grid.coordinates_mm(0).astype(np.float32)[:, None, None] - np.float32(_CROTCH_MM)
    skin = -smooth_minimum(-trunk, np.broadcast_to(above_crotch, trunk.shape), 60.0)
    shapes = [(_thigh(side, 0.6 * float(more)), 8.0) for side in (-1, 1)]
    shapes += [(shape, arms.BLEND_MM if traits.arms == "beside" else 16.0) for shape in _arm_skin(traits)]
    for shape, radius in shapes:
        patch = shape.patch(grid, radius + 5)
        skin[patch.box] = smooth_minimum(skin[patch.box], patch.sdf, radius)
    return skin


def _arm_path(side: int) -> list[PointMm]:
    """Arms that lie against the chest go on against the hip."""
    return [(178 * side, 20, -28), (182 * side, 24, -218), (200 * side, 8, -330), (204 * side, -6, arms.WRIST_MM),
            (204 * side, -8, arms.FINGERS_MM)]  # fmt: skip


def _arm_skin(traits: Variation) -> list[Shape]:
    if traits.arms == "up":
        return []
    if traits.arms == "beside":
        return [arms.skin(side, traits.fat_mm) for side in (-1, 1)]
    more = 0.5 * traits.fat_mm
    return [tube(_arm_path(side), [40 + more, 40 + more, 34 + more, 26 + more / 2, 18]) for side in (-1, 1)]


def _forearms(part: BodyPart, traits: Variation) -> None:
    muscle = contrast.organ_hu(traits, "muscle")
    for side in (-1, 1):
        if traits.arms == "beside":
            part.paint(part.patch(*arms.muscles(side, traits.fat_mm)[1:]), muscle, grain_hu=3.0)
            part.paint_bone(part.patch(arms.humerus(side, traits.fat_mm), *arms.forearm_bones(side, traits.fat_mm)))
        elif traits.arms == "down":
            path = _arm_path(side)
            flexors = [tube([(x, y + shift, z) for x, y, z in path[:4]], [17, 17, 15, 8]) for shift in (-18, 18)]
            part.paint(part.patch(*flexors), muscle, grain_hu=3.0)
            part.paint_bone(part.patch(tube(path, [11, 12, 8, 8, 5])))


def _muscles(part: BodyPart, traits: Variation, cavity: Float32Array) -> None:
    """A sheet around the abdomen, all of the buttocks, the thighs, and what lies beside the spine."""
    muscle = contrast.organ_hu(traits, "muscle")
    z = part.grid.coordinates_mm(0)
    sheet = np.interp(z, [-365, -315], [200, 17]).astype(np.float32)[:, None, None]
    fat = np.interp(z, [-420, -300], [traits.fat_mm + 9, 0.6 * traits.fat_mm + 2]).astype(np.float32)[:, None, None]
    low = (_CROTCH_MM + 5 - z).astype(np.float32)[:, None, None]
    trunk = np.maximum(np.maximum(cavity - sheet, -cavity), np.maximum(part.skin + fat, low))
    thighs = part.patch(*(_thigh(side, -9.0 - 0.4 * traits.fat_mm) for side in (-1, 1)))
    trunk[thighs.box] = np.minimum(trunk[thighs.box], np.maximum(thighs.sdf, -cavity[thighs.box]))
    part.paint_muscle(trunk, muscle)
    part.canvas.fill(np.maximum(cavity, -3.0 - cavity), muscle)
    deep: list[Shape] = []
    for s in (-1, 1):
        deep += [
            tube([(23 * s, 82, -170), (23 * s, 79, -215), (24 * s, 76, -300), (26 * s, 86, -390)], [19, 19, 20, 10],
                 stretch=(1.15, 1, 1)),
            tube([(52 * s, 60, -215), (54 * s, 56, -260), (60 * s, 62, -308)], [8, 13, 12]),
            tube([(30 * s, 36, -190), (42 * s, 26, -280), (62 * s, 4, -360), (88 * s, -16, -425),
                  (104 * s, -2, -475)], [7, 16, 19, 15, 9]),
            tube([(84 * s, 20, -335), (90 * s, -2, -375), (92 * s, -14, -420)], [12, 15, 12], stretch=(0.7, 1.5, 1)),
        ]  # fmt: skip
    part.paint(part.patch(*deep), muscle, grain_hu=4.0)


def _upper_organs(part: BodyPart, traits: Variation, cavity: Float32Array) -> None:
    """Liver, spleen, kidneys and stomach as far as they reach below the chest's last slices."""
    grid = part.grid
    below_diaphragm = grid.coordinates_mm(0).astype(np.float32)[:, None, None] - wall.diaphragm_height(
        grid, traits.dome_mm
    )[None] * np.float32(0.8)
    below = np.maximum(cavity, below_diaphragm)
    groups = abdomen.patches(grid, below)
    part.paint(groups["crura"], contrast.organ_hu(traits, "muscle"))
    for name, suv in (("spleen", 1.8), ("kidneys", 3.2)):
        part.paint(groups[name], contrast.organ_hu(traits, name), grain_hu=3.0)
        part.uptake.append((groups[name], suv))
    antrum = tube(
        [(56, -26, -188), (40, -44, -222), (8, -46, -234), (-30, -30, -238), (-40, -8, -258)], [28, 22, 17, 12, 11]
    )
    stomach = part.patch(antrum)
    for patch in (groups["stomach"], stomach):
        part.paint(patch, 58.0)
        part.paint(patch, 22.0, grain_hu=4.0, offset_mm=-4.5)
        part.uptake.append((patch, 1.9))
    part.paint(groups["stomach_gas"], ct.AIR_HU)
    _, y, _ = coordinates(grid, stomach.box)
    part.paint(Patch(stomach.box, np.maximum(stomach.sdf + 4.5, y + 54)), ct.AIR_HU)
    part.organs["stomach"] = stomach
    _liver(part, traits, cavity, below_diaphragm)


def _liver(part: BodyPart, traits: Variation, cavity: Float32Array, above_diaphragm: Float32Array) -> None:
    liver = wall.liver_distance(part.grid, cavity, above_diaphragm)
    whole = (slice(0, part.grid.shape[0]), slice(0, part.grid.shape[1]), slice(0, part.grid.shape[2]))
    x, _, z = coordinates(part.grid, whole)
    # The lower border rises to the left.
    patch = Patch(whole, np.maximum(liver, np.float32(-268) + np.float32(0.48) * (x + 105) - z))
    part.paint(patch, contrast.organ_hu(traits, "liver"), grain_hu=2.5)
    part.organs["liver"] = patch
    part.uptake.append((patch, "liver"))


def _bowel(part: BodyPart, rng: np.random.Generator) -> None:
    """Two layers of small-bowel loops, some with gas, and the large bowel with feces and gas."""
    for layer, (front, back) in enumerate(((-62, -48), (-36, -14))):
        loops = part.patch(_loops(rng, front, back, layer))
        part.paint(loops, 52.0)
        part.paint(loops, 22.0, grain_hu=10.0, offset_mm=-_GUT_WALL_MM)
        _, y, _ = coordinates(part.grid, loops.box)
        gas = np.maximum(loops.sdf + np.float32(_GUT_WALL_MM + 1), 3 * (0.5 - part.texture[loops.box]))
        part.paint(Patch(loops.box, np.maximum(gas, y - front)), ct.AIR_HU)
        part.uptake.append((loops, 1.4))
    for course, radii, gas_above in _COLON.values():
        gut = part.patch(tube(course, radii))
        part.paint(gut, 48.0)
        part.paint(gut, -40.0, grain_hu=60.0, offset_mm=-_GUT_WALL_MM)
        _, y, _ = coordinates(part.grid, gut.box)
        part.paint(Patch(gut.box, np.maximum(gut.sdf + np.float32(_GUT_WALL_MM + 1), y - gas_above)), ct.AIR_HU)
        part.uptake.append((gut, 1.5))


def _loops(rng: np.random.Generator, front: float, back: float, layer: int) -> Shape:
    """One gut winding from the upper to the lower abdomen."""
    points: list[PointMm] = []
    for row, z in enumerate(np.arange(-262.0, -408.0, -24.0)):
        across = np.linspace(-68, 68, 5) * (-1 if (row + layer) % 2 else 1)
        for x in across:
            points.append((float(x), float(rng.uniform(front, back)), float(z + rng.uniform(-8, 4))))
    return tube(points, [float(r) for r in rng.uniform(9.5, 12.5, len(points))])


def _vessels(part: BodyPart, traits: Variation) -> None:
    blood = contrast.blood_hu(traits)
    aorta = part.patch(
        tube([(13, 17.5, -126), (6, 9, -160), (2, 4, -215), (3, -4, -280), (2, -6, -322)], [10.8, 10.4, 10, 9.5, 9])
    )
    cava = part.patch(tube([(-24, -4, -150), (-22, 2, -215), (-18, 4, -290), (-15, 4, -334)], 11.5 * traits.vein))
    arteries, veins = [], []
    for s in (-1, 1):
        iliac = [(2, -6, -322), (30 * s, 14, -378), (60 * s, -10, -432), (74 * s, -44, -468), (78 * s, -38, -560),
                 (72 * s, -20, -720)]  # fmt: skip
        arteries.append(tube(iliac, [6, 5.5, 5, 4.6, 4.2, 3.6]))
        veins.append(
            tube([(-15, 4, -334), *((x - 9 * s, y + 7, z) for x, y, z in iliac[1:])], [8, 7.5, 6.5, 6, 5, 4.5])
        )
    part.paint(part.patch(*veins), blood["inferior_vena_cava"])
    part.paint(cava, blood["inferior_vena_cava"])
    part.paint(part.patch(*arteries), blood["descending_aorta"])
    part.paint(aorta, blood["descending_aorta"])
    part.organs |= {"descending_aorta": aorta, "aorta": aorta, "inferior_vena_cava": cava}
    part.uptake += [(aorta, "blood"), (cava, "blood")]


def _bones(part: BodyPart) -> None:
    """Sacrum, hip bones and femurs."""
    sacrum = Blend(
        (
            tube([(0, 36, -354), (0, 60, -385), (0, 88, -420), (0, 95, -454), (0, 82, -482)], [15, 14, 11, 7, 4],
                 stretch=(2.2, 1, 1)),
            *(tube([(0, 50, -364), (46 * s, 66, -372)], [15, 17]) for s in (-1, 1)),
        ),
        8.0,
    )  # fmt: skip
    part.paint_bone(part.patch(sacrum), 1.8)
    for side in (-1, 1):
        part.paint_bone(part.patch(*_hip_bone(side)), 2.0)
        socket = part.patch(Ellipsoid((92 * side, 2, -438), (30, 30, 30)))
        x, _, _ = coordinates(part.grid, socket.box)
        part.paint_bone(Patch(socket.box, np.maximum(socket.sdf, x * side - 104)), 2.0)
        part.paint(part.patch(Ellipsoid((92 * side, 2, -438), (26, 26, 26))), 40.0)
        part.paint_bone(part.patch(_femur(side)), 4.5)


def _hip_bone(side: int) -> list[Shape]:
    """Wing of the ilium between its crest and the line from the sacrum to the socket; pubis and ischium."""
    crest = np.array([(46, 84, -336), (80, 64, -309), (108, 30, -299), (124, -8, -318), (121, -38, -352)], float)
    hub = np.array([(44, 74, -388), (60, 54, -398), (78, 32, -408), (88, 10, -414), (100, -18, -412)], float)
    steps, knots = np.linspace(0, 4, 11), np.arange(5)
    rays = []
    for t in steps:
        ends = [tuple(float(np.interp(t, knots, line[:, a])) for a in range(3)) for line in (crest, hub)]
        rays.append(tube([(x * side, y, z) for x, y, z in ends], [5.0, 4.2]))
    rim = tube([(x * side, y, z) for x, y, z in crest.tolist()], 6.0)
    pubis = tube([(84 * side, -16, -440), (45 * side, -42, -455), (8 * side, -46, -466)], [11, 8, 10])
    ramus = tube([(9 * side, -44, -474), (36 * side, -8, -504), (58 * side, 36, -510)], [7, 6, 9])
    ischium = tube([(88 * side, 26, -442), (74 * side, 46, -488), (60 * side, 42, -512)], [14, 12, 12])
    return [Blend((*rays, rim), 14.0), pubis, ramus, ischium]


def _femur(side: int) -> Shape:
    s = side
    return Blend(
        (
            Ellipsoid((92 * s, 2, -438), (23.5, 23.5, 23.5)),
            tube([(94 * s, 3, -440), (128 * s, 14, -472)], [15, 16]),
            Ellipsoid((134 * s, 18, -468), (14, 17, 22)),
            tube([(126 * s, 12, -482), (112 * s, 2, -560), (96 * s, -4, -720)], [17, 14, 13]),
        ),
        6.0,
    )


def _pelvic_organs(part: BodyPart, traits: Variation) -> None:
    """Bladder, and behind it prostate or uterus."""
    inner = Ellipsoid((0, 8, -438), (26, 20, 26)) if traits.sex == "F" else Ellipsoid((0, -8, -476), (20, 15, 15))
    part.uptake.append((part.paint(part.patch(inner), 62.0, grain_hu=6.0), 1.5))
    bladder = part.patch(Ellipsoid((0, -30, -448), (40, 28, 28)))
    part.paint(bladder, 42.0)
    part.paint(bladder, 5.0, offset_mm=-3.0)
    part.uptake.append((bladder, BLADDER_SUV))
