"""Neck vessels and muscles that differ between patients and between sides, and goiter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube, tube
from LNStationLib.phantom.anatomy.traits import PresentTrait
from LNStationLib.phantom.anatomy.variants.shifts import bump_field, moved
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.support.types import PointMm

_SIDES: tuple[tuple[Literal[-1, 1], str], ...] = ((1, "left"), (-1, "right"))
_GOITER = (1.1, 2.2)
"""How large the least and the most pronounced goiter is, against lobes of 19 x 23 x 36 mm."""
DEEP_MUSCLES, NECK_VEINS = "deep_neck_muscles", "neck_veins"
"""Groups that only patients with these traits have."""


def neck_vessels(shapes: dict[str, Shape], variation: Variation, trait: PresentTrait) -> dict[str, Shape]:
    """Carotid, jugular and subclavian vessels of one patient in place of the average ones."""
    rng = trait.generator()
    result = dict(shapes)
    for s, word in _SIDES:
        carotid = _tube(shapes[f"common_carotid_artery_{word}"])
        caliber = float(np.clip(rng.normal(3.35, 0.3), 2.75, 4.0)) * variation.artery
        aside, forward = s * float(np.clip(rng.normal(1.5, 2.5), -1.5, 7.0)), float(rng.normal(0, 2.0))
        wind = float(rng.normal(0, 1.2))
        carotid = _in_neck(carotid, (aside, forward, 0.0), wind, rng)
        result[f"common_carotid_artery_{word}"] = Tube(carotid.points, _toward(carotid, caliber), carotid.stretch)
        dominant = trait.side == s
        radius = float(rng.uniform(5.2, 9.0) if dominant else rng.uniform(3.0, 6.5)) * variation.vein
        flat = float(rng.uniform(0.62, 1.0))
        result[f"internal_jugular_vein_{word}"] = _jugular(s, carotid, caliber, radius, flat)
        lift = float(np.clip(rng.normal(0, 4.0), -6, 7))
        result[f"subclavian_artery_{word}"] = _lifted(_tube(shapes[f"subclavian_artery_{word}"]), lift, rng)
    return result


def _tube(shape: Shape) -> Tube:
    if not isinstance(shape, Tube):
        raise TypeError(f"a vessel of the neck is a tube, not a {type(shape).__name__}")
    return shape


def _over_neck(z: np.ndarray, low: float = 70.0, high: float = 100.0) -> np.ndarray:
    """0 in the chest, 1 in the neck."""
    part = np.clip((z - low) / (high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part))


def _toward(vessel: Tube, radius: float) -> np.ndarray:
    """The vessel's radii, led over to another one from its first centimeter on."""
    along = np.linspace(0, 1, len(vessel.radii))
    part = np.clip(along / 0.3, 0, 1)
    return np.asarray(vessel.radii * (1 - part) + radius * part)


def _in_neck(vessel: Tube, by_mm: PointMm, wind_mm: float, rng: np.random.Generator) -> Tube:
    z = vessel.points[:, 2]
    weight = _over_neck(z)
    points = vessel.points + weight[:, None] * np.asarray(by_mm)
    phase = float(rng.uniform(0, 2 * np.pi))
    points[:, 0] += weight * wind_mm * np.sin(z / 9 + phase)
    points[:, 1] += weight * wind_mm * np.cos(z / 11 + phase)
    return Tube(points, vessel.radii, vessel.stretch)


def _jugular(s: int, carotid: Tube, caliber: float, radius: float, flat: float) -> Tube:
    """The vein beside and in front of the carotid, wider at the bulb above its valve."""
    heights = np.array([86.0, 92.0, 106.0, 120.0, 135.0])
    order = np.argsort(carotid.points[:, 2])
    x, y = (np.interp(heights, carotid.points[order, 2], carotid.points[order, a]) for a in (0, 1))
    beside = caliber + radius + 0.8
    path = [(s * 34.0, -27.0, 86.0)]
    before, near = (5, 3, 1, -1), (0.98, 0.96, 0.9, 0.85)
    path += [
        (float(a + s * beside * c), float(b - f), float(h))
        for a, b, h, c, f in zip(x[1:], y[1:], heights[1:], near, before, strict=True)
    ]
    radii = [max(radius * 0.9, 4.6), radius * 1.18, radius * 1.05, radius, radius * 0.95]
    return tube(path, radii, stretch=(1.0, flat, 1.0))


def _lifted(vessel: Tube, lift_mm: float, rng: np.random.Generator) -> Tube:
    """A subclavian artery whose course over the lung's apex stands higher or lower."""
    outward = np.abs(vessel.points[:, 0])
    weight = np.clip((outward - 26) / 24, 0, 1) * np.clip((135 - outward) / 40, 0, 1)
    points = vessel.points.copy()
    points[:, 2] += weight * lift_mm
    return Tube(points, vessel.radii * float(rng.uniform(0.86, 1.06)), vessel.stretch)


def small_neck_vessels(trait: PresentTrait, shapes: dict[str, Shape]) -> dict[str, list[Tube]]:
    """Superficial and thyroid veins, vertebral veins and the branches of the subclavian arteries."""
    rng = trait.generator()
    veins: list[Tube] = []
    arteries: list[Tube] = []
    for s, word in _SIDES:
        width = float(rng.uniform(1.6, 3.4))
        veins.append(tube([(50 * s, -27, 88), (51 * s, -33, 106), (50 * s, -30, 124), (49 * s, -22, 140)], width))
        veins.append(tube([(36 * s, -36, 86), (14 * s, -48, 88), (9 * s, -44, 108), (9 * s, -38, 140)],
                          float(rng.uniform(1.0, 2.0))))  # fmt: skip
        veins.append(tube([(30 * s, -14, 88), (24 * s, 0, 104), (21 * s, 4, 122), (20 * s, 6, 140)],
                          float(rng.uniform(1.0, 1.8))))  # fmt: skip
        artery = _tube(shapes[f"subclavian_artery_{word}"]).points
        x, y, z = (float(v) for v in artery[np.argmin(np.abs(np.abs(artery[:, 0]) - 40))])
        arteries.append(tube([(x, y, z), (x - 4 * s, y - 4, z + 8), (18 * s, -4, 106), (17 * s, -8, 112)], 1.5))
        arteries.append(tube([(x, y, z + 2), (58 * s, 0, 102), (84 * s, 20, 100)], 1.0))
        arteries.append(tube([(x + 2 * s, y + 3, z), (34 * s, 22, 92), (30 * s, 30, 78)], 1.3))
    veins.append(tube([(4, -32, 92), (2, -33, 76), (6, -37, 60)], float(rng.uniform(1.2, 2.2))))
    return {NECK_VEINS: veins, "small_arteries": arteries}


def neck_muscles(trait: PresentTrait) -> dict[str, list[Shape]]:
    """Muscles of the neck one by one; the anterior ones are those that bound station 1."""
    rng = trait.generator()
    thick = trait.between(0.75, 1.3)
    front: list[Shape] = []
    deep: list[Shape] = []
    for s, _ in _SIDES:
        k = thick * float(rng.uniform(0.93, 1.07))
        front += _front_muscles(s, k)
        deep += _deep_muscles(s, k)
    return {"neck_muscles": front, DEEP_MUSCLES: deep}


def _front_muscles(s: int, k: float) -> Sequence[Tube]:
    """Sternocleidomastoid, anterior scalene, longus colli and strap muscles, which bound station 1."""
    return [
        tube([(46 * s, -6, 140), (42 * s, -28, 112), (20 * s, -50, 74)], [9 * k, 8 * k, 5 * k], stretch=(1.35, 1, 1)),
        tube([(24 * s, 6, 140), (34 * s, 2, 112), (46 * s, 4, 92)], [6.2 * k, 6.4 * k, 5.4 * k]),
        tube([(8 * s, -3, 140), (8 * s, 2, 100), (8 * s, 12, 68)], [4.2 * k, 4.4 * k, 2.5]),
        tube([(9 * s, -31, 122), (9 * s, -36, 98), (9 * s, -46, 74)], [3.4 * k, 3.2 * k, 2.8], stretch=(1.7, 1, 1)),
    ]


def _deep_muscles(s: int, k: float) -> Sequence[Shape]:
    """Clavicular head, scalenes, levator scapulae, muscles behind the spine, trapezius and omohyoid."""
    return [
        tube([(46 * s, -22, 116), (48 * s, -34, 98), (46 * s, -48, 78)], [5 * k, 5.4 * k, 3.6],
             stretch=(1.5, 0.8, 1)),
        tube([(30 * s, 14, 140), (41 * s, 14, 112), (56 * s, 20, 86)], [6.4 * k, 7.6 * k, 6.4]),
        tube([(30 * s, 24, 140), (42 * s, 26, 112), (58 * s, 36, 88)], [6 * k, 7 * k, 6]),
        tube([(46 * s, 18, 140), (54 * s, 34, 116), (64 * s, 54, 96), (72 * s, 66, 78)], [8 * k, 9 * k, 8.6 * k, 6],
             stretch=(1.0, 1.35, 1)),
        Blend((tube([(14 * s, 44, 140), (15 * s, 48, 112), (17 * s, 62, 84)], [11 * k, 12 * k, 11]),), 0),
        tube([(28 * s, 50, 140), (29 * s, 56, 112), (27 * s, 72, 84)], [9 * k, 9.6 * k, 8], stretch=(1.4, 0.8, 1)),
        tube([(18 * s, 66, 140), (40 * s, 66, 118), (74 * s, 58, 102), (112 * s, 38, 100)],
             [5.4 * k, 8 * k, 10 * k, 9 * k], stretch=(2.0, 0.9, 1)),
        tube([(18 * s, -36, 118), (38 * s, -34, 104), (62 * s, -14, 96), (84 * s, 20, 94)], 2.3 * k,
             stretch=(1, 1, 1.5)),
    ]  # fmt: skip


def goiter(shapes: dict[str, Shape], trait: PresentTrait) -> dict[str, Shape]:
    """A large nodular thyroid gland that pushes trachea and esophagus aside and the vessels apart."""
    rng, s = trait.generator(), int(trait.side)
    size = trait.between(*_GOITER)
    deep = rng.random() < 0.5
    lobes: list[Shape] = [shapes["thyroid_gland"]]
    for side, share in ((s, 1.0), (-s, float(rng.uniform(0.45, 0.9)))):
        k = size * share
        lobes.append(Ellipsoid((side * (12 + 6.5 * k), -18.0, 100.0), (9.5 * k, 11.5 * k, 18 * k)))
        for _ in range(3):
            x, y, z = rng.uniform(-5, 5, 3)
            at = (side * (14 + 6 * k) + x, -18.0 + y, 100.0 + 2.2 * z)
            lobes.append(Ellipsoid(at, tuple((rng.uniform(6, 9, 3) * k).tolist())))
    if deep:
        # Down between trachea and vessels, mostly on the right in front of the trunk.
        bottom = float(rng.uniform(38, 60))
        lobes.append(tube([(s * 20, -20, 92), (s * 17, -26, 74), (s * 13, -31, bottom)],
                          [9 * size, 9.5 * size, 7 * size]))  # fmt: skip
    result = dict(shapes)
    result["thyroid_gland"] = Blend(tuple(lobes), 6.0)
    push = trait.between(3.0, 9.0)
    aside = bump_field(96.0, 20.0, (-s * push, 1.0, 0.0))
    for name in ("trachea", "esophagus"):
        result[name] = moved(shapes[name], aside)
    for side, word in _SIDES:
        apart = bump_field(104.0, 17.0, (side * (5 + 9 * (size - 1)) * (1.25 if side == s else 0.8), 3.0, 0.0))
        for name in (f"common_carotid_artery_{word}", f"internal_jugular_vein_{word}"):
            result[name] = moved(shapes[name], apart)
    return result


def goiter_nodules(trait: PresentTrait) -> list[Shape]:
    """Nodules that take up less iodine than the gland."""
    rng, s = trait.generator(), int(trait.side)
    size = trait.between(*_GOITER)
    nodules: list[Shape] = []
    for side in (s, s, -s):
        x, y, z = rng.uniform((-4, -6, -14), (4, 6, 12))
        at = (side * (14 + 6 * size) + float(x), -18.0 + float(y), 100.0 + float(z))
        r = float(rng.uniform(4, 8)) * size**0.5
        nodules.append(Ellipsoid(at, (r, r, r * 1.2)))
    return nodules
