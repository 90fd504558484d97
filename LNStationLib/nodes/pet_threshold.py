"""Nodes as connected uptake above a threshold inside the stations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation, maximum

from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, crop, grown, paste, within
from LNStationLib.imaging.masks import mask_on
from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import PET, Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, InstanceArray

SMALLEST_NODE_ML = 0.1
"""A ball of 5.8 mm, about the resolution of a PET scanner."""
_FIRST_MARGIN_VOXELS = 8
"""Searched first around an edit; doubled while uptake that touches the edit leaves the box. Affects speed only."""
_NODE_WARNINGS = (Reason("outlined_on_pet"), Reason("uptake_not_specific"))


class PetThresholdOptions(MethodOptions):
    """Thresholds of uptake."""

    suv_threshold: float = option(
        2.5,
        "SUV above which PET voxels in a station form a node.",
        title="PET nodes above SUV",
        flag="--node-suv-threshold",
        gt=0,
    )
    suv_fraction_of_max: float | None = option(
        None,
        "PET nodes keep only voxels of at least this part of their SUVmax (EANM: 0.41).",
        title="PET nodes, part of SUVmax",
        flag="--node-suv-fraction",
        width="expert",
        gt=0,
        lt=1,
    )


class PetThresholdNodes:
    """Connected voxels inside stations with SUV above a threshold.

    PET is interpolated linearly onto the CT grid. With ``suv_fraction_of_max`` (0.41 in the EANM guideline) a
    component keeps only voxels of at least that fraction of its own maximum. Components (26-connected)
    under 0.1 ml are left out as noise. Voxels of the supplied tumor mask never form a node.
    """

    name = "pet_threshold"
    title = "PET above a threshold"
    options: type[MethodOptions] = PetThresholdOptions
    needs: tuple[Need, ...] = (PET,)
    package_task: str | None = None
    search = NodeSearch("pet_threshold", inside_stations=True, on_pet=True, node_warnings=_NODE_WARNINGS)
    references: tuple[str, ...] = (
        "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507, Sec. 4.2 (SUV 2.5 as the usual threshold)",
        "Boellaard et al. 2015, doi:10.1007/s00259-014-2961-x (41 % isocontour)",
    )

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> Candidates:
        """Find uptake inside the stations; see :class:`LNStationLib.nodes.method.NodeMethod`.

        Raises:
            InputError: The case has no PET.
        """
        case, stations, settings = state.case, state.stations, cast(PetThresholdOptions, options)
        if case.pet is None:
            raise InputError("there is no PET to find nodes on.")
        progress("nodes from PET", 0.0)
        box = bounding_box(array_view(stations))
        if box is None:
            empty = sitk.Image(case.ct.GetSize(), sitk.sitkUInt16)
            empty.CopyInformation(case.ct)
            return Candidates(empty, (Reason("no_stations_to_search"),))
        part = crop(stations, box)
        suv, hot = _uptake(case.pet, case.tumor, part, settings)
        components = _components(suv, hot, settings, float(np.prod(part.GetSpacing())) / 1000)
        warnings = () if case.tumor is not None else (Reason("no_tumor_mask"),)
        return Candidates(paste(components, box, case.ct), warnings)

    def update(
        self, state: PatientState, change: StationChange, options: MethodOptions, progress: Progress
    ) -> Proposal | None:
        """Search again around the voxels that entered or left the stations, and nowhere else."""
        settings = cast(PetThresholdOptions, options)
        entered_or_left = change.entered_or_left_any_station
        found = uptake_around(state.case, state.stations, settings, change.box, entered_or_left)
        return Proposal(found.box, found.stale, found.nodes)


@dataclass(frozen=True)
class LocalUptake:
    """Nodes around a place where the stations changed.

    Attributes:
        box: Where they lie in the CT's array.
        stale: Voxels of the box whose node, if any, no longer stands; ``[z, y, x]``.
        nodes: The nodes that stand in their place, numbered in any order; within ``stale``.
    """

    box: Box
    stale: BoolArray
    nodes: InstanceArray


def uptake_around(
    case: Case, stations: sitk.Image, settings: PetThresholdOptions, box: Box, changed: BoolArray
) -> LocalUptake:
    """Repeat the search only where voxels entered or left the stations.

    Uptake is connected, so a distant node may depend on a changed voxel: the box grows until no uptake that touches
    a changed voxel leaves it.

    Args:
        case: A case with PET.
        stations: uint8 label map on the CT's grid, as it is now.
        settings: Thresholds.
        box: Holds all changed voxels.
        changed: Voxels of the box that came to the stations as a whole or left them, ``[z, y, x]``.
    """
    if case.pet is None:
        raise ValueError("there is no PET to search")
    shape = tuple(reversed(stations.GetSize()))
    margin = _FIRST_MARGIN_VOXELS
    while True:
        wide = grown(box, margin, shape)
        near = np.zeros(tuple(part.stop - part.start for part in wide), bool)
        near[within(box, wide)] = changed
        suv, hot = _uptake(case.pet, case.tumor, crop(stations, wide), settings)
        labels = cc3d.connected_components(hot, connectivity=26, out_dtype=np.uint32)
        touching = np.unique(labels[binary_dilation(near, np.ones((3, 3, 3)))])
        connected = np.isin(labels, touching[touching > 0])
        if not _leaves(connected, wide, shape):
            break
        margin *= 2
    nodes = _components(suv, connected, settings, float(np.prod(stations.GetSpacing())) / 1000)
    return LocalUptake(wide, connected | near, np.asarray(nodes, np.uint16))


def _leaves(mask: BoolArray, box: Box, shape: tuple[int, ...]) -> bool:
    """Whether a mask reaches a face of its box that is not a face of the array of ``shape`` around it."""
    for axis, (part, size) in enumerate(zip(box, shape, strict=True)):
        faces = np.moveaxis(mask, axis, 0)
        if (part.start > 0 and faces[0].any()) or (part.stop < size and faces[-1].any()):
            return True
    return False


def _uptake(
    pet: sitk.Image, tumor: sitk.Image | None, stations: sitk.Image, settings: PetThresholdOptions
) -> tuple[FloatArray, BoolArray]:
    """SUV on the grid of ``stations``, and which of its voxels are hot in a station and outside the tumor."""
    allowed = sitk.GetArrayFromImage(stations) > 0
    if tumor is not None:
        allowed &= ~mask_on(tumor, stations)
    suv = sitk.GetArrayFromImage(sitk.Resample(pet, stations, sitk.Transform(), sitk.sitkLinear, 0.0))
    return suv, allowed & (suv > settings.suv_threshold)


def _components(suv: FloatArray, hot: BoolArray, settings: PetThresholdOptions, voxel_ml: float) -> np.ndarray:
    fraction = settings.suv_fraction_of_max
    if fraction is not None:
        labels, n = cc3d.connected_components(hot, connectivity=26, return_N=True)
        highest = np.concatenate([[np.inf], np.atleast_1d(maximum(suv, labels, np.arange(1, n + 1)))])
        hot = hot & (suv >= fraction * highest[labels])
    labels = cc3d.connected_components(hot, connectivity=26, out_dtype=np.uint32)
    smallest = max(1, round(SMALLEST_NODE_ML / voxel_ml))
    return np.asarray(cc3d.dust(labels, threshold=smallest, connectivity=26))
