"""Where a network looks for nodes: the stations and what lies around them."""

from __future__ import annotations

import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, box_around, spacing_zyx

MARGIN_MM = 12.0
"""Around the box of the stations, so that a node at its rim is seen with its surroundings."""
REACH_MM = 4.0
"""A candidate whose voxels all lie farther from every station is left out: outlines of stations are that unsure."""


def region_box(stations: sitk.Image) -> Box | None:
    """The box of the CT's array that a network looks at; ``None`` without stations."""
    return box_around(array_view(stations), MARGIN_MM, spacing_zyx(stations))
