"""Vessels and airways inside the lungs: trees that fill each lobe, forking toward points spread through it.

A branch serving n of a lobe's end points has a radius that grows as n to the power 1 / 2.9, between Murray's cube law
and the square law of the large airways (Weibel, Morphometry of the Human Lung, 1963: exponents of 2.3 to 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from LNStationLib.imaging.boxes import bounding_box
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch, Tube

_EXPONENT = 1 / 2.9
"""Of the radius over the number of end points; see above."""
_END_RADIUS_MM = 0.64
"""Radius of a vessel that serves one end point."""
_MIN_AIRWAY_POINTS = 12
"""Airways that serve fewer end points are too thin to be seen on CT."""
_FINE_MM = 1.3
"""Tubes with radii below this are drawn as spheres along their axis, which is faster."""
_SPLAT_STEP_MM = 0.8
"""Distance of those spheres."""
_FAR_MM = 2.0
"""Where distances end."""


@dataclass(frozen=True)
class LobeRoots:
    """Where vessels and airway enter one lobe, LPS mm in the frame of ``central``.

    Attributes:
        label: The lobe's value in ``lungs.lobe_labels``.
        share: Share of the end points of both lungs.
        bronchus: End of the lobar bronchus.
        artery: Where the lobe's arteries leave the hilum.
        vein: Where its veins reach the hilum.
    """

    label: int
    share: float
    bronchus: tuple[float, float, float]
    artery: tuple[float, float, float]
    vein: tuple[float, float, float]


ROOTS = (
    LobeRoots(1, 0.23, (56, 14, -26), (52, 22, -10), (56, -9, -25)),
    LobeRoots(2, 0.24, (47, 41, -64), (58, 38, -46), (53, 34.5, -67.5)),
    LobeRoots(3, 0.19, (-37, 19, -12), (-39, 9, -20), (-53, -10, -24)),
    LobeRoots(4, 0.09, (-36.5, 12, -51), (-43.5, 22, -41), (-47, -6, -34)),
    LobeRoots(5, 0.25, (-32.5, 41, -64), (-44, 31, -53), (-49, 37.5, -68.5)),
)
"""By lobe: left upper and lower, right upper, middle and lower. Shares follow the lobes' usual volumes."""


@dataclass(frozen=True)
class LungTrees:
    """Tubes of all lobes."""

    arteries: tuple[Tube, ...]
    veins: tuple[Tube, ...]
    bronchi: tuple[Tube, ...]


def grow(
    rng: np.random.Generator,
    points: dict[int, np.ndarray],
    artery: float,
    vein: float,
    field: Callable[[np.ndarray], np.ndarray] | None = None,
) -> LungTrees:
    """Grow the trees of all lobes.

    Args:
        rng: Random generator.
        points: For each lobe label end points ``(n, 3)`` in LPS mm.
        artery: Scale of the caliber of arteries.
        vein: Scale of the caliber of veins.
        field: Displacement of the hila (``variants.shifts.Field``).
    """
    arteries: list[Tube] = []
    veins: list[Tube] = []
    bronchi: list[Tube] = []
    for root in ROOTS:
        ends = points.get(root.label)
        if ends is None or len(ends) < 4:
            continue
        half = len(ends) // 2
        seed = int(rng.integers(2**31))
        bronchus, artery_at, vein_at = np.array([root.bronchus, root.artery, root.vein], float)
        if field is not None:
            bronchus, artery_at, vein_at = (p + field(p[None])[0] for p in (bronchus, artery_at, vein_at))
        # The same seed and ends make bronchus and artery fork together; veins run between them.
        _branch(np.random.default_rng(seed), artery_at, ends[:half], arteries, lambda n: _radius(n) * artery)
        _branch(
            np.random.default_rng(seed), bronchus, ends[:half] + np.array([1.6, -1.4, 1.2]), bronchi,
            lambda n: _radius(n) * 0.78 if n >= _MIN_AIRWAY_POINTS else 0.0,
        )  # fmt: skip
        _branch(rng, vein_at, ends[half:], veins, lambda n: _radius(n) * 0.95 * vein)
    return LungTrees(tuple(arteries), tuple(veins), tuple(bronchi))


def _radius(count: int) -> float:
    return float(_END_RADIUS_MM * count**_EXPONENT)


def _branch(
    rng: np.random.Generator,
    start: np.ndarray,
    ends: np.ndarray,
    out: list[Tube],
    radius: Callable[[int], float],
    before: float | None = None,
) -> None:
    """Run toward the middle of the end points, fork, and let each branch serve its half of them."""
    width = radius(len(ends))
    if width <= 0:
        return
    before = width if before is None else before
    middle = ends[0] if len(ends) == 1 else ends.sum(0) / len(ends)
    heading = middle - start
    length = math.sqrt(float(heading @ heading))
    if len(ends) == 1 or length < 3:
        out.append(_tube(start, middle, before, width * 0.75))
        return
    fork = start + heading * rng.uniform(0.42, 0.6)
    out.append(_tube(start, fork, before, width))
    for part in _halves(rng, ends, fork, heading / length):
        _branch(rng, fork, part, out, radius, min(width, radius(len(part)) * 1.12))


def _halves(
    rng: np.random.Generator, ends: np.ndarray, fork: np.ndarray, heading: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Part the end points by their place along the widest direction across the heading, in about 36 to 64 %."""
    count = min(max(round(len(ends) * rng.uniform(0.36, 0.64)), 1), len(ends) - 1)
    if len(ends) == 2:
        return ends[:1], ends[1:]
    relative = ends - fork
    across = relative - (relative @ heading)[:, None] * heading
    _, vectors = np.linalg.eigh(across.T @ across)
    axis = vectors[:, -1]
    # eigh leaves the sign open; fix it, so that the same input gives the same tree everywhere.
    order = np.argsort(across @ (axis * np.sign(axis[np.argmax(np.abs(axis))])), kind="stable")
    return ends[order[:count]], ends[order[count:]]


def _tube(start: np.ndarray, end: np.ndarray, first: float, last: float) -> Tube:
    return Tube(np.array([start, end]), np.array([visible_radius(first), visible_radius(last)]))


def visible_radius(radius_mm: float, pixel_mm: float = 1.3, edge_mm: float = 1.4) -> float:
    """Radius that gives a vessel thinner than a voxel its true share of it under ``Patch.coverage``.

    It may be negative.
    """
    share = np.pi * radius_mm**2 / pixel_mm**2
    return radius_mm if share >= 1 else min(radius_mm, edge_mm * (float(share) - 0.5))


def rasterize(tubes: Sequence[Tube], grid: Grid) -> Patch:
    """Signed distance of many tubes: thick ones one by one, thin ones as chains of spheres all at once."""
    thick = [t.patch(grid, _FAR_MM) for t in tubes if t.radii.max() >= _FINE_MM]
    sdf = np.full(grid.shape, _FAR_MM, np.float32)
    for patch in thick:
        part = sdf[patch.box]
        np.minimum(part, patch.sdf, out=part)
    fine = [t for t in tubes if t.radii.max() < _FINE_MM]
    if fine:
        _splat(sdf, grid, *_spheres(fine))
    box = bounding_box(sdf < _FAR_MM)
    box = box or (slice(0, 0), slice(0, 0), slice(0, 0))
    return Patch(box, sdf[box])


def _spheres(tubes: Sequence[Tube]) -> tuple[np.ndarray, np.ndarray]:
    """Centers ``(n, 3)`` in LPS mm and radii of spheres along straight tubes."""
    starts, ends = (np.array([t.points[i] for t in tubes]) for i in (0, -1))
    first, last = (np.array([t.radii[i] for t in tubes]) for i in (0, -1))
    counts = np.maximum(np.ceil(np.linalg.norm(ends - starts, axis=1) / _SPLAT_STEP_MM).astype(int), 1) + 1
    owner = np.repeat(np.arange(len(tubes)), counts)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    t = rank / np.repeat(counts - 1, counts)
    centers = starts[owner] + (ends - starts)[owner] * t[:, None]
    return centers, first[owner] + (last - first)[owner] * t


def _splat(sdf: Float32Array, grid: Grid, centers: np.ndarray, radii: np.ndarray) -> None:
    """Lower ``sdf`` around spheres, within the reach that soft edges need."""
    spacing = np.asarray(grid.spacing_mm)
    reach = np.ceil((_FINE_MM + 0.8) / spacing).astype(int)
    position = (centers[:, ::-1] - np.asarray(grid.origin_mm)) / spacing
    base = np.round(position).astype(np.int64)
    # Spheres at the very edge of the grid would need a check at every step, and cannot be seen.
    inner = ((base >= reach) & (base < np.asarray(grid.shape) - reach)).all(1)
    base, away, radii = base[inner], ((base - position) * spacing)[inner], radii[inner].astype(np.float32)
    index = np.ravel_multi_index(tuple(base.T), grid.shape)
    squares = [
        {step: ((away[:, a] + step * spacing[a]) ** 2).astype(np.float32) for step in range(-r, r + 1)}
        for a, r in enumerate(reach)
    ]
    flat = sdf.reshape(-1)
    for dz, dy, dx in (np.array(offset) - reach for offset in np.ndindex(*(2 * reach + 1))):
        nearest = np.maximum(np.abs((dz, dy, dx)) - 0.5, 0) * spacing
        if nearest @ nearest > (_FAR_MM + _FINE_MM) ** 2:
            continue
        distance = np.sqrt(squares[0][dz] + squares[1][dy] + squares[2][dx]) - radii
        near = distance < _FAR_MM
        shift = (dz * grid.shape[1] + dy) * grid.shape[2] + dx
        np.minimum.at(flat, index[near] + shift, distance[near])
