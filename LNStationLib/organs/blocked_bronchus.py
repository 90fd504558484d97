"""A main bronchus without air from the carina on: the trachea continues into the other one without a fork.

Causes are a tumor, a mucus plug or a pneumonectomy. The carina then lies where the airway turns to the side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.airway_paths import BRANCH_REACH_MM
from LNStationLib.organs.bronchus_surrogates import INTERMEDIUS_LENGTH_MM, MAIN_LENGTH_MM
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.wave_tree import WaveTree
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.types import FloatArray, Side

MAIN_REACH_MM = 20.0
"""Arms of a fork of the trachea or of a main bronchus are longer."""

_SPUR_BELOW_TURN_MM = 4.0
"""The spur between lumens 12 mm wide and 35 degrees off the trachea lies 8 mm below the point where their axes part;
the front of the wave, as wide as the trachea, begins to turn halfway there."""

_SHORTEST_TRACHEA_MM, _SHORTEST_MAIN_MM = 20.0, 15.0
"""Lines fitted to shorter parts, about as long as the lumen is wide, do not give a direction."""
_LEAST_TURN_DEGREES = 15.0
"""The right main bronchus leaves the trachea's axis by about 25 degrees, the left one by 45 (Gray's Anatomy, 41st
ed., ch. 53); a trachea bends by less."""
_LEAST_ASIDE_MM = 12.0
"""About a lumen's width off the line of the trachea: less is a bend, not a bronchus."""
_LEAST_UPRIGHT_SHARE = 0.7
"""Height over length of the trachea: even pulled over by a lost lung it does not lie at 45 degrees."""
_ANGLE_DEGREES: dict[Side, float] = {"R": 25.0, "L": 45.0}
"""Usual angles of the main bronchi from the trachea's axis, which is upright (same source); with their lengths they
give the places of their ends."""
_END: dict[Side, tuple[str, float]] = {
    "R": ("bronchus_intermedius_end", MAIN_LENGTH_MM["R"] + INTERMEDIUS_LENGTH_MM),
    "L": ("left_lower_lobe_bronchus_origin", MAIN_LENGTH_MM["L"]),
}
_SIDE_NAME: dict[Side, str] = {"R": "right", "L": "left"}


@dataclass(frozen=True)
class Turn:
    """Where the airway turns to the side into the one aerated main bronchus.

    Attributes:
        trachea: Nodes of the trachea, from above.
        start: First node of the main bronchus.
        side: The side of that bronchus.
        carina: Voxel index ``(z, y, x)`` where the trachea's axis meets the level of the spur.
    """

    trachea: list[int]
    start: int
    side: Side
    carina: tuple[float, float, float]


def find_turn(tree: WaveTree) -> Turn | None:
    """The turn of an airway whose trachea does not fork; ``None`` where it runs straight to the end of the view."""
    stem = _stem(tree)
    points = np.array([tree.nodes[node].centroid for node in stem]) * tree.spacing_mm
    along = np.array([tree.nodes[node].distance_mm for node in stem])
    bend = _bend(points, along)
    if bend is None:
        return None
    above, below = _line(points[: bend + 1], along[: bend + 1]), _line(points[bend:], along[bend:])
    aside_mm = float((points[-1] - _at(above, along[-1]))[2])
    turned = np.degrees(np.arccos(np.clip(float(above[1] @ below[1]), -1, 1)))
    if turned < _LEAST_TURN_DEGREES or abs(aside_mm) < _LEAST_ASIDE_MM or -above[1][0] < _LEAST_UPRIGHT_SHARE:
        return None
    spur = int(np.searchsorted(along, along[bend] + _SPUR_BELOW_TURN_MM))
    if not 0 < spur < len(stem):
        return None
    z, y, x = _at(above, along[bend] + _SPUR_BELOW_TURN_MM) / tree.spacing_mm
    side: Side = "L" if aside_mm > 0 else "R"
    return Turn(stem[:spur], stem[spur], side, (float(z), float(y), float(x)))


def add_carina(found: Findings, turn: Turn, scan: Scan) -> None:
    """Add the carina and the end of the bronchus without air at their usual places, as surrogates with a warning."""
    other: Side = "L" if turn.side == "R" else "R"
    found.landmark("carina", turn.carina, scan.grid, OrganSource.SURROGATE)
    name, length_mm = _END[other]
    angle = np.radians(_ANGLE_DEGREES[other])
    z, y, x = turn.carina
    aside = (1 if other == "L" else -1) * length_mm * np.sin(angle) / scan.spacing_mm
    index = (z - length_mm * np.cos(angle) / scan.spacing_mm, y, x + float(aside))
    found.landmark(name, index, scan.grid, OrganSource.SURROGATE)
    found.warn("main_bronchus_without_air", side=_SIDE_NAME[other], other_side=_SIDE_NAME[turn.side])


def _stem(tree: WaveTree) -> list[int]:
    """Nodes from the seed to the first fork into two long arms, or to the end of the largest branch."""
    stem, node = [], 0
    while True:
        stem += tree.run(node, BRANCH_REACH_MM)
        children = tree.children(stem[-1], BRANCH_REACH_MM)
        if not children or len(tree.children(stem[-1], MAIN_REACH_MM)) > 1:
            return stem
        node = max(children, key=lambda n: tree.nodes[n].volume)


def _bend(points: FloatArray, along: FloatArray) -> int | None:
    """Index at which two straight lines fit a path best; ``None`` where one of them would be too short."""
    least, best = np.inf, None
    for index in range(len(points)):
        if along[index] - along[0] < _SHORTEST_TRACHEA_MM or along[-1] - along[index] < _SHORTEST_MAIN_MM:
            continue
        parts = (slice(0, index + 1), slice(index, None))
        error = sum(float(((points[p] - _at(_line(points[p], along[p]), along[p])) ** 2).sum()) for p in parts)
        if error < least:
            least, best = error, index
    return best


def _line(points: FloatArray, along: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Straight line through a part of a path: its middle, its unit direction, and the path's length at the middle."""
    middle, where = points.mean(axis=0), float(along.mean())
    slope = (along - where) @ (points - middle)
    return middle, slope / max(float(np.linalg.norm(slope)), 1e-9), where


def _at(line: tuple[FloatArray, FloatArray, float], along: FloatArray | float) -> FloatArray:
    """Points of a line at given lengths along the path."""
    middle, direction, where = line
    return np.asarray(middle + np.multiply.outer(np.asarray(along) - where, direction))
