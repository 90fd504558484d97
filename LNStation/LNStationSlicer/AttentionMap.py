"""The attention map of a case as a scalar volume, taken in by pieces: a whole chest of floats is 100 MB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from LNStationSlicer.Translation import _
from LNStationSlicer.VolumeExchange import croppedVolume, importVolume

if TYPE_CHECKING:
    from LNStationLib.worker.volume_files import VolumeGeometry
    from LNStationSlicer.CaseScene import CaseScene

Read = Callable[[], "tuple[np.ndarray, VolumeGeometry]"]


def attentionPieces(case: CaseScene, read: Read | None) -> Iterator[Callable[[], object]]:
    """Pieces of work, for ``Steps``, that show an attention map.

    Args:
        case: Gets an attention volume where it has none.
        read: Gives the map: float32 ``[z, y, x]``, not negative; None takes the one that is there away.
    """
    if read is None:
        yield case.removeAttention
        return
    held: list[tuple[np.ndarray, VolumeGeometry]] = []
    yield lambda: held.append(read())
    # Only the box where it is not 0 is kept.
    yield lambda: held.append(croppedVolume(*held.pop()))
    yield lambda: _show(case, *held.pop())


def _show(case: CaseScene, array: np.ndarray, geometry: VolumeGeometry) -> None:
    node = case.makeNode("attention", "vtkMRMLScalarVolumeNode", _("Attention map"))
    node.CreateDefaultDisplayNodes()
    # An automatic window would sort all voxels, for more than half a second; Overlays sets it.
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetAutoThreshold(False)
    importVolume(array, geometry, node)
