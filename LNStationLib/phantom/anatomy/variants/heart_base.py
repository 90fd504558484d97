"""Aortic root with its sinuses, the left atrium behind it, and the ostia of the pulmonary veins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube, tube
from LNStationLib.phantom.anatomy.traits import PresentTrait
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.support.types import PointMm

_JUNCTION_MM = -30.0
"""Height (z) of the sinotubular junction; above it the ascending aorta stays as it is."""
_ANNULUS_MM = (7.5, -23.5, -55.0)
"""Center of the annulus."""


def aortic_root(shapes: dict[str, Shape], variation: Variation, trait: PresentTrait) -> dict[str, Shape]:
    """Sinuses between annulus and sinotubular junction, the outflow tract below, the left atrium behind."""
    rng = trait.generator()
    ascending = shapes["ascending_aorta"]
    if not isinstance(ascending, Tube):
        return shapes
    sinus = float(np.clip(rng.normal(17.0, 1.3), 15.0, 20.0)) * variation.artery
    annulus = float(np.clip(rng.normal(12.0, 0.7), 11.0, 13.5))
    lean = float(rng.normal(0, 3.0))
    base: PointMm = (_ANNULUS_MM[0] + lean, _ANNULUS_MM[1] + float(rng.normal(0, 1.5)), _ANNULUS_MM[2])
    above = ascending.points[ascending.points[:, 2] > _JUNCTION_MM]
    radii = ascending.radii[ascending.points[:, 2] > _JUNCTION_MM]
    junction = min(float(radii[0]), sinus - 1.5)
    start: PointMm = (float(above[0, 0]), float(above[0, 1]), float(above[0, 2]))
    middle: PointMm = (0.5 * (base[0] + start[0]), 0.5 * (base[1] + start[1]), 0.5 * (base[2] + start[2]))
    root = tube([base, middle, start], [annulus, sinus * 0.93, junction], step_mm=2)
    lead = np.clip(np.arange(len(radii)) / 4, 0, 1)
    axis = Tube(np.concatenate([root.points, above[1:]]),
                np.concatenate([root.radii, (junction * (1 - lead) + radii * lead)[1:]]))  # fmt: skip
    # Right sinus in front, left one to the left behind, the third beside the atria.
    turn = float(rng.normal(0, 0.25))
    bulges = tuple(
        Ellipsoid((middle[0] + 7.5 * np.sin(a + turn), middle[1] - 7.5 * np.cos(a + turn), middle[2] - 1.0),
                  (sinus * 0.62, sinus * 0.62, 10.5))
        for a in (0.0, 2.1, -2.1)
    )  # fmt: skip
    result = dict(shapes)
    result["ascending_aorta"] = Blend((axis, *bulges), 3.0)
    result["atrium_left"] = _left_atrium(rng)
    result["ventricle_left"] = _with_outflow(shapes["ventricle_left"], base, annulus)
    return result


def _left_atrium(rng: np.random.Generator) -> Blend:
    """A left atrium of 35 to 50 mm from front to back; its front wall touches the aortic root."""
    deep, wide = float(rng.uniform(0.0, 6.0)), float(rng.uniform(-2.0, 6.0))
    front = -14.5
    half = 14.5 + deep / 2
    y = front + half + 1.5
    return Blend(
        (
            Ellipsoid((2, y, -52), (27 + wide, half + 1.5, 17 + wide / 2)),
            Ellipsoid((-13 - wide / 2, 12, -56), (16, 13, 14)),
            Ellipsoid((17 + wide / 2, 10, -55), (16, 13, 15)),
        ),
        8.0,
    )


def _with_outflow(ventricle: Shape, base: PointMm, annulus: float) -> Shape:
    if not isinstance(ventricle, Blend):
        return ventricle
    x, y, z = base
    outflow = tube([(28, -24, -73), (18, -23, -64), (x + 1, y, z - 1)], [15, 12.5, annulus])
    return replace(ventricle, shapes=(ventricle.shapes[0], outflow))


def vein_ostia(shapes: dict[str, Shape], variation: Variation, trait: PresentTrait) -> dict[str, Shape]:
    """Pulmonary veins that open into the atrium by funnels and gather the veins of segments."""
    rng, k = trait.generator(), variation.vein
    wide = [float(np.clip(rng.normal(1.0, 0.13), 0.75, 1.3)) * k for _ in range(4)]
    drop = [float(rng.normal(0, 2.5)) for _ in range(4)]
    own_middle = rng.random() < 0.28
    superior = shapes["superior_pulmonary_veins"]
    result = dict(shapes)
    if isinstance(superior, Blend):
        more = [*_right_superior(wide[0], drop[0], own_middle), *_left_superior(wide[1], drop[1])]
        kept = superior.shapes[2:]
        result["superior_pulmonary_veins"] = Blend((*more, *kept), 2.0)
    result["inferior_pulmonary_vein_right"] = _inferior(-1, wide[2], drop[2], common=False)
    result["inferior_pulmonary_vein_left"] = _inferior(1, wide[3], drop[3], common=variation.common_left_vein)
    return result


def _right_superior(k: float, drop: float, own_middle: bool) -> list[Shape]:
    trunk = tube([(-17, 9, -49), (-26, 6, -46 + drop), (-38, -1, -41 + drop), (-50, -8, -30), (-58, -12, -14)],
                 [10 * k, 7.8 * k, 6.6 * k, 5 * k, 3.6 * k])  # fmt: skip
    posterior = tube([(-44, -4, -36 + drop), (-54, 2, -26), (-64, 8, -16)], [4.6 * k, 3.6 * k, 2.6 * k])
    start: PointMm = (-20, 6, -57) if own_middle else (-38, -1, -41 + drop)
    middle = tube([start, (-44, -6, -46), (-56, -22, -52)], [4.6 * k, 4 * k, 2.8 * k])
    return [trunk, posterior, middle]


def _left_superior(k: float, drop: float) -> list[Shape]:
    trunk = tube([(20, 9, -48), (28, 7, -44 + drop), (38, 3, -37 + drop), (51, -6, -28), (62, -12, -12)],
                 [10 * k, 8 * k, 7 * k, 5.2 * k, 3.6 * k])  # fmt: skip
    lingula = tube([(42, 0, -35 + drop), (54, -16, -40), (66, -30, -50)], [4.4 * k, 3.8 * k, 2.8 * k])
    return [trunk, lingula]


def _inferior(s: int, k: float, drop: float, *, common: bool) -> Blend:
    """The first tube is the trunk, whose lower border bounds station 9."""
    root: PointMm = (s * 28, 13, -54) if common else (s * 19, 16, -59)
    end: PointMm = (s * 53, 36, -69 + drop)
    trunk = tube([root, (s * 28, 22, -62 + drop / 2), (s * 38, 28, -64.5 + drop), end],
                 [9.2 * k, 7.4 * k, 6.2 * k, 4.6 * k])  # fmt: skip
    upper = tube([(s * 44, 31.5, -66 + drop), (s * 52, 42, -58), (s * 58, 50, -46)], [3.8 * k, 3.4 * k, 2.6 * k])
    basal = tube([(s * 48, 33, -67 + drop), (s * 56, 38, -80), (s * 62, 42, -96)], [4.2 * k, 3.8 * k, 2.8 * k])
    return Blend((trunk, upper, basal), 1.5)
