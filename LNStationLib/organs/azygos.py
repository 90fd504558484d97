"""The azygos arch, which no public model segments."""

from __future__ import annotations

import numpy as np

from LNStationLib.organs.findings import Findings
from LNStationLib.organs.organ_set import OrganSource
from LNStationLib.organs.vessel_paths import Surroundings, cheapest, trachea_edges, tube_along
from LNStationLib.types import BoolArray

# The azygos arches forward over the right main bronchus at T4, about a centimeter above the carina.
_AZYGOS_ABOVE_CARINA_MM = 11.0
_AZYGOS_RANGE_MM = (-2.0, 28.0)
_AZYGOS_RADIUS_MM = 4.5


def find_azygos_arch(around: Surroundings, soft: BoolArray, cava: BoolArray) -> Findings:
    """Trace the azygos arch from the right front of the spine round the trachea's right side to the cava."""
    found, scan = Findings(), around.scan
    if around.spine is None:
        return found
    z, y, x = (round(value) for value in around.carina)
    low, high = (max(0, z + round(length / scan.spacing_mm)) for length in _AZYGOS_RANGE_MM)
    high = min(high, scan.grid.shape[0] - 1)
    edges = trachea_edges(around)
    # Only right of the trachea's middle: a path behind or in front of the trachea is none of the azygos'.
    right_limit = round(float(np.nonzero(around.trachea[z : high + 1])[2].mean()))
    region = (
        slice(low, high + 1),
        slice(max(0, y - scan.voxels(40.0)), y + scan.voxels(45.0)),
        slice(max(0, x - scan.voxels(55.0)), right_limit),
    )
    goal = _before_spine(around, region, soft)
    slices = np.arange(low, high + 1)
    middle = around.carina[0] + _AZYGOS_ABOVE_CARINA_MM / scan.spacing_mm
    extra = 0.15 * np.abs(slices - middle)[:, None, None] * scan.spacing_mm * np.ones(cava[region].shape)
    start = cava[region] & (
        np.arange(region[1].start, region[1].stop)[None, :, None] > edges[low, 0] - scan.voxels(8)
    )
    path = cheapest(around, region, soft, start if start.any() else cava[region], goal, extra)
    if path is None:
        return found
    tube = tube_along(scan, path, region, around.blocked | cava, _AZYGOS_RADIUS_MM)
    found.organ(
        "azygos_arch",
        tube,
        OrganSource.SURROGATE,
        "best path through soft tissue from the spine over the right main bronchus to the superior vena cava",
    )
    return found


def _before_spine(around: Surroundings, region: tuple[slice, ...], soft: BoolArray) -> BoolArray:
    """Soft tissue on the right front of the vertebral bodies."""
    assert around.spine is not None
    goal = (soft | around.bright)[region].copy()
    mm = 1.0 / around.scan.spacing_mm
    y = np.arange(region[1].start, region[1].stop)[:, None]
    x = np.arange(region[2].start, region[2].stop)[None, :]
    for k, z in enumerate(range(region[0].start, region[0].stop)):
        front, middle = around.spine.front_y[z], around.spine.canal[z, 1]
        goal[k] &= (y > front - 9 * mm) & (y < front + 2 * mm) & (x < middle - 3 * mm) & (x > middle - 18 * mm)
    return goal
