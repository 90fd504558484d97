"""Nodes from masks that came with the case."""

from __future__ import annotations

import cc3d
import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import covers, indices_of, like, points_mm
from LNStationLib.imaging.checks import same_grid
from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.needs import NODE_MASKS, Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import InstanceArray


class SuppliedNodes:
    """Takes the supplied node mask.

    A mask with the single value 1 is binary: its 26-connected components are the nodes. With several values each
    value is one node. A mask on another grid is carried to the CT's by nearest neighbor; a node that would fall
    between the CT's voxels keeps the voxels nearest to it.
    """

    name = "supplied"
    title = "Supplied masks"
    options: type[MethodOptions] = NoOptions
    needs: tuple[Need, ...] = (NODE_MASKS,)
    references: tuple[str, ...] = ()
    package_task: str | None = None
    search = NodeSearch("supplied")

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> Candidates:
        """Use the node mask of the case; see :class:`LNStationLib.nodes.method.NodeMethod`.

        Raises:
            InputError: The case has no node mask.
        """
        case = state.case
        if case.nodes is None:
            raise InputError("there is no node mask to take nodes from.")
        progress("reading supplied nodes", 0.0)
        values = sitk.GetArrayFromImage(case.nodes)
        if int(values.max()) == 1:
            values = cc3d.connected_components(values != 0, connectivity=26)
        instances = like(_compact(values), case.nodes)
        if same_grid(case.nodes, case.ct):
            return Candidates(instances, _empty_warning(instances))
        labels, lost = _to_ct_grid(instances, case.ct)
        warnings = [Reason("node_mask_resampled")]
        if lost:
            warnings.append(Reason("supplied_nodes_outside_ct", {"n_nodes": lost}))
        return Candidates(labels, (*warnings, *_empty_warning(labels)))

    def update(
        self, state: PatientState, change: StationChange, options: MethodOptions, progress: Progress
    ) -> Proposal | None:
        """A supplied mask does not change with the stations."""
        return None


def _compact(values: np.ndarray) -> InstanceArray:
    """Renumber values to 1..n.

    Raises:
        InputError: There are more nodes than a label map can hold.
    """
    found = np.unique(values)
    found = found[found != 0]
    if len(found) > np.iinfo(np.uint16).max:
        raise InputError(f"the node mask has {len(found)} separate parts, more than can be nodes: check the mask")
    numbers = np.searchsorted(found, values) + 1
    return np.where(values != 0, numbers, 0).astype(np.uint16)


def _to_ct_grid(instances: sitk.Image, ct: sitk.Image) -> tuple[sitk.Image, int]:
    """Nodes on the CT grid, and how many of them lie outside it."""
    resampled = sitk.Resample(instances, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt16)
    labels = sitk.GetArrayFromImage(resampled)
    source = array_view(instances)
    missing = np.setdiff1d(np.unique(source), np.unique(labels))
    lost = 0
    for value in missing:
        at = indices_of(ct, points_mm(instances, np.argwhere(source == value)))
        at = np.clip(np.floor(at[covers(ct, at)] + 0.5).astype(int), 0, np.array(labels.shape) - 1)
        free = at[labels[tuple(at.T)] == 0]
        if len(free) == 0:
            lost += 1
            continue
        labels[tuple(free.T)] = value
    return like(labels, ct), lost


def _empty_warning(labels: sitk.Image) -> tuple[Reason, ...]:
    if array_view(labels).any():
        return ()
    return (Reason("node_mask_empty"),)
