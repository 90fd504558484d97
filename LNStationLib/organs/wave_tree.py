"""The branches of a tube-like mask, from a wave that runs through it.

A wave starts at a seed and runs through the mask, which is cut into shells of equal geodesic distance. Each
connected piece of a shell is a node whose parent is the piece of the shell before it. Where a tube forks, the
front splits. (Schlathoelter et al., "Simultaneous segmentation and tree reconstruction of the airways",
SPIE Medical Imaging 2002, use the same idea with fast marching.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from LNStationLib.support.types import BoolArray, FloatArray


@dataclass
class WaveNode:
    """One connected piece of one shell.

    Attributes:
        voxels: Indices into the tree's voxel list.
        centroid: Mean voxel index ``(z, y, x)``.
        distance_mm: Mean geodesic distance from the seed.
        parent: Index of the node before it, or ``None`` at the seed.
        children: Indices of the nodes after it.
        reach_mm: Distance from here to the farthest voxel of its subtree.
        volume: Voxels in its subtree, itself included.
    """

    voxels: np.ndarray
    centroid: FloatArray
    distance_mm: float
    parent: int | None
    children: list[int] = field(default_factory=list)
    reach_mm: float = 0.0
    volume: int = 0


@dataclass
class WaveTree:
    """The nodes of a mask, parents before children.

    Attributes:
        coordinates: Voxel indices ``(n, 3)`` of the reached part of the mask.
        nodes: The nodes.
        spacing_mm: Voxel edge in mm.
    """

    coordinates: np.ndarray
    nodes: list[WaveNode]
    spacing_mm: float

    def children(self, node: int, min_reach_mm: float) -> list[int]:
        """Children whose subtree reaches at least that far; empty where none does."""
        return [child for child in self.nodes[node].children if self.nodes[child].reach_mm >= min_reach_mm]

    def run(self, start: int, min_reach_mm: float) -> list[int]:
        """Nodes from ``start`` to the next fork (included) or to the end of the tube."""
        path = [start]
        while True:
            kept = self.children(path[-1], min_reach_mm)
            if len(kept) > 1 or not self.nodes[path[-1]].children:
                return path
            following = kept or [max(self.nodes[path[-1]].children, key=lambda n: self.nodes[n].volume)]
            path.append(following[0])

    def subtree(self, node: int) -> list[int]:
        """The node and all its descendants."""
        found, queue = [], [node]
        while queue:
            current = queue.pop()
            found.append(current)
            queue.extend(self.nodes[current].children)
        return found

    def paint(self, nodes: list[int], shape: tuple[int, ...]) -> BoolArray:
        """Mask of the voxels of some nodes."""
        mask = np.zeros(shape, dtype=bool)
        for node in nodes:
            mask[tuple(self.coordinates[self.nodes[node].voxels].T)] = True
        return mask


# Each of the 26 neighbors once per pair of voxels.
_HALF_NEIGHBORHOOD = [
    (dz, dy, dx) for dz in (-1, 0, 1) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dz, dy, dx) > (0, 0, 0)
]


def _edges(mask: BoolArray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Voxel coordinates, both ends of every 26-neighbor edge, and its length in voxels."""
    padded = np.pad(mask, 1)
    number = np.full(padded.shape, -1, dtype=np.int64)
    coordinates = np.argwhere(padded)
    number[padded] = np.arange(len(coordinates))
    starts, ends, lengths = [], [], []
    for step in _HALF_NEIGHBORHOOD:
        other = number[tuple((coordinates + step).T)]
        hit = other >= 0
        starts.append(np.flatnonzero(hit))
        ends.append(other[hit])
        lengths.append(np.full(int(hit.sum()), float(np.linalg.norm(step))))
    return coordinates - 1, np.concatenate(starts), np.concatenate(ends), np.concatenate(lengths)


def _graph(starts: np.ndarray, ends: np.ndarray, weights: np.ndarray, n: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((weights, (starts, ends)), shape=(n, n))


def wave_tree(mask: BoolArray, seed: BoolArray, spacing_mm: float, shell_mm: float) -> WaveTree:
    """Run a wave through ``mask`` from ``seed``.

    Args:
        mask: The tube-like mask, ``[z, y, x]``.
        seed: Where the wave starts; must overlap the mask.
        spacing_mm: Voxel edge in mm.
        shell_mm: Thickness of a shell in mm; at least 1.5 voxels keep a shell connected.

    Raises:
        ValueError: Seed and mask do not overlap.
    """
    coordinates, starts, ends, lengths = _edges(mask)
    sources = np.flatnonzero(seed[tuple(coordinates.T)])
    if sources.size == 0:
        raise ValueError("the seed of a wave does not overlap its mask")
    n = len(coordinates)
    graph = _graph(starts, ends, lengths * spacing_mm, n)
    distance = csgraph.dijkstra(graph, directed=False, indices=sources, min_only=True)
    reached = np.isfinite(distance)
    shell = np.where(reached, distance / shell_mm, -1).astype(np.int64)
    same = reached[starts] & (shell[starts] == shell[ends])
    _, piece = csgraph.connected_components(
        _graph(starts[same], ends[same], np.ones(int(same.sum())), n), directed=False
    )
    between = reached[starts] & (np.abs(shell[starts] - shell[ends]) == 1)
    nodes = _nodes(coordinates, distance, shell, piece, np.stack([starts[between], ends[between]], axis=1))
    return WaveTree(coordinates, nodes, spacing_mm)


def _nodes(
    coordinates: np.ndarray, distance: np.ndarray, shell: np.ndarray, piece: np.ndarray, links: np.ndarray
) -> list[WaveNode]:
    """Make the nodes in order of their shell and link each to the piece it shares most edges with."""
    reached = np.flatnonzero(shell >= 0)
    order = reached[np.lexsort((piece[reached], shell[reached]))]
    cuts = np.flatnonzero(np.diff(piece[order])) + 1
    groups = np.split(order, cuts)
    node_of_piece = {int(piece[group[0]]): index for index, group in enumerate(groups)}
    down = np.where((shell[links[:, 0]] < shell[links[:, 1]])[:, None], links, links[:, ::-1])
    pairs, counts = np.unique(piece[down], axis=0, return_counts=True)
    parent: dict[int, tuple[int, int]] = {}
    for (upper, lower), count in zip(pairs, counts, strict=True):
        if count > parent.get(int(lower), (0, 0))[0]:
            parent[int(lower)] = (int(count), int(upper))
    nodes = []
    for group in groups:
        found = parent.get(int(piece[group[0]]))
        above = None if found is None else node_of_piece[found[1]]
        nodes.append(WaveNode(group, coordinates[group].mean(axis=0), float(distance[group].mean()), above))
    _sum_up(nodes, distance)
    return nodes


def _sum_up(nodes: list[WaveNode], distance: np.ndarray) -> None:
    """Fill in children, reach and volume, leaves first."""
    farthest = [float(distance[node.voxels].max()) for node in nodes]
    for index in range(len(nodes) - 1, -1, -1):
        node = nodes[index]
        node.volume += len(node.voxels)
        node.reach_mm = farthest[index] - node.distance_mm
        if node.parent is not None:
            nodes[node.parent].children.append(index)
            nodes[node.parent].volume += node.volume
            farthest[node.parent] = max(farthest[node.parent], farthest[index])
