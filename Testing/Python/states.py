"""Patients of whom some is known, as the steps take them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import SimpleITK as sitk

from LNStationLib.assessment.assess import call_stations
from LNStationLib.assessment.findings import called_nodes
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import scan_of
from LNStationLib.metastasis.registry import METHODS as METASTASIS
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.registry import METHODS as NODES
from LNStationLib.organs.registry import METHODS as ORGANS
from LNStationLib.state.assessment import Midline, NodeFinding, Provenance
from LNStationLib.state.evidence import StationEvidence
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState, patient_with_stations
from LNStationLib.state.settings import Settings
from LNStationLib.support.progress import silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import sentence, words

LEFT_OF_ZERO = Midline(first_z_mm=0.0, step_mm=1.0, x_mm=[0.0])
"""The midline at x = 0."""


def said(warnings: Iterable[Reason]) -> list[str]:
    """Warnings in words."""
    return [words(warning) for warning in warnings]


def with_stations(
    case: Case, stations: sitk.Image, settings: Settings | None = None, nodes: NodeResult | None = None
) -> PatientState:
    """A patient with a station map, the midline at x = 0."""
    return patient_with_stations(case, settings or Settings(), stations, LEFT_OF_ZERO, nodes)


def organs_on(case: Case, grid: Grid, settings: Settings | None = None) -> OrganSet:
    """The organs of a case on a grid, by the method of the settings."""
    state = PatientState(case, settings or Settings(), scan_of(case.ct, grid))
    method = ORGANS.chosen(state.settings, case)
    return method.run(state, ORGANS.options(method, state.settings), silent)


@dataclass(frozen=True)
class Called:
    """Calls as a reader sees them: nodes with call and reason, stations with their reason in words."""

    nodes: list[NodeFinding]
    stations: dict[str, Any]
    provenance: Provenance
    warnings: list[str]
    evidence: Mapping[str, StationEvidence]


def called(state: PatientState, only: Collection[str] | None = None) -> Called:
    """Nodes and stations called by the method of the settings; nodes are looked for where they are not known."""
    if state.nodes is None:
        state = replace(state, nodes=find_nodes(state))
    result = call_stations(state, only=only)
    stations = {
        name: replace(call, reason=words(call.reason), warnings=tuple(sentence(one) for one in call.warnings))
        for name, call in result.stations.items()
    }
    nodes = called_nodes(state.found_nodes.findings, result.nodes)
    return Called(nodes, stations, result.provenance, said(result.warnings), result.evidence)


def check_model(settings: Settings) -> str | None:
    """Load the model of the metastasis step; SHA-256 of its weights."""
    method = METASTASIS.named(settings.metastasis.method or "clinical_criteria")
    nodes = settings.nodes.method
    search = None if nodes is None else NODES.named(nodes).search
    return method.check(METASTASIS.options(method, settings), search)
