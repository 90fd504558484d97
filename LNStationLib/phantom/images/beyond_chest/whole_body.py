"""From a chest CT to a head-to-thigh CT: slices above and below are made and added, the chest's stay as they are.

Body and table go on over the seams; the textures and the noise of the three parts are their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import rasterize
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.mask_table import MaskTable
from LNStationLib.phantom.anatomy.shapes import Patch
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.phantom.images import pet, scanner
from LNStationLib.phantom.images.beyond_chest import body_part, head, pelvis
from LNStationLib.phantom.images.beyond_chest.body_part import BodyPart
from LNStationLib.phantom.images.physiology import Physiology
from LNStationLib.support.types import HuArray

_OVERLAP_MM = 14.0
"""How far a part's internal grid reaches over the seam, for the blur of the PET."""
_MARGIN_MM = 12.0
"""Air over the head."""


@dataclass(frozen=True)
class Addition:
    """Slices above or below the chest's.

    Attributes:
        frame: Their place; its CT grid goes on where the chest's ends.
        part: What they show.
    """

    frame: Frame
    part: BodyPart

    def image(self, rng: np.random.Generator, *, back_mm: float | None, couch: bool) -> HuArray:
        """The CT's slices.

        Args:
            rng: Random generator of the noise.
            back_mm: Height (y) of the chest's back, which the couch lies under.
            couch: Whether there is one.
        """
        canvas = self.part.canvas.hu
        return scanner.scan(canvas, self.frame, rng, couch=couch, streaks=False, back_mm=back_mm)

    def masks(self) -> dict[str, Patch]:
        """True organs on the CT's slices, by canonical name."""
        found = {name: self.frame.patch(patch) for name, patch in self.part.organs.items()}
        found["body"] = self.frame.patch(rasterize.whole_patch(self.part.skin))
        return found


@dataclass(frozen=True)
class WholeBody:
    """The chest with what was added.

    Attributes:
        below: Slices under the chest's.
        above: Slices over them.
        grid: All of them.
        chest: The chest's slices among them.
    """

    below: Addition
    above: Addition
    grid: Grid
    chest: slice

    @classmethod
    def around(cls, frame: Frame, rng: np.random.Generator) -> WholeBody:
        """Make head, neck, abdomen, pelvis and thighs of the patient whose chest a frame holds.

        Args:
            frame: The chest's.
            rng: Random generator of textures and bowel.
        """
        grid, traits = frame.ct_grid, frame.variation
        step, first = grid.spacing_mm[0], grid.origin_mm[0]
        last = first + step * (grid.shape[0] - 1)
        n_below = max(int(np.ceil((first - pelvis.LOWEST_MM * traits.length) / step)), 1)
        n_above = max(int(np.ceil((head.VERTEX_MM * traits.length + _MARGIN_MM - last) / step)), 1)
        below = _slices(grid, first - n_below * step, n_below)
        above = _slices(grid, last + step, n_above)
        shape = (n_below + grid.shape[0] + n_above, *grid.shape[1:])
        return cls(
            _addition(frame, below, pelvis.abdomen_to_thighs, rng),
            _addition(frame, above, head.head_and_neck, rng),
            replace(grid, shape=shape, origin_mm=below.origin_mm),
            slice(n_below, n_below + grid.shape[0]),
        )

    def ct(self, chest: HuArray, rng: np.random.Generator, *, back_mm: float | None, couch: bool) -> HuArray:
        """The chest's CT with the other slices around it."""
        ends = [part.image(rng, back_mm=back_mm, couch=couch) for part in (self.below, self.above)]
        return np.concatenate([ends[0], chest, ends[1]])

    def padded(self, labels: np.ndarray) -> np.ndarray:
        """A label map of the chest on the whole grid; nothing beyond the chest."""
        result = np.zeros(self.grid.shape, labels.dtype)
        result[self.chest] = labels
        return result

    def organs(self, chest: MaskTable) -> MaskTable:
        """The chest's organs on the whole grid, with what is known beyond."""
        table = MaskTable(self.grid.shape)
        for name, (box, crop) in chest.crops.items():
            table.crops[name] = _moved(box, self.chest.start), crop
        for addition, start in ((self.below, 0), (self.above, self.chest.stop)):
            for name, patch in addition.masks().items():
                other = MaskTable(self.grid.shape)
                other.put(name, _moved(patch.box, start), patch.sdf < 0)
                if name in other:
                    table.crops[" "] = other.crops[name]
                    table.put_union(name, (name, " ") if name in table.crops else (" ",))
                    del table.crops[" "]
        return table

    def pet(
        self, chest: sitk.Image, body: Physiology, rng: np.random.Generator, *, noise_sd: float, mirrored: bool
    ) -> sitk.Image:
        """The chest's PET with the other slices around it."""
        step = pet.SPACING_MM[0]
        width, depth, height = chest.GetSize()
        x, y, first = chest.GetOrigin()
        counts = [
            int(n * self.grid.spacing_mm[0] // step) for n in (self.chest.start, self.above.frame.ct_grid.shape[0])
        ]
        origins = (first - counts[0] * step, first + height * step)
        slices = [
            sitk.GetArrayFromImage(
                pet.scan(
                    addition.part.activity(body), addition.frame, rng, noise_sd=noise_sd, mirrored=mirrored,
                    grid=Grid((count, depth, width), pet.SPACING_MM, (origin, y, x)),
                )
            )
            for addition, count, origin in zip((self.below, self.above), counts, origins, strict=True)
        ]  # fmt: skip
        whole = Grid((sum(counts) + height, depth, width), pet.SPACING_MM, (origins[0], y, x))
        return whole.image(np.concatenate([slices[0], sitk.GetArrayFromImage(chest), slices[1]]))


def _slices(chest: Grid, origin_mm: float, count: int) -> Grid:
    return replace(chest, shape=(count, *chest.shape[1:]), origin_mm=(origin_mm, *chest.origin_mm[1:]))


def _moved(box: tuple[slice, slice, slice], by: int) -> tuple[slice, slice, slice]:
    return slice(box[0].start + by, box[0].stop + by), box[1], box[2]


def _addition(
    chest: Frame, ct_grid: Grid, build: Callable[[Grid, Variation, np.random.Generator], BodyPart],
    rng: np.random.Generator,
) -> Addition:  # fmt: skip
    """Slices of one part, on an internal grid as fine as the chest's."""
    frame = Frame(chest.model_grid, ct_grid, chest.variation)
    low, high = frame.model_corners()
    wide = 262.0 + 1.7 * chest.variation.fat_mm if chest.variation.arms == "beside" else 230.0
    bounds = np.array([(-wide, -190.0, low[2]), (wide, 180.0, high[2])])
    low, high = np.maximum(low, bounds[0]), np.minimum(high, bounds[1])
    margin = np.array([6.0, 6.0, _OVERLAP_MM])
    grid = body_part.internal_grid(chest.model_grid, (low - margin).tolist(), (high + margin).tolist())
    return Addition(Frame(grid, ct_grid, chest.variation), build(grid, chest.variation, rng))
