"""Assessed cases put together from ready images and findings, for tests of what comes after the assessment."""

from __future__ import annotations

from collections.abc import Mapping

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment, Midline
from LNStationLib.state.evidence import StationEvidence
from LNStationLib.state.patient_state import OrganImages, OrganPart, patient_with_stations
from LNStationLib.state.settings import Settings

_MIDLINE = Midline(first_z_mm=0.0, step_mm=1.0, x_mm=[0.0])


def assessed_case(
    assessment: Assessment,
    case: Case,
    stations: sitk.Image,
    nodes: sitk.Image,
    organs: sitk.Image,
    attention: Mapping[str, StationEvidence] | None = None,
) -> AssessedCase:
    """An assessed case of these images and findings, with its organs and attention maps at hand."""
    organ_part = OrganPart(tuple(assessment.organs), OrganImages(organs, {}))
    parsed = patient_with_stations(case, Settings(), stations, _MIDLINE).knowing(organ_part=organ_part)
    return AssessedCase(parsed, assessment, nodes, evidence=attention or {})
