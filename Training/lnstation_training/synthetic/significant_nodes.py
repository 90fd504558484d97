"""PET, distance to the tumor and significant nodes of a synthetic patient, as they are stored for training."""

from __future__ import annotations

import numpy as np

from lnstation_training.segmentation.patients import SIGNIFICANT
from lnstation_training.segmentation.preparation import pet_and_tumor_arrays
from lnstation_training.segmentation.significance import center_distance, significant_codes
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.case import PhantomCase
from LNStationLib.phantom.nodes.significance import Reader
from LNStationLib.sampling.pet_and_tumor import tumor_distance_mm


def significant_arrays(
    phantom: PhantomCase, numbers: np.ndarray, grid: Grid, reader: Reader
) -> dict[str, np.ndarray]:
    """``pet``, ``tumor_distance`` and ``significant`` of a patient.

    Args:
        phantom: With PET and tumor.
        numbers: Of the nodes on ``grid``.
        grid: The network's.
        reader: Decides which nodes are significant.

    Raises:
        ValueError: It has no PET or no tumor.
    """
    case = phantom.case
    if case.pet is None or case.tumor is None:
        raise ValueError("a patient without PET or tumor has no significant nodes")
    distance = tumor_distance_mm(case.tumor, grid)
    called = {
        node.node_id
        for node in phantom.nodes
        if reader.calls(node, center_distance(numbers == node.node_id, distance))
    }
    return {
        **pet_and_tumor_arrays(case, grid),
        SIGNIFICANT: significant_codes(numbers, dict.fromkeys(called, True), distance),
    }
