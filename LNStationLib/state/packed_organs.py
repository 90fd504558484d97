"""Organs on the working grid in little memory, for as long as a case is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from LNStationLib.imaging.boxes import Box, box_of
from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Organ
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.types import BoolArray

_NO_MASK = np.zeros((0, 0, 0), dtype=bool)


@dataclass(frozen=True)
class _Packed:
    """One organ without its mask, the box of its voxels, and one bit for each voxel of the box."""

    organ: Organ
    box: Box
    bits: np.ndarray


@dataclass(frozen=True)
class PackedOrgans:
    """Organs, their masks cropped and at one bit a voxel: a few megabytes in place of some hundred.

    Attributes:
        grid: The grid of the masks.
        model: The model package whose network gave them; ``None`` where none did.
    """

    grid: Grid
    _rows: tuple[_Packed, ...]
    model: UsedModel | None = None

    @classmethod
    def of(cls, grid: Grid, organs: Iterable[Organ], model: UsedModel | None = None) -> PackedOrgans:
        """Pack organs; every mask has a voxel."""
        return cls(grid, tuple(_packed(organ) for organ in organs), model)

    def boxes(self) -> Iterator[tuple[Organ, Box, BoolArray]]:
        """Every organ (its ``mask`` is empty), the box of the grid that holds it, and its voxels there."""
        for row in self._rows:
            shape = tuple(part.stop - part.start for part in row.box)
            bits = np.unpackbits(row.bits, count=int(np.prod(shape)))
            yield row.organ, row.box, bits.reshape(shape).astype(bool)

    def unpacked(self) -> tuple[Organ, ...]:
        """The organs as they were packed."""
        organs = []
        for organ, box, inside in self.boxes():
            mask = np.zeros(self.grid.shape, dtype=bool)
            mask[box] = inside
            organs.append(replace(organ, mask=mask))
        return tuple(organs)


def _packed(organ: Organ) -> _Packed:
    box = box_of(organ.mask)
    return _Packed(replace(organ, mask=_NO_MASK), box, np.packbits(organ.mask[box]))
