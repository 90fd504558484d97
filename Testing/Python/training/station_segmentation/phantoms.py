"""One coarse synthetic patient with all its truth, made once."""

from __future__ import annotations

import numpy as np
from made_once import made_once

from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS
from LNStationLib.phantom import PhantomCase, thorax
from LNStationLib.phantom.station_truth import station_truth

SPACING_MM = (4.0, 4.0, 4.0)


@made_once
def phantom() -> PhantomCase:
    return thorax(5, spacing_mm=SPACING_MM, with_pet=False, organs="none")


@made_once
def true_stations() -> np.ndarray:
    return np.asarray(station_truth(phantom()), np.uint8)


def organ_masks() -> dict[str, np.ndarray]:
    """The 22 organs of the paper."""
    return {name: np.asarray(phantom().organs[name], bool) for name in ORGANS}
