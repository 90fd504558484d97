"""A hiatal hernia: part of the stomach in the hiatus behind the heart."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Patch, coordinates, tube
from LNStationLib.phantom.anatomy.traits import PresentTrait

_CENTER_MM = (3.0, 10.0, -99.0)
"""Middle of the herniated stomach."""


def hernia(trait: PresentTrait) -> Blend:
    """The herniated stomach, and its neck through the hiatus."""
    rng, k = trait.generator(), trait.between(0.6, 1.5)
    x, y, z = _CENTER_MM
    wide, deep, high = 23 * k, 15 * k**0.7, 19 * k
    body = Ellipsoid((x - 3 * (k - 1), y - 4 * (k - 1), z + 6 * (k - 1)), (wide, deep, high))
    bulge = Ellipsoid((x + float(rng.uniform(-12, 12)) * k, y - 2, z + 7 * k), (14 * k, 11 * k**0.7, 12 * k))
    neck = tube([(x, y, z), (7, 2, -120), (24, -8, -142)], [11, 10 + 3 * k, 16])
    return Blend((body, bulge, neck), 8.0)


def gas(patch: Patch, grid: Grid, trait: PresentTrait) -> Patch:
    """Gas in front of a level of fluid; in half of the patients there is little of it."""
    level = _CENTER_MM[1] + (2.0 if trait.generator().random() < 0.5 else -8.0)
    _, y, z = coordinates(grid, patch.box)
    inner = np.maximum(patch.sdf + 4.0, y - np.float32(level))
    return Patch(patch.box, np.maximum(inner, np.float32(-118.0) - z))


def top_mm(trait: PresentTrait) -> float:
    """Height (z) at which the esophagus has entered the hernia."""
    return _CENTER_MM[2] + 8.0 * trait.between(0.6, 1.5)
