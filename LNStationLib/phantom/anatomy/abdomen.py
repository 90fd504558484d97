"""Upper abdomen of an average adult under the diaphragm, in the frame of ``central``."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Patch, Shape, coordinates, frame_along, merge, tube
from LNStationLib.phantom.anatomy.variants import shifts

FLUID_LEVEL_Y_MM = -22.0
"""Height (y) of the fluid in the stomach of a supine patient; air lies in front of it."""


def stomach() -> Shape:
    """Outer surface of the stomach, its fundus under the left dome and behind."""
    return Blend(
        (
            tube([(60, 12, -132), (62, 0, -156), (56, -26, -188), (40, -44, -222)], [30, 34, 29, 22]),
            tube([(26, -10, -148), (42, -4, -152)], [8, 12]),
        ),
        14.0,
    )


def solid_organs() -> dict[str, tuple[Shape, ...]]:
    """Spleen, kidneys, the crura of the diaphragm and large vessels of the liver."""
    return {
        "spleen": (
            Ellipsoid((92, 46, -150), (25, 44, 38), frame_along((0.9, -0.45, 0.0))),
            Ellipsoid((98, 28, -176), (18, 36, 30), frame_along((0.95, -0.3, 0.1))),
        ),
        "kidneys": tuple(
            Ellipsoid((x, 54, z), (22, 25, 54), frame_along((1, 0.1, 0))) for x, z in ((54, -205), (-52, -216))
        ),
        "crura": (
            tube([(24, -2, -112), (19, 6, -130), (16, 12, -160), (12, 14, -220)], [3, 4.5, 5.5, 5],
                 stretch=(0.7, 1.6, 1)),
            tube([(-20, -2, -112), (-15, 6, -130), (-12, 12, -160), (-10, 14, -220)], [3, 5, 6, 6],
                 stretch=(0.7, 1.6, 1)),
        ),
        "liver_vessels": (
            tube([(-26, -8, -118), (-48, 4, -124), (-84, 18, -142)], [4.5, 3.6, 1.6]),
            tube([(-26, -12, -117), (-44, -34, -128), (-62, -56, -150)], [4.2, 3.4, 1.6]),
            tube([(-24, -14, -118), (-4, -36, -130), (18, -52, -146)], [3.6, 3, 1.4]),
            tube([(-22, -24, -190), (-40, -18, -172), (-66, -2, -166), (-90, 14, -176)], [6, 5.2, 3.6, 1.8]),
            tube([(-40, -18, -172), (-58, -36, -172), (-74, -58, -180)], [4.4, 3.4, 1.6]),
            tube([(-30, -20, -178), (-10, -38, -166), (2, -56, -166)], [4.4, 3.4, 1.8]),
        ),
    }  # fmt: skip


def stomach_gas(stomach_patch: Patch, grid: Grid) -> Patch:
    """Air above the fluid level of a supine patient."""
    _, y, _ = coordinates(grid, stomach_patch.box)
    return Patch(stomach_patch.box, np.maximum(stomach_patch.sdf + 4.5, y - np.float32(FLUID_LEVEL_Y_MM)))


def patches(grid: Grid, below: np.ndarray, raise_mm: float = 0.0) -> dict[str, Patch]:
    """Rasterize the organs and keep them under the diaphragm.

    Args:
        grid: Grid in the frame of ``central``.
        below: Distance in mm from the surface of the abdominal cavity, negative inside.
        raise_mm: How much higher the left dome stands than usual, and stomach and spleen with it.
    """
    found = {}
    shapes = {"stomach": (stomach(),), **solid_organs()}
    lift = shifts.bump_field(-120.0, 60.0, (0.0, 0.0, 0.9 * raise_mm))
    for name, parts in shapes.items():
        if raise_mm and name in ("stomach", "spleen"):
            parts = tuple(shifts.moved(part, lift) for part in parts)
        patch = merge([part.patch(grid) for part in parts], 4.0 if name == "spleen" else 0.0)
        gap = {"crura": 0.5, "liver_vessels": 8.0}.get(name, 3.5)
        found[name] = Patch(patch.box, np.maximum(patch.sdf, below[patch.box] + np.float32(gap)))
    found["stomach_gas"] = stomach_gas(found["stomach"], grid)
    return found
