"""Masks by name that share one grid, kept as their bounding boxes so that a hundred of them fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from LNStationLib.imaging.boxes import bounding_box, bounding_region, inside_of, within
from LNStationLib.phantom.anatomy.shapes import Box
from LNStationLib.support.types import BoolArray


@dataclass
class MaskTable(Mapping[str, BoolArray]):
    """Masks by name; ``table[name]`` is a new whole array ``[z, y, x]`` each time.

    Attributes:
        shape: Shape of the grid.
        crops: For each name the box that holds the mask, and the mask in that box.
    """

    shape: tuple[int, int, int]
    crops: dict[str, tuple[Box, BoolArray]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> BoolArray:
        box, crop = self.crops[name]
        mask = np.zeros(self.shape, bool)
        mask[box] = crop
        return mask

    def __iter__(self) -> Iterator[str]:
        return iter(self.crops)

    def __len__(self) -> int:
        return len(self.crops)

    def put(self, name: str, box: Box, crop: BoolArray) -> None:
        """Keep a mask, cut to what is in it; an empty one is absent."""
        tight = bounding_box(crop)
        if tight is not None:
            self.crops[name] = inside_of(box, tight), np.ascontiguousarray(crop[tight])

    def put_union(self, name: str, parts: tuple[str, ...]) -> None:
        """Keep the union of masks that are here already."""
        held = [self.crops[part] for part in parts if part in self.crops]
        whole = bounding_region(box for box, _ in held)
        if whole is not None:
            union = np.zeros([part.stop - part.start for part in whole], bool)
            for box, crop in held:
                union[within(box, whole)] |= crop
            self.crops[name] = whole, union

    def cut(self, box: Box) -> MaskTable:
        """The masks on a part of the grid."""
        z, y, x = (part.stop - part.start for part in box)
        table = MaskTable((z, y, x))
        for name, (own, crop) in self.crops.items():
            low, high = (
                [pick(getattr(a, end), getattr(b, end)) for a, b in zip(own, box, strict=True)]
                for pick, end in ((max, "start"), (min, "stop"))
            )
            if all(lo < h for lo, h in zip(low, high, strict=True)):
                inner = tuple(slice(lo - a.start, h - a.start) for lo, h, a in zip(low, high, own, strict=True))
                moved = tuple(slice(lo - b.start, h - b.start) for lo, h, b in zip(low, high, box, strict=True))
                table.put(name, (moved[0], moved[1], moved[2]), crop[inner])
        return table

    def mirrored(self, names: Mapping[str, str]) -> MaskTable:
        """The masks reflected along x, under other names."""
        width = self.shape[2]
        table = MaskTable(self.shape)
        for name, ((z, y, x), crop) in self.crops.items():
            table.crops[names[name]] = (z, y, slice(width - x.stop, width - x.start)), crop[:, :, ::-1]
        return table
