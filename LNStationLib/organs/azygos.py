"""The azygos arch, traced from the spine to the superior vena cava; no public model segments it."""

from __future__ import annotations

import numpy as np

from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.morphology import Box
from LNStationLib.organs.vessel_paths import Surroundings, cheapest, trachea_edges, tube_along
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_AZYGOS_ABOVE_CARINA_MM = 11.0
"""The azygos arches forward over the right main bronchus at T4, about a centimeter above the carina."""
_AZYGOS_RANGE_MM = (-2.0, 28.0)
"""Levels searched, from the carina up: it cannot pass through the bronchus, and above T3 there is no azygos arch."""
_AZYGOS_RADIUS_MM = 4.5
"""Half of its width: 5.1 ± 1.4 mm upright, about twice that supine (Milne et al., Radiology 1984;152:1)."""
_LEVEL_COST_PER_MM = 0.15
"""Against a cost of 1 per voxel of soft tissue: 1 cm off the usual level costs as much as 1.5 voxels per step."""
_START_BEHIND_FRONT_MM = 8
"""It enters the cava from behind: no farther forward than 8 mm in front of the trachea."""
_RIGHT_OF_CARINA_MM, _ROWS_MM = 55.0, (40.0, 45.0)
"""Beyond the cava to the right (its center lies 2 to 3 cm from the carina), and from the cava in front to the
spine."""
_GOAL_DEPTH_MM, _GOAL_RIGHT_MM = (9, 2), (3, 18)
"""In front of and behind the vertebral body's front face, and right of its middle up to its edge (half width 15 mm):
where the azygos vein ascends. Chosen on phantoms and one real CT."""


def find_azygos_arch(around: Surroundings, soft: BoolArray, cava: BoolArray) -> Findings:
    """Trace the azygos arch from the right front of the spine past the right side of the trachea to the cava."""
    found, scan = Findings(), around.scan
    if around.spine is None:
        return found
    region = _region(around)
    if morphology.is_empty(region):
        return found
    start, goal = _cava_start(around, region, cava), _before_spine(around, region, soft)
    path = cheapest(around, region, soft, start, goal, _off_level(around, region))
    if path is None:
        return found
    tube = tube_along(scan, path, region, around.blocked | cava, _AZYGOS_RADIUS_MM)
    found.organ("azygos_arch", tube, OrganSource.SURROGATE, Reason("azygos_path"))
    return found


def _off_level(around: Surroundings, region: Box) -> FloatArray:
    """Extra cost of the distance from the arch's usual level; ``[z, y, x]`` of a region."""
    z, y, x = (np.arange(part.start, part.stop) for part in region)
    middle = around.carina[0] + _AZYGOS_ABOVE_CARINA_MM / around.scan.spacing_mm
    cost = _LEVEL_COST_PER_MM * np.abs(z - middle)[:, None, None] * around.scan.spacing_mm
    return np.asarray(cost * np.ones((len(z), len(y), len(x))))


def _cava_start(around: Surroundings, region: Box, cava: BoolArray) -> BoolArray:
    """The rear part of the cava in a region, all of it where it lies farther forward."""
    front = trachea_edges(around)[region[0].start, 0] - around.scan.voxels(_START_BEHIND_FRONT_MM)
    start = cava[region] & (np.arange(region[1].start, region[1].stop)[None, :, None] > front)
    return start if start.any() else cava[region]


def _region(around: Surroundings) -> Box:
    """Search region of the arch: around the carina, from the spine to the cava."""
    scan, (z, y, x) = around.scan, around.carina
    level = scan.window(0, z, -_AZYGOS_RANGE_MM[0], _AZYGOS_RANGE_MM[1])
    # Only right of the trachea's middle: the azygos passes neither behind nor in front of it.
    columns = np.nonzero(around.trachea[level])[2]
    middle = float(columns.mean()) if columns.size else x
    side = scan.window(2, x, _RIGHT_OF_CARINA_MM, (middle - x) * scan.spacing_mm - scan.spacing_mm)
    return level, scan.window(1, y, *_ROWS_MM), side


def _before_spine(around: Surroundings, region: Box, soft: BoolArray) -> BoolArray:
    """Soft tissue on the right front of the vertebral bodies."""
    assert around.spine is not None
    goal = (soft | around.bright)[region].copy()
    mm, (before, behind), (near, far) = 1.0 / around.scan.spacing_mm, _GOAL_DEPTH_MM, _GOAL_RIGHT_MM
    y = np.arange(region[1].start, region[1].stop)[:, None]
    x = np.arange(region[2].start, region[2].stop)[None, :]
    for k, z in enumerate(range(region[0].start, region[0].stop)):
        front, middle = around.spine.front_y[z], around.spine.canal[z, 1]
        goal[k] &= (y > front - before * mm) & (y < front + behind * mm)
        goal[k] &= (x < middle - near * mm) & (x > middle - far * mm)
    return goal
