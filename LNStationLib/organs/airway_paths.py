"""Walks along the airway tree: follow a branch to its fork, and where branches start and head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.organs.wave_tree import WaveTree
from LNStationLib.support.types import FloatArray, Side

BRANCH_REACH_MM = 8.0
"""Shorter branches are ragged edges of the lumen."""
_SHORTEST_MAIN_MM = 8.0
"""A fork nearer to the carina is part of the spur: main bronchi of 13.6 ± 4.3 (R) and 48.3 ± 6.5 mm (L) on CT of
2107 adults (PLoS One 2015;10:e0123177)."""
_LONGEST_MAIN_MM: dict[Side, float] = {"R": 55.0, "L": 75.0}
"""Left: that mean and four standard deviations. Right: main bronchus and bronchus intermedius (2.5 cm each, Gray's
Anatomy, 41st ed., ch. 53) in one, as seen where the upper lobe bronchus is blocked."""
_SPUR_MM = 6.0
"""Radius of a main bronchus' lumen, 10 to 12 mm wide: by so much the wave sees a fork too late."""
_HEADING_MM = 25.0
"""A lobar bronchus and the start of its segments; chosen on phantoms and one real CT."""


@dataclass(frozen=True)
class Fork:
    """A main bronchus followed to its first fork.

    Attributes:
        path: Nodes from the carina to the fork (included).
        children: Nodes after the fork; empty where none was found.
    """

    path: list[int]
    children: list[int]


def heading(tree: WaveTree, node: int) -> FloatArray:
    """Mean voxel index of the first 25 mm of a branch: the direction it takes."""
    start = tree.nodes[node].distance_mm
    near = [n for n in tree.subtree(node) if tree.nodes[n].distance_mm - start < _HEADING_MM]
    weights = [len(tree.nodes[n].voxels) for n in near]
    return np.asarray(np.average([tree.nodes[n].centroid for n in near], axis=0, weights=weights))


def follow(tree: WaveTree, start: int, side: Side) -> Fork:
    """Follow a main bronchus to the first fork that is neither too near the carina nor too far from it."""
    path: list[int] = []
    node, origin = start, tree.nodes[start].distance_mm
    while True:
        path += tree.run(node, BRANCH_REACH_MM)
        length = tree.nodes[path[-1]].distance_mm - origin
        children = tree.children(path[-1], BRANCH_REACH_MM)
        if length > _LONGEST_MAIN_MM[side] or len(children) < 2:
            return Fork(path, [])
        if length >= _SHORTEST_MAIN_MM:
            return Fork(path, children)
        node = max(children, key=lambda n: tree.nodes[n].volume)


def first_part(tree: WaveTree, start: int, length_mm: float) -> list[int]:
    """The start of a branch, forks included, up to a length."""
    origin = tree.nodes[start].distance_mm
    return [n for n in tree.subtree(start) if tree.nodes[n].distance_mm - origin <= length_mm]


def origin_of(tree: WaveTree, fork: int, children: list[int]) -> tuple[float, float, float]:
    """Where children leave a fork: halfway between the last shared piece and their first ones."""
    first = np.mean([tree.nodes[child].centroid for child in children], axis=0)
    z, y, x = (tree.nodes[fork].centroid + first) / 2
    return float(z), float(y), float(x)


def mean_height(tree: WaveTree, node: int) -> float:
    """Height of ``heading`` in voxels."""
    return float(heading(tree, node)[0])


def before_fork(tree: WaveTree, fork: Fork) -> tuple[list[int], list[int]]:
    """Split a path into the part before its last 6 mm and those 6 mm.

    The wave separates two arms only at the spur between them. A lobar bronchus begins where its axis leaves the
    lumen of the larger bronchus, one lumen radius earlier.
    """
    end = tree.nodes[fork.path[-1]].distance_mm
    own = [node for node in fork.path if end - tree.nodes[node].distance_mm > _SPUR_MM] or fork.path[:1]
    return own, fork.path[len(own) :]
