"""Azygos, hemiazygos and intercostal veins along the spine."""

from __future__ import annotations

import numpy as np

from LNStationLib.phantom.anatomy.shapes import Shape, Tube, tube
from LNStationLib.phantom.anatomy.skeleton import DISC_Z_MM, spine_half_depth, spine_half_width, spine_y
from LNStationLib.phantom.anatomy.traits import PresentTrait

_LOWEST_MM, _TURN_MM = -215.0, -8.0
"""Where the azygos vein begins, and where it leaves the spine toward its arch."""


def azygos_course(shapes: dict[str, Shape], trait: PresentTrait) -> dict[str, Shape]:
    """An azygos vein of one patient: 5 to 12 mm wide, right of the midline to just left of it."""
    rng, arch = trait.generator(), shapes["azygos_arch"]
    if not isinstance(arch, Tube):
        return shapes
    radius = trait.between(2.5, 5.6)
    aside = float(np.clip(rng.normal(-6.0, 4.5), -13.0, 4.0))
    heights = np.array([_LOWEST_MM, -160.0, -125.0, -90.0, -50.0, -22.0])
    lower = np.clip((heights - _LOWEST_MM) / 160, 0.55, 1.0)
    path = [_before_spine(aside * (0.7 if z < -150 else 1.0) - (4 if z < -150 else 0), float(z), radius * w)
            for z, w in zip(heights, lower, strict=True)]  # fmt: skip
    start = arch.points[0]
    joined = float(np.clip(radius * 1.05, 3.4, 6.0))
    path += [(float(0.5 * (path[-1][0] + start[0])), 35.5, -3.0), tuple(float(v) for v in start)]  # type: ignore[list-item]
    radii = [*(radius * lower).tolist(), radius, joined]
    result = dict(shapes)
    result["azygos_vein"] = tube(path, radii)
    result["azygos_arch"] = Tube(arch.points, np.linspace(joined, joined + 0.4, len(arch.radii)), arch.stretch)
    return result


def _before_spine(x: float, z: float, radius: float) -> tuple[float, float, float]:
    """A point on the vertebral body's front, a vein's radius off it."""
    depth, width = float(spine_half_depth(z)), float(spine_half_width(z))
    front = depth * np.sqrt(max(1 - (x / width) ** 2, 0.05))
    return x, float(spine_y(z) - front - radius - 0.6), z


def left_column(trait: PresentTrait, azygos: Shape) -> list[Tube]:
    """Hemiazygos and accessory hemiazygos veins, their crossings, and intercostal veins of both sides."""
    rng = trait.generator()
    wide = float(rng.uniform(1.4, 3.0))
    heights = [_LOWEST_MM, -170.0, -130.0, -90.0, -60.0, -30.0, 0.0, 16.0]
    left = [(14.0 + float(rng.normal(0, 0.8)), 0.0, z) for z in heights]
    column = [_beside_spine(x, z, wide) for x, _, z in left]
    veins = [tube(column, [wide, wide, wide, wide, wide * 0.9, wide * 0.8, wide * 0.7, 1.2])]
    # To the left brachiocephalic vein along the arch: the "aortic nipple".
    veins.append(
        tube([column[-1], (44, 42, 26), (50, 22, 38), (44, -2, 52), (34, -28, 70)], [1.3, 1.4, 1.5, 1.6, 1.7])
    )
    if isinstance(azygos, Tube):
        for z in rng.uniform(-105, -40, int(rng.integers(1, 4))):
            veins.append(_crossing(azygos, float(z), wide))
        veins += [_intercostal(azygos, float(z)) for z in DISC_Z_MM if -160 < z < 0]
    return veins


def _beside_spine(x: float, z: float, radius: float) -> tuple[float, float, float]:
    y, depth, width = float(spine_y(z)), float(spine_half_depth(z)), float(spine_half_width(z))
    return float(max(x, 0.9 * width + radius)), float(y - 0.25 * depth), z


def _crossing(azygos: Tube, z: float, radius: float) -> Tube:
    at = azygos.points[np.argmin(np.abs(azygos.points[:, 2] - z))]
    end = tuple(float(v) for v in at)
    middle = _before_spine(0.5 * (end[0] + 10.0), z - 3, radius)
    return tube([_beside_spine(14.0, z - 6, radius), _before_spine(11.0, z - 5, radius), middle, end], radius * 0.9)  # type: ignore[list-item]


def _intercostal(azygos: Tube, z: float) -> Tube:
    """A right intercostal vein around the vertebral body to the azygos vein."""
    at = azygos.points[np.argmin(np.abs(azygos.points[:, 2] - z))]
    y, depth, width = float(spine_y(z)), float(spine_half_depth(z)), float(spine_half_width(z))
    path = [(-width - 16, y + depth + 2, z - 3), (-width - 2.2, y + 0.3 * depth, z),
            (-0.85 * width - 1.5, y - 0.45 * depth, z + 2), tuple(float(v) for v in at)]  # fmt: skip
    return tube(path, [0.9, 1.1, 1.2, 1.3])  # type: ignore[arg-type]
