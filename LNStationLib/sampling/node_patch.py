"""The patch of one node, as a network sees it; one function for training and for use.

PGLS (Li et al. 2024), Sec. 3.1 and Fig. 1: a region of 64x64x16 voxels centered at the node, at its own size and
zoomed in; median spacing of the cohort 0.795x0.795x5 mm. How far the paper zooms it does not say. Here the zoomed
patch is the cube around the node's box with a margin (the size-invariant idea of Kann et al. 2018), so that a node
fills about as much of it whatever its size and keeps its proportions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, label_boxes, points_mm
from LNStationLib.imaging.grid import AIR_HU, Grid, field_of_view, resample_to_grid
from LNStationLib.sampling.cut_spec import CutSpec
from LNStationLib.sampling.smoothing import smoothed_part
from LNStationLib.support.types import FloatArray

CT, CT_ZOOMED = "ct", "ct_zoomed"
PATCH_CHANNELS: Mapping[str, str] = {
    CT: "CT around the node, scaled to [-1, 1] by the HU window",
    CT_ZOOMED: "CT of the node's box with a margin, resized to the patch, scaled likewise",
}
"""Channels of a node's patch by name, with their titles."""
_MAX_VOXELS_PER_AXIS = 256
"""Four times the paper's; a larger patch in a package would only take memory."""


class NodePatchSpec(CutSpec):
    """Geometry and scaling of a node's patch. Triples are along z, y, x."""

    most_voxels_per_axis: ClassVar[int] = _MAX_VOXELS_PER_AXIS

    size: tuple[int, int, int] = Field((16, 64, 64), description="Voxels of both channels.")
    spacing_mm: tuple[float, float, float] = Field((5.0, 0.8, 0.8), description="Voxel size at the node's own size.")
    margin_mm: float = Field(5.0, ge=0, le=50, description="Around the node's box in the zoomed patch.")
    window_hu: tuple[float, float] = Field((-200.0, 300.0), description="HU that become -1 and 1; clipped beyond.")


@dataclass(frozen=True)
class NodePatch:
    """What a network sees of one node.

    Attributes:
        values: float32 ``[channel, z, y, x]`` in [-1, 1], channels in the order of ``PATCH_CHANNELS``.
        grids: Where the voxels of each channel lie in the patient, by its name.
        part_inside: Part of the patch at the node's own size that the CT covers, in [0, 1]; beyond it is air.
    """

    values: FloatArray
    grids: Mapping[str, Grid]
    part_inside: float


@dataclass(frozen=True)
class NodeBox:
    """Where a node lies.

    Attributes:
        center_mm: Centroid of its voxels, LPS ``(x, y, z)``.
        low_mm: Lowest corner of its box in LPS, edges of voxels included.
        high_mm: Highest corner.
    """

    center_mm: FloatArray
    low_mm: FloatArray
    high_mm: FloatArray

    @property
    def longest_mm(self) -> float:
        """Longest edge of the box."""
        return float((self.high_mm - self.low_mm).max())


def node_boxes(nodes: sitk.Image) -> dict[int, NodeBox]:
    """Where the nodes of an instance map lie, by value; empty without nodes."""
    labels = array_view(nodes)
    return {value: _node_box(nodes, labels, value, box) for value, box in label_boxes(labels).items()}


def _node_box(nodes: sitk.Image, labels: np.ndarray, value: int, box: Box) -> NodeBox:
    start = [part.start for part in box]
    center = points_mm(nodes, np.argwhere(labels[box] == value).mean(axis=0)[None] + start)[0]
    ends = [(part.start - 0.5, part.stop - 0.5) for part in box]
    corners = points_mm(nodes, np.array([(z, y, x) for z in ends[0] for y in ends[1] for x in ends[2]]))
    return NodeBox(center, corners.min(axis=0), corners.max(axis=0))


def node_patch(ct: sitk.Image, node: NodeBox, spec: NodePatchSpec) -> NodePatch:
    """Cut out the patch of one node.

    A node at the border of the image has air beyond it. A conglomerate that is larger than the patch is cut off at
    its own size and seen whole, if coarsely, in the zoomed channel.

    Args:
        ct: CT in HU, any orthonormal orientation.
        node: Of a node map on any grid.
        spec: Geometry and scaling.
    """
    own = _grid_around(node.center_mm, spec.size, spec.spacing_mm)
    edge = node.longest_mm + 2 * spec.margin_mm
    z, y, x = (edge / count for count in spec.size)
    zoomed = _grid_around((node.low_mm + node.high_mm) / 2, spec.size, (z, y, x))
    grids = {CT: own, CT_ZOOMED: zoomed}
    values = np.stack([scaled(_cut(ct, grids[name]), spec.window_hu) for name in PATCH_CHANNELS])
    return NodePatch(values, grids, float(field_of_view(ct, own).mean()))


def _grid_around(center_mm: FloatArray, size: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    """The grid of a patch around a point ``(x, y, z)`` in LPS mm."""
    z, y, x = (
        float(middle) - step * (count - 1) / 2
        for middle, step, count in zip(reversed(center_mm), spacing_mm, size, strict=True)
    )
    return Grid(size, spacing_mm, (z, y, x))


def _cut(ct: sitk.Image, grid: Grid) -> FloatArray:
    part = smoothed_part(ct, grid)
    return np.asarray(resample_to_grid(part, grid, labels=False, outside=AIR_HU), np.float32)


def scaled(hu: FloatArray, window_hu: tuple[float, float]) -> FloatArray:
    """Attenuation as patches hold it: float32 in [-1, 1], clipped at the window's limits."""
    low, high = window_hu
    return np.clip((hu - low) * np.float32(2.0 / (high - low)) - 1.0, -1.0, 1.0).astype(np.float32)
