"""A toy method for each step, as somebody outside of LNStation would write it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from LNStationLib import __version__, anatomy
from LNStationLib.assessment.methods import REGISTRIES
from LNStationLib.imaging.boxes import like
from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.staging.method import StagingInput
from LNStationLib.state.assessment import NStaging, Provenance
from LNStationLib.state.method import MethodOptions, NoOptions, option
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.state.station_call import MetastasisResult, NodeCall, StationCall
from LNStationLib.state.station_map import StationMap
from LNStationLib.support.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "toy"


class Toy:
    name = NAME
    title = "Toy"
    options: type[MethodOptions] = NoOptions
    needs = ()
    references = ("Nobody 2026",)
    package_task = None


class ToyOrgans(Toy):
    """The body is all that is dense."""

    def run(self, state, options, progress) -> OrganSet:
        scan = state.working_ct
        organs = OrganSet(scan.grid)
        organs.add(Organ("body", scan.hu > -300, OrganSource.IMAGE, Reason("all_that_is_dense")))
        return organs


class ToyStations(Toy):
    """Station 7 is a cube in the middle of the body."""

    def run(self, state, options, progress) -> StationMap:
        grid = state.working_ct.grid
        labels = np.zeros(grid.shape, np.uint8)
        middle = [n // 2 for n in grid.shape]
        half = round(15 / grid.spacing_mm[0])
        labels[tuple(slice(at - half, at + half) for at in middle)] = anatomy.station("7").label_value
        reason = Reason("left_out", {"why": Reason("toy_knows_station_7_alone")})
        left_out = {row.name: reason for row in anatomy.stations() if row.name != "7"}
        return StationMap(grid, labels, np.full(grid.shape[0], grid.coordinates_mm(2).mean()), left_out=left_out)


class ToyNodeOptions(MethodOptions):
    edge_voxels: int = option(3, "Edge of the toy's node.", title="Edge", unit="voxels", flag="--toy-edge", ge=1)


class ToyNodes(Toy):
    """One node in the first corner of the stations."""

    options = ToyNodeOptions
    search = NodeSearch(NAME, inside_stations=True)

    def run(self, state, options, progress) -> Candidates:
        labels = sitk.GetArrayFromImage(state.stations) > 0
        values = np.zeros(labels.shape, np.uint16)
        if labels.any():
            z, y, x = np.argwhere(labels)[0]
            values[z : z + options.edge_voxels, y : y + options.edge_voxels, x : x + options.edge_voxels] = 1
        return Candidates(like(values, state.case.ct))

    def update(self, state, change, options, progress) -> Proposal:
        whole = tuple(slice(0, n) for n in reversed(state.case.ct.GetSize()))
        found = sitk.GetArrayFromImage(self.run(state, options, progress).labels)
        return Proposal(whole, np.ones(found.shape, bool), found)


class ToyMetastasis(Toy):
    """A station with a node is positive, with a reason of the toy's own."""

    def check(self, options, search) -> None:
        return None

    def run(self, state, options, progress, only=None) -> MetastasisResult:
        reason = Reason("toy_says_so", {"score": 1})
        nodes = {finding.node_id: NodeCall("positive", reason) for finding in state.found_nodes.findings}
        held = {finding.station for finding in state.found_nodes.findings}
        names = [row.name for row in anatomy.stations() if only is None or row.name in only]
        calls = {
            name: StationCall(name, "positive" if name in held else "negative", reason)
            if name in state.boxes
            else StationCall(name, None, Reason("station_not_parsed", {"station": name}))
            for name in names
        }
        provenance = Provenance(step="metastasis", implementation=NAME, version=__version__)
        return MetastasisResult(nodes, calls, provenance)


class ToyStaging(Toy):
    """Everybody is N1."""

    def check(self, options) -> None:
        """Nothing is needed."""

    def rules(self, options) -> str:
        return "toy_rules"

    def rule_references(self, options) -> tuple[str, ...]:
        return self.references

    def run(self, given: StagingInput, options) -> NStaging:
        return NStaging(category="N1", rules="toy_rules", explanation="Everybody is N1.")


METHODS = {
    "organs": ToyOrgans(),
    "stations": ToyStations(),
    "nodes": ToyNodes(),
    "metastasis": ToyMetastasis(),
    "staging": ToyStaging(),
}


@contextmanager
def registered() -> Iterator[Settings]:
    """The toys among the methods; gives settings that choose them for every step."""
    with ExitStack() as stack:
        for step, method in METHODS.items():
            stack.enter_context(REGISTRIES[step].including(method))
        settings = Settings(working_spacing_mm=3.0)
        yield settings.model_copy(update={step: StepSettings(method=NAME) for step in METHODS})


def without_masks(case):
    return replace(case, organ_masks={}, organ_origins={}, nodes=None)
