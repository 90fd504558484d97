"""The case's images on axis-aligned patient axes, so that a picture shows the patient as radiologists see one.

A CT may be stored with its axes permuted, flipped or oblique. Permutation and flips lose nothing; an oblique CT
is resampled onto the axis-aligned grid of about its own spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.support.types import FloatArray, HuArray, InstanceArray, LabelArray, PointMm

_LARGEST_TILT = 1e-3
"""Direction cosine up to which a tilt is ignored: 0.4 mm over a field of view of 400 mm."""


@dataclass(frozen=True)
class PatientView:
    """CT and label maps as arrays ``[z, y, x]`` on one LPS-aligned grid.

    Attributes:
        grid: The grid; spacing may be anisotropic.
        hu: CT in Hounsfield units.
        stations: Values of the station table.
        nodes: Values ``NodeFinding.node_id``.
        organs: Values of the organ table.
        pet: PET in SUVbw on its own grid, or ``None``.
    """

    grid: Grid
    hu: HuArray
    stations: LabelArray
    nodes: InstanceArray
    organs: LabelArray
    pet: sitk.Image | None


@dataclass(frozen=True)
class Box:
    """A region of a grid in whole voxels, ``(start, stop)`` per array axis z, y, x."""

    z: tuple[int, int]
    y: tuple[int, int]
    x: tuple[int, int]


def patient_view(assessed: AssessedCase) -> PatientView:
    """Bring the CT and the label maps of an assessed case onto patient axes."""
    ct = assessed.case.ct
    oriented = sitk.DICOMOrient(ct, "LPS")
    off_axis = np.abs(np.array(oriented.GetDirection()).reshape(3, 3) - np.eye(3)).max()
    label_maps = (assessed.stations, assessed.nodes, assessed.organs)
    if off_axis <= _LARGEST_TILT:
        grid = _grid_of(oriented)
        arrays = [_on_patient_axes(image) for image in (ct, *label_maps)]
    else:
        grid = _covering_grid(oriented)
        arrays = [resample_to_grid(oriented, grid, labels=False, outside=AIR_HU)]
        arrays += [resample_to_grid(image, grid, labels=True) for image in label_maps]
    return PatientView(grid, arrays[0], arrays[1], arrays[2], arrays[3], assessed.case.pet)


def _on_patient_axes(image: sitk.Image) -> np.ndarray:
    """Read-only voxels ``[z, y, x]`` along LPS axes; the image's own where it lies so, since copies take 1 GB."""
    code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    return array_view(image if code == "LPS" else sitk.DICOMOrient(image, "LPS"))


def region_around(view: PatientView, margin_mm: float) -> Box:
    """Smallest box that holds every station and node, grown by a margin; the whole grid where there are none."""
    found = [*label_boxes(view.stations).values(), *label_boxes(view.nodes).values()]
    spans = []
    for axis, (count, spacing) in enumerate(zip(view.grid.shape, view.grid.spacing_mm, strict=True)):
        margin = round(margin_mm / spacing)
        low = min((box[axis].start for box in found), default=0) - margin
        high = max((box[axis].stop for box in found), default=count) + margin
        spans.append((max(low, 0), min(high, count)))
    return Box(*spans)


def suv_on(view: PatientView, grid: Grid) -> FloatArray | None:
    """PET in SUVbw resampled linearly onto ``grid``; NaN outside the PET's field of view, None without PET."""
    if view.pet is None:
        return None
    return resample_to_grid(view.pet, grid, labels=False, outside=float("nan"))


def centroid(view: PatientView, label: int) -> PointMm | None:
    """LPS point of a station's center of mass, or ``None`` where it has no voxel."""
    where = np.nonzero(view.stations == label)
    if not where[0].size:
        return None
    return view.grid.point_mm(tuple(float(axis.mean()) for axis in where))  # type: ignore[arg-type]


def _grid_of(oriented: sitk.Image) -> Grid:
    size, spacing, origin = oriented.GetSize(), oriented.GetSpacing(), oriented.GetOrigin()
    return Grid((size[2], size[1], size[0]), spacing[::-1], origin[::-1])


def _covering_grid(oriented: sitk.Image) -> Grid:
    """LPS-aligned grid that covers a tilted image with the image's own spacing along each nearest axis."""
    size, spacing = np.array(oriented.GetSize()), np.array(oriented.GetSpacing())
    edges = [(-0.5, float(count) - 0.5) for count in size]
    corners = np.array(
        [
            oriented.TransformContinuousIndexToPhysicalPoint([x, y, z])
            for x in edges[0]
            for y in edges[1]
            for z in edges[2]
        ]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    counts = np.maximum(np.round((high - low) / spacing).astype(int), 1)
    first = (low + high) / 2 - spacing * (counts - 1) / 2
    return Grid(
        (int(counts[2]), int(counts[1]), int(counts[0])),
        (float(spacing[2]), float(spacing[1]), float(spacing[0])),
        (float(first[2]), float(first[1]), float(first[0])),
    )
