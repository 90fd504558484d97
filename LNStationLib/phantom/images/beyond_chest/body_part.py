"""A part of the body beyond the chest, crudely painted: what a head-to-thigh CT shows above and below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import skeleton
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch, Shape, box_around, coordinates, merge, tube
from LNStationLib.phantom.images import ct, pet
from LNStationLib.phantom.images.physiology import Physiology

BONE_HU, MARROW_HU = 700.0, 190.0
"""Cortex and marrow."""
_PLANES_MM = 5.0
"""Steepness of the planes of fat that part muscles, as in ``muscles.shoulder_bulk``."""


@dataclass
class BodyPart:
    """Images and truth of a part of the body on an internal grid in the frame of ``central``.

    Attributes:
        grid: The internal grid; it overlaps the chest's by the width of a blur.
        skin: Distance in mm from the skin, negative inside.
        canvas: Attenuation.
        texture: Smooth random field of unit variance.
        organs: Shapes that are organs of the table, by canonical name.
        uptake: Shapes and their SUV, or whose of the patient's physiology they have, in the order of painting.
    """

    grid: Grid
    skin: Float32Array
    canvas: ct.Canvas
    texture: Float32Array
    organs: dict[str, Patch] = field(default_factory=dict)
    uptake: list[tuple[Patch, float | Literal["blood", "liver"]]] = field(default_factory=list)

    def patch(self, *shapes: Shape, radius_mm: float = 0.0) -> Patch:
        """Several shapes as one."""
        return merge([shape.patch(self.grid) for shape in shapes], radius_mm)

    def paint(self, patch: Patch, hu: float, *, grain_hu: float = 0.0, offset_mm: float = 0.0) -> Patch:
        """Paint a shape with some texture, and give it back."""
        self.canvas.stroke(patch, np.float32(hu) + np.float32(grain_hu) * self.texture[patch.box], offset_mm)
        return patch

    def paint_bone(self, patch: Patch, cortex_mm: float = 2.0) -> Patch:
        """Paint a bone: cortex and marrow."""
        self.paint(patch, BONE_HU)
        self.paint(patch, MARROW_HU, grain_hu=35.0, offset_mm=-cortex_mm)
        self.uptake.append((patch, 1.2))
        return patch

    def paint_muscle(self, sdf: Float32Array, hu: float) -> None:
        """Fill a region of the whole grid with muscle, parted by uneven planes of fat."""
        planes = np.float32(_PLANES_MM) * (np.float32(0.13) - np.abs(self.texture))
        self.canvas.fill(np.maximum(sdf, planes), np.float32(hu) + 3 * self.texture)

    def paint_spine(self, column: Column) -> None:
        """Paint vertebrae, discs, canal and cord."""
        bodies, arches = column.patch(self.grid), self.patch(*column.arches())
        z = self.grid.coordinates_mm(0)[bodies.box[0]]
        gap = np.abs(z[:, None] - np.asarray(column.discs)[None]).min(1)
        bones = Patch(bodies.box, np.maximum(bodies.sdf, (2.6 - gap).astype(np.float32)[:, None, None]))
        self.paint_bone(arches, 1.7)
        self.paint(bodies, 85.0)
        self.paint_bone(bones, 1.5)
        self.paint(self.patch(column.tube(8.0)), 5.0)
        cord = self.paint(self.patch(column.tube(4.6)), 40.0)
        self.uptake.append((cord, 1.6))
        self.organs["spine"] = merge([bodies, arches])
        self.organs["spinal_cord"] = cord

    def activity(self, body: Physiology) -> Float32Array:
        """Uptake in SUVbw before blurring, as ``pet.activity``."""
        suv = pet.thinned(np.where(self.skin < 0, np.float32(0.35 * body.level), np.float32(0)))
        soft = pet.thinned(self.canvas.hu)
        suv[(suv > 0) & (soft > -20)] = 0.72 * body.level
        suv[soft < -500] = 0.0
        for patch, value in self.uptake:
            pet.stamp(suv, patch, value if isinstance(value, float) else getattr(body, value))
        return pet.thickened(suv, self.grid.shape)


@dataclass(frozen=True)
class Column:
    """A part of the vertebral column, by the middle of its bodies.

    Attributes:
        z: Heights in mm, falling or rising.
        y: Middle of the bodies at these heights.
        half_depth: Half their depth.
        half_width: Half their width.
        discs: Heights of the discs, falling.
    """

    z: tuple[float, ...]
    y: tuple[float, ...]
    half_depth: tuple[float, ...]
    half_width: tuple[float, ...]
    discs: tuple[float, ...]

    def at(self, z: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Middle (y), half depth and half width at heights."""
        order = np.argsort(self.z)
        heights = np.asarray(self.z)[order]
        y, depth, width = (
            PchipInterpolator(heights, np.asarray(values)[order])(np.clip(z, heights[0], heights[-1]))
            for values in (self.y, self.half_depth, self.half_width)
        )
        return y, depth, width

    def patch(self, grid: Grid) -> Patch:
        """The bodies and discs as an elliptic column."""
        box = box_around(grid, (-40, -40, min(self.z)), (40, 110, max(self.z)))
        x, y, z = coordinates(grid, box)
        middle, depth, width = (v.astype(np.float32)[:, None, None] for v in self.at(z.ravel()))
        level = np.sqrt((x / width) ** 2 + ((y - middle) / depth) ** 2)
        return Patch(box, np.asarray((level - 1) * np.minimum(depth, width), np.float32))

    def arches(self) -> list[Shape]:
        """Arches between the discs."""
        middles = [(a + b) / 2 for a, b in zip(self.discs[:-1], self.discs[1:], strict=True)]
        return [skeleton.vertebral_arch(z, *(float(v) for v in self.at(z))) for z in middles]

    def tube(self, radius_mm: float) -> Shape:
        """The canal, or with a smaller radius the cord."""
        heights = np.linspace(max(self.z), min(self.z), 24)
        y, depth, _ = self.at(heights)
        return tube([(0.0, float(a + b + 7.5), float(h)) for a, b, h in zip(y, depth, heights, strict=True)],
                    radius_mm, stretch=(1.2, 1, 1))  # fmt: skip


def level_curve(z: Sequence[float], values: Sequence[float]) -> Callable[[npt.ArrayLike], np.ndarray]:
    """A smooth curve through points over z in mm, rising; level past its ends."""
    curve = PchipInterpolator(z, values)
    return lambda heights: np.asarray(curve(np.clip(heights, z[0], z[-1])))


def internal_grid(like: Grid, low_mm: Sequence[float], high_mm: Sequence[float]) -> Grid:
    """A grid with another's spacing between two corners ``(x, y, z)``."""
    low, high = list(low_mm)[::-1], list(high_mm)[::-1]
    size = [max(int(np.ceil((b - a) / s)), 1) + 1 for a, b, s in zip(low, high, like.spacing_mm, strict=True)]
    return Grid((size[0], size[1], size[2]), like.spacing_mm, (low[0], low[1], low[2]))
