"""Calls by clinical criteria: short axis on CT and SUVmax on PET.

A node is positive at a short axis of at least ``short_axis_threshold_mm`` (RECIST 1.1: 10 mm) or an SUVmax above
``suv_max_threshold`` (Engelson et al. 2026, Sec. 4.2: 4). A station is positive where one of its nodes is, or where
the highest SUV inside its mask is above the threshold, which is that paper's own baseline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import cast

from LNStationLib import __version__, anatomy
from LNStationLib.metastasis.station_uptake import StationUptake, station_uptakes
from LNStationLib.metastasis.uncertainty import nearly
from LNStationLib.state.assessment import Call, NodeFinding, Provenance
from LNStationLib.state.method import MethodOptions, option
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.provenance import settings_record
from LNStationLib.state.reason_codes import recorded
from LNStationLib.state.station_call import MetastasisResult, NodeCall, StationCall
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import PointMm, Side

_SIDES: tuple[Side, ...] = ("R", "L")


class CriteriaOptions(MethodOptions):
    """Thresholds of the clinical criteria."""

    short_axis_threshold_mm: float = option(
        10.0,
        "A node is positive from this short axis on (RECIST 1.1: 10 mm).",
        title="Positive, short axis",
        unit="mm",
        flag="--short-axis-threshold",
        gt=0,
    )
    suv_max_threshold: float = option(
        4.0,
        "Nodes and stations are positive above this SUVmax (Engelson et al. 2026, Sec. 4.2: 4).",
        title="Positive, SUVmax",
        flag="--suv-max-threshold",
        gt=0,
    )


@dataclass(frozen=True)
class _Called:
    """A node with its call."""

    finding: NodeFinding
    call: NodeCall


class ClinicalCriteria:
    """Short axis and SUVmax against thresholds."""

    name = "clinical_criteria"
    title = "Clinical criteria (size, SUVmax)"
    options: type[MethodOptions] = CriteriaOptions
    needs: tuple[Need, ...] = ()
    references: tuple[str, ...] = (
        "Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026 (RECIST 1.1: short axis of 10 mm or more)",
        "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507, Sec. 4.2 (SUVmax of the station above t = 4)",
    )
    package_task: str | None = None

    def check(self, options: MethodOptions, search: NodeSearch | None) -> str | None:
        """Nothing to load."""
        return None

    def run(
        self,
        state: PatientState,
        options: MethodOptions,
        progress: Progress = silent,
        only: Collection[str] | None = None,
    ) -> MetastasisResult:
        """Assess nodes and stations; see :class:`LNStationLib.metastasis.method.MetastasisMethod`."""
        start = time.perf_counter()
        criteria, case = cast(CriteriaOptions, options), state.case
        not_called = state.found_nodes.not_called
        # Why candidates are not called does not concern what a reader drew among them.
        nodes = [
            _Called(one, call_node(one, criteria, None if one.fit_for_staging else not_called))
            for one in state.found_nodes.findings
        ]
        calls = {
            evidence.station: _call_station(evidence, criteria, state.midline.side_of)
            for evidence in _evidence(state, nodes, only)
        }
        warnings = [] if case.pet is not None else [Reason("calls_without_pet")]
        provenance = Provenance(
            step="metastasis",
            implementation=self.name,
            version=__version__,
            seconds=round(time.perf_counter() - start, 3),
            settings=settings_record(state.settings.metastasis, self, criteria),
            references=list(self.references),
            **recorded(warnings),
        )
        return MetastasisResult({one.finding.node_id: one.call for one in nodes}, calls, provenance, warnings)


def _evidence(state: PatientState, nodes: list[_Called], only: Collection[str] | None) -> list[_Evidence]:
    rows = [row for row in anatomy.stations() if only is None or row.name in only]
    wanted = {row.name: state.boxes[row.name] for row in rows if row.name in state.boxes}
    uptakes = station_uptakes(state.case.pet, state.stations, state.case.tumor, wanted)
    return [
        _Evidence(
            station=row.name,
            unsided=row.side is None,
            parsed=row.name in state.boxes,
            has_pet=state.case.pet is not None,
            nodes=[one for one in nodes if one.finding.station == row.name],
            search=state.found_nodes.search,
            not_called=state.found_nodes.not_called,
            uptake=uptakes.by_station.get(row.name),
            filled_by_tumor=row.name in uptakes.filled_by_tumor,
        )
        for row in rows
    ]


def call_node(finding: NodeFinding, criteria: CriteriaOptions, not_called: Reason | None = None) -> NodeCall:
    """Call one node from its short axis and SUVmax.

    Args:
        finding: The node.
        criteria: Thresholds.
        not_called: Why it is called neither positive nor negative; ``None`` where it is called.
    """
    if not_called is not None:
        return NodeCall(None, Reason("not_assessed", {"why": [not_called]}))
    by_size = finding.short_axis_mm >= criteria.short_axis_threshold_mm
    by_suv = finding.suv_max is not None and finding.suv_max > criteria.suv_max_threshold
    size, suv = _size(finding.short_axis_mm, criteria), _suv(finding.suv_max, criteria)
    if by_size or by_suv:
        decisive = [reason for reason, positive in ((size, by_size), (suv, by_suv)) if positive]
        return NodeCall("positive", Reason("positive_node", {"why": decisive}))
    return NodeCall("negative", Reason("negative_node", {"why": [size, suv]}))


@dataclass(frozen=True)
class _Evidence:
    """The evidence on one station."""

    station: str
    unsided: bool
    parsed: bool
    has_pet: bool
    nodes: list[_Called]
    search: NodeSearch
    not_called: Reason | None
    uptake: StationUptake | None
    filled_by_tumor: bool

    @property
    def nodes_looked_for(self) -> bool:
        """True where the whole station was searched, with nodes distinguished from vessels; PET searches need PET."""
        if not self.search.looked_for or self.filled_by_tumor or self.not_called is not None:
            return False
        return not self.search.on_pet or self.fully_covered

    @property
    def fully_covered(self) -> bool:
        """True where PET covers the whole station."""
        return self.uptake is not None and self.uptake.fully_covered

    @property
    def sizes_mm(self) -> list[float]:
        """Short axes of the nodes in mm."""
        return [one.finding.short_axis_mm for one in self.nodes]

    @property
    def positive(self) -> list[_Called]:
        """The positive nodes."""
        return [one for one in self.nodes if one.call.call == "positive"]

    @property
    def pet_gap(self) -> Reason:
        """Which part of the station PET does not show."""
        if not self.has_pet:
            return Reason("no_pet")
        return Reason("pet_covers_part" if self.uptake is not None else "pet_does_not_cover")

    @property
    def pet_lack(self) -> Reason:
        """As ``pet_gap``, where it stands for itself."""
        return self.pet_gap if self.has_pet else Reason("there_is_no_pet")


def _call_station(evidence: _Evidence, criteria: CriteriaOptions, side_of: Callable[[PointMm], Side]) -> StationCall:
    if not evidence.parsed:
        return StationCall(evidence.station, None, Reason("station_not_parsed", {"station": evidence.station}))
    positive, uptake = evidence.positive, evidence.uptake
    hot = uptake if uptake is not None and uptake.suv_max > criteria.suv_max_threshold else None
    call, reason = _judged(evidence, criteria, hot)
    fit = evidence.search.fit_for_staging or (not positive and evidence.fully_covered)
    fit = fit or any(one.finding.fit_for_staging for one in positive)
    return StationCall(
        station=evidence.station,
        call=call,
        reason=reason,
        suv_max=None if uptake is None else uptake.suv_max,
        positive_sides=_sides(positive, hot, side_of) if evidence.unsided else (),
        n_nodes=len(evidence.nodes) if evidence.nodes or evidence.nodes_looked_for else None,
        largest_short_axis_mm=max(evidence.sizes_mm, default=None),
        fit_for_staging=call is None or hot is not None or fit,
        nearly_positive=call == "negative" and _nearly_positive(evidence, criteria),
        warnings=_station_warnings(evidence),
    )


def _judged(evidence: _Evidence, criteria: CriteriaOptions, hot: StationUptake | None) -> tuple[Call | None, Reason]:
    if evidence.positive or hot is not None:
        return "positive", _positive_reason(evidence.positive, hot, criteria)
    if evidence.nodes_looked_for or evidence.fully_covered:
        return "negative", _negative_reason(evidence, criteria)
    return None, _not_assessed_reason(evidence)


def _nearly_positive(evidence: _Evidence, criteria: CriteriaOptions) -> bool:
    """A size or an uptake just below its threshold; candidates that are not fit for staging do not count."""
    findings = [one.finding for one in evidence.nodes]
    sizes = [finding.short_axis_mm for finding in findings if finding.fit_for_staging]
    uptakes = [finding.suv_max for finding in findings if finding.suv_max is not None]
    uptakes += [] if evidence.uptake is None else [evidence.uptake.suv_max]
    by_size = any(nearly(size, criteria.short_axis_threshold_mm) for size in sizes)
    return by_size or any(nearly(uptake, criteria.suv_max_threshold) for uptake in uptakes)


def _positive_reason(positive: list[_Called], hot: StationUptake | None, criteria: CriteriaOptions) -> Reason:
    why = []
    if positive:
        first = max(positive, key=lambda one: one.finding.short_axis_mm)
        facts = {"node": first.finding.node_id, "why": first.call.reason.facts["why"], "n_positive": len(positive)}
        why.append(Reason("by_node", facts))
    if hot is not None:
        why.append(Reason("by_station_suv", {"suv": _suv(hot.suv_max, criteria)}))
    return Reason("positive_station", {"why": why})


def _negative_reason(evidence: _Evidence, criteria: CriteriaOptions) -> Reason:
    why = [_of_nodes(evidence, criteria)]
    if evidence.uptake is not None:
        why.append(Reason("by_station_suv", {"suv": _suv(evidence.uptake.suv_max, criteria)}))
    if not evidence.fully_covered:
        why.append(evidence.pet_gap)
    if evidence.search.caveat is not None and evidence.not_called is None:
        why.append(evidence.search.caveat)
    return Reason("negative_station", {"why": why})


def _of_nodes(evidence: _Evidence, criteria: CriteriaOptions) -> Reason:
    """Reasons from the nodes of a negative station."""
    if evidence.not_called is not None:
        return Reason("nodes_not_told_from_vessels")
    if evidence.nodes:
        return Reason("largest_node", {"size": _size(max(evidence.sizes_mm), criteria)})
    return Reason("no_node_found" if evidence.nodes_looked_for else "nodes_not_looked_for")


def _not_assessed_reason(evidence: _Evidence) -> Reason:
    if evidence.filled_by_tumor:
        return Reason("not_assessed", {"why": [Reason("tumor_fills_station")]})
    if evidence.not_called is not None:
        return Reason("not_assessed", {"why": [evidence.not_called, evidence.pet_lack]})
    if evidence.search.on_pet:
        return Reason("not_assessed", {"why": [Reason("nodes_looked_for_on_pet", {"gap": evidence.pet_gap})]})
    return Reason("not_assessed", {"why": [Reason("neither_nodes_nor_pet", {"gap": evidence.pet_lack})]})


def _sides(
    positive: list[_Called], hot: StationUptake | None, side_of: Callable[[PointMm], Side]
) -> tuple[Side, ...]:
    found = {one.finding.side for one in positive}
    if hot is not None:
        found.add(side_of(hot.hottest_mm))
    return tuple(side for side in _SIDES if side in found)


def _station_warnings(evidence: _Evidence) -> tuple[Reason, ...]:
    if evidence.has_pet and not evidence.fully_covered and not evidence.filled_by_tumor:
        return (evidence.pet_gap,)
    return ()


def _size(short_axis_mm: float, criteria: CriteriaOptions) -> Reason:
    return Reason("short_axis", {"mm": short_axis_mm, "threshold_mm": criteria.short_axis_threshold_mm})


def _suv(suv_max: float | None, criteria: CriteriaOptions) -> Reason:
    if suv_max is None:
        return Reason("no_pet_value")
    return Reason("suv_max", {"suv": suv_max, "threshold": criteria.suv_max_threshold})
