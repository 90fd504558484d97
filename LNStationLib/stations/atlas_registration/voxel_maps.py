"""The atlases' voxel maps of all stations: how sure they are of each voxel, and the weights of Eq. 1.

Stations do not overlap, so that one volume of each kind holds all of them.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box
from LNStationLib.sampling.weight_map import weight_map
from LNStationLib.state.station_map import PROBABILITY, WEIGHT, StationMap
from LNStationLib.support.types import FloatArray


def voxel_maps(shares: FloatArray, box: Box, outlines: StationMap) -> dict[str, sitk.Image]:
    """Maps of what atlases say.

    Args:
        shares: The largest part of the votes in each voxel of the part of the working grid in ``box``.
        box: Where that part lies.
        outlines: The fused stations, on the working grid.

    Returns:
        ``"probability"``, the largest part of the votes that any station has in each voxel, and ``"weight"``, 1 at
        the centroid of each outline and 0 at its farthest voxel (Engelson et al. 2026, Eq. 1): float32, 0 to 1.
    """
    part = outlines.grid.part(box)
    weights = np.zeros(part.shape, np.float32)
    for weight in weights_of(outlines, box).values():
        weights += weight
    return {PROBABILITY: part.image(shares), WEIGHT: part.image(weights)}


def weights_of(outlines: StationMap, box: Box) -> dict[str, FloatArray]:
    """Weights of every station that has voxels, by name, on the part of the working grid in ``box``."""
    spacing_mm = outlines.grid.spacing_mm
    labels = outlines.labels[box]
    masks = {row.name: labels == row.label_value for row in anatomy.stations()}
    return {name: weight_map(mask, spacing_mm) for name, mask in masks.items() if mask.any()}
