"""Profiles of tubes as the union of spheres along their axes: outermost walls per height, distances to walls.

All numbers are LPS mm in the frame that the tubes are given in. A profile is a value per height z; it is taken from
the tubes' axes and radii and never from voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from LNStationLib.phantom.anatomy.shapes import Tube

Array = npt.NDArray[np.float64]
Axis = Literal["x", "y"]
_STEP_MM = 0.8
"""Distance of the spheres along an axis; between two of 2 mm radius their union dips by 0.04 mm."""
_AXES: dict[str, int] = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class Spheres:
    """Densely sampled axis of one tube.

    Attributes:
        centers: LPS mm, ``(n, 3)``.
        radii: mm, ``(n,)``.
        stretch: Factors ``(x, y, z)`` that make the spheres ellipsoids.
        along_mm: Distance from the tube's start along the axis, ``(n,)``.
    """

    centers: Array
    radii: Array
    stretch: Array
    along_mm: Array

    def bottom_mm(self) -> float:
        """Lowest z of the surface."""
        return float((self.centers[:, 2] - self.stretch[2] * self.radii).min())

    def top_mm(self) -> float:
        """Highest z of the surface."""
        return float((self.centers[:, 2] + self.stretch[2] * self.radii).max())

    def part(self, keep: npt.NDArray[np.bool_]) -> Spheres:
        """The samples that are kept."""
        return Spheres(self.centers[keep], self.radii[keep], self.stretch, self.along_mm[keep])

    def rows_at(self, z: Array) -> npt.NDArray[np.intp]:
        """Indices of the heights at which the surface may be."""
        return np.flatnonzero((z >= self.bottom_mm()) & (z <= self.top_mm()))

    def half_chord(self, z: Array) -> Array:
        """Radius in mm of every sphere's section at every height, ``(len(z), n)``; NaN where they do not meet."""
        square = self.radii**2 - ((z[:, None] - self.centers[:, 2]) / self.stretch[2]) ** 2
        return np.sqrt(np.where(square > 0, square, np.nan))


def spheres(tube: Tube) -> Spheres:
    """Sample a tube's axis every 0.8 mm."""
    steps = np.linalg.norm(np.diff(tube.points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0, along[-1], max(int(np.ceil(along[-1] / _STEP_MM)), 1) + 1)
    centers = np.stack([np.interp(wanted, along, tube.points[:, axis]) for axis in range(3)], axis=1)
    return Spheres(centers, np.interp(wanted, along, tube.radii), np.asarray(tube.stretch, float), wanted)


def wall(tubes: Sequence[Spheres], axis: Axis, sign: int, z: Array) -> Array:
    """Outermost wall of several tubes at each height.

    Args:
        tubes: Their union is meant.
        axis: Along which "outermost" is asked.
        sign: +1 for the left or back wall, -1 for the right or front wall.
        z: Heights in mm.

    Returns:
        Coordinate in mm at each height, NaN where no tube is.
    """
    best = np.full(z.shape, np.nan)
    a = _AXES[axis]
    for tube in tubes:
        rows = tube.rows_at(z)
        reach = sign * tube.centers[:, a] + tube.stretch[a] * tube.half_chord(z[rows])
        best[rows] = np.fmax(best[rows], np.fmax.reduce(reach, axis=1))
    return sign * best


def front(tubes: Sequence[Spheres], x: Array, z: Array) -> Array:
    """Foremost y of several tubes over a lattice.

    Returns:
        ``(len(z), len(x))`` in mm, NaN where no tube lies in the column.
    """
    best = np.full((z.size, x.size), np.nan)
    for tube in tubes:
        rows = tube.rows_at(z)
        for row, chord in zip(rows, tube.half_chord(z[rows]), strict=True):
            met = np.isfinite(chord)
            if not met.any():
                continue
            center, radius = tube.centers[met], chord[met]
            square = radius[:, None] ** 2 - ((x[None, :] - center[:, :1]) / tube.stretch[0]) ** 2
            depth = np.sqrt(np.where(square > 0, square, np.nan)) * tube.stretch[1]
            best[row] = np.fmin(best[row], np.fmin.reduce(center[:, 1:2] - depth, axis=0))
    return best


def filled(profile: Array) -> Array:
    """Fill NaN linearly between known heights and with the nearest value beyond them.

    Raises:
        ValueError: Nothing is known.
    """
    known = np.flatnonzero(np.isfinite(profile))
    if known.size == 0:
        raise ValueError("a border's structure is at no height of the field of view")
    return np.interp(np.arange(profile.size), known, profile[known])


def wall_distance(tube: Spheres, points: Array, limit_mm: float) -> tuple[Array, Array]:
    """Distance of points from a tube's wall, negative inside, and where along the tube the nearest axis point lies.

    Args:
        tube: The tube; its radius is taken at the nearest point of its axis.
        points: LPS mm ``(n, 3)``.
        limit_mm: Points further from the wall get infinity.

    Returns:
        Two arrays ``(n,)`` in mm; infinity in both where a point is too far.
    """
    reach = limit_mm + tube.radii.max() * tube.stretch
    inside = ((points > tube.centers.min(0) - reach) & (points < tube.centers.max(0) + reach)).all(1)
    distance, along = (np.full(len(points), np.inf) for _ in range(2))
    # In the stretched space that is as far as a point within the limit can be from the axis.
    furthest = limit_mm / float(np.min(tube.stretch)) + float(tube.radii.max()) + 1e-3
    inside = np.flatnonzero(inside)
    _, index = cKDTree(tube.centers / tube.stretch).query(
        points[inside] / tube.stretch, distance_upper_bound=furthest
    )
    found = index < len(tube.centers)
    inside, index = inside[found], index[found]
    near = points[inside]
    offset = near - tube.centers[index]
    # The nearest axis point is that of the stretched space; the distance is measured in true mm through it.
    away = np.sqrt((offset**2).sum(1))
    stretched = np.sqrt(((offset / tube.stretch) ** 2).sum(1))
    radius = tube.radii[index] * np.where(stretched > 1e-6, away / np.maximum(stretched, 1e-6), 1.0)
    wall_mm = away - radius
    distance[inside] = np.where(wall_mm <= limit_mm, wall_mm, np.inf)
    along[inside] = tube.along_mm[index]
    return distance, along


def parting_z(parent: Spheres, first: Spheres, second: Spheres) -> float:
    """Highest z at which an axial plane shows two branches apart, also not joined by their parent's end.

    A branch that runs level has parted where its lower wall ends.
    """
    z = float(parent.centers[-1, 2])
    lowest = max(first.bottom_mm(), second.bottom_mm())
    while z > lowest and (_touch(first, second, z) or (_touch(parent, first, z) and _touch(parent, second, z))):
        z -= 0.25
    return z


def _touch(one: Spheres, other: Spheres, z: float) -> bool:
    sections = []
    for tube in (one, other):
        chord = tube.half_chord(np.array([z]))[0]
        met = np.isfinite(chord)
        sections.append((tube.centers[met, :2], chord[met]))
    (a, r), (b, s) = sections
    if not r.size or not s.size:
        return False
    apart = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    return bool((apart < r[:, None] + s[None]).any())
