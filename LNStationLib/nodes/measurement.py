"""Size, position and uptake of nodes; shared by every node finder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, axes, empty_part, indices_of, label_boxes, like, points_mm, spacing_zyx
from LNStationLib.imaging.brown_fat import BrownFat
from LNStationLib.nodes.diameters import AxialDiameters, axial_diameters
from LNStationLib.nodes.uptake import Uptake, measure_uptake
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.reason_codes import recorded, said
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, PointMm, Side

NOT_ASSESSED = Reason("not_assessed_yet")
_AXIAL_WITHIN_DEGREES = 10.0
"""A tilt of 10 degrees changes a diameter by 1.5 % at most."""


@dataclass(frozen=True)
class Scene:
    """All that the measures of a node are read from.

    Attributes:
        ct: Hounsfield units.
        stations: uint8 label map on the grid of ``ct``, values of the station table.
        pet: SUVbw on its own grid, or ``None``.
        search: How the nodes were looked for.
        side_of: The patient's side of an LPS point in mm.
        brown_fat: That takes up FDG; ``None`` where none does.
    """

    ct: sitk.Image
    stations: sitk.Image
    pet: sitk.Image | None
    search: NodeSearch
    side_of: Callable[[PointMm], Side]
    brown_fat: BrownFat | None = None


def measure_nodes(labels: sitk.Image, scene: Scene, progress: Progress = silent) -> list[NodeFinding]:
    """Measure every node of a label map.

    Args:
        labels: One value per node, 0 elsewhere, on the CT's grid.
        scene: What they are measured on.
        progress: Told after each node.

    Returns:
        One finding per node in order of label value, ``node_id`` the label value, ``call`` None. Uptake is ``None``
        without PET and where PET does not cover the whole node.
    """
    values = array_view(labels)
    boxes = label_boxes(values)
    findings = []
    for done, (value, box) in enumerate(boxes.items()):
        progress("measuring nodes", done / len(boxes))
        findings.append(measure_node(value, values[box] == value, box, scene))
    return findings


def measure_node(node_id: int, mask: BoolArray, box: Box, scene: Scene) -> NodeFinding:
    """Measure one node.

    Args:
        node_id: Its number.
        mask: Its voxels in ``box``, ``[z, y, x]``.
        box: The smallest box of the CT's array that holds it.
        scene: What it is measured on.
    """
    ct = scene.ct
    indices = np.argwhere(mask) + [part.start for part in box]
    station, fraction = station_of(array_view(scene.stations)[box][mask])
    low, high = _bounds_mm(ct, indices)
    points = points_mm(ct, indices)
    centroid = _point(points.mean(axis=0))
    in_fat = scene.brown_fat is not None and scene.brown_fat.holds(points)
    uptake = None if scene.pet is None else measure_uptake(scene.pet, ct, indices)
    diameters = measure_diameters(mask, empty_part(ct, box))
    return NodeFinding(
        node_id=node_id,
        source=scene.search.method,
        station=station,
        station_fraction=fraction,
        side=scene.side_of(centroid),
        volume_mm3=len(indices) * float(np.prod(ct.GetSpacing())),
        short_axis_mm=diameters.short_mm,
        long_axis_mm=diameters.long_mm,
        extent_mm=_point(high - low),
        mean_hu=float(array_view(ct)[box][mask].mean()),
        suv_max=None if uptake is None else uptake.suv_max,
        suv_mean=None if uptake is None else uptake.suv_mean,
        suv_peak=None if uptake is None else uptake.suv_peak,
        centroid_mm=centroid,
        bounding_box_mm=(_point(low), _point(high)),
        call=None,
        probability=None,
        fit_for_staging=scene.search.fit_for_staging,
        **said("reason", NOT_ASSESSED),
        **recorded([*_warnings(station, uptake, in_fat), *scene.search.node_warnings]),
    )


def measured_box(finding: NodeFinding, ct: sitk.Image) -> Box:
    """A box of the CT's array that holds a node as it was measured."""
    corners = np.array(np.meshgrid(*np.array(finding.bounding_box_mm).T)).reshape(3, -1).T
    at = indices_of(ct, corners)
    low, high = np.floor(at.min(axis=0)).astype(int), np.ceil(at.max(axis=0)).astype(int) + 1
    z, y, x = (
        slice(max(0, int(a)), min(n, int(b))) for a, b, n in zip(low, high, reversed(ct.GetSize()), strict=True)
    )
    return z, y, x


def measure_diameters(mask: BoolArray, image: sitk.Image) -> AxialDiameters:
    """Long and short axis in the patient's axial plane, however the image was acquired.

    Slices within 10 degrees of axial are measured as they are. From a sagittal, coronal or oblique acquisition the
    node is first resampled to axial slices at the finest spacing of the image.

    Args:
        mask: Voxels of the node, ``[z, y, x]`` on the grid of ``image``.
        image: Gives the grid; only as large as the node is best.
    """
    occupancy = sitk.DICOMOrient(like(mask.astype(np.float32), image), "LPS")
    slice_normal_z = occupancy.GetDirection()[8]
    if slice_normal_z < np.cos(np.radians(_AXIAL_WITHIN_DEGREES)):
        occupancy = _axial(occupancy)
    return axial_diameters(sitk.GetArrayFromImage(occupancy), spacing_zyx(occupancy))


def _axial(occupancy: sitk.Image) -> sitk.Image:
    """Resample onto the axis-aligned LPS grid that holds the image, linear, at its finest spacing."""
    padded = sitk.ConstantPad(occupancy, [1, 1, 1], [1, 1, 1], 0.0)
    spacing = min(padded.GetSpacing())
    last = np.array(padded.GetSize())[::-1] - 1
    corners = points_mm(padded, np.array(np.meshgrid(*[(0, n) for n in last])).reshape(3, -1).T)
    low, high = corners.min(axis=0), corners.max(axis=0)
    reference = sitk.Image([int(n) for n in np.ceil((high - low) / spacing) + 1], sitk.sitkFloat32)
    reference.SetSpacing([spacing] * 3)
    reference.SetOrigin([float(value) for value in low])
    return sitk.Resample(padded, reference, sitk.Transform(), sitk.sitkLinear, 0.0)


def station_of(values: npt.NDArray[np.uint8]) -> tuple[str | None, float | None]:
    """Station of largest overlap and the part of a node inside it; ``None`` outside all stations.

    Args:
        values: Of the station map at each voxel of the node.
    """
    counts = np.bincount(values[values > 0], minlength=1)
    if not counts.any():
        return None, None
    label = int(counts.argmax())
    name = next(row.name for row in anatomy.stations() if row.label_value == label)
    return name, float(counts[label] / values.size)


def _bounds_mm(image: sitk.Image, indices: npt.NDArray[np.integer]) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner along the patient's axes, half a voxel beyond the outermost voxel centers."""
    points = points_mm(image, indices)
    # A voxel's root-mean-square width along each patient axis: its edge where the grid is aligned, and not the
    # whole diagonal where it is oblique.
    half = np.sqrt((axes(image) ** 2).sum(axis=1)) / 2
    return points.min(axis=0) - half, points.max(axis=0) + half


def _warnings(station: str | None, uptake: Uptake | None, in_fat: bool) -> list[Reason]:
    warnings = []
    if station is None:
        warnings.append(Reason("node_outside_stations"))
    if in_fat:
        warnings.append(Reason("node_in_brown_fat"))
    if uptake is not None and uptake.suv_max is None:
        warnings.append(Reason("pet_covers_part_of_node", {"share": uptake.covered_fraction}))
    return warnings


def _point(values: FloatArray) -> PointMm:
    x, y, z = (float(value) for value in values)
    return x, y, z
