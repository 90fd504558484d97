"""Planes cut out of a patient view, in the order in which they are shown on a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.report.patient_view import Box, PatientView, suv_on
from LNStationLib.types import FloatArray, HuArray, InstanceArray, LabelArray

_PET_PIXEL_MM = 1.0


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
    """

    orientation: Literal["axial", "coronal"]
    position_mm: float
    pixel_mm: tuple[float, float]
    hu: HuArray
    stations: LabelArray
    nodes: InstanceArray
    suv: FloatArray | None

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width of the field of view."""
        rows, columns = self.hu.shape
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]


def axial_plane(view: PatientView, box: Box, z: int) -> Plane:
    """The axial plane of slice ``z``; rows run to the back and columns to the patient's left."""
    where = (z, slice(*box.y), slice(*box.x))
    return Plane(
        "axial",
        float(view.grid.coordinates_mm(0)[z]),
        (view.grid.spacing_mm[1], view.grid.spacing_mm[2]),
        view.hu[where],
        view.stations[where],
        view.nodes[where],
        _plane_suv(view, Box((z, z + 1), box.y, box.x), 0),
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
    shape, spacing, origin = [], [], []
    for axis, (start, stop) in enumerate((slab.z, slab.y, slab.x)):
        step, first = view.grid.spacing_mm[axis], view.grid.origin_mm[axis] + view.grid.spacing_mm[axis] * start
        extent = step * (stop - start)
        count = 1 if axis == thin_axis else max(round(extent / _PET_PIXEL_MM), 1)
        shape.append(count)
        spacing.append(extent / count)
        origin.append(first - step / 2 + extent / count / 2)
    suv = suv_on(
        view,
        Grid((shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2])),
    )
    return None if suv is None else np.take(suv, 0, axis=thin_axis)
