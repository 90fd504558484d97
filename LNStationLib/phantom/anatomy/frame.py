"""From the frame of the anatomy tables to the scanner's: scale, kyphosis, pose on the couch, and resampling.

Shapes are rasterized once on an internal grid of about 1.4 mm in the frame of ``central``. Axial planes stay axial
on the way to the CT's grid; within a plane the map is affine, so an image or a distance goes over slice by slice.
Rotation about the body axis is exact, the two tilts are shears (they differ by 1 - cos 4 deg, a quarter of a
percent).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.ndimage import affine_transform

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Box, Float32Array, Patch, box_around
from LNStationLib.phantom.anatomy.traits import PresentTrait
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.support.types import PointMm

INTERNAL_MM = 1.4
"""Pixels of the internal grid: twice as fine ones would cost four times the memory (docs/phantom.md, Cost)."""
INTERNAL_SLICE_MM = 1.75
"""Its slices."""
QUICK_LOOK_MM = 4.0
"""From these pixels on the internal grid is coarse, too: no CT has them, and half of the time is saved."""
CLINICAL_MATRIX = 512
"""Pixels along each side of a clinical CT."""
COUCH_MM = 46.0
"""How far couch and mattress reach behind the back."""
_LOWEST_MM, _HIGHEST_MM = -225.0, 140.0
"""Ends of the internal grid along z: below L1, and above the cricoid."""
_HALF_WIDTH_MM = {"up": 203.0, "down": 221.0, "beside": 262.0}
"""Half width of a lean body by where the arms lie, as the shapes of shoulders and arms reach."""
# Kyphosis leaves the sternum (y = -75) where it is and moves the spine's back (y = 75) by its whole amount.
_FRONT_Y_MM, _DEPTH_Y_MM = -75.0, 150.0
_BOW_MM, _TURN_DEG = (8.0, 26.0), (2.0, 9.0)
"""How far the least and the most pronounced scoliosis bends the spine's back aside, and how far it turns it."""
_TURN_ABOUT_Y_MM = 20.0
"""A turned trunk turns about its middle."""


def kyphosis_bump(z: np.ndarray | float) -> np.ndarray:
    """How much of the kyphosis is seen at a height (mm, frame of ``central``): 1 at T7, 0 at the neck and L1."""
    return np.asarray(np.exp(-(((np.asarray(z, float) + 45.0) / 75.0) ** 2)))


def scoliosis_curve(z: np.ndarray | float) -> np.ndarray:
    """Share of a scoliosis' bow at a height: a main curve at T7 and two counter-curves."""
    z = np.asarray(z, float)
    ends = np.clip((z - _LOWEST_MM) / 60, 0, 1) * np.clip((_HIGHEST_MM - z) / 60, 0, 1)
    return np.asarray(np.cos((z + 45.0) / 42.0) * np.exp(-(((z + 45.0) / 120.0) ** 2)) * ends)


def _bent(v: Variation, z_model: float, scoliosis: PresentTrait) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset that bend the back sideways and turn it; the sternum stays in the midline."""
    share = scoliosis.side * float(scoliosis_curve(z_model))
    bow, angle = scoliosis.between(*_BOW_MM) * share, np.radians(scoliosis.between(*_TURN_DEG) * share)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, bow / _DEPTH_Y_MM], [0.0, 1.0]])
    center = np.array([0.0, _TURN_ABOUT_Y_MM])
    return turn @ shear, center - turn @ center + turn @ np.array([-bow * _FRONT_Y_MM / _DEPTH_Y_MM, 0.0])


@lru_cache(maxsize=1024)
def _pose(v: Variation, z_model: float) -> tuple[np.ndarray, np.ndarray]:
    angle = np.radians(v.rotation_deg)
    bow = v.kyphosis_mm * float(kyphosis_bump(z_model))
    stretch = np.diag([v.size, v.size * v.depth * (1 + bow / _DEPTH_Y_MM)])
    shift = np.array([0.0, v.size * v.depth * bow * (-_FRONT_Y_MM / _DEPTH_Y_MM)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = np.radians([v.roll_deg, v.pitch_deg]) * (z_model * v.length)
    scoliosis = v.trait("scoliosis") if v.present else None
    if scoliosis is not None:
        bend, aside = _bent(v, z_model, scoliosis)
        shift = shift + stretch @ aside
        stretch = stretch @ bend
    return turn @ stretch, turn @ shift + lean


def body_bounds(variation: Variation) -> tuple[PointMm, PointMm]:
    """Corners (x, y, z) in mm of the box that holds the body in the frame of ``central``.

    Shoulders and arms are widest, and women's breasts reach furthest to the front; all of them grow with the fat
    under the skin.
    """
    fat = variation.fat_mm
    side = _HALF_WIDTH_MM[variation.arms] + (1.7 if variation.arms == "beside" else 0.55) * fat
    breasts = 130.0 + 3.2 * variation.breast_ml ** (1 / 3) + 0.7 * fat if variation.breast_ml > 0 else 0.0
    front = max(114.0 + fat, breasts)
    return (-side, -front, _LOWEST_MM), (side, 126.0 + fat, _HIGHEST_MM)


@dataclass(frozen=True)
class _Slice:
    """How one slice of the CT lies in the internal grid.

    Attributes:
        inverse: Matrix of ``(y, x)`` from CT to model, in mm.
        shift: Offset ``(y, x)`` in mm from model to CT.
        matrix: ``inverse`` from indices to indices.
        back: The other way.
    """

    inverse: np.ndarray
    shift: np.ndarray
    matrix: np.ndarray
    back: np.ndarray


@dataclass(frozen=True)
class Frame:
    """One patient on the couch.

    Attributes:
        model_grid: The internal grid, in the frame of ``central``.
        ct_grid: The CT's grid, LPS of the patient who is not mirrored.
        variation: The patient's traits.
    """

    model_grid: Grid
    ct_grid: Grid
    variation: Variation

    @classmethod
    def of(cls, ct_grid: Grid, variation: Variation, hold: Variation | None = None) -> Frame:
        """The frame of a patient in a CT; the internal grid covers what both the CT and the tables hold.

        Args:
            ct_grid: The CT's grid.
            variation: The patient's traits.
            hold: Make the internal grid wide enough for these traits too, so that both get the same random texture.
        """
        spacing = _internal_spacing_mm(min(ct_grid.spacing_mm[1:]))
        low, high = cls._model_bounds(ct_grid, hold or variation)
        size = [max(int(np.ceil((h - lo) / s)), 1) + 1 for lo, h, s in zip(low, high, spacing, strict=True)]
        grid = Grid((size[0], size[1], size[2]), spacing, (low[0], low[1], low[2]))
        return cls(grid, ct_grid, variation)

    @staticmethod
    def clinical_grid(variation: Variation, *, in_plane_mm: float, slice_mm: float) -> Grid:
        """The grid of a clinical chest CT: 512 x 512, from the cricoid to L1, symmetric about x = 0.

        Args:
            variation: The patient's traits; a longer patient gets more slices.
            in_plane_mm: Smallest pixel size. A body that is too wide for 512 of them, or too deep together with the
                couch, gets larger pixels, up to 0.98 mm.
            slice_mm: Distance and thickness of the slices.
        """
        top, bottom = 124.0 * variation.length, -192.0 * variation.length
        slices = max(round((top - bottom) / slice_mm), 1)
        low, high = body_bounds(variation)
        scale = variation.size, variation.size * variation.depth
        front, back = low[1] * scale[1], high[1] * scale[1] + COUCH_MM
        pixel = max(in_plane_mm, 2 * high[0] * scale[0] / CLINICAL_MATRIX, (back - front) / CLINICAL_MATRIX)
        half = (CLINICAL_MATRIX - 1) / 2 * pixel
        return Grid(
            (slices, CLINICAL_MATRIX, CLINICAL_MATRIX),
            (slice_mm, pixel, pixel),
            (top - (slices - 1) * slice_mm, (front + back) / 2 - half, -half),
        )

    @staticmethod
    def _model_bounds(ct_grid: Grid, variation: Variation) -> tuple[list[float], list[float]]:
        first, last = Frame(ct_grid, ct_grid, variation).model_corners()
        box = np.array(body_bounds(variation), float)
        slab = ct_grid.spacing_mm[0]
        low = np.maximum(first - np.array([6, 6, slab + 2]), box[0])[::-1]
        high = np.minimum(last + np.array([6, 6, slab + 2]), box[1])[::-1]
        return [float(v) for v in low], [float(v) for v in np.maximum(high, low + 1)]

    def model_corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Corners ``(x, y, z)`` in the frame of ``central`` of the box that holds the CT's voxel centers."""
        grid = self.ct_grid
        ends = [(o, o + (n - 1) * s) for o, n, s in zip(grid.origin_mm, grid.shape, grid.spacing_mm, strict=True)]
        corners = np.array([self.to_model((x, y, z)) for x in ends[2] for y in ends[1] for z in ends[0]])
        return corners.min(0), corners.max(0)

    def _plane(self, z_model: float) -> tuple[np.ndarray, np.ndarray]:
        """Matrix and offset of ``(x, y)`` from model to CT in one axial plane."""
        return _pose(self.variation, z_model)

    def to_patient(self, point: PointMm) -> PointMm:
        """A point of the model in LPS mm of the CT."""
        matrix, offset = self._plane(point[2])
        x, y = matrix @ np.asarray(point[:2]) + offset
        return float(x), float(y), float(point[2] * self.variation.length)

    def to_model(self, point: PointMm) -> PointMm:
        """An LPS point of the CT in the frame of ``central``."""
        z = point[2] / self.variation.length
        matrix, offset = self._plane(z)
        x, y = np.linalg.solve(matrix, np.asarray(point[:2]) - offset)
        return float(x), float(y), float(z)

    def scale_at(self, point: PointMm) -> PointMm:
        """Millimetres of the CT for one millimetre of the model along x, y, z at a point of the model."""
        matrix, _ = self._plane(point[2])
        return float(np.linalg.norm(matrix[:, 0])), float(np.linalg.norm(matrix[:, 1])), self.variation.length

    def patch(self, patch: Patch, outside_mm: float = 5.0) -> Patch:
        """A shape's distances on the CT's grid."""
        box = self.ct_box(patch.box)
        values = self._resample(patch.sdf, patch.box, box, outside_mm, slab=False)
        return Patch(box, values)

    def image(self, values: Float32Array, outside: float) -> Float32Array:
        """An image of the internal grid on the CT's, averaged over each slice's thickness."""
        whole = _whole(self.model_grid)
        return self._resample(values, whole, _whole(self.ct_grid), outside, slab=True)

    def labels(self, values: np.ndarray) -> np.ndarray:
        """A label map of the internal grid on the CT's, by nearest neighbor; 0 outside."""
        result = np.zeros(self.ct_grid.shape, values.dtype)
        model_z = self._slice_positions(_whole(self.ct_grid))
        for k, position in enumerate(model_z):
            near = round(position)
            if 0 <= near < values.shape[0] and values[near].any():
                one = self._slices[k]
                offset = self._offset(one, _whole(self.model_grid), _whole(self.ct_grid))
                result[k] = _nearest(values[near], one.matrix, offset, (result.shape[1], result.shape[2]))
        return result

    def ct_box(self, box: Box) -> Box:
        """Box of the CT's grid that holds a box of the internal grid."""
        grid = self.model_grid
        ends = [(grid.origin_mm[a] + (box[a].start - 1) * grid.spacing_mm[a],
                 grid.origin_mm[a] + box[a].stop * grid.spacing_mm[a]) for a in range(3)]  # fmt: skip
        heights = np.linspace(*ends[0], 5)
        corners = np.array([self.to_patient((x, y, float(z))) for x in ends[2] for y in ends[1] for z in heights])
        return box_around(self.ct_grid, corners.min(0), corners.max(0))

    def _slice_positions(self, target: Box) -> np.ndarray:
        z = self.ct_grid.coordinates_mm(0)[target[0]] / self.variation.length
        return np.asarray((z - self.model_grid.origin_mm[0]) / self.model_grid.spacing_mm[0])

    @cached_property
    def _slices(self) -> list[_Slice]:
        """The map of each of the CT's slices, which every organ asks for."""
        ct, slices = self.ct_grid, []
        to_index = 1 / np.asarray(self.model_grid.spacing_mm[1:])
        for k in range(ct.shape[0]):
            matrix, offset = self._plane((ct.origin_mm[0] + ct.spacing_mm[0] * k) / self.variation.length)
            inverse = np.linalg.inv(matrix)[::-1, ::-1]
            index_matrix = to_index[:, None] * inverse * np.asarray(ct.spacing_mm[1:])[None]
            slices.append(_Slice(inverse, offset[::-1], index_matrix, np.linalg.inv(index_matrix)))
        return slices

    def _offset(self, one: _Slice, source: Box, target: Box) -> np.ndarray:
        """Where the first pixel of the target box lies, as an index ``(y, x)`` of the source box."""
        ct, model = self.ct_grid, self.model_grid
        start = np.array([ct.origin_mm[a] + ct.spacing_mm[a] * target[a].start for a in (1, 2)])
        base = np.array([model.origin_mm[a] + model.spacing_mm[a] * source[a].start for a in (1, 2)])
        to_index = 1 / np.asarray(model.spacing_mm[1:])
        return np.asarray(to_index * (one.inverse @ (start - one.shift) - base))

    def _resample(
        self, values: Float32Array, source: Box, target: Box, outside: float, *, slab: bool
    ) -> Float32Array:
        shape = tuple(part.stop - part.start for part in target)
        result = np.full(shape, outside, np.float32)
        if not values.size or not result.size:
            return result
        half = 0.5 * self.ct_grid.spacing_mm[0] / self.variation.length / self.model_grid.spacing_mm[0]
        for k, position in enumerate(self._slice_positions(target) - source[0].start):
            plane = _slice_mean(values, position, half if slab else 0.0)
            if plane is not None:
                one = self._slices[target[0].start + k]
                offset = self._offset(one, source, target)
                if slab:
                    result[k] = _bilinear(plane, one.matrix, offset, (shape[1], shape[2]), outside)
                else:
                    _carry_inside(plane, one, offset, result[k], outside)
        return result


def _internal_spacing_mm(pixel_mm: float) -> tuple[float, float, float]:
    """Voxels ``(z, y, x)`` of the internal grid for a CT with pixels of ``pixel_mm``."""
    if pixel_mm >= QUICK_LOOK_MM:
        return 3.5, 3.0, 3.0
    in_plane = min(max(INTERNAL_MM, pixel_mm), 2.2)
    return (2.5 if pixel_mm > 2 else INTERNAL_SLICE_MM), in_plane, in_plane


def _bilinear(
    plane: Float32Array, matrix: np.ndarray, offset: np.ndarray, size: tuple[int, int], outside: float
) -> Float32Array:
    """Sample a plane at ``matrix @ index + offset``; twice as fast as ``affine_transform`` of order 1."""
    height, width = plane.shape
    if height < 2 or width < 2:
        return np.asarray(affine_transform(plane, matrix, offset, size, order=1, cval=outside), np.float32)
    i, j = (np.arange(n, dtype=np.float32) for n in size)
    m, o = matrix.astype(np.float32), offset.astype(np.float32)
    row = (m[0, 0] * i + o[0])[:, None] + m[0, 1] * j
    column = (m[1, 0] * i + o[1])[:, None] + m[1, 1] * j
    beyond = (row < 0) | (row > height - 1) | (column < 0) | (column > width - 1)
    np.clip(row, 0, np.float32(height - 1.001), out=row)
    np.clip(column, 0, np.float32(width - 1.001), out=column)
    first, start = row.astype(np.int32), column.astype(np.int32)
    row -= first
    column -= start
    first *= width
    first += start
    flat = np.ascontiguousarray(plane).ravel()
    upper, lower = flat.take(first), flat.take(first + width)
    upper += column * (flat.take(first + 1) - upper)
    lower += column * (flat.take(first + (width + 1)) - lower)
    upper += row * (lower - upper)
    upper[beyond] = outside
    return np.asarray(upper)


def _nearest(plane: np.ndarray, matrix: np.ndarray, offset: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Value of the nearest pixel at ``matrix @ index + offset``; 0 outside."""
    height, width = plane.shape
    i, j = (np.arange(n, dtype=np.float32) for n in size)
    m, o = matrix.astype(np.float32), offset.astype(np.float32) + np.float32(0.5)
    row = np.floor((m[0, 0] * i + o[0])[:, None] + m[0, 1] * j).astype(np.int32)
    column = np.floor((m[1, 0] * i + o[1])[:, None] + m[1, 1] * j).astype(np.int32)
    beyond = (row < 0) | (row >= height) | (column < 0) | (column >= width)
    row *= width
    row += column
    row[beyond] = 0
    result = np.ascontiguousarray(plane).ravel().take(row)
    result[beyond] = 0
    return np.asarray(result)


def _carry_inside(plane: Float32Array, one: _Slice, offset: np.ndarray, target: Float32Array, outside: float) -> None:
    """Carry over only the part of a plane of distances that is near the inside."""
    near = plane < 2.5
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    if not rows.size:
        return
    ends = np.array([(r, c) for r in (rows[0], rows[-1]) for c in (columns[0], columns[-1])]) - offset
    corners = ends @ one.back.T
    window = [
        slice(min(max(math.floor(low), 0), size), min(max(math.ceil(high) + 1, 0), size))
        for low, high, size in zip(corners.min(0), corners.max(0), target.shape, strict=True)
    ]
    if all(part.start < part.stop for part in window):
        first = offset + one.matrix @ np.array([part.start for part in window])
        size = (window[0].stop - window[0].start, window[1].stop - window[1].start)
        target[window[0], window[1]] = _bilinear(plane, one.matrix, first, size, outside)


def _whole(grid: Grid) -> Box:
    return slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2])


def _slice_mean(values: Float32Array, position: float, half: float) -> Float32Array | None:
    """Mean over ``position - half`` to ``position + half`` (in slices), linear between slices; None outside."""
    last = values.shape[0] - 1
    if position < -1 or position > last + 1:
        return None
    if half < 0.3:
        low = min(max(math.floor(position), 0), max(last - 1, 0))
        part = np.float32(min(max(position - low, 0), 1))
        return np.asarray(values[low] if part == 0 else values[low] * (1 - part) + values[min(low + 1, last)] * part)
    index = np.arange(max(int(np.floor(position - half - 1)), 0), min(int(np.ceil(position + half + 1)), last) + 1)
    weight = np.clip(half + 0.5 - np.abs(index - position), 0, 1)
    if weight.sum() <= 0:
        return None
    return np.tensordot((weight / weight.sum()).astype(np.float32), values[index[0] : index[-1] + 1], axes=1)
