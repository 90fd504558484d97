"""What lies on, around and under a patient in a real scanner: gown, blanket, pillow, mattress and couch.

Cloth and foam hold air that is a little denser than room air, so that on eight series of real scanners 2.5 to 32
liters outside the patient lay between -870 and -940 HU, where lungs are looked for. ``lay_bedding`` adds such things
to any CT whose axes are the patient's, synthetic or real: a pure function of the image, its grid and a random
generator that never changes a voxel of the patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.lungs import resize
from LNStationLib.phantom.anatomy.shapes import Float32Array
from LNStationLib.phantom.scan_traits import ScanTrait
from LNStationLib.support.types import BoolArray, HuArray, LabelArray

_AIR_HU = -1000.0
"""Room air."""
_GOWN_REACH_MM = 15.0
"""How far a gown stands off the skin at most."""
_GOWN_THICKNESS_MM = 2.5
"""Of the cloth."""
_BLANKET_THICKNESS_MM = 4.0
"""The same of a blanket."""
_BLANKET_SLOPE = 1.8
"""Fall of a blanket beside the body, in mm for each mm to the side."""
_BLANKET_SLOPE_ALONG = 0.5
"""The same along the body."""
_HEM_SLOPE, _HEM_MM = 4.0, 12.0
"""Fall of a blanket that is tucked in, and how far inside its end, or that of couch or view, it is down."""
_BLANKET_SLACK_MM = 45.0
"""How far a fold of a blanket stands up at most."""
_BLANKET_BESIDE_MM = 130.0
"""How far a blanket reaches beside the body."""
_OPENING_MM = 30.0
"""An open blanket ends so far beside the body, before it has come down to the mattress."""
MATTRESS_MM = 40.0
"""Thickness of the foam."""
_SINK_MM = 9.0
"""How deep the back sinks into the foam."""
_SHELL_MM, _CORE_MM = 2.5, 34.0
"""Carbon plates of the couch and the foam between them."""
_COUCH_HALF_WIDTH_MM = 215.0
"""Half the width of couch and mattress."""
_COUCH_HOLLOW_MM = 30.0
"""How much higher the couch lies 200 mm beside its middle."""
_PILLOW_MM, _PILLOW_HALF_WIDTH_MM, _PILLOW_RAMP_MM = 95.0, 190.0, 50.0
"""Height of the pillow, half its width, and over how many mm it ends towards the chest."""
_PATIENT_HU = -300.0
"""Above this a voxel of a CT without masks is taken for patient: between lung or foam and fat."""
_SMALLEST_PART = 0.03
"""Parts of a patient (arms, legs) are at least so large against the largest."""


class Material(IntEnum):
    """What a voxel outside the patient holds."""

    NONE = 0
    GOWN_AIR = 1
    POCKET_AIR = 2
    """Air under a blanket."""
    FABRIC = 3
    FOAM = 4
    SHELL = 5
    """A carbon plate of the couch."""


# Mean and standard deviation in HU. Air and foam as measured in the real series named above; cotton in air is mostly
# air; a plate of carbon fiber of 2 to 3 mm, blurred by the scanner, lies between -200 and +100 HU.
_HU = {
    Material.GOWN_AIR: (-910.0, 40.0),
    Material.POCKET_AIR: (-905.0, 25.0),
    Material.FABRIC: (-700.0, 30.0),
    Material.FOAM: (-940.0, 20.0),
    Material.SHELL: (-20.0, 20.0),
}
POCKET_HU = (-940.0, -870.0)
"""Range of the mean attenuation of the air under one patient's blanket."""


@dataclass(frozen=True)
class Bedding:
    """What to lay.

    Attributes:
        gown: Cloth over the skin from the shoulders down, with folds that hold air.
        blanket: Loose cloth over the patient from the shoulders down; ``"closed"`` comes down to the mattress on both
            sides, ``"open"`` ends in the air on one side.
        pillow: Foam under the head and the shoulders.
        mattress: 40 mm of foam on a couch of two carbon plates with a foam core.
    """

    gown: bool = False
    blanket: Literal["closed", "open"] | None = None
    pillow: bool = False
    mattress: bool = False


def bedding_of(traits: Sequence[ScanTrait]) -> Bedding:
    """The bedding that scan traits ask for."""
    blanket: Literal["closed", "open"] | None = "open" if "open_blanket" in traits else None
    return Bedding(
        gown="gown" in traits,
        blanket="closed" if "blanket" in traits else blanket,
        pillow="pillow" in traits,
        mattress="mattress" in traits,
    )


@dataclass(frozen=True)
class Bedded:
    """A patient in bed.

    Attributes:
        hu: int16 HU ``[z, y, x]``; the patient's voxels are those that came in.
        material: uint8 ``[z, y, x]`` of ``Material``.
    """

    hu: HuArray
    material: LabelArray

    def mask(self, *materials: Material) -> BoolArray:
        """Voxels that hold one of the materials."""
        return np.isin(self.material, [int(m) for m in materials])

    def enclosed_air(self) -> BoolArray:
        """Air under gown and blanket."""
        return self.mask(Material.GOWN_AIR, Material.POCKET_AIR)


def lay_bedding(
    hu: HuArray,
    grid: Grid,
    bedding: Bedding,
    rng: np.random.Generator,
    *,
    patient: BoolArray | None = None,
    shoulder_z_mm: float | None = None,
) -> Bedded:
    """Lay bedding around a supine patient.

    Args:
        hu: int16 HU ``[z, y, x]``.
        grid: Its grid: +z to the head, +y to the back, +x to the left.
        bedding: What to lay.
        rng: Random generator of folds and texture.
        patient: The patient's voxels; ``patient_mask`` where not given.
        shoulder_z_mm: Height of the shoulders in LPS mm; gown and blanket lie below it, a pillow above. By default
            that of ``shoulder_height``.

    Returns:
        The image with the bedding. An image that shows nothing but the patient comes back as it is.
    """
    body = patient_mask(hu, grid) if patient is None else patient
    material = np.zeros(hu.shape, np.uint8)
    if body.any() and not body.all():
        shoulder = shoulder_height(body, grid) if shoulder_z_mm is None else shoulder_z_mm
        bed = _Bed(grid, body, material, rng, shoulder)
        if bedding.mattress:
            bed.lay_mattress()
        if bedding.pillow:
            bed.lay_pillow()
        if bedding.blanket:
            bed.lay_blanket(opened=bedding.blanket == "open", rests_on_foam=bedding.mattress)
        if bedding.gown:
            bed.lay_gown()
    return Bedded(_blended(hu, material, grid, rng), material)


def patient_mask(hu: HuArray, grid: Grid) -> BoolArray:
    """Voxels of the patient in a CT, found simply: the large parts denser than fat, filled slice by slice.

    Good enough to lay bedding around; the product finds the body by its own means.

    Args:
        hu: int16 HU ``[z, y, x]``.
        grid: Its grid.
    """
    dense = hu > _PATIENT_HU
    # Table tops and tubes are thinner than 6 mm.
    radius = [max(round(3.0 / s), 1) for s in grid.spacing_mm[1:]]
    y, x = np.ogrid[-radius[0] : radius[0] + 1, -radius[1] : radius[1] + 1]
    disk = ((y / radius[0]) ** 2 + (x / radius[1]) ** 2 <= 1)[None]
    # What lies beyond the view may be patient: opening must not eat the border.
    solid = ndimage.binary_dilation(ndimage.binary_erosion(dense, disk, border_value=1), disk)
    labels, count = ndimage.label(solid)
    if not count:
        return np.zeros(hu.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = (sizes >= _SMALLEST_PART * sizes.max())[labels]
    return np.stack([ndimage.binary_fill_holes(plane) for plane in kept])


def shoulder_height(patient: BoolArray, grid: Grid) -> float:
    """Height (z) in mm of the highest slice in which the patient is nearly as wide as anywhere; top of the shoulders.

    Args:
        patient: bool ``[z, y, x]`` with at least one voxel set.
        grid: Its grid.
    """
    columns = np.asarray(patient.any(axis=1))
    width = np.where(
        np.asarray(columns.any(axis=1)), columns.shape[1] - columns.argmax(1) - columns[:, ::-1].argmax(1), 0
    )
    return float(grid.coordinates_mm(0)[np.flatnonzero(width >= 0.8 * width.max())[-1]])


def couch_surface_mm(back_mm: float, x_mm: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Height (y) in mm of a hollow couch's surface over x, for a back that reaches to ``back_mm``."""
    return back_mm - _COUCH_HOLLOW_MM * (x_mm / 200.0) ** 2


class _Bed:
    """Materials being laid around one patient; none ever takes a voxel of the patient."""

    def __init__(
        self, grid: Grid, body: BoolArray, material: LabelArray, rng: np.random.Generator, shoulder_mm: float
    ) -> None:
        self.grid, self.body, self.material, self.rng, self.shoulder = grid, body, material, rng, shoulder_mm
        self.z = grid.coordinates_mm(0)
        self.y = grid.coordinates_mm(1)[:, None]
        self.x = grid.coordinates_mm(2)[None, :]
        self.middle = float(np.average(grid.coordinates_mm(2), weights=body.sum((0, 1))))
        columns = np.abs(grid.coordinates_mm(2) - self.middle) < 150
        self.back = float(grid.coordinates_mm(1)[np.flatnonzero(body[:, :, columns].any((0, 2)))[-1]])
        self.surface = couch_surface_mm(self.back - _SINK_MM, self.x - self.middle)

    def put(self, k: int, where: BoolArray, what: Material) -> None:
        """Fill voxels of one slice."""
        self.material[k][where & ~self.body[k]] = what

    def lay_mattress(self) -> None:
        """Foam under the back, and the couch under it."""
        depth = self.y - self.surface
        wide = np.abs(self.x - self.middle) < _COUCH_HALF_WIDTH_MM
        foam = (depth >= 0) & (depth < MATTRESS_MM + 2 * _SHELL_MM + _CORE_MM) & wide
        # On coarse grids a plate is one voxel thick rather than gone.
        half = max(_SHELL_MM, self.grid.spacing_mm[1]) / 2
        middles = (MATTRESS_MM + _SHELL_MM / 2, MATTRESS_MM + 1.5 * _SHELL_MM + _CORE_MM)
        plates = np.logical_or.reduce([np.abs(depth - m) <= half for m in middles]) & wide
        for k in range(len(self.z)):
            self.put(k, foam, Material.FOAM)
            self.put(k, plates, Material.SHELL)

    def lay_pillow(self) -> None:
        """Foam with a cover between the couch and the head, rising from the shoulders."""
        across = np.clip(1 - ((self.x - self.middle) / _PILLOW_HALF_WIDTH_MM) ** 2, 0, None)
        for k in np.flatnonzero(self.z > self.shoulder - _PILLOW_RAMP_MM).tolist():
            rise = min((self.z[k] - self.shoulder) / _PILLOW_RAMP_MM + 1, 1.0)
            depth = self.y - (self.surface - _PILLOW_MM * rise * np.sqrt(across))
            inside = (depth >= 0) & (self.y < self.surface) & (across > 0)
            self.put(k, inside, Material.FOAM)
            self.put(k, inside & (depth < max(2.0, self.grid.spacing_mm[1])), Material.FABRIC)

    def lay_gown(self) -> None:
        """Cloth whose distance from the skin waves from 0 to 15 mm, torn open here and there."""
        for k, fold in self._fields(35.0):
            if self.z[k] > self.shoulder + 15 or not self.body[k].any():
                continue
            distance = edt.edt(~self.body[k], anisotropy=self.grid.spacing_mm[1:])
            # The back presses the cloth flat onto the couch.
            lying = np.clip((self.y - (self.surface - 12)) / 12, 0, 1)
            gap = np.clip(0.5 + 0.32 * fold, 0, 1) * (_GOWN_REACH_MM - _GOWN_THICKNESS_MM) * (1 - 0.9 * lying)
            thick = max(_GOWN_THICKNESS_MM, min(self.grid.spacing_mm[1:]))
            worn = (fold < 1.4) & (distance > 0) & (self.material[k] != Material.SHELL)
            self.put(k, worn & (distance < gap), Material.GOWN_AIR)
            self.put(k, worn & (distance >= gap) & (distance < gap + thick), Material.FABRIC)

    def lay_blanket(self, *, opened: bool, rests_on_foam: bool) -> None:
        """A cloth over all, from skin to skin and down to the couch."""
        covered = np.flatnonzero(self.z <= self.shoulder)
        if not covered.size:
            return
        open_side = int(self.rng.random() < 0.5) if opened else None
        ends = self._ends(open_side)
        height = self._drape(covered, ends, open_side)
        slope = np.hypot(1.0, np.gradient(height, self.grid.spacing_mm[2], axis=1))
        thick = max(_BLANKET_THICKNESS_MM, self.grid.spacing_mm[1])
        reach = (self.x > ends[0]) & (self.x < ends[1])
        for row, k in enumerate(covered.tolist()):
            sheet = self.surface - height[row]
            below = self.y - sheet
            free = reach & (self.material[k] == Material.NONE) & (height[row] > 0)
            resting = self.y < self.surface if rests_on_foam else self.y < self.surface + _SINK_MM
            self.put(k, free & (below > 0) & resting, Material.POCKET_AIR)
            cloth = np.abs(below) <= thick / 2 * np.minimum(slope[row], 1.5 * _HEM_SLOPE)
            self.put(k, reach & cloth & (self.material[k] != Material.FOAM) & (height[row] > 0), Material.FABRIC)

    def _drape(
        self, covered: npt.NDArray[np.intp], ends: tuple[float, float], open_side: int | None
    ) -> npt.NDArray[np.floating]:
        """Height in mm of the cloth over the couch for each covered slice and column.

        Args:
            covered: Indices of the slices.
            ends: Where (x) the cloth ends; on a side that is not open it has come down to the couch there.
            open_side: 0 for the right, 1 for the left.
        """
        body = self.body[covered]
        front = np.where(body.any(1), self.grid.coordinates_mm(1)[body.argmax(1)], np.inf)
        bare = np.clip(self.surface - front, 0, None)
        height = _sloped(bare, _BLANKET_SLOPE * self.grid.spacing_mm[2], axis=1)
        height = _sloped(height, _BLANKET_SLOPE_ALONG * self.grid.spacing_mm[0], axis=0)
        slack = np.stack([fold[0] for _, fold in self._fields(90.0, rows=len(covered))])
        height += np.where(height > 0, np.clip(0.4 * slack, 0, 1) * _BLANKET_SLACK_MM, 0)
        x = self.grid.coordinates_mm(2)
        first = max(ends[0], x[0], self.middle - _COUCH_HALF_WIDTH_MM) + _HEM_MM
        last = min(ends[1], x[-1], self.middle + _COUCH_HALF_WIDTH_MM) - _HEM_MM
        for side, inside in enumerate((x - first, last - x)):
            if side != open_side:
                height = np.minimum(height, _HEM_SLOPE * np.clip(inside, 0, None))
        return np.asarray(np.maximum(height, bare))

    def _ends(self, open_side: int | None) -> tuple[float, float]:
        """Where the blanket ends to the right and to the left."""
        columns = np.asarray(self.body.any(axis=1))
        columns = columns[np.flatnonzero(columns.any(axis=1))]
        # Of most slices: shoulders and hips are wider.
        first = float(np.median(columns.argmax(1)))
        last = columns.shape[1] - 1 - float(np.median(columns[:, ::-1].argmax(1)))
        beside = [_OPENING_MM if side == open_side else _BLANKET_BESIDE_MM for side in (0, 1)]
        x, step = self.grid.origin_mm[2], self.grid.spacing_mm[2]
        return x + step * first - beside[0], x + step * last + beside[1]

    def _fields(self, grain_mm: float, rows: int | None = None) -> Iterator[tuple[int, Float32Array]]:
        """Smooth random planes of unit variance, slice by slice, alike in neighboring slices.

        Args:
            grain_mm: Size of the waves.
            rows: Instead of whole planes only their first row, for so many slices.
        """
        steps = [max(round(grain_mm / 3 / s), 1) for s in self.grid.spacing_mm]
        height = 1 if rows else self.grid.shape[1]
        count = rows or self.grid.shape[0]
        shape = [n // s + 3 for n, s in zip((count, height, self.grid.shape[2]), steps, strict=True)]
        coarse = ndimage.gaussian_filter(self.rng.standard_normal(shape), 1.5).astype(np.float32)
        coarse /= max(float(coarse.std()), 1e-6)
        for k in range(count):
            low, part = divmod(k / steps[0], 1.0)
            plane = coarse[int(low)] * np.float32(1 - part) + coarse[int(low) + 1] * np.float32(part)
            yield k, resize(plane[None], (1, height, self.grid.shape[2]), [1, *steps[1:]])[0]


def _sloped(height: npt.NDArray[np.floating], fall: float, axis: int) -> npt.NDArray[np.floating]:
    """Lowest surface over ``height`` that falls by no more than ``fall`` a voxel along one axis."""
    result = np.moveaxis(height.copy(), axis, 0)
    for order in (range(1, len(result)), range(len(result) - 2, -1, -1)):
        step = 1 if order.step > 0 else -1
        for i in order:
            np.maximum(result[i], result[i - step] - fall, out=result[i])
    return np.asarray(np.moveaxis(result, 0, axis))


def _blended(hu: HuArray, material: LabelArray, grid: Grid, rng: np.random.Generator) -> HuArray:
    """Fill the air of each voxel outside the patient with what lies there, with the texture of its own."""
    means, spreads = (np.array([_AIR_HU, *(v[i] for v in _HU.values())], np.float32) for i in (0, 1))
    spreads[0] = 0
    means[Material.POCKET_AIR] = rng.uniform(*POCKET_HU)
    result = hu.copy()
    for k in range(len(hu)):
        there = material[k]
        noise = rng.standard_normal(there.shape, np.float32)
        held = there > 0
        if not held.any():
            continue
        # Half of the texture is coarse, as scatter and the weave make it.
        coarse = ndimage.gaussian_filter(noise[::-1], 1.2)
        texture = (noise + coarse / max(float(coarse.std()), 1e-6)) * np.float32(np.sqrt(0.5))
        laid = means[there] + spreads[there] * texture - np.float32(_AIR_HU)
        room = np.clip(hu[k].astype(np.float32) / np.float32(_AIR_HU), 0, 1)
        mixed = np.clip(np.round(hu[k] + laid * room), -1024, 3071)
        result[k][held] = mixed[held].astype(np.int16)
    return result
