"""Joins the steps: organs, stations, nodes, metastasis, staging; each with its provenance."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import SimpleITK as sitk

from LNStationLib import __version__
from LNStationLib.assessment.findings import (
    case_summary,
    midline_of,
    organ_findings,
    organ_label_map,
    organs_beside_stations,
    parsed_outlines,
    station_findings,
)
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import station_boxes
from LNStationLib.imaging.grid import Grid, field_of_view, labels_to_image_grid
from LNStationLib.imaging.thorax_view import chest_grid
from LNStationLib.metastasis import (
    MetastasisResult,
    StationAttention,
    positive_station_names,
    station_classifier,
)
from LNStationLib.nodes.find import find_nodes
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.scan import hu_on_grid
from LNStationLib.quality import check_organs, check_stations
from LNStationLib.staging.case_staging import stage_case, staging_rules
from LNStationLib.state.assessed_case import AssessedCase, Baseline, OrganImages, ParsedCase
from LNStationLib.state.assessment import Assessment, NodeFinding, NStaging, Provenance, StationFinding
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.settings import Settings
from LNStationLib.stations.registry import station_parser
from LNStationLib.support.progress import Progress, portion, silent

_log = logging.getLogger(__name__)

_STATION_REFERENCES = [
    "Rusch et al. 2009, doi:10.1097/JTO.0b013e3181a0d82e (IASLC lymph node map)",
    "Lynch et al. 2013, doi:10.1016/j.prro.2012.01.007 (contouring the stations on CT)",
]
_STAGING_REFERENCES = {
    "tnm8": ["UICC/AJCC TNM, 8th edition, lung"],
    "tnm9": ["UICC/AJCC TNM, 9th edition, lung"],
    "petct_paper": ["Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507, Table 3"],
    "ajcc8_esophagus": ["AJCC/UICC, 8th edition, esophagus"],
}


@dataclass
class _Ledger:
    """Collects what each step did and how long it took."""

    rows: list[Provenance] = field(default_factory=list)

    @contextmanager
    def step(
        self, step: str, implementation: str, settings: dict[str, Any], references: Sequence[str] = ()
    ) -> Iterator[list[str]]:
        """Time a step; the yielded list takes its warnings."""
        start = time.perf_counter()
        warnings: list[str] = []
        yield warnings
        seconds = time.perf_counter() - start
        _log.info("%s by %s: %.2f s", step, implementation, seconds)
        self.rows.append(
            Provenance(
                step=step,
                implementation=implementation,
                version=__version__,
                seconds=round(seconds, 3),
                settings=settings,
                references=list(references),
                warnings=warnings,
            )
        )


def assess(case: Case, settings: Settings | None = None, progress: Progress = silent) -> AssessedCase:
    """Assess one case from images to N category.

    Args:
        case: A checked case.
        settings: Methods and thresholds; defaults where ``None``.
        progress: Told the running step and the fraction done; may raise ``CancelledError``.

    Returns:
        The assessment with its label maps on the CT's grid, and what a correction of its stations builds on.

    Raises:
        InputError: The chosen methods need what the case lacks.
    """
    settings = settings or Settings()
    progress("loading the station classifier", 0.0)
    # Before the long work: a package that is missing is said at once. It stays warm.
    station_classifier(settings)
    parsed = parse_case(case, settings, portion(progress, 0.0, 0.7))
    return judge_case(parsed, portion(progress, 0.7, 1.0))


def parse_case(case: Case, settings: Settings, progress: Progress = silent) -> ParsedCase:
    """The first half of an assessment: organs and stations.

    Args:
        case: A checked case.
        settings: Methods.
        progress: Told the running step and the fraction done.
    """
    ledger = _Ledger(_input_remarks(case))
    grid = chest_grid(case.ct, settings.working_spacing_mm)
    progress("finding organs", 0.0)
    with ledger.step("organs", settings.organs, {"working_spacing_mm": settings.working_spacing_mm}) as notes:
        organs = _plausible_organs(case, grid, settings, portion(progress, 0.0, 0.6))
        notes += organs.warnings

    progress("parsing stations", 0.6)
    parser = station_parser(settings.stations)
    with ledger.step("stations", parser.name, {}, _STATION_REFERENCES) as notes:
        hu = hu_on_grid(case, grid)
        station_map, _ = check_stations(parser.parse(hu, organs, portion(progress, 0.6, 0.95)), organs, hu)
        stations = labels_to_image_grid(station_map.labels, grid, case.ct)
        notes += station_map.warnings

    progress("drawing the label maps", 0.95)
    outlines, boxes = parsed_outlines(station_map), station_boxes(stations)
    return ParsedCase(
        case=case,
        settings=settings,
        stations=stations,
        boxes=boxes,
        outlines=outlines,
        baseline=Baseline(stations, boxes, outlines),
        midline=midline_of(station_map),
        organs=_organ_images(case, organs),
        organ_findings=tuple(organ_findings(organs)),
        provenance=tuple(ledger.rows),
    )


def _input_remarks(case: Case) -> list[Provenance]:
    """What was odd about the input, as a step of its own: a reader may see it before the calls."""
    if not case.warnings:
        return []
    return [
        Provenance(step="input", implementation="checks", version=__version__, warnings=list(case.warnings)),
    ]


def with_organs(parsed: ParsedCase, progress: Progress = silent) -> ParsedCase:
    """The case with its organs, found again where it was restored without them."""
    if parsed.organs is not None:
        return parsed
    progress("finding organs", 0.0)
    grid = chest_grid(parsed.case.ct, parsed.settings.working_spacing_mm)
    organs = _plausible_organs(parsed.case, grid, parsed.settings, progress)
    return replace(parsed, organs=_organ_images(parsed.case, organs))


def _plausible_organs(case: Case, grid: Grid, settings: Settings, progress: Progress) -> OrganSet:
    """The organs that were found and can be: those that cannot are dropped with a warning."""
    return check_organs(find_organs(case, grid, settings, progress), field_of_view(case.ct, grid))[0]


def _organ_images(case: Case, organs: OrganSet) -> OrganImages:
    label_map = labels_to_image_grid(organ_label_map(organs), organs.grid, case.ct, smooth=False)
    return OrganImages(label_map, organs_beside_stations(organs))


def judge_case(parsed: ParsedCase, progress: Progress = silent) -> AssessedCase:
    """The second half of an assessment: nodes, calls and N category, for the stations as they stand.

    Args:
        parsed: Parsed, and perhaps corrected, stations.
        progress: Told the running step and the fraction done.
    """
    # What was found in the image, the esophagus above all, must not be taken for a node.
    side_of, settings = parsed.midline.side_of, parsed.settings
    nodes = find_nodes(parsed.informed, parsed.stations, side_of, settings, portion(progress, 0.0, 0.7))
    progress("assessing stations", 0.7)
    calls = call_stations(parsed, nodes)
    answer = conclude(parsed, nodes, calls, station_findings(parsed, calls.stations))
    progress("done", 1.0)
    return answer


def call_stations(parsed: ParsedCase, nodes: NodeResult, only: Collection[str] | None = None) -> MetastasisResult:
    """Call nodes and stations by the classifier of the settings.

    Args:
        parsed: The case, its stations and its settings.
        nodes: Its nodes.
        only: Names of the stations to call; all where ``None``.
    """
    return station_classifier(parsed.settings).assess(
        nodes,
        parsed.stations,
        parsed.case,
        set(parsed.boxes),
        parsed.settings,
        parsed.midline.side_of,
        parsed.boxes,
        only,
    )


def conclude(
    parsed: ParsedCase,
    nodes: NodeResult,
    calls: MetastasisResult,
    findings: list[StationFinding],
    attention: Mapping[str, StationAttention] | None = None,
) -> AssessedCase:
    """Stage a case and put its answer together.

    Args:
        parsed: The case and its stations.
        nodes: Its nodes.
        calls: Gives the called nodes, its provenance and its warnings.
        findings: Of every station of the table, in table order.
        attention: Of every station that a network judged; that of ``calls`` where ``None``.
    """
    case = parsed.case
    ledger = _Ledger([*parsed.provenance, nodes.provenance, calls.provenance])
    staging = _stage(case, findings, calls.nodes, parsed.settings, ledger)
    assessment = Assessment(
        lnstation_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        case=case_summary(case, nodes.source),
        n_category=staging.category,
        staging=staging,
        stations=findings,
        nodes=calls.nodes,
        organs=list(parsed.organ_findings),
        midline=parsed.midline,
        provenance=ledger.rows,
        warnings=_warnings(case, ledger, [*nodes.warnings, *calls.warnings]),
    )
    labels = sitk.Cast(nodes.labels, sitk.sitkUInt16)
    return AssessedCase(parsed, assessment, labels, nodes.memory, calls.attention if attention is None else attention)


def _stage(
    case: Case, findings: list[StationFinding], nodes: list[NodeFinding], settings: Settings, ledger: _Ledger
) -> NStaging:
    rules = staging_rules(case.facts, settings)
    with ledger.step("staging", rules, {}, _STAGING_REFERENCES.get(rules, [])) as notes:
        not_assessed = [finding.station for finding in findings if finding.call is None]
        staging = stage_case(case.facts, positive_station_names(findings), not_assessed, nodes, settings)
        notes += staging.warnings
    return staging


def _warnings(case: Case, ledger: _Ledger, more: list[str]) -> list[str]:
    """All warnings of the case, each once, input first."""
    every = [*case.warnings, *(warning for row in ledger.rows for warning in row.warnings), *more]
    return list(dict.fromkeys(every))
