"""No node search: stations are then judged without nodes."""

from __future__ import annotations

import SimpleITK as sitk

from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason


class NoNodes:
    """No node search."""

    name = "none"
    title = "None"
    options: type[MethodOptions] = NoOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = ()
    package_task: str | None = None
    search = NodeSearch("none", looked_for=False)

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> Candidates:
        """No candidates."""
        labels = sitk.Image(state.case.ct.GetSize(), sitk.sitkUInt16)
        labels.CopyInformation(state.case.ct)
        return Candidates(labels, (Reason("nodes_not_searched"),))

    def update(
        self, state: PatientState, change: StationChange, options: MethodOptions, progress: Progress
    ) -> Proposal | None:
        """No nodes to update."""
        return None
