"""The azygos arch, which no public model segments."""

from __future__ import annotations

import numpy as np

from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.morphology import Box
from LNStationLib.organs.vessel_paths import Surroundings, cheapest, trachea_edges, tube_along
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import BoolArray

# The azygos arches forward over the right main bronchus at T4, about a centimeter above the carina.
_AZYGOS_ABOVE_CARINA_MM = 11.0
_AZYGOS_RANGE_MM = (-2.0, 28.0)
_AZYGOS_RADIUS_MM = 4.5


def find_azygos_arch(around: Surroundings, soft: BoolArray, cava: BoolArray) -> Findings:
    """Trace the azygos arch from the right front of the spine round the trachea's right side to the cava."""
    found, scan = Findings(), around.scan
    if around.spine is None:
        return found
    region = _region(around)
    if morphology.is_empty(region):
        return found
    low = region[0].start
    edges = trachea_edges(around)
    goal = _before_spine(around, region, soft)
    slices = np.arange(low, region[0].stop)
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


def _region(around: Surroundings) -> Box:
    """Where the arch is looked for: about the carina, from the spine to the cava."""
    scan, (z, y, x) = around.scan, around.carina
    level = scan.window(0, z, -_AZYGOS_RANGE_MM[0], _AZYGOS_RANGE_MM[1])
    # Only right of the trachea's middle: a path behind or in front of the trachea is none of the azygos'.
    columns = np.nonzero(around.trachea[level])[2]
    middle = float(columns.mean()) if columns.size else x
    side = scan.window(2, x, 55.0, (middle - x) * scan.spacing_mm - scan.spacing_mm)
    return level, scan.window(1, y, 40.0, 45.0), side


def _before_spine(around: Surroundings, region: Box, soft: BoolArray) -> BoolArray:
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
