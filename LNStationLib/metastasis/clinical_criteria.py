"""Calls by the criteria of the clinic: short axis on CT and SUVmax on PET.

A node is positive at a short axis of at least ``settings.short_axis_threshold_mm`` (RECIST 1.1: 10 mm) or an SUVmax
above ``settings.suv_max_threshold`` (Engelson et al. 2026, Sec. 4.2: 4). A station is positive where one of its nodes
is, or where the highest SUV inside its mask is above the threshold, which is that paper's own baseline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import SimpleITK as sitk

from LNStationLib import __version__, anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import Box, station_boxes
from LNStationLib.metastasis.station_uptake import StationUptake, station_uptakes
from LNStationLib.nodes.find import fit_for_staging
from LNStationLib.state.assessment import Call, NodeFinding, Provenance
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_call import MetastasisResult, StationCall, nearly
from LNStationLib.support.types import PointMm, Side

_REFERENCES = [
    "Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026 (RECIST 1.1: short axis of 10 mm or more)",
    "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507, Sec. 4.2 (SUVmax of the station above t = 4)",
]
_SIDES: tuple[Side, ...] = ("R", "L")


class ClinicalCriteria:
    """Short axis and SUVmax against thresholds."""

    name = "clinical_criteria"
    model_sha256: str | None = None

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
        called = [call_node(finding, settings, nodes.not_called) for finding in nodes.findings]
        rows = [row for row in anatomy.stations() if only is None or row.name in only]
        boxes = station_boxes(stations) if boxes is None else boxes
        wanted = {row.name: boxes[row.name] for row in rows if row.name in boxes}
        uptakes = station_uptakes(case.pet, stations, case.tumor, wanted)
        calls = {}
        for row in rows:
            evidence = _Evidence(
                station=row.name,
                parsed=row.name in parsed_stations,
                has_pet=case.pet is not None,
                nodes=[finding for finding in called if finding.station == row.name],
                nodes_from=nodes.source,
                nodes_fit=fit_for_staging(nodes.source),
                not_called=nodes.not_called,
                uptake=uptakes.by_station.get(row.name),
                filled_by_tumor=row.name in uptakes.filled_by_tumor,
            )
            calls[row.name] = _call_station(evidence, settings, row.side is None, side_of)
        warnings = [] if case.pet is not None else ["There is no PET: calls rest on the size of nodes alone."]
        provenance = Provenance(
            step="metastasis",
            implementation=self.name,
            version=__version__,
            seconds=round(time.perf_counter() - start, 3),
            settings=settings.model_dump(include={"short_axis_threshold_mm", "suv_max_threshold"}),
            references=_REFERENCES,
            warnings=warnings,
        )
        return MetastasisResult(called, calls, provenance, warnings)


def call_node(finding: NodeFinding, settings: Settings, not_called: str | None = None) -> NodeFinding:
    """Fill in call and reason of one node from its short axis and SUVmax.

    Args:
        finding: The node.
        settings: Thresholds.
        not_called: Why it is called neither positive nor negative; ``None`` where it is called.
    """
    if not_called is not None:
        return finding.model_copy(update={"call": None, "reason": f"Not assessed: {not_called}."})
    by_size = finding.short_axis_mm >= settings.short_axis_threshold_mm
    by_suv = finding.suv_max is not None and finding.suv_max > settings.suv_max_threshold
    size = _size_text(finding.short_axis_mm, settings.short_axis_threshold_mm)
    suv = "no PET value" if finding.suv_max is None else _suv_text(finding.suv_max, settings.suv_max_threshold)
    if by_size or by_suv:
        decisive = [text for text, positive in ((size, by_size), (suv, by_suv)) if positive]
        return finding.model_copy(update={"call": "positive", "reason": f"Positive: {' and '.join(decisive)}."})
    return finding.model_copy(update={"call": "negative", "reason": f"Negative: {size}, {suv}."})


@dataclass(frozen=True)
class _Evidence:
    """All there is to judge one station by."""

    station: str
    parsed: bool
    has_pet: bool
    nodes: list[NodeFinding]
    nodes_from: str
    nodes_fit: bool
    not_called: str | None
    uptake: StationUptake | None
    filled_by_tumor: bool

    @property
    def nodes_looked_for(self) -> bool:
        """True where nodes were looked for in the whole station and told from vessels; a search on PET needs PET."""
        if self.nodes_from == "none" or self.filled_by_tumor or self.not_called is not None:
            return False
        return self.nodes_from != "pet_threshold" or self.fully_covered

    @property
    def fully_covered(self) -> bool:
        """True where PET covers the whole station."""
        return self.uptake is not None and self.uptake.fully_covered


def _call_station(
    evidence: _Evidence, settings: Settings, unsided: bool, side_of: Callable[[PointMm], Side]
) -> StationCall:
    if not evidence.parsed:
        return StationCall(evidence.station, None, f"Not assessed: station {evidence.station} could not be parsed.")
    positive = [finding for finding in evidence.nodes if finding.call == "positive"]
    uptake = evidence.uptake
    hot = uptake is not None and uptake.suv_max > settings.suv_max_threshold
    call: Call | None
    if positive or hot:
        call, reason = "positive", _positive_reason(positive, uptake if hot else None, settings)
    elif evidence.nodes_looked_for or evidence.fully_covered:
        call, reason = "negative", _negative_reason(evidence, settings)
    else:
        call, reason = None, _not_assessed_reason(evidence)
    sides = _sides(positive, uptake if hot else None, side_of) if unsided else ()
    return StationCall(
        station=evidence.station,
        call=call,
        reason=reason,
        suv_max=None if uptake is None else uptake.suv_max,
        positive_sides=sides,
        n_nodes=len(evidence.nodes) if evidence.nodes or evidence.nodes_looked_for else None,
        largest_short_axis_mm=max((finding.short_axis_mm for finding in evidence.nodes), default=None),
        fit_for_staging=call is None or hot or evidence.nodes_fit or (not positive and evidence.fully_covered),
        nearly_positive=call == "negative" and _nearly_positive(evidence, settings),
        warnings=_station_warnings(evidence),
    )


def _nearly_positive(evidence: _Evidence, settings: Settings) -> bool:
    """A size or an uptake just below its threshold; candidates that are not fit for staging do not count."""
    sizes = [finding.short_axis_mm for finding in evidence.nodes if finding.fit_for_staging]
    uptakes = [finding.suv_max for finding in evidence.nodes if finding.suv_max is not None]
    uptakes += [] if evidence.uptake is None else [evidence.uptake.suv_max]
    by_size = any(nearly(size, settings.short_axis_threshold_mm) for size in sizes)
    return by_size or any(nearly(uptake, settings.suv_max_threshold) for uptake in uptakes)


def _positive_reason(positive: list[NodeFinding], hot: StationUptake | None, settings: Settings) -> str:
    parts = []
    if positive:
        first = max(positive, key=lambda finding: finding.short_axis_mm)
        why = first.reason.removeprefix("Positive: ").removesuffix(".")
        others = f" ({len(positive)} positive nodes)" if len(positive) > 1 else ""
        parts.append(f"node {first.node_id} with {why}{others}")
    if hot is not None:
        parts.append(f"station {_suv_text(hot.suv_max, settings.suv_max_threshold)}")
    return f"Positive: {'; '.join(parts)}."


def _negative_reason(evidence: _Evidence, settings: Settings) -> str:
    parts = []
    if evidence.not_called is not None:
        parts.append("nodes on CT not told from vessels")
    elif evidence.nodes:
        largest = max(finding.short_axis_mm for finding in evidence.nodes)
        parts.append(f"largest {_size_text(largest, settings.short_axis_threshold_mm)}")
    elif evidence.nodes_looked_for:
        parts.append("no node found")
    else:
        parts.append("nodes not looked for")
    if evidence.uptake is not None:
        parts.append(f"station {_suv_text(evidence.uptake.suv_max, settings.suv_max_threshold)}")
    if not evidence.fully_covered:
        parts.append(_pet_gap(evidence))
    if evidence.nodes_from == "ct_blobs" and evidence.not_called is None:
        parts.append("nodes from a CT blob detector of low sensitivity and specificity")
    return f"Negative: {', '.join(parts)}."


def _pet_gap(evidence: _Evidence) -> str:
    if not evidence.has_pet:
        return "no PET"
    return "PET covers only part of the station" if evidence.uptake is not None else "PET does not cover the station"


def _not_assessed_reason(evidence: _Evidence) -> str:
    if evidence.filled_by_tumor:
        return "Not assessed: the tumor mask fills the station."
    if evidence.not_called is not None:
        return f"Not assessed: {evidence.not_called}, and {_pet_words(evidence)}."
    if evidence.nodes_from == "pet_threshold":
        return f"Not assessed: nodes were looked for on PET, but {_pet_gap(evidence)}."
    return f"Not assessed: nodes were not looked for and {_pet_words(evidence)}."


def _pet_words(evidence: _Evidence) -> str:
    return _pet_gap(evidence) if evidence.has_pet else "there is no PET"


def _sides(
    positive: list[NodeFinding], hot: StationUptake | None, side_of: Callable[[PointMm], Side]
) -> tuple[Side, ...]:
    found = {finding.side for finding in positive}
    if hot is not None:
        found.add(side_of(hot.hottest_mm))
    return tuple(side for side in _SIDES if side in found)


def _station_warnings(evidence: _Evidence) -> tuple[str, ...]:
    if evidence.has_pet and not evidence.fully_covered and not evidence.filled_by_tumor:
        gap = _pet_gap(evidence)
        return (f"{gap[0].upper()}{gap[1:]}.",)
    return ()


def _size_text(short_axis_mm: float, threshold_mm: float) -> str:
    sign = ">=" if short_axis_mm >= threshold_mm else "<"
    return f"short axis {against(short_axis_mm, sign, threshold_mm, ' mm')}"


def _suv_text(suv_max: float, threshold: float) -> str:
    sign = ">" if suv_max > threshold else "<="
    return f"SUVmax {against(suv_max, sign, threshold)}"


def against(value: float, sign: str, threshold: float, unit: str = "", fewest_decimals: int = 1) -> str:
    """Write a comparison with as many decimals as it takes to look true: never "10.0 < 10.0"."""
    for decimals in range(fewest_decimals, 7):
        left, right = f"{value:.{decimals}f}", f"{threshold:.{decimals}f}"
        if left != right or value == threshold:
            break
    return f"{left}{unit} {sign} {right}{unit}"
