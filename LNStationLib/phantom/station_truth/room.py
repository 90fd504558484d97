"""Where in a synthetic patient there is room for a node: voxels outside every organ, bone and lung."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, binary_opening, generate_binary_structure

from LNStationLib.imaging.distances import depth_mm
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Box
from LNStationLib.phantom.station_truth.surfaces import Array
from LNStationLib.support.types import BoolArray, FloatArray

ToModel = Callable[[Array], Array]
"""LPS points ``(n, 3)`` of the masks' grid to the frame of the anatomy tables."""
_REGIONS = ("body", "thoracic_cavity", "mediastinum", "lungs")
"""Masks that hold organs and are none."""
_HALF_WIDTH_MM = 66.0
"""How far from the midline stations reach, in the frame of the anatomy tables."""
_THIN_MM = 3.0
"""Layers thinner than this hold no node that could be seen, and no annotator draws them."""
_COARSE_MM = 3.0
"""In-plane step of the coarse look."""
_LUNG_BEHIND_MM = 12.0
"""How far behind a voxel lung is looked for: tissue before lung is not retrosternal."""


@dataclass(frozen=True)
class Scene:
    """Masks of one patient on one grid, not mirrored, and the way from its points to the anatomy tables.

    Attributes:
        grid: Grid of the masks.
        organs: Masks ``[z, y, x]`` by canonical name.
        to_model: See ``ToModel``.
    """

    grid: Grid
    organs: Mapping[str, BoolArray]
    to_model: ToModel

    def points(self, index: np.ndarray) -> Array:
        """Model points ``(n, 3)`` of array indices ``(n, 3)`` in the order ``z, y, x``."""
        lps = np.asarray(self.grid.origin_mm) + index * np.asarray(self.grid.spacing_mm)
        return self.to_model(lps[:, ::-1])


@dataclass(frozen=True)
class Room:
    """Free voxels between sternum and spine.

    Attributes:
        box: Part of the scene's grid.
        free: Voxels in no organ's mask, ``[z, y, x]`` of the box, without layers too thin for a node.
        pleura_mm: Distance of every voxel from the nearer lung.
        lung_behind: Voxels with lung within 12 mm behind them.
        step: In-plane steps in voxels of about 3 mm.
    """

    box: Box
    free: BoolArray
    pleura_mm: FloatArray
    lung_behind: BoolArray
    step: tuple[int, int]

    @property
    def _first(self) -> tuple[int, int, int]:
        return self.box[0].start, self.box[1].start, self.box[2].start

    def coarse_index(self) -> np.ndarray:
        """Array indices ``(n, 3)`` on the scene's grid of free voxels about 3 mm apart in plane."""
        thin = self.free[:, :: self.step[0], :: self.step[1]]
        return np.asarray(np.argwhere(thin) * (1, *self.step) + self._first)

    def index_near(self, coarse: np.ndarray) -> np.ndarray:
        """Array indices of all free voxels within two coarse steps of some of the coarse ones."""
        thin = np.zeros(self.free[:, :: self.step[0], :: self.step[1]].shape, bool)
        thin[tuple(((coarse - self._first) // (1, *self.step)).T)] = True
        thin = binary_dilation(thin, np.ones((3, 5, 5)))
        wide = thin.repeat(self.step[0], axis=1).repeat(self.step[1], axis=2)
        return np.asarray(np.argwhere(self.free & wide[:, : self.free.shape[1], : self.free.shape[2]]) + self._first)

    def local(self, index: np.ndarray) -> tuple[np.ndarray, ...]:
        """Index into the arrays of the box."""
        return tuple((index - self._first).T)


def find_room(scene: Scene) -> Room:
    """Find the free voxels of a patient; see ``tissue.blocked`` for what has no mask."""
    box = _box(scene)
    free, lung = _free(scene, box)
    spacing = scene.grid.spacing_mm
    step = (max(round(_COARSE_MM / spacing[1]), 1), max(round(_COARSE_MM / spacing[2]), 1))
    pleura = depth_mm(~lung, spacing) if lung.any() else np.full(lung.shape, np.inf)
    return Room(box, free, pleura, _lung_behind(lung, scene.grid), step)


def _box(scene: Scene) -> Box:
    """Part of the grid between sternum and spine and around the trachea."""
    middle = scene.points(np.argwhere(scene.organs["trachea"])).mean(0)
    shape, spacing, origin = scene.grid.shape, scene.grid.spacing_mm, scene.grid.origin_mm
    corners = scene.points(
        np.array([(k, j, i) for k in (0, shape[0] - 1) for j in (0, shape[1] - 1) for i in (0, shape[2] - 1)])
    )
    slope = (corners[:, 0].max() - corners[:, 0].min()) / max(spacing[2] * (shape[2] - 1), 1e-6)
    columns = [(middle[0] + sign * _HALF_WIDTH_MM) / slope for sign in (-1, 1)]
    low, high = (int(np.clip(round((c - origin[2]) / spacing[2]), 0, shape[2])) for c in columns)
    rows = np.flatnonzero(scene.organs["sternum"].any((0, 2)))
    back = np.flatnonzero(scene.organs["spine"].any((0, 2)))
    return slice(0, shape[0]), slice(int(rows[0]), int(back[-1]) + 1), slice(low, high)


def _free(scene: Scene, box: Box) -> tuple[BoolArray, BoolArray]:
    """Voxels of the body in no organ, and voxels of lung."""
    lung = scene.organs["lung_left"][box] | scene.organs["lung_right"][box]
    # The mask of the lungs stands a fraction of a millimetre off the chest wall; that gap is not tissue.
    free = scene.organs["body"][box] & binary_opening(~lung, generate_binary_structure(3, 1))
    for name, mask in scene.organs.items():
        if name not in _REGIONS and not name.startswith("lung"):
            free &= ~mask[box]
    return _roomy(free, scene.grid), lung


def _roomy(free: BoolArray, grid: Grid) -> BoolArray:
    """Without layers that are too thin to hold a node, as between aorta and lung."""
    deep = depth_mm(free, grid.spacing_mm) > _THIN_MM / 2
    return np.asarray(free & (depth_mm(~deep, grid.spacing_mm) <= _THIN_MM / 2 + min(grid.spacing_mm)))


def _lung_behind(lung: BoolArray, grid: Grid) -> BoolArray:
    """Voxels with lung within 12 mm behind them."""
    steps = max(round(_LUNG_BEHIND_MM / grid.spacing_mm[1]), 1)
    behind = np.zeros_like(lung)
    for step in range(1, steps + 1):
        behind[:, :-step] |= lung[:, step:]
    return behind
