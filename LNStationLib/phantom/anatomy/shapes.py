"""Smooth implicit shapes in LPS mm, rasterized as signed distances on the part of a grid that they touch.

Distances are negative inside. They are exact for round tubes and approximate (Quilez, "Ellipsoid SDF") for
ellipsoids and flattened tubes, close enough near the surface for masks and partial volume.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline, PchipInterpolator

from LNStationLib.imaging.boxes import within
from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import BoolArray, PointMm

MARGIN_MM = 5.0
"""How far a patch reaches beyond its shape: past every blur and wall that is painted around one."""
_ROUND = (1.0, 1.0, 1.0)
Box = tuple[slice, slice, slice]
Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Patch:
    """Signed distance in mm on a box of a grid; outside the box it is ``MARGIN_MM`` or more.

    Attributes:
        box: Slices ``(z, y, x)`` into the grid.
        sdf: float32 ``[z, y, x]`` of the box's shape, negative inside the shape.
    """

    box: Box
    sdf: Float32Array

    def coverage(self, offset_mm: float = 0.0, edge_mm: float = 1.4) -> Float32Array:
        """Fraction of each voxel inside the shape grown by ``offset_mm``, as a linear ramp of width ``edge_mm``."""
        ramp: Float32Array = np.clip(0.5 + (offset_mm - self.sdf) / edge_mm, 0, 1, dtype=np.float32)
        return ramp

    def mask(self, shape: tuple[int, int, int], offset_mm: float = 0.0) -> BoolArray:
        """The shape grown by ``offset_mm`` (at most ``MARGIN_MM``) on the whole grid."""
        result = np.zeros(shape, bool)
        result[self.box] = self.sdf < offset_mm
        return result


class Shape(Protocol):
    """Anything that can be rasterized."""

    def patch(self, grid: Grid, margin_mm: float = MARGIN_MM) -> Patch:
        """Signed distance on the voxels within ``margin_mm`` of the shape's bounds."""
        ...


def box_around(grid: Grid, low: npt.ArrayLike, high: npt.ArrayLike) -> Box:
    """Slices ``(z, y, x)`` of the voxels between two LPS corners ``(x, y, z)``; may be empty."""
    slices = []
    corners = zip(np.asarray(low, float).tolist()[::-1], np.asarray(high, float).tolist()[::-1], strict=True)
    for (a, b), origin, spacing, size in zip(corners, grid.origin_mm, grid.spacing_mm, grid.shape, strict=True):
        first = min(max(math.ceil((a - origin) / spacing), 0), size)
        slices.append(slice(first, max(min(math.floor((b - origin) / spacing) + 1, size), first)))
    return slices[0], slices[1], slices[2]


def _boxes_around(grid: Grid, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> list[Box]:
    """``box_around`` for many pairs of corners ``(n, 3)`` at once."""
    origin, spacing, size = (np.asarray(values) for values in (grid.origin_mm, grid.spacing_mm, grid.shape))
    first = np.clip(np.ceil((low[:, ::-1] - origin) / spacing), 0, size).astype(int)
    stop = np.maximum(np.minimum(np.floor((high[:, ::-1] - origin) / spacing) + 1, size).astype(int), first)
    return [
        (slice(z, z1), slice(y, y1), slice(x, x1))
        for (z, y, x), (z1, y1, x1) in zip(first.tolist(), stop.tolist(), strict=True)
    ]


@lru_cache(maxsize=16)
def _axes(grid: Grid) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Coordinates in mm along ``(z, y, x)``, read-only: each of the thousand tubes of a lung asks for a part."""
    z, y, x = (grid.coordinates_mm(axis).astype(np.float32) for axis in range(3))
    for axis in (z, y, x):
        axis.flags.writeable = False
    return z, y, x


def coordinates(grid: Grid, box: Box) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Open mesh ``(x, y, z)`` of LPS coordinates in mm over a box, broadcasting to ``[z, y, x]``."""
    z, y, x = (axis[part] for axis, part in zip(_axes(grid), box, strict=True))
    return x[None, None, :], y[None, :, None], z[:, None, None]


def _empty_patch(grid: Grid, low: npt.ArrayLike, high: npt.ArrayLike, value: float) -> Patch:
    box = box_around(grid, low, high)
    return Patch(box, np.full([part.stop - part.start for part in box], value, np.float32))


@dataclass(frozen=True)
class Tube:
    """A tube of varying radius along a polyline.

    Attributes:
        points: Path in LPS mm, ``(n, 3)``.
        radii: Radius in mm at each point, ``(n,)``.
        stretch: Factors ``(x, y, z)`` by which the cross-section is widened along the patient's axes.
    """

    points: npt.NDArray[np.float64]
    radii: npt.NDArray[np.float64]
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def patch(self, grid: Grid, margin_mm: float = MARGIN_MM) -> Patch:
        """See ``Shape.patch``."""
        stretch = np.asarray(self.stretch)
        reach = (self.radii.max() + margin_mm) * stretch
        patch = _empty_patch(grid, self.points.min(0) - reach, self.points.max(0) + reach, margin_mm)
        start, end, r0, r1 = self.points[:-1], self.points[1:], self.radii[:-1], self.radii[1:]
        reach = (np.maximum(r0, r1) + margin_mm)[:, None] * stretch
        pairs = zip(r0.tolist(), r1.tolist(), strict=True)
        boxes = _boxes_around(grid, np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        along, origins = ((end - start) / stretch).astype(np.float32), start.astype(np.float32)
        axes = _axes(grid)
        for box, origin, step, radii in zip(boxes, origins, along, pairs, strict=True):
            self._stamp(axes, patch, box, origin, step, radii)
        return patch

    def _stamp(
        self,
        axes: tuple[Float32Array, Float32Array, Float32Array],
        patch: Patch,
        box: Box,
        origin: Float32Array,
        along: Float32Array,
        radii: tuple[float, float],
    ) -> None:
        # Most tubes are branches of a lung, of some thousand voxels: each call of numpy counts.
        x, y, z = axes[2][box[2]] - origin[0], axes[1][box[1]] - origin[1], axes[0][box[0]] - origin[2]
        if self.stretch != _ROUND:
            x, y, z = (c / np.float32(k) for c, k in zip((x, y, z), self.stretch, strict=True))
        y, z = y[:, None], z[:, None, None]
        length2 = max(float(along @ along), 1e-6)
        ax, ay, az = along / np.float32(length2)
        # |p - t a|^2 = |p|^2 - t (2 t0 - t) |a|^2 with t0 unclipped: few passes over the box.
        free = (z * az + y * ay) + x * ax
        t = np.minimum(free, 1)
        np.maximum(t, 0, out=t)
        free += free
        free -= t
        free *= t
        free *= np.float32(-length2)
        free += (z * z + y * y) + x * x
        distance = np.sqrt(np.maximum(free, 0, out=free), out=free)
        if radii[1] != radii[0]:
            t *= np.float32(radii[1] - radii[0])
            distance -= t
        distance -= np.float32(radii[0])
        target = patch.sdf[within(box, patch.box)]
        np.minimum(target, distance, out=target)

    def between(self, start: float, end: float) -> Tube:
        """The part of the tube between two fractions of its length."""
        first, last = (round(f * (len(self.points) - 1)) for f in (start, end))
        return Tube(self.points[first : last + 1], self.radii[first : last + 1], self.stretch)

    def fraction_near(self, point_mm: PointMm) -> float:
        """Fraction of the tube's length nearest to a point."""
        return float(np.argmin(np.linalg.norm(self.points - point_mm, axis=1)) / (len(self.points) - 1))


def tube(
    points: Sequence[PointMm],
    radii: Sequence[float] | float,
    *,
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    step_mm: float = 3.0,
) -> Tube:
    """A tube through the given points, joined by a cubic spline over chord length.

    Args:
        points: At least two LPS points in mm.
        radii: Radius in mm, one for all or one a point (joined monotonically).
        stretch: See ``Tube``.
        step_mm: Distance of the samples along the spline.
    """
    widths = tuple(radii) if isinstance(radii, Sequence) else (radii,) * len(points)
    return _tube(tuple((x, y, z) for x, y, z in points), widths, stretch, step_mm)


# Most tubes are the same in every patient, and their splines cost more than they look.
@lru_cache(maxsize=1024)
def _tube(
    points: tuple[PointMm, ...], radii: tuple[float, ...], stretch: tuple[float, float, float], step_mm: float
) -> Tube:
    knots, widths = np.asarray(points, float), np.asarray(radii, float)
    chord = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    sample = np.linspace(0, chord[-1], max(int(np.ceil(chord[-1] / step_mm)), 1) + 1)
    path = CubicSpline(chord, knots, bc_type="natural")(sample) if len(knots) > 2 else _line(knots, chord, sample)
    width = PchipInterpolator(chord, widths)(sample)
    path.flags.writeable = width.flags.writeable = False
    return Tube(path, width, stretch)


def _line(knots: np.ndarray, chord: np.ndarray, sample: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(sample, chord, knots[:, axis]) for axis in range(3)], axis=1)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid.

    Attributes:
        center: LPS mm.
        semi_axes: Half lengths in mm along the axes.
        axes: Rows are the unit axes in LPS; the patient's axes by default.
    """

    center: PointMm
    semi_axes: tuple[float, float, float]
    axes: tuple[PointMm, PointMm, PointMm] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def extent_mm(self) -> npt.NDArray[np.float64]:
        """Half extents ``(x, y, z)`` of the bounding box in mm."""
        scaled = np.asarray(self.axes) * np.asarray(self.semi_axes)[:, None]
        return np.asarray(np.sqrt((scaled**2).sum(0)))

    def patch(self, grid: Grid, margin_mm: float = MARGIN_MM) -> Patch:
        """See ``Shape.patch``."""
        half, center = self.extent_mm() + margin_mm, np.asarray(self.center)
        box = box_around(grid, center - half, center + half)
        x, y, z = (c - np.float32(o) for c, o in zip(coordinates(grid, box), self.center, strict=True))
        local = [np.float32(a[0]) * x + np.float32(a[1]) * y + np.float32(a[2]) * z for a in self.axes]
        k0 = np.sqrt(sum((c / s) ** 2 for c, s in zip(local, self.semi_axes, strict=True)))
        k1 = np.sqrt(sum((c / s**2) ** 2 for c, s in zip(local, self.semi_axes, strict=True)))
        sdf = k0 * (k0 - 1) / np.maximum(k1, 1e-6)
        return Patch(box, np.where(k0 < 1e-3, -min(self.semi_axes), sdf).astype(np.float32))


@dataclass(frozen=True)
class Blend:
    """Union of shapes, with joints rounded over about ``radius_mm`` (polynomial smooth minimum)."""

    shapes: tuple[Shape, ...]
    radius_mm: float = 0.0

    def patch(self, grid: Grid, margin_mm: float = MARGIN_MM) -> Patch:
        """See ``Shape.patch``."""
        # Beyond the reach of the rounding, so that no step shows where a part's box ends.
        reach = margin_mm + self.radius_mm
        return merge([shape.patch(grid, reach) for shape in self.shapes], self.radius_mm, reach)


def merge(patches: Sequence[Patch], radius_mm: float = 0.0, outside_mm: float = MARGIN_MM) -> Patch:
    """Smooth union of patches of one grid on the box that holds them all."""
    filled = [patch for patch in patches if patch.sdf.size] or list(patches[:1])
    box = tuple(slice(min(p.box[a].start for p in filled), max(p.box[a].stop for p in filled)) for a in range(3))
    sdf = np.full([part.stop - part.start for part in box], outside_mm, np.float32)
    for patch in filled:
        inner = tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(patch.box, box, strict=True))
        sdf[inner] = smooth_minimum(sdf[inner], patch.sdf, radius_mm)
    return Patch((box[0], box[1], box[2]), sdf)


def smooth_minimum(a: Float32Array, b: Float32Array, radius_mm: float) -> Float32Array:
    """Quadratic polynomial smooth minimum; the plain minimum for radius 0."""
    if radius_mm <= 0:
        return np.minimum(a, b)
    # In place: fields of a whole patient come here, and memory is what takes the time.
    h = np.asarray(a - b)
    np.abs(h, out=h)
    h /= radius_mm
    np.subtract(1, h, out=h)
    np.maximum(h, 0, out=h)
    h *= h
    h *= radius_mm / 4
    return np.asarray(np.subtract(np.minimum(a, b), h, out=h), np.float32)


def _cross(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cross product of two vectors; ``np.cross`` takes ten times as long, and there are thousands of nodes."""
    (a0, a1, a2), (b0, b1, b2) = a.tolist(), b.tolist()
    return np.array([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0])


def frame_along(direction: PointMm) -> tuple[PointMm, PointMm, PointMm]:
    """Right-handed orthonormal axes whose first points along ``direction``."""
    first = np.asarray(direction, float) / np.linalg.norm(direction)
    helper = np.array([0.0, 0.0, 1.0]) if abs(first[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    second = _cross(helper, first)
    second /= np.linalg.norm(second)
    third = _cross(first, second)
    rows = [tuple(float(v) for v in row) for row in (first, second, third)]
    return rows[0], rows[1], rows[2]  # type: ignore[return-value]
