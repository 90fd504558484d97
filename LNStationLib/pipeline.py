"""Joins the steps: organs, stations, nodes, metastasis, staging; each with its provenance."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import SimpleITK as sitk

from LNStationLib import __version__, anatomy
from LNStationLib.assessment import Assessment, NStaging, Provenance
from LNStationLib.case import Case
from LNStationLib.case_staging import stage_case, staging_rules
from LNStationLib.findings import (
    case_summary,
    organ_findings,
    organ_label_map,
    organs_beside_stations,
    station_findings,
)
from LNStationLib.imaging.grid import labels_to_image_grid, working_grid
from LNStationLib.metastasis import MetastasisResult, positive_station_names
from LNStationLib.metastasis import assess as classify
from LNStationLib.nodes.find import find_nodes
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.scan import hu_on_grid
from LNStationLib.progress import Progress, portion, silent
from LNStationLib.result import AssessmentResult
from LNStationLib.settings import Settings
from LNStationLib.stations.registry import station_parser

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


def assess(case: Case, settings: Settings | None = None, progress: Progress = silent) -> AssessmentResult:
    """Assess one case from images to N category.

    Args:
        case: A checked case.
        settings: Methods and thresholds; defaults where ``None``.
        progress: Told the running step and the fraction done; may raise ``CancelledError``.

    Returns:
        The assessment with its label maps on the CT's grid.

    Raises:
        InputError: The chosen methods need what the case lacks.
    """
    settings = settings or Settings()
    ledger = _Ledger()
    grid = working_grid(case.ct, settings.working_spacing_mm)

    progress("finding organs", 0.0)
    with ledger.step("organs", settings.organs, {"working_spacing_mm": settings.working_spacing_mm}) as notes:
        organs = find_organs(case, grid, settings, portion(progress, 0.0, 0.45))
        notes += organs.warnings

    progress("parsing stations", 0.45)
    parser = station_parser(settings.stations)
    with ledger.step("stations", parser.name, {}, _STATION_REFERENCES) as notes:
        station_map = parser.parse(hu_on_grid(case, grid), organs, portion(progress, 0.45, 0.7))
        stations = labels_to_image_grid(station_map.labels, grid, case.ct)
        notes += station_map.warnings

    # What was found in the image, the esophagus above all, must not be taken for a node.
    informed = replace(case, organ_masks=organs_beside_stations(organs))
    nodes = find_nodes(informed, stations, station_map.side_of, settings, portion(progress, 0.7, 0.9))
    ledger.rows.append(nodes.provenance)

    progress("assessing stations", 0.9)
    parsed = {row.name for row in anatomy.stations()} - set(station_map.left_out)
    calls = classify(nodes, stations, case, parsed, settings, station_map.side_of)
    ledger.rows.append(calls.provenance)
    staging = _stage(case, calls, settings, ledger)

    progress("writing the label maps", 0.95)
    organ_image = labels_to_image_grid(organ_label_map(organs), grid, case.ct, smooth=False)
    assessment = Assessment(
        lnstation_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        case=case_summary(case, nodes.source),
        n_category=staging.category,
        staging=staging,
        stations=station_findings(station_map, stations, calls.stations),
        nodes=calls.nodes,
        organs=organ_findings(organs),
        provenance=ledger.rows,
        warnings=_warnings(case, ledger, [*nodes.warnings, *calls.warnings]),
    )
    progress("done", 1.0)
    return AssessmentResult(assessment, case, stations, sitk.Cast(nodes.labels, sitk.sitkUInt16), organ_image)


def _stage(case: Case, calls: MetastasisResult, settings: Settings, ledger: _Ledger) -> NStaging:
    rules = staging_rules(case.facts, settings)
    with ledger.step("staging", rules, {}, _STAGING_REFERENCES.get(rules, [])) as notes:
        not_assessed = [name for name, call in calls.stations.items() if call.call is None]
        positive = positive_station_names(calls.stations.values())
        staging = stage_case(case.facts, positive, not_assessed, calls.nodes, settings)
        notes += staging.warnings
    return staging


def _warnings(case: Case, ledger: _Ledger, more: list[str]) -> list[str]:
    """All warnings of the case, each once, input first."""
    every = [*case.warnings, *(warning for row in ledger.rows for warning in row.warnings), *more]
    return list(dict.fromkeys(every))
