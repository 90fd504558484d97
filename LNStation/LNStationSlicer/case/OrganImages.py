"""The label maps of organs on their way into a case: made, and looked at, before the scene has them.

Nobody can edit what is not in the scene yet, so that the turns of the event loop in between lose no edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import slicer

from LNStationLib import anatomy
from LNStationSlicer.case.Looks import lookPieces
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.VolumeExchange import geometryMatrix, gridMatrix, orientedBox

if TYPE_CHECKING:
    from LNStationLib.worker.volume_files import VolumeGeometry

Read = Callable[[], "tuple[np.ndarray, VolumeGeometry]"]
Pieces = Iterator[Callable[[], object]]


@dataclass(frozen=True)
class _Layer:
    image: slicer.vtkOrientedImageData
    gridMatrix: np.ndarray
    ranges: SegmentMasks.SliceRanges = field(default_factory=dict)


class OrganImages:
    """Label maps of organs, layer by layer.

    Args:
        ctNode: Gives the grid; that of the layer where there is no CT.

    Attributes:
        byOrgan: Organ name to the label map that has it, with indices of the CT's grid.
    """

    def __init__(self, ctNode: slicer.vtkMRMLVolumeNode | None) -> None:
        self.byOrgan: dict[str, slicer.vtkOrientedImageData] = {}
        self._ctNode = ctNode

    def pieces(self, layers: Iterable[Read]) -> Pieces:
        """Pieces of work, for ``Steps``, that make the label maps.

        Args:
            layers: Each gives uint8 ``[z, y, x]`` with the values of the organ table on a box of the CT's grid.
        """
        for layer in layers:
            held: list[_Layer] = []
            yield partial(self._make, layer, held)
            yield partial(self._find, held)
            yield from lookPieces(held[0].image, held[0].ranges, held[0].gridMatrix)

    def _make(self, layer: Read, held: list[_Layer]) -> None:
        array, geometry = layer()
        matrix = gridMatrix(self._ctNode) if self._ctNode is not None else geometryMatrix(geometry)
        held.append(_Layer(orientedBox(array, geometry, matrix), matrix))

    def _find(self, held: list[_Layer]) -> None:
        layer = held[0]
        layer.ranges.update(SegmentMasks.sliceRanges(SegmentMasks.imageArray(layer.image)))
        names = {row.label_value: row.name for row in anatomy.organs()}
        self.byOrgan.update({names[value]: layer.image for value in layer.ranges if value in names})
