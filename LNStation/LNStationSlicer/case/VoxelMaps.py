"""Maps of voxels that a method gives beside its calls, as scalar volumes of a case; ``VoxelMap`` draws them.

They are taken in by pieces: a whole chest of floats is 100 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from LNStationSlicer.case.CaseFolder import ATTENTION, MAP_ROLES, STATION_MAPS
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange.VolumeExchange import croppedVolume, importVolume
from LNStationSlicer.support.Steps import turnsOf
from LNStationSlicer.support.Translation import _

if TYPE_CHECKING:
    from LNStationLib.worker.volume_files import VolumeGeometry

__all__ = ["ATTENTION", "MAP_ROLES", "mapPieces", "mapTip", "mapTitle", "stationMapPieces"]

Read = Callable[[], "Generator[None, None, tuple[np.ndarray, VolumeGeometry]]"]


def mapTitle(role: str) -> str:
    """What the user reads in the list of volumes."""
    titles = {
        ATTENTION: _("Attention map"),
        STATION_MAPS["probability"]: _("Station probability"),
        STATION_MAPS["weight"]: _("Station weights"),
    }
    return titles.get(role, role)


def mapTip(role: str) -> str:
    """What the map of a role shows."""
    tips = {
        ATTENTION: _("Where the model looked. This is not proof of disease."),
        STATION_MAPS["probability"]: _(
            "How sure the method is of the station of each voxel: the part of the atlases' votes, or the network's "
            "probability, of the likeliest station."
        ),
        STATION_MAPS["weight"]: _("1 at the centroid of each station, falling to 0 at its farthest voxel."),
    }
    return tips.get(role, "")


def stationMapPieces(case: CaseScene, reads: Mapping[str, Read]) -> Iterator[Callable[[], object]]:
    """Pieces of work that put the maps of a method for stations into a case, and take away those that it lacks.

    Args:
        case: The case.
        reads: Gives the map of each kind.
    """
    for kind, role in STATION_MAPS.items():
        yield from mapPieces(case, role, reads.get(kind))


def mapPieces(case: CaseScene, role: str, read: Read | None) -> Iterator[Callable[[], object]]:
    """Pieces of work, for ``Steps``, that put a map into a case.

    Args:
        case: Gets a volume of that role where it has none.
        role: One of ``MAP_ROLES``.
        read: Reads the map slab by slab: float32 ``[z, y, x]``, not negative; None takes the one that is there away.
    """
    if read is None:
        yield lambda: case.removeMap(role)
        return
    held: list[tuple[np.ndarray, VolumeGeometry]] = []
    yield from turnsOf(read(), held.append)
    # Only the box where it is not 0 is kept.
    yield lambda: held.append(croppedVolume(*held.pop()))
    yield lambda: _keep(case, role, *held.pop())


def _keep(case: CaseScene, role: str, array: np.ndarray, geometry: VolumeGeometry) -> None:
    node = case.makeNode(role, "vtkMRMLScalarVolumeNode", mapTitle(role))
    node.CreateDefaultDisplayNodes()
    # An automatic window would sort all voxels, for more than half a second; VoxelMap sets it.
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetAutoThreshold(False)
    importVolume(array, geometry, node)
