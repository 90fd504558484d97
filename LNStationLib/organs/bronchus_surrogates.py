"""Surrogates for bronchi that cannot be followed: points at the typical length along the airway.

Typical adult lengths: Gray's Anatomy, 41st ed., ch. 53 (right main bronchus 2.5 cm to the upper lobe bronchus, often
less; left main bronchus 5 cm; bronchus intermedius 2 to 2.5 cm).
"""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.wave_tree import WaveTree
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import Side

MAIN_LENGTH_MM: dict[Side, float] = {"R": 20.0, "L": 47.0}
"""Right: between the textbook's 25 mm and the 13.6 ± 4.3 mm of CT. Left: 48.3 ± 6.5 mm (2107 adults, PLoS One
2015;10:e0123177)."""
INTERMEDIUS_LENGTH_MM = 22.0
"""Middle of the textbook's range."""
_DIRECTION_NODES = 6
"""Last nodes of a path, 1.5 to 2 cm, over which its direction is taken; fewer follow the ragged end of the lumen."""


def along(tree: WaveTree, path: list[int], length_mm: float) -> tuple[float, float, float]:
    """Index at a distance along a path; beyond its end, straight on in its last direction."""
    origin = tree.nodes[path[0]].distance_mm
    for node in path:
        if tree.nodes[node].distance_mm - origin >= length_mm:
            z, y, x = tree.nodes[node].centroid
            return float(z), float(y), float(x)
    end = tree.nodes[path[-1]]
    back = tree.nodes[path[max(0, len(path) - _DIRECTION_NODES)]]
    step = end.centroid - back.centroid
    step = step / max(float(np.linalg.norm(step)), 1e-6)
    z, y, x = end.centroid + step * (length_mm - (end.distance_mm - origin)) / tree.spacing_mm
    return float(z), float(y), float(x)


def cut_to(tree: WaveTree, path: list[int], length_mm: float) -> list[int]:
    """The first part of a path, up to a length."""
    origin = tree.nodes[path[0]].distance_mm
    return [n for n in path if tree.nodes[n].distance_mm - origin <= length_mm]


def add_surrogate(
    found: Findings, scan: Scan, name: str, index: tuple[float, float, float], length_mm: float
) -> None:
    """Add a landmark at the typical length, with a warning that it was not seen.

    Args:
        found: The findings to add to.
        scan: The scan.
        name: The landmark's name.
        index: Its place as a voxel index ``(z, y, x)``.
        length_mm: The length that placed it.
    """
    found.landmark(name, index, scan.grid, OrganSource.SURROGATE)
    found.warn("bronchus_end_placed", landmark=name.replace("_", " "), length_mm=length_mm)
