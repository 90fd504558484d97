"""The patient's sagittal midline, slice by slice."""

from __future__ import annotations

import numpy as np

from LNStationLib.state.organ_set import OrganSet
from LNStationLib.stations.profiles import center_mm, filled
from LNStationLib.support.types import FloatArray

_SMOOTHING_MM = 15.0
"""Sigma along the body: less than a vertebra's height, so that scoliosis is followed and processes are not."""
_MIDLINE_ORGANS = ("spine", "trachea", "sternum")
"""Organs that lie in the midline, the surest first."""


def midline_x_mm(organs: OrganSet) -> FloatArray:
    """LPS x in mm of the midline in every slice of the organs' grid.

    The center of the spine, else of the trachea, else of the sternum, continued above and below; without any of them
    the middle of the grid.
    """
    for name in _MIDLINE_ORGANS:
        mask = organs.mask(name)
        if mask is not None:
            sigma = _SMOOTHING_MM / organs.grid.spacing_mm[0]
            return filled(center_mm(mask, organs.grid, 2), sigma=sigma)
    return np.full(organs.grid.shape[0], float(organs.grid.coordinates_mm(2).mean()))
