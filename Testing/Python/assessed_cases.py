"""Assessed cases put together from ready images and findings, for tests of what comes after the assessment."""

from __future__ import annotations

from collections.abc import Mapping

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import station_boxes
from LNStationLib.state.assessed_case import AssessedCase, Baseline, OrganImages, Outline, ParsedCase
from LNStationLib.state.assessment import Assessment, Midline
from LNStationLib.state.attention import StationAttention
from LNStationLib.state.settings import Settings


def assessed_case(
    assessment: Assessment,
    case: Case,
    stations: sitk.Image,
    nodes: sitk.Image,
    organs: sitk.Image,
    attention: Mapping[str, StationAttention] | None = None,
) -> AssessedCase:
    """An assessed case of these images and findings, with its organs and attention maps at hand."""
    boxes = station_boxes(stations)
    outlines = {
        row.station: Outline(tuple(row.borders), tuple(row.warnings), row.edited) for row in assessment.stations
    }
    parsed = ParsedCase(
        case=case,
        settings=Settings(),
        stations=stations,
        boxes=boxes,
        outlines=outlines,
        baseline=Baseline(stations, boxes, outlines),
        midline=Midline(first_z_mm=0.0, step_mm=1.0, x_mm=[0.0]),
        organs=OrganImages(organs, {}),
        organ_findings=tuple(assessment.organs),
        provenance=(),
    )
    return AssessedCase(parsed, assessment, nodes, attention=attention or {})
