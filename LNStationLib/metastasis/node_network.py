"""Nodes judged by the network of a model package (Li et al. 2024, PGLS, or another that is registered).

The network judges every node; a station is judged by its nodes. Stations without a node that the network judged keep
the call of the clinical criteria, and so do the measures beside the calls (SUVmax, number and size of nodes).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box, crop, grown_mm, spacing_zyx
from LNStationLib.imaging.grid import Grid, resample_to_grid, working_grid
from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria, CriteriaOptions
from LNStationLib.metastasis.node_classifier import NodeClassifier, warm_classifier
from LNStationLib.metastasis.packages import operating_point_of, package_provenance, package_warnings
from LNStationLib.metastasis.uncertainty import nearly
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.node_classification import NodeClassification
from LNStationLib.models.package.probability import OperatingPoint
from LNStationLib.models.runtime.heat_map import HeatMap
from LNStationLib.models.runtime.options import (
    device_option,
    engine_option,
    flip_averaging_option,
    operating_point_option,
)
from LNStationLib.sampling.node_patch import NodeBox, NodePatch, node_boxes, node_patch
from LNStationLib.state.assessment import NodeFinding, Provenance
from LNStationLib.state.evidence import StationEvidence, on_part
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_call import MetastasisResult, NodeCall, StationCall
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Engine, FloatArray, PointMm, Side

_REFERENCE = (
    "Li et al. 2024 (node metastasis by pathology-guided label sharpening and two-streamed multi-scale fusion)"
)
_DECIMALS = 4
"""Of probabilities: batches of another size differ in the seventh."""
_LEAST_INSIDE = 0.9
"""Part of a node's patch that the image covers, below which the reader is told."""
_HEAT_SPACING_MM = 2.0
"""Of a station's heat map: a node of 10 mm has maps of some 1.7 x 1.7 x 2.5 mm."""
_HEAT_MARGIN_MM = 10.0
"""Around a station: how far the box of a node at its border may reach beyond it and still be of use."""
_SIDES: tuple[Side, ...] = ("R", "L")


class NodeNetworkOptions(CriteriaOptions):
    """The model package, how it runs, and the thresholds of the measures beside it."""

    model: str | None = option(
        None,
        "Model package that judges nodes: its file, folder or id.",
        title="Model",
        flag="--node-model",
        selects=True,
    )
    operating_point: str | None = operating_point_option()
    heat_map: HeatMap = option(
        "integrated_gradients",
        "How heat maps are made: what each voxel adds to the logit of a patch of fat, or Grad-CAM, which is coarser.",
        title="Heat maps",
        flag="--heat-map",
        width="expert",
        choice_titles={"integrated_gradients": "Integrated gradients", "grad_cam": "Grad-CAM"},
    )
    no_heat_maps: bool = option(
        False,
        "Do not make heat maps of what in the nodes speaks for metastasis.",
        title="Without heat maps",
        flag="--no-heat-maps",
        width="expert",
    )
    device: str = device_option()
    engine: Engine = engine_option()
    flip_averaging: bool = flip_averaging_option()


@dataclass(frozen=True)
class _Judged:
    """A node and the network's prediction for it."""

    finding: NodeFinding
    patch: NodePatch
    probability: float
    limits: tuple[Reason, ...]


class NodeNetworkMethod:
    """The network of a model package judges nodes, and stations by their nodes; the options name the package."""

    name = "node_network"
    title = "Node network (model package)"
    options: type[MethodOptions] = NodeNetworkOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = (_REFERENCE,)
    package_task: str | None = NodeClassification.task

    def check(self, options: MethodOptions, search: NodeSearch | None) -> str | None:
        """Load the network, or reuse a warm one; see :class:`LNStationLib.metastasis.method.MetastasisMethod`."""
        judge = _judge(cast(NodeNetworkOptions, options))
        judge.check_nodes(search)
        return judge.network.manifest.sha256

    def run(
        self,
        state: PatientState,
        options: MethodOptions,
        progress: Progress = silent,
        only: Collection[str] | None = None,
    ) -> MetastasisResult:
        """Assess nodes and stations; see :class:`LNStationLib.metastasis.method.MetastasisMethod`."""
        chosen = cast(NodeNetworkOptions, options)
        criteria = ClinicalCriteria().run(state, options, silent, only)
        return _judge(chosen).judged(state, chosen, criteria, progress)


def _judge(options: NodeNetworkOptions) -> _Judge:
    """The network that the options ask for, with its operating point.

    Raises:
        PackageError: The package is missing or cannot be used.
        InputError: torch or the engine is not installed, the device is not there, or the package does not have the
            operating point.
    """
    path = find_package(options.model, NodeClassification.task)
    network = warm_classifier(path, options.device, options.engine)
    return _Judge(network, operating_point_of(network, options.operating_point))


class _Judge:
    """A network and its operating point.

    Args:
        network: Of a verified package.
        point: At or above its threshold a node is called positive.
    """

    def __init__(self, network: NodeClassifier, point: OperatingPoint) -> None:
        self.network, self.point = network, point
        of_stations = network.section.station_point(point.name)
        self.station_threshold = None if of_stations is None else of_stations.threshold

    def judged(
        self, state: PatientState, options: NodeNetworkOptions, criteria: MetastasisResult, progress: Progress
    ) -> MetastasisResult:
        """Put the network's calls in place of those of the clinical criteria."""
        start = time.perf_counter()
        self.check_nodes(state.found_nodes.search)
        judged = self._look(state, options, portion(progress, 0.0, 0.8))
        nodes = {number: self._node_call(call, judged.get(number), state) for number, call in criteria.nodes.items()}
        held = {name: _most_suspicious_first(judged, name) for name in criteria.stations if name in state.boxes}
        maps = self._heat_maps(state, held, options, portion(progress, 0.8, 1.0))
        calls = {
            name: self._station_call(call, held.get(name, []), state, maps.get(name))
            for name, call in criteria.stations.items()
        }
        warnings = package_warnings(self.network)
        seconds = time.perf_counter() - start + (criteria.provenance.seconds or 0.0)
        provenance = self._provenance(state.settings, options, seconds, warnings)
        return MetastasisResult(nodes, calls, provenance, warnings, maps)

    def check_nodes(self, search: NodeSearch | None) -> None:
        """Check that the settings include a node search.

        Raises:
            InputError: They do not.
        """
        if search is not None and not search.looked_for:
            raise InputError(
                f"the model package {self.network.manifest.package_id} judges nodes, but no node search is selected: "
                "choose another node method."
            )

    def _look(self, state: PatientState, options: NodeNetworkOptions, progress: Progress) -> dict[int, _Judged]:
        """Judge every node that is called and large enough."""
        found = state.found_nodes
        wanted = [node for node in found.findings if node.short_axis_mm >= self.network.section.min_short_axis_mm]
        if not wanted or found.not_called is not None:
            return {}
        boxes, spec = node_boxes(found.labels), self.network.section.patch
        patches = {node.node_id: node_patch(state.case.ct, boxes[node.node_id], spec) for node in wanted}
        answers = self.network.probabilities(
            list(patches.values()), flip_averaging=options.flip_averaging, progress=progress
        )
        return {
            node.node_id: _Judged(
                node,
                patches[node.node_id],
                round(probability, _DECIMALS),
                self._limits(patches[node.node_id], boxes[node.node_id]),
            )
            for node, probability in zip(wanted, answers, strict=True)
        }

    def _limits(self, patch: NodePatch, box: NodeBox) -> tuple[Reason, ...]:
        """What the network does not see of a node."""
        limits = []
        if patch.part_inside < _LEAST_INSIDE:
            limits.append(Reason("patch_beyond_image", {"share": patch.part_inside}))
        spec = self.network.section.patch
        edge = min(count * step for count, step in zip(spec.size, spec.spacing_mm, strict=True))
        if box.longest_mm > edge:
            limits.append(Reason("node_larger_than_patch", {"mm": box.longest_mm, "patch_mm": edge}))
        return tuple(limits)

    def _node_call(self, call: NodeCall, judged: _Judged | None, state: PatientState) -> NodeCall:
        if judged is None:
            if state.found_nodes.not_called is not None:
                return call
            smallest = self.network.section.min_short_axis_mm
            return NodeCall(None, Reason("node_too_small", {"smallest_mm": smallest, "criteria": call.reason}))
        facts = {
            "probability": judged.probability,
            "threshold": self.point.threshold,
            "operating_point": self.point.name,
            "limits": judged.limits,
        }
        positive = judged.probability >= self.point.threshold
        return NodeCall("positive" if positive else "negative", Reason("node_probability", facts), judged.probability)

    def _station_call(
        self, call: StationCall, nodes: Sequence[_Judged], state: PatientState, heat: StationEvidence | None
    ) -> StationCall:
        if not nodes:
            return call
        probability = round(self.network.section.station_probability([n.probability for n in nodes]), _DECIMALS)
        threshold = self.station_threshold
        positive = nodes[0].probability >= self.point.threshold if threshold is None else probability >= threshold
        carrying = [n for n in nodes if n.probability >= self.point.threshold] or nodes[:1]
        unsided = anatomy.station(call.station).side is None
        limits = tuple(limit for node in carrying for limit in node.limits)
        return replace(
            call,
            call="positive" if positive else "negative",
            reason=self._station_reason(probability, positive, nodes, carrying, limits),
            probability=probability,
            positive_sides=_sides(carrying, state.midline.side_of) if positive and unsided else (),
            attention_in_nodes=None if heat is None else _part_in_nodes(heat, state.found_nodes.labels),
            attention_node=None if heat is None else nodes[0].finding.node_id,
            fit_for_staging=state.found_nodes.search.fit_for_staging,
            nearly_positive=not positive and nearly(probability, self._limit_of_stations),
            warnings=(*call.warnings, *limits),
        )

    @property
    def _limit_of_stations(self) -> float:
        return self.point.threshold if self.station_threshold is None else self.station_threshold

    def _station_reason(
        self,
        probability: float,
        positive: bool,
        nodes: Sequence[_Judged],
        carrying: Sequence[_Judged],
        limits: tuple[Reason, ...],
    ) -> Reason:
        facts = {
            "probability": probability,
            "threshold": self._limit_of_stations,
            "operating_point": self.point.name,
            "positive": positive,
            "rule": self.network.section.station_rule,
            "n_nodes": len(nodes),
            "nodes": [(node.finding.node_id, node.probability) for node in carrying],
            "limits": limits,
        }
        return Reason("probability_by_nodes", facts)

    def _heat_maps(
        self,
        state: PatientState,
        held: Mapping[str, Sequence[_Judged]],
        options: NodeNetworkOptions,
        progress: Progress,
    ) -> dict[str, StationEvidence]:
        """A map for every station with judged nodes: what speaks for metastasis, each node by its probability."""
        nodes = [node for found in held.values() for node in found]
        if not nodes or options.no_heat_maps:
            return {}
        progress("making heat maps", 0.0)
        made = self.network.heat_maps([node.patch for node in nodes], options.heat_map)
        found = {node.finding.node_id: heat for node, heat in zip(nodes, made, strict=True)}
        maps = {}
        for name, of_station in held.items():
            weighted = [(node.probability, found[node.finding.node_id]) for node in of_station]
            values, grid = _merged(weighted, _station_grid(state.stations, state.boxes[name]))
            if values.any():
                maps[name] = StationEvidence(values / values.sum(), grid)
        return maps

    def _provenance(
        self, settings: Settings, options: NodeNetworkOptions, seconds: float, warnings: Sequence[Reason]
    ) -> Provenance:
        thresholds = {
            "operating_point": self.point.name,
            "threshold": self._limit_of_stations,
            "node_threshold": self.point.threshold,
            "station_rule": self.network.section.station_rule,
        }
        return package_provenance(self.network, NodeNetworkMethod(), settings, options, thresholds, seconds, warnings)


def _most_suspicious_first(judged: Mapping[int, _Judged], station: str) -> list[_Judged]:
    held = [node for node in judged.values() if node.finding.station == station]
    return sorted(held, key=lambda node: (-node.probability, node.finding.node_id))


def _sides(carrying: Sequence[_Judged], side_of: Callable[[PointMm], Side]) -> tuple[Side, ...]:
    found = {node.finding.side or side_of(node.finding.centroid_mm) for node in carrying}
    return tuple(side for side in _SIDES if side in found)


def _station_grid(stations: sitk.Image, box: Box) -> Grid:
    """The grid of a station's heat map."""
    around = grown_mm(box, _HEAT_MARGIN_MM, spacing_zyx(stations), tuple(reversed(stations.GetSize())))
    return working_grid(crop(stations, around), _HEAT_SPACING_MM)


def _merged(maps: Sequence[tuple[float, StationEvidence]], grid: Grid) -> tuple[FloatArray, Grid]:
    """The highest value of all maps in every voxel, each relative to its own highest and weighted."""
    part = grid.image(np.zeros(grid.shape, np.uint8))
    values = np.zeros(grid.shape, np.float32)
    for weight, each in maps:
        if each.values.any():
            values = np.maximum(values, np.float32(weight) * on_part(each, part))
    return values, grid


def _part_in_nodes(heat: StationEvidence, labels: sitk.Image) -> float:
    inside = resample_to_grid(labels, heat.grid, labels=True) > 0
    return round(min(max(float(heat.values[inside].sum()), 0.0), 1.0), _DECIMALS)
