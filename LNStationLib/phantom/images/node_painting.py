"""Nodes and look-alikes in the image: attenuation with hilum, necrosis, calcium, texture and margin; uptake."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Box, Ellipsoid, Float32Array
from LNStationLib.phantom.nodes.node import PlacedNode

HILUM_HU, NECROSIS_HU, CALCIUM_HU = -70.0, 18.0, 420.0
"""Fat with some vessels, necrosis as fluid, and calcium averaged over a grain."""
_GRAIN_MM = 1.6
"""Standard deviation of the blur that makes texture of noise."""
_MARGIN_MM = 4.0
"""How far around a node it is painted: past its blurred margin."""


def paint_nodes(hu: Float32Array, nodes: Sequence[PlacedNode], grid: Grid) -> None:
    """Paint nodes over an image in place.

    Args:
        hu: Attenuation ``[z, y, x]`` on ``grid`` before blur and noise.
        nodes: Nodes and look-alikes with their places.
        grid: In the frame of the anatomy tables.
    """
    for node in nodes:
        patch = node.shape().patch(grid, _MARGIN_MM)
        if patch.sdf.size:
            part = hu[patch.box]
            cover = patch.coverage(edge_mm=node.plan.margin_mm)
            part += cover * (_inside(node, patch.box, patch.sdf, grid) - part)


def stamp_uptake(suv: Float32Array, nodes: Sequence[PlacedNode], grid: Grid) -> None:
    """Put the uptake of nodes into an image in place; a necrotic core takes up a fifth.

    Args:
        suv: Uptake ``[z, y, x]`` on ``grid`` before blur.
        nodes: Nodes with their places.
        grid: In the frame of the anatomy tables.
    """
    for node in nodes:
        patch = node.shape().patch(grid, _MARGIN_MM)
        if not patch.sdf.size:
            continue
        uptake = np.full(patch.sdf.shape, node.plan.suv, np.float32)
        if node.plan.necrosis_fraction:
            uptake *= 1 - 0.8 * _core(node, patch.box, grid)
        part = suv[patch.box]
        part += patch.coverage() * (uptake - part)


def _inside(node: PlacedNode, box: Box, sdf: Float32Array, grid: Grid) -> Float32Array:
    """Attenuation of the node's own tissue on its box."""
    plan = node.plan
    rng = np.random.default_rng(plan.shape_seed)
    hu = np.full(sdf.shape, plan.hu, np.float32) + plan.texture_sd_hu * _texture(sdf.shape, grid, rng)
    if plan.necrosis_fraction:
        core = _core(node, box, grid)
        hu += core * (np.float32(NECROSIS_HU) - hu)
    if plan.fatty_hilum:
        hilum = _hilum(node, rng).patch(grid, 2.0)
        _blend(hu, box, hilum.box, hilum.coverage(edge_mm=1.4), HILUM_HU)
    if plan.calcified:
        grain = _offset(node, 0.35, 0.4, rng).patch(grid, 2.0)
        _blend(hu, box, grain.box, grain.coverage(edge_mm=1.0), CALCIUM_HU)
    return hu


def _texture(shape: tuple[int, ...], grid: Grid, rng: np.random.Generator) -> Float32Array:
    """Smooth noise of unit variance with a grain of a few millimetres."""
    noise = gaussian_filter(rng.standard_normal(shape), [_GRAIN_MM / s for s in grid.spacing_mm], mode="wrap")
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def _core(node: PlacedNode, box: Box, grid: Grid) -> Float32Array:
    """How necrotic each voxel of the box is, 0 to 1."""
    scale = node.plan.necrosis_fraction
    a, b, c = node.ellipsoid.semi_axes
    core = Ellipsoid(node.ellipsoid.center, (a * scale, b * scale, c * scale), node.ellipsoid.axes)
    cover = np.zeros([part.stop - part.start for part in box], np.float32)
    patch = core.patch(grid, 2.0)
    _blend(cover, box, patch.box, patch.coverage(edge_mm=2.0), 1.0)
    return cover


def _hilum(node: PlacedNode, rng: np.random.Generator) -> Ellipsoid:
    """A slit of fat that enters from one flat side."""
    return _offset(node, 0.42, 0.75, rng)


def _offset(node: PlacedNode, size: float, off_center: float, rng: np.random.Generator) -> Ellipsoid:
    """A smaller copy of the node's ellipsoid, moved toward one of its flat sides."""
    a, b, c = node.ellipsoid.semi_axes
    side = np.asarray(node.ellipsoid.axes[2]) * c * off_center * (1 if rng.random() < 0.5 else -1)
    x, y, z = np.asarray(node.ellipsoid.center) + side
    return Ellipsoid((float(x), float(y), float(z)), (a * size, b * size, c * size), node.ellipsoid.axes)


def _blend(values: Float32Array, box: Box, inner: Box, cover: Float32Array, goal: float) -> None:
    """Move ``values`` on ``box`` toward ``goal`` where ``cover``, given on ``inner``, is high."""
    common = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(box, inner, strict=True)]
    if any(part.start >= part.stop for part in common):
        return
    here = tuple(slice(c.start - b.start, c.stop - b.start) for c, b in zip(common, box, strict=True))
    there = tuple(slice(c.start - b.start, c.stop - b.start) for c, b in zip(common, inner, strict=True))
    part = values[here]
    part += cover[there] * (np.float32(goal) - part)
