"""Stations judged by the network of a model package (Li et al. 2025, SA-MoE, or another that is registered).

The network judges stations, not nodes: nodes keep their measures and lose their call. What the clinical criteria say
of a station (SUVmax, number and size of nodes) stays in its finding, and so do their reasons not to assess it at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from LNStationLib import __version__, anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, station_boxes
from LNStationLib.metastasis.clinical_criteria import ClinicalCriteria, against
from LNStationLib.metastasis.station_network import Prediction, StationNetwork, warm_network
from LNStationLib.models.package.card import SYNTHETIC_ONLY
from LNStationLib.models.package.folders import find_package
from LNStationLib.models.package.probability import OperatingPoint
from LNStationLib.models.package.station_classification import StationClassification
from LNStationLib.sampling.station_region import StationRegion, station_region
from LNStationLib.state.assessment import NodeFinding, Provenance
from LNStationLib.state.attention import StationAttention, coarser_grid
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_call import MetastasisResult, StationCall, nearly
from LNStationLib.support.errors import InputError
from LNStationLib.support.sentences import listed
from LNStationLib.support.types import PointMm, Side

_REFERENCE = "Li et al. 2025 (station metastasis by prior-guided supervision and station-aware mixture of experts)"
_DECIMALS = 4
"""Of probabilities: batches of another size differ in the seventh."""
_MUCH_OUTSIDE = 0.1
"""Part of a station beyond its region from which the reader is told."""


def sa_moe_classifier(settings: Settings) -> SaMoeClassifier:
    """The classifier that settings ask for.

    Raises:
        PackageError: The package is missing or cannot be used.
        InputError: torch or the engine is not installed, the device is not there, the package does not have the
            operating point, or needs nodes where none are looked for.
    """
    path = find_package(settings.model, StationClassification.task)
    network = warm_network(path, settings.device, settings.engine)
    try:
        point = network.section.operating_point(settings.operating_point)
    except ValueError as error:
        raise InputError(f"the model package {network.manifest.package_id} has {error}.") from error
    if settings.nodes == "none" and network.section.needs_nodes:
        raise InputError(
            f"the model package {network.manifest.package_id} needs nodes, and the setting is to look for none: "
            "choose another source of nodes."
        )
    return SaMoeClassifier(network, point)


@dataclass(frozen=True)
class _Seen:
    """A station and what the network made of it."""

    region: StationRegion
    prediction: Prediction
    part_seen: float


class SaMoeClassifier:
    """A network and its operating point.

    Args:
        network: Of a verified package.
        point: At or above its threshold a station is called positive.
    """

    name = "sa_moe"

    def __init__(self, network: StationNetwork, point: OperatingPoint) -> None:
        self.network, self.point = network, point
        self.model_sha256: str | None = network.manifest.sha256

    def assess(
        self,
        nodes: NodeResult,
        stations: sitk.Image,
        case: Case,
        parsed_stations: set[str],
        settings: Settings,
        side_of: Callable[[PointMm], Side],
        boxes: Mapping[str, Box] | None = None,
        only: Collection[str] | None = None,
    ) -> MetastasisResult:
        """Assess nodes and stations; see ``StationClassifier.assess``."""
        start = time.perf_counter()
        boxes = station_boxes(stations) if boxes is None else boxes
        criteria = ClinicalCriteria().assess(nodes, stations, case, parsed_stations, settings, side_of, boxes, only)
        asked, calls = {}, {}
        for name, call in criteria.stations.items():
            refusal = self._refusal(call, nodes, name in boxes)
            calls[name] = call if refusal is None else _not_assessed(call, refusal)
            if refusal is None:
                asked[name] = boxes[name]
        seen = self._look(asked, case.ct, stations, nodes.labels, settings.flip_averaging)
        found = {finding.node_id: finding for finding in nodes.findings}
        for name in asked:
            judged = seen.get(name)
            if judged is None:
                calls[name] = _not_assessed(calls[name], "it is too small for the voxels of the network's region")
            else:
                calls[name] = self._call(calls[name], judged, found, side_of)
        warnings = self._warnings()
        seconds = time.perf_counter() - start
        return MetastasisResult(
            [_uncalled(finding) for finding in criteria.nodes],
            calls,
            self._provenance(settings, seconds, warnings),
            warnings,
            {name: _attention(one) for name, one in seen.items() if one.prediction.attention is not None},
        )

    def _refusal(self, call: StationCall, nodes: NodeResult, has_voxels: bool) -> str | None:
        """Why a station cannot be judged, in words that follow "Not assessed: "; ``None`` where it can."""
        card, section = self.network.manifest, self.network.section
        if call.call is None and (not has_voxels or section.needs_nodes):
            return call.reason.removeprefix("Not assessed: ").removesuffix(".")
        if call.station not in section.stations:
            return f"the model package {card.package_id} was not trained on station {call.station}"
        if section.needs_nodes and call.n_nodes is None:
            return "nodes were not looked for in the whole station"
        return None

    def _look(
        self,
        boxes: Mapping[str, Box],
        ct: sitk.Image,
        stations: sitk.Image,
        nodes: sitk.Image,
        flip_averaging: bool,
    ) -> dict[str, _Seen]:
        """Ask the network about stations in one pass; a station without a voxel in its region is left out."""
        spec = self.network.section.region
        regions = {}
        for name, box in boxes.items():
            region = station_region(ct, stations, nodes, anatomy.station(name).label_value, spec, box)
            if region is not None and region.station.any():
                regions[name] = region
        if not regions:
            return {}
        answers = self.network.predict(list(regions), list(regions.values()), flip_averaging=flip_averaging)
        return {
            name: _Seen(region, answer, _part_seen(region, stations, name, boxes[name]))
            for (name, region), answer in zip(regions.items(), answers, strict=True)
        }

    def _call(
        self, call: StationCall, seen: _Seen, nodes: Mapping[int, NodeFinding], side_of: Callable[[PointMm], Side]
    ) -> StationCall:
        probability = round(self.network.section.probability(seen.prediction.logit), _DECIMALS)
        positive = probability >= self.point.threshold
        first = next(iter(seen.prediction.nodes), None)
        unsided = anatomy.station(call.station).side is None
        warnings = []
        if seen.part_seen < 1 - _MUCH_OUTSIDE:
            warnings.append(f"Only {seen.part_seen:.0%} of the station lies in the region that the network sees.")
        if self.network.section.needs_nodes:
            warnings += _unseen_nodes(call.station, seen.region, nodes)
        return replace(
            call,
            call="positive" if positive else "negative",
            # In the reason, which every table shows and each assessment writes anew.
            reason=" ".join([self._reason(probability, positive, seen.prediction), *warnings]),
            probability=probability,
            positive_sides=(_side(seen, nodes.get(first or 0), side_of),) if positive and unsided else (),
            attention_in_nodes=_rounded(seen.prediction.attention_in_nodes),
            attention_node=first,
            fit_for_staging=True,
            nearly_positive=not positive and nearly(probability, self.point.threshold),
            warnings=(*call.warnings, *warnings),
        )

    def _reason(self, probability: float, positive: bool, prediction: Prediction) -> str:
        sign, word = (">=", "Positive") if positive else ("<", "Negative")
        compared = against(probability, sign, self.point.threshold, fewest_decimals=2)
        parts = [f"probability {compared} ({self.point.name})"]
        if prediction.attention_in_nodes is not None:
            where = f"{prediction.attention_in_nodes:.0%} of the attention in nodes"
            parts.append(f"{where}, of these most in node {prediction.nodes[0]}")
        return f"{word}: {'; '.join(parts)}."

    def _warnings(self) -> list[str]:
        card = self.network.manifest
        warnings = []
        if card.trained_on == "synthetic":
            warnings.append(
                f"The model package {card.package_id} was {SYNTHETIC_ONLY}: its probabilities say nothing about "
                "real ones."
            )
        if self.network.section.calibration is None:
            warnings.append(f"The model package {card.package_id} is not calibrated: its probabilities are scores.")
        return warnings

    def _provenance(self, settings: Settings, seconds: float, warnings: list[str]) -> Provenance:
        card = self.network.manifest
        return Provenance(
            step="metastasis",
            implementation=self.name,
            version=__version__,
            seconds=round(seconds, 3),
            settings={
                "model": card.package_id,
                "operating_point": self.point.name,
                "threshold": self.point.threshold,
                "calibrated": self.network.section.calibration is not None,
                "flip_averaging": settings.flip_averaging,
                "ran_on": self.network.device,
                "engine": self.network.engine,
                "short_axis_threshold_mm": settings.short_axis_threshold_mm,
                "suv_max_threshold": settings.suv_max_threshold,
            },
            model_package=card.package_id,
            model_version=card.version,
            model_sha256=card.sha256,
            trained_on=card.trained_on,
            references=list(dict.fromkeys([_REFERENCE, *card.references])),
            warnings=warnings,
        )


def _not_assessed(call: StationCall, why: str) -> StationCall:
    return replace(
        call,
        call=None,
        fit_for_staging=True,
        nearly_positive=False,
        positive_sides=(),
        reason=f"Not assessed: {why}.",
    )


def _uncalled(finding: NodeFinding) -> NodeFinding:
    """A node as measured: what the clinical criteria would call it stands in its reason only."""
    criteria = finding.reason[:1].lower() + finding.reason[1:]
    reason = f"Not called: the network judges stations. By clinical criteria {criteria}"
    return finding.model_copy(update={"call": None, "reason": reason})


def _attention(seen: _Seen) -> StationAttention:
    values = seen.prediction.attention
    if values is None:
        raise ValueError("the network gave no attention")
    z, y, x = values.shape
    return StationAttention(values, coarser_grid(seen.region.grid, (z, y, x)))


def _side(seen: _Seen, node: NodeFinding | None, side_of: Callable[[PointMm], Side]) -> Side:
    """Side of the evidence: of the node that draws most attention, else of the peak, else of the station."""
    if node is not None and node.side is not None:
        return node.side
    if seen.prediction.attention is not None:
        return side_of(_attention(seen).peak_mm)
    z, y, x = np.argwhere(seen.region.station).mean(axis=0)
    return side_of(seen.region.grid.point_mm((float(z), float(y), float(x))))


def _part_seen(region: StationRegion, stations: sitk.Image, name: str, box: Box) -> float:
    """Part of a station's volume that lies in its region, at most 1."""
    inside = int(region.station.sum()) * region.grid.voxel_volume_ml
    count = np.count_nonzero(array_view(stations)[box] == anatomy.station(name).label_value)
    return min(inside / (count * float(np.prod(stations.GetSpacing())) / 1000), 1.0)


def _unseen_nodes(station: str, region: StationRegion, nodes: Mapping[int, NodeFinding]) -> list[str]:
    """Nodes of a station that its region does not hold: of those the network says nothing."""
    held = set(np.unique(region.nodes).tolist())
    missed = sorted(number for number, finding in nodes.items() if finding.station == station and number not in held)
    if not missed:
        return []
    node, lies = ("node", "it lies") if len(missed) == 1 else ("nodes", "they lie")
    which = f"{node} {listed(map(str, missed))}"
    return [f"The network does not see {which} of the station: {lies} outside its region, or between its voxels."]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(min(max(value, 0.0), 1.0), _DECIMALS)
