"""Stations judged by the network of a model package (Li et al. 2025, SA-MoE, or another that is registered).

The network judges stations, not nodes: nodes keep their measures and lose their call. What the clinical criteria say
of a station (SUVmax, number and size of nodes) stays in its finding, and so do their reasons for not assessing it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box
from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria, CriteriaOptions
from LNStationLib.metastasis.packages import operating_point_of, package_provenance, package_warnings
from LNStationLib.metastasis.station_network import Prediction, StationNetwork, warm_network
from LNStationLib.metastasis.uncertainty import nearly
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.probability import OperatingPoint
from LNStationLib.models.package.station_classification import StationClassification
from LNStationLib.models.runtime.options import (
    device_option,
    engine_option,
    flip_averaging_option,
    operating_point_option,
)
from LNStationLib.sampling.station_region import StationRegion, station_regions
from LNStationLib.state.assessment import NodeFinding, PredictionSet, Provenance
from LNStationLib.state.evidence import StationEvidence, coarser_grid
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_call import MetastasisResult, NodeCall, StationCall
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import Engine, PointMm, Side

_REFERENCE = "Li et al. 2025 (station metastasis by prior-guided supervision and station-aware mixture of experts)"
_DECIMALS = 4
"""Of probabilities: batches of another size differ in the seventh."""
_MUCH_OUTSIDE = 0.1
"""Part of a station beyond its region from which the reader is told."""


class StationNetworkOptions(CriteriaOptions):
    """The model package, how it runs, and the thresholds of the measures beside it."""

    model: str | None = option(
        None,
        "Model package: its file, folder or id; by default the shipped one.",
        title="Model",
        flag="--model",
        selects=True,
    )
    operating_point: str | None = operating_point_option()
    device: str = device_option()
    engine: Engine = engine_option()
    flip_averaging: bool = flip_averaging_option()


@dataclass(frozen=True)
class _Seen:
    """A station and the network's prediction for it.

    Attributes:
        region: The one of its regions whose logit is the largest.
        prediction: For that region.
        regions: All of them, from the lowest up.
        part_seen: Of the station's volume.
    """

    region: StationRegion
    prediction: Prediction
    regions: Sequence[StationRegion]
    part_seen: float


class StationNetworkMethod:
    """The network of a model package judges stations; the options name the package."""

    name = "station_network"
    title = "Station network (model package)"
    options: type[MethodOptions] = StationNetworkOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = (_REFERENCE,)
    package_task: str | None = StationClassification.task

    def check(self, options: MethodOptions, search: NodeSearch | None) -> str | None:
        """Load the network, or reuse a warm one; see :class:`LNStationLib.metastasis.method.MetastasisMethod`."""
        judge = _judge(cast(StationNetworkOptions, options))
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
        chosen = cast(StationNetworkOptions, options)
        criteria = ClinicalCriteria().run(state, options, progress, only)
        return _judge(chosen).judged(state, chosen, criteria)


def _judge(options: StationNetworkOptions) -> _Judge:
    """The network that the options ask for, with its operating point.

    Raises:
        PackageError: The package is missing or cannot be used.
        InputError: torch or the engine is not installed, the device is not there, or the package does not have the
            operating point.
    """
    path = find_package(options.model, StationClassification.task)
    network = warm_network(path, options.device, options.engine)
    return _Judge(network, operating_point_of(network, options.operating_point))


class _Judge:
    """A network and its operating point.

    Args:
        network: Of a verified package.
        point: At or above its threshold a station is called positive.
    """

    def __init__(self, network: StationNetwork, point: OperatingPoint) -> None:
        self.network, self.point = network, point

    def judged(
        self, state: PatientState, options: StationNetworkOptions, criteria: MetastasisResult
    ) -> MetastasisResult:
        """Put the network's calls in place of those of the clinical criteria."""
        start = time.perf_counter()
        self.check_nodes(state.found_nodes.search)
        asked, calls = {}, {}
        for name, call in criteria.stations.items():
            refusal = self._refusal(call, name in state.boxes)
            calls[name] = call if refusal is None else _not_assessed(call, refusal)
            if refusal is None:
                asked[name] = state.boxes[name]
        seen = self._look(asked, state.case.ct, state.stations, state.found_nodes.labels, options.flip_averaging)
        found = {finding.node_id: finding for finding in state.found_nodes.findings}
        for name in asked:
            judged = seen.get(name)
            if judged is None:
                calls[name] = _not_assessed(calls[name], (Reason("station_too_small"),))
            else:
                calls[name] = self._call(calls[name], judged, found, state.midline.side_of)
        warnings = package_warnings(self.network)
        seconds = time.perf_counter() - start + (criteria.provenance.seconds or 0.0)
        return MetastasisResult(
            {number: _uncalled(call) for number, call in criteria.nodes.items()},
            calls,
            self._provenance(state.settings, options, seconds, warnings),
            warnings,
            {name: _attention(one) for name, one in seen.items() if one.prediction.attention is not None},
        )

    def check_nodes(self, search: NodeSearch | None) -> None:
        """Check that the settings include a node search if the network needs it.

        Raises:
            InputError: They are not.
        """
        if search is not None and not search.looked_for and self.network.section.needs_nodes:
            raise InputError(
                f"the model package {self.network.manifest.package_id} needs nodes, but no node search is "
                "selected: choose another node method."
            )

    def _refusal(self, call: StationCall, has_voxels: bool) -> tuple[Reason, ...] | None:
        """Why a station cannot be judged; ``None`` where it can."""
        card, section = self.network.manifest, self.network.section
        if call.call is None and (not has_voxels or section.needs_nodes):
            return call.reason.facts.get("why") or (call.reason,)
        if call.station not in section.stations:
            facts = {"package": card.package_id, "station": call.station}
            return (Reason("station_not_trained_on", facts),)
        if section.needs_nodes and call.n_nodes is None:
            return (Reason("nodes_not_looked_for_in_whole_station"),)
        return None

    def _look(
        self,
        boxes: Mapping[str, Box],
        ct: sitk.Image,
        stations: sitk.Image,
        nodes: sitk.Image,
        flip_averaging: bool,
    ) -> dict[str, _Seen]:
        """Ask the network about stations in one pass; a station without a voxel in its regions is left out."""
        spec = self.network.section.region
        found = {
            name: station_regions(ct, stations, nodes, anatomy.station(name).label_value, spec, box)
            for name, box in boxes.items()
        }
        asked = [(name, region) for name, regions in found.items() for region in regions]
        if not asked:
            return {}
        names, regions = zip(*asked, strict=True)
        answers = self.network.predict(names, regions, flip_averaging=flip_averaging)
        best: dict[str, tuple[StationRegion, Prediction]] = {}
        for (name, region), answer in zip(asked, answers, strict=True):
            if name not in best or answer.logit > best[name][1].logit:
                best[name] = region, answer
        return {
            name: _Seen(*deciding, found[name], _part_seen(found[name], stations, name, boxes[name]))
            for name, deciding in best.items()
        }

    def _call(
        self, call: StationCall, seen: _Seen, nodes: Mapping[int, NodeFinding], side_of: Callable[[PointMm], Side]
    ) -> StationCall:
        probability = round(self.network.section.probability(seen.prediction.logit), _DECIMALS)
        positive = probability >= self.point.threshold
        first = next(iter(seen.prediction.nodes), None)
        unsided = anatomy.station(call.station).side is None
        limits = self._limits(call.station, seen, nodes)
        left = self.network.section.prediction_set(call.station, probability)
        return replace(
            call,
            call="positive" if positive else "negative",
            reason=self._reason(probability, seen.prediction, limits),
            probability=probability,
            positive_sides=(_side(seen, nodes.get(first or 0), side_of),) if positive and unsided else (),
            attention_in_nodes=_rounded(seen.prediction.attention_in_nodes),
            attention_node=first,
            fit_for_staging=True,
            nearly_positive=not positive and nearly(probability, self.point.threshold),
            prediction_set=left,
            warnings=(*call.warnings, *limits, *_beyond_set(positive, left)),
        )

    def _limits(self, station: str, seen: _Seen, nodes: Mapping[int, NodeFinding]) -> tuple[Reason, ...]:
        """Parts of a station that the network does not see."""
        limits = []
        if seen.part_seen < 1 - _MUCH_OUTSIDE:
            limits.append(Reason("seen_in_part", {"share": seen.part_seen}))
        if self.network.section.needs_nodes:
            limits += _unseen_nodes(station, seen.regions, nodes)
        return tuple(limits)

    def _reason(self, probability: float, prediction: Prediction, limits: tuple[Reason, ...]) -> Reason:
        facts = {
            "probability": probability,
            "threshold": self.point.threshold,
            "operating_point": self.point.name,
            "map_in_nodes": prediction.attention_in_nodes,
            "node": next(iter(prediction.nodes), None),
            # In the reason too, which every table shows.
            "limits": limits,
        }
        return Reason("probability", facts)

    def _provenance(
        self, settings: Settings, options: StationNetworkOptions, seconds: float, warnings: Sequence[Reason]
    ) -> Provenance:
        thresholds = {"operating_point": self.point.name, "threshold": self.point.threshold}
        return package_provenance(
            self.network, StationNetworkMethod(), settings, options, thresholds, seconds, warnings
        )


def _beyond_set(positive: bool, left: PredictionSet | None) -> tuple[Reason, ...]:
    """That the conformal set leaves the other label alone: threshold and set are fitted for different ends."""
    other: PredictionSet = "negative" if positive else "positive"
    return (Reason("called_beyond_prediction_set", {"left": left}),) if left == other else ()


def _not_assessed(call: StationCall, why: tuple[Reason, ...]) -> StationCall:
    return replace(
        call,
        call=None,
        fit_for_staging=True,
        nearly_positive=False,
        prediction_set=None,
        positive_sides=(),
        reason=Reason("not_assessed", {"why": list(why)}),
    )


def _uncalled(call: NodeCall) -> NodeCall:
    """A node as measured: what the clinical criteria would call it stands in its reason only."""
    return NodeCall(None, Reason("network_judges_stations", {"criteria": call.reason}))


def _attention(seen: _Seen) -> StationEvidence:
    values = seen.prediction.attention
    if values is None:
        raise ValueError("the network gave no attention")
    z, y, x = values.shape
    return StationEvidence(values, coarser_grid(seen.region.grid, (z, y, x)))


def _side(seen: _Seen, node: NodeFinding | None, side_of: Callable[[PointMm], Side]) -> Side:
    """Side of the evidence: of the node that draws most attention, else of the peak, else of the station."""
    if node is not None and node.side is not None:
        return node.side
    if seen.prediction.attention is not None:
        return side_of(_attention(seen).peak_mm)
    z, y, x = np.argwhere(seen.region.station).mean(axis=0)
    return side_of(seen.region.grid.point_mm((float(z), float(y), float(x))))


def _part_seen(regions: Sequence[StationRegion], stations: sitk.Image, name: str, box: Box) -> float:
    """Part of a station's volume that lies in its regions, at most 1."""
    inside = sum(_voxels_above(region, below) for region, below in zip(regions, [None, *regions], strict=False))
    volume_ml = inside * regions[0].grid.voxel_volume_ml
    count = np.count_nonzero(array_view(stations)[box] == anatomy.station(name).label_value)
    return min(volume_ml / (count * float(np.prod(stations.GetSpacing())) / 1000), 1.0)


def _voxels_above(region: StationRegion, below: StationRegion | None) -> int:
    """Voxels of the station in a region that the region below it does not hold."""
    if below is None:
        return int(region.station.sum())
    rise = region.grid.spacing_mm[0]
    first = len(below.station) - round((region.grid.origin_mm[0] - below.grid.origin_mm[0]) / rise)
    return int(region.station[max(first, 0) :].sum())


def _unseen_nodes(station: str, regions: Sequence[StationRegion], nodes: Mapping[int, NodeFinding]) -> list[Reason]:
    """Nodes of a station that its regions do not hold: of those the network says nothing."""
    held = {int(number) for region in regions for number in np.unique(region.nodes)}
    missed = sorted(number for number, finding in nodes.items() if finding.station == station and number not in held)
    return [Reason("unseen_nodes", {"nodes": missed})] if missed else []


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(min(max(value, 0.0), 1.0), _DECIMALS)
