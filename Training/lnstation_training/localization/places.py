"""Where nodes lie among the stations of one method."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt

from lnstation_training.evaluation.localization import Place
from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, covers, grown_mm, indices_of, label_boxes, points_mm, spacing_zyx
from LNStationLib.nodes.measurement import station_of
from LNStationLib.sampling.weight_map import weight_map
from LNStationLib.support.types import FloatArray, InstanceArray

NEAR_MM = 20.0
"""How far around a node outside all stations the nearest is looked for: twice the short axis of an enlarged node."""
IndexArray = npt.NDArray[np.integer]
_NAMES = {row.label_value: row.name for row in anatomy.stations()}


def node_places(nodes: sitk.Image, stations: sitk.Image, wanted: Collection[int]) -> dict[int, Place]:
    """Where nodes lie among stations.

    Args:
        nodes: One value per node on any grid, 0 elsewhere.
        stations: uint8 label map, values of the station table.
        wanted: Values of the nodes to look at.

    Returns:
        Of those of them that have a voxel within the field of view of ``stations``.
    """
    values, weights = array_view(nodes), _Weights(stations)
    boxes, found = label_boxes(values), dict[int, Place]()
    for number in sorted(set(wanted) & boxes.keys()):
        at = _indices(nodes, values, number, boxes[number], stations)
        if len(at):
            found[number] = _place(at, weights)
    return found


def _indices(nodes: sitk.Image, values: InstanceArray, number: int, box: Box, onto: sitk.Image) -> IndexArray:
    """Array indices ``(n, 3)`` in ``onto`` of a node's voxel centers, without those outside its field of view."""
    own = np.argwhere(values[box] == number) + [part.start for part in box]
    at = indices_of(onto, points_mm(nodes, own))
    at = np.rint(at[covers(onto, at)]).astype(int)
    return np.clip(at, 0, np.array(onto.GetSize())[::-1] - 1)


class _Weights:
    """A station map with the weights of Eq. 1, each station's made when first asked for."""

    def __init__(self, stations: sitk.Image) -> None:
        self.labels = array_view(stations)
        self.spacing_mm = spacing_zyx(stations)
        self._boxes = label_boxes(self.labels)
        self._maps: dict[int, FloatArray] = {}

    def best(self, at: IndexArray) -> str | None:
        """The station that gives any of these voxels the largest weight; ``None`` outside all stations."""
        label = self.labels[tuple(at.T)]
        weight = {int(value): self._largest(int(value), at[label == value]) for value in np.unique(label[label > 0])}
        return _NAMES[max(weight, key=weight.__getitem__)] if weight else None

    def _largest(self, label: int, at: IndexArray) -> float:
        box = self._boxes[label]
        if label not in self._maps:
            self._maps[label] = weight_map(self.labels[box] == label, self.spacing_mm)
        return float(self._maps[label][tuple((at - [part.start for part in box]).T)].max())


def _place(at: IndexArray, weights: _Weights) -> Place:
    labels = weights.labels
    station, share = station_of(labels[tuple(at.T)])
    nearest, nearest_mm = (station, 0.0) if station else _nearest(at, weights)
    return Place(
        station=station, share=share, largest_weight=weights.best(at), nearest=nearest, nearest_mm=nearest_mm
    )


def _nearest(at: IndexArray, weights: _Weights) -> tuple[str | None, float | None]:
    """The station nearest to a node outside all of them, and its distance; ``None`` beyond ``NEAR_MM``."""
    low, high = at.min(axis=0), at.max(axis=0) + 1
    own: Box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    box = grown_mm(own, NEAR_MM, weights.spacing_mm, weights.labels.shape)
    labels = weights.labels[box]
    if not labels.any():
        return None, None
    away_mm, where = distance_transform_edt(labels == 0, sampling=weights.spacing_mm, return_indices=True)
    inside = tuple((at - [part.start for part in box]).T)
    first = int(np.argmin(away_mm[inside]))
    distance_mm = float(away_mm[inside][first])
    if distance_mm > NEAR_MM:
        return None, None
    label = int(labels[tuple(axis[inside][first] for axis in where)])
    return _NAMES[label], distance_mm
