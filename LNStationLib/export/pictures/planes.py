"""Planes cut out of a patient view, in the order in which they are shown on a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from LNStationLib.export.evidence import EvidenceMap
from LNStationLib.export.pictures.patient_view import Box, PatientView, suv_on
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.support.types import FloatArray, HuArray, InstanceArray, LabelArray

_OVERLAY_PIXEL_MM = 1.0
"""Pixel of overlays: finer than any PET or evidence map, so that resampling loses nothing of them."""


@dataclass(frozen=True)
class Plane:
    """A plane as shown: first row on top, first column on the left, where the patient's right is.

    Attributes:
        orientation: ``"axial"`` (from the feet, front on top) or ``"coronal"`` (from the front, head on top).
        position_mm: LPS z of an axial plane, LPS y of a coronal one.
        pixel_mm: Pixel size ``(row, column)``.
        hu: CT in Hounsfield units ``[row, column]``.
        stations: Values of the station table, as ``hu``.
        nodes: Values ``NodeFinding.node_id``, as ``hu``.
        suv: PET in SUVbw over the same field of view at its own pixel size; ``None`` without PET.
        evidence: A station's evidence map in [0, 1] over the same field of view at its own pixel size; ``None``
            without one.
    """

    orientation: Literal["axial", "coronal"]
    position_mm: float
    pixel_mm: tuple[float, float]
    hu: HuArray
    stations: LabelArray
    nodes: InstanceArray
    suv: FloatArray | None
    evidence: FloatArray | None = None

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width of the field of view."""
        rows, columns = self.hu.shape
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]


def axial_plane(view: PatientView, box: Box, z: int, evidence: EvidenceMap | None = None) -> Plane:
    """The axial plane of slice ``z``; rows run to the back and columns to the patient's left.

    Args:
        view: The patient.
        box: Field of view.
        z: Slice.
        evidence: Of the station that the picture is about.
    """
    slab = Box((z, z + 1), box.y, box.x)
    where = (z, slice(*box.y), slice(*box.x))
    return Plane(
        "axial",
        float(view.grid.coordinates_mm(0)[z]),
        (view.grid.spacing_mm[1], view.grid.spacing_mm[2]),
        view.hu[where],
        view.stations[where],
        view.nodes[where],
        _plane_suv(view, slab, 0),
        None if evidence is None else _plane_evidence(evidence, view.grid, slab),
    )


def coronal_plane(view: PatientView, box: Box, y: int) -> Plane:
    """The coronal plane of row ``y``; rows run to the feet and columns to the patient's left."""
    where = (slice(*box.z), y, slice(*box.x))
    suv = _plane_suv(view, Box(box.z, (y, y + 1), box.x), 1)
    return Plane(
        "coronal",
        float(view.grid.coordinates_mm(1)[y]),
        (view.grid.spacing_mm[0], view.grid.spacing_mm[2]),
        view.hu[where][::-1],
        view.stations[where][::-1],
        view.nodes[where][::-1],
        None if suv is None else suv[::-1],
    )


def _plane_suv(view: PatientView, slab: Box, thin_axis: int) -> FloatArray | None:
    """PET over a slab that is one voxel thick along ``thin_axis``, with the two other axes ``[row, column]``."""
    suv = suv_on(view, _slab_grid(view.grid, slab, thin_axis))
    return None if suv is None else np.take(suv, 0, axis=thin_axis)


def _plane_evidence(evidence: EvidenceMap, grid: Grid, slab: Box) -> FloatArray:
    """A station's map over an axial slab; 0 outside its region."""
    on_slab = resample_to_grid(evidence.image, _slab_grid(grid, slab, 0), labels=False)
    values: FloatArray = np.clip(on_slab[0], 0.0, 1.0)
    return values


def _slab_grid(grid: Grid, slab: Box, thin_axis: int) -> Grid:
    """A grid over a slab of ``grid``, one voxel along ``thin_axis`` and about 1 mm along the others."""
    shape, spacing, origin = [], [], []
    for axis, (start, stop) in enumerate((slab.z, slab.y, slab.x)):
        step, first = grid.spacing_mm[axis], grid.origin_mm[axis] + grid.spacing_mm[axis] * start
        extent = step * (stop - start)
        count = 1 if axis == thin_axis else max(round(extent / _OVERLAY_PIXEL_MM), 1)
        shape.append(count)
        spacing.append(extent / count)
        origin.append(first - step / 2 + extent / count / 2)
    return Grid(
        (shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2])
    )
