"""From images to N category: organs, stations, nodes, metastasis, staging; each with its provenance."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import SimpleITK as sitk

from LNStationLib import __version__
from LNStationLib.assessment.findings import (
    called_nodes,
    case_summary,
    midline_of,
    organ_findings,
    organ_label_map,
    organs_beside_stations,
    parsed_outlines,
    station_findings,
)
from LNStationLib.assessment.methods import check_methods
from LNStationLib.assessment.network_stage import staging_model, with_network_warnings
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import station_boxes
from LNStationLib.imaging.grid import field_of_view, labels_to_image_grid
from LNStationLib.imaging.scan import scan_of
from LNStationLib.imaging.thorax_view import chest_grid
from LNStationLib.metastasis.registry import METHODS as METASTASIS
from LNStationLib.nodes.find import find_nodes
from LNStationLib.organs.registry import METHODS as ORGANS
from LNStationLib.quality import check_alignment, check_organs, check_stations
from LNStationLib.staging.case_staging import NO_RULES, stage_case, staging_method
from LNStationLib.staging.positive_stations import positive_station_names
from LNStationLib.staging.registry import METHODS as STAGING
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment, NodeFinding, NStaging, Provenance, StationFinding
from LNStationLib.state.evidence import StationEvidence
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.packed_organs import PackedOrgans
from LNStationLib.state.patient_state import Baseline, OrganImages, OrganPart, PatientState, StationPart
from LNStationLib.state.provenance import organ_record, settings_record
from LNStationLib.state.reason_codes import recorded, said, warnings_of
from LNStationLib.state.settings import Settings, Step
from LNStationLib.state.station_call import MetastasisResult
from LNStationLib.state.station_map import StationMap
from LNStationLib.state.used_model import UsedModel
from LNStationLib.stations.parse import parse_stations
from LNStationLib.stations.registry import METHODS as STATIONS
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

DISMISSED = Reason("node_dismissed")
_log = logging.getLogger(__name__)


def assess(case: Case, settings: Settings | None = None, progress: Progress = silent) -> AssessedCase:
    """Assess one case from images to N category.

    Args:
        case: A checked case.
        settings: Methods and their options; defaults where ``None``.
        progress: Told the running step and the fraction done; may raise ``CancelledError``.

    Returns:
        The assessment with its label maps on the CT's grid, and what a correction of its stations builds on.

    Raises:
        InputError: The chosen methods need what the case lacks.
    """
    settings = settings or Settings()
    progress("checking the methods", 0.0)
    check_methods(settings, case)
    state = parse_case(case, settings, portion(progress, 0.0, 0.7))
    return judge_case(state, portion(progress, 0.7, 1.0))


def parse_case(
    case: Case, settings: Settings, progress: Progress = silent, before: OrganPart | None = None
) -> PatientState:
    """The first half of an assessment: organs and stations.

    Args:
        case: A checked case.
        settings: Methods.
        progress: Told the running step and the fraction done.
        before: What was found in this CT with these settings before: its working grid and what the network of the
            organ method gave are taken from there.
    """
    progress("finding organs", 0.0)
    state = _with_found_organs(_on_working_grid(case, settings, before), portion(progress, 0.0, 0.6))
    progress("parsing stations", 0.6)
    state = with_stations(state, portion(progress, 0.6, 1.0))
    assert state.organ_part is not None
    # Large, and of no use to the steps that follow.
    return replace(state, scan=None, organ_part=replace(state.organ_part, found=None))


def found_organs(case: Case, settings: Settings, progress: Progress = silent) -> PatientState:
    """The patient with the CT on the working grid and the organs on it, as a station method takes it."""
    return _with_found_organs(_on_working_grid(case, settings, None), progress)


def _on_working_grid(case: Case, settings: Settings, before: OrganPart | None) -> PatientState:
    """A patient of whom nothing but the images is known, with the CT resampled to the working grid once."""
    if before is None or before.kept is None:
        grid = chest_grid(case.ct, settings.working_spacing_mm, case.thorax)
    else:
        grid = before.kept.grid
    scan = scan_of(case.ct, grid)
    part = OrganPart((), segmented=None if before is None else before.segmented)
    return PatientState(case, settings, scan, organ_part=part, provenance=tuple(_input_remarks(case)))


def _input_remarks(case: Case) -> list[Provenance]:
    """Remarks on the input, as a step of its own: a reader may see it before the calls."""
    if not case.warnings:
        return []
    remarks = recorded(case.warnings)
    return [Provenance(step="input", implementation="checks", version=__version__, **remarks)]


def _with_found_organs(state: PatientState, progress: Progress) -> PatientState:
    method = ORGANS.chosen(state.settings, state.case)
    options = ORGANS.options(method, state.settings)
    record = {"working_spacing_mm": state.settings.working_spacing_mm}
    record |= settings_record(state.settings.organs, method, options)
    with _timed("organs", method.name, record, method.references) as rows:
        found = method.run(state, options, progress)
        record |= organ_record(state.case, found)
        # Those that cannot be are dropped with a warning.
        organs, _ = check_organs(found, field_of_view(state.case.ct, found.grid))
        apart, remarks = check_alignment(state.case.pet, organs)
        record |= apart
        rows.warnings += [*organs.warnings, *remarks]
        rows.model = found.model
    part = OrganPart(
        findings=tuple(organ_findings(organs)),
        images=_organ_images(state.case, organs),
        found=organs,
        kept=PackedOrgans.of(organs.grid, organs.values()),
        segmented=None if found.segmented is None else PackedOrgans.of(found.grid, found.segmented, found.model),
    )
    return state.knowing(rows.provenance, organ_part=part)


def with_stations(state: PatientState, progress: Progress = silent) -> PatientState:
    """The patient with the stations of the settings' method, checked; the last row of the provenance is theirs.

    Args:
        state: Of :func:`found_organs`.
        progress: Told the running step.
    """
    method = STATIONS.chosen(state.settings, state.case)
    options = STATIONS.options(method, state.settings)
    record = settings_record(state.settings.stations, method, options)
    with _timed("stations", method.name, record, method.references) as rows:
        parsed = parse_stations(method, state, options, portion(progress, 0.0, 0.9))
        station_map, _ = check_stations(parsed, state.organ_set, state.working_ct.hu)
        progress("drawing the label maps", 0.9)
        part = _station_part(station_map, state.case)
        rows.warnings += station_map.warnings
        rows.warnings += [] if station_map.failure is None else [station_map.failure]
        rows.model = station_map.model
    return state.knowing(rows.provenance, station_part=part)


def _station_part(station_map: StationMap, case: Case) -> StationPart:
    labels = labels_to_image_grid(station_map.labels, station_map.grid, case.ct)
    boxes, outlines = station_boxes(labels), parsed_outlines(station_map)
    return StationPart(
        labels,
        boxes,
        outlines,
        Baseline(labels, boxes, outlines),
        midline_of(station_map),
        maps=station_map.maps,
        agreement=station_map.agreement,
    )


def with_organs(state: PatientState, progress: Progress = silent) -> PatientState:
    """The patient with organs, found again where the case was restored without them; its network need not run."""
    before = state.organ_part
    if before is not None and before.images is not None:
        return state
    progress("finding organs", 0.0)
    found = _with_found_organs(_on_working_grid(state.case, state.settings, before), progress).organ_part
    assert found is not None
    part = replace(found, findings=state.organ_findings, found=None)
    return replace(state, organ_part=part if before is None else replace(part, shown=before.shown, seen=before.seen))


def _organ_images(case: Case, organs: OrganSet) -> OrganImages:
    label_map = labels_to_image_grid(organ_label_map(organs), organs.grid, case.ct, smooth=False)
    return OrganImages(label_map, organs_beside_stations(organs))


def judge_case(state: PatientState, progress: Progress = silent) -> AssessedCase:
    """The second half of an assessment: nodes, calls and N category, for the stations as they stand.

    Args:
        state: With parsed, and perhaps corrected, stations.
        progress: Told the running step and the fraction done.
    """
    state = replace(state, nodes=find_nodes(state, portion(progress, 0.0, 0.7)))
    progress("assessing stations", 0.7)
    calls = call_stations(state, portion(progress, 0.7, 1.0))
    answer = conclude(state, calls, station_findings(state, calls.stations))
    progress("done", 1.0)
    return answer


def call_stations(
    state: PatientState, progress: Progress = silent, only: Collection[str] | None = None
) -> MetastasisResult:
    """Call nodes and stations by the method of the settings.

    Args:
        state: With stations and nodes.
        progress: Told the running step.
        only: Names of the stations to call; all where ``None``.
    """
    method = METASTASIS.chosen(state.settings, state.case)
    return method.run(state, METASTASIS.options(method, state.settings), progress, only)


def conclude(
    state: PatientState,
    calls: MetastasisResult,
    findings: list[StationFinding],
    evidence: Mapping[str, StationEvidence] | None = None,
) -> AssessedCase:
    """Stage a patient and put the answer together.

    Args:
        state: With stations and nodes.
        calls: Of all nodes, with provenance and warnings.
        findings: Of every station of the table, in table order.
        evidence: Of every station that a network judged; that of ``calls`` where ``None``.
    """
    case, nodes = state.case, state.found_nodes
    called = called_nodes(nodes.findings, calls.nodes)
    staging, staged = _staged(state, findings, called)
    rows = [*state.provenance, nodes.provenance, calls.provenance, staged]
    assessment = Assessment(
        lnstation_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        case=case_summary(case, nodes.search.method),
        n_category=staging.category,
        staging=staging,
        stations=findings,
        nodes=called,
        dismissed_nodes=[one.model_copy(update=said("reason", DISMISSED)) for one in nodes.dismissed],
        organs=list(state.organ_findings),
        agreement=list(state.agreement),
        midline=state.midline,
        provenance=rows,
        **recorded(_warnings(case, rows, [*nodes.warnings, *calls.warnings])),
    )
    labels = sitk.Cast(nodes.labels, sitk.sitkUInt16)
    return AssessedCase(state, assessment, labels, calls.evidence if evidence is None else evidence)


def _staged(
    state: PatientState, findings: list[StationFinding], nodes: list[NodeFinding]
) -> tuple[NStaging, Provenance]:
    facts, settings = state.case.facts, state.settings
    method = staging_method(facts, settings)
    rules = NO_RULES
    record: dict[str, Any] = {}
    references: tuple[str, ...] = ()
    if method is not None:
        options = STAGING.options(method, settings)
        rules, references = method.rules(options), method.rule_references(options)
        record = settings_record(settings.staging, method, options)
    with _timed("staging", rules, record, references) as rows:
        not_assessed = [finding.station for finding in findings if finding.call is None]
        staging = stage_case(facts, positive_station_names(findings), not_assessed, nodes, settings, state)
        staging = with_network_warnings(staging)
        rows.warnings += warnings_of(staging)
        rows.model = None if staging.network is None else staging_model(staging.network)
    return staging, rows.provenance


def _warnings(case: Case, rows: Sequence[Provenance], more: Sequence[Reason]) -> list[Reason]:
    """All warnings of the case, each once, input first."""
    said = [warning for row in rows for warning in warnings_of(row)]
    by_text: dict[str, Reason] = {}
    for warning in (*case.warnings, *said, *more):
        by_text.setdefault(words(warning), warning)
    return list(by_text.values())


class _Record:
    """What a step did; ``provenance`` is there once it is done."""

    def __init__(self) -> None:
        self.warnings: list[Reason] = []
        self.model: UsedModel | None = None
        self.provenance: Provenance


@contextmanager
def _timed(step: Step, implementation: str, settings: dict[str, Any], references: Sequence[str]) -> Iterator[_Record]:
    """Time a step and record it."""
    start, record = time.perf_counter(), _Record()
    yield record
    seconds = time.perf_counter() - start
    _log.info("%s by %s: %.2f s", step, implementation, seconds)
    model = record.model
    record.provenance = Provenance(
        step=step,
        implementation=implementation,
        version=__version__,
        seconds=round(seconds, 3),
        settings=settings if model is None else settings | model.settings(),
        references=list(dict.fromkeys([*references, *(() if model is None else model.references)])),
        **recorded(record.warnings),
        **({} if model is None else model.provenance()),
    )
