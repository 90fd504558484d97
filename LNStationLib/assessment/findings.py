"""From the steps' results to the findings of the assessment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, box_of, points_mm
from LNStationLib.state.assessment import (
    BorderFinding,
    CaseSummary,
    Midline,
    NodeFinding,
    OrganFinding,
    Point,
    StationFinding,
)
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import Outline, PatientState
from LNStationLib.state.reason_codes import codes_of, recorded, said
from LNStationLib.state.station_call import NodeCall, StationCall
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.left_out import TOO_SMALL, not_parsed
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import LabelArray
from LNStationLib.support.words import sentence


def case_summary(case: Case, nodes_from: str) -> CaseSummary:
    """The facts that a report shows; nothing identifying."""
    facts = case.facts
    return CaseSummary(
        case_id=case.case_id,
        cancer=facts.cancer,
        tumor_side=facts.tumor_side,
        tumor_site=facts.tumor_site,
        sex=facts.sex,
        age_years=facts.age_years,
        study_date=facts.study_date,
        synthetic=case.synthetic,
        ct_size=case.ct.GetSize(),
        ct_spacing_mm=case.ct.GetSpacing(),
        has_pet=case.pet is not None,
        pet_tracer=case.pet_tracer,
        nodes_from=nodes_from,
    )


def organ_findings(organs: OrganSet) -> list[OrganFinding]:
    """Every organ that was used, in table order, with its source and volume."""
    return [
        OrganFinding(
            name=entry.name,
            title=entry.title,
            source=organs[entry.name].source.value,
            **said("detail", organs[entry.name].how),
            volume_ml=float(np.count_nonzero(organs[entry.name].mask)) * organs.grid.voxel_volume_ml,
            confidence=organs[entry.name].confidence,
        )
        for entry in anatomy.organs()
        if entry.name in organs
    ]


def organ_label_map(organs: OrganSet) -> LabelArray:
    """One label map of all organs on the working grid; where organs overlap the higher table priority wins."""
    labels = np.zeros(organs.grid.shape, dtype=np.uint8)
    for entry in sorted(anatomy.organs(), key=lambda row: row.priority):
        if entry.name in organs:
            labels[organs[entry.name].mask] = entry.label_value
    return labels


_ENCLOSING = ("body", "mediastinum", "thoracic_cavity", "pericardium", "lung_left", "lung_right")
"""Organs that hold stations, or that no station touches."""


def organs_beside_stations(organs: OrganSet) -> dict[str, sitk.Image]:
    """Masks of all organs that could be taken for a node, supplied or found, each cropped to its own extent.

    Returns:
        Canonical name to a binary uint8 image, as ``Case.organ_masks`` holds them.
    """
    masks = {}
    for name, organ in organs.items():
        if name not in _ENCLOSING:
            z, y, x = box_of(organ.mask, 2)
            masks[name] = organs.grid.image(organ.mask)[x.start : x.stop, y.start : y.stop, z.start : z.stop]
    return masks


def parsed_outlines(station_map: StationMap) -> dict[str, Outline]:
    """What the parser says of every station's outline, by name in table order."""
    return {row.name: _parsed_outline(row.name, station_map) for row in anatomy.stations()}


def _parsed_outline(name: str, station_map: StationMap) -> Outline:
    if name in station_map.left_out:
        return Outline(warnings=(station_map.left_out[name],))
    notes = station_map.notes(name)
    borders = tuple(
        BorderFinding(border=note.border, surrogate=note.surrogate, **said("rests_on", note.rests_on))
        for note in notes
    )
    surrogates = tuple(
        Reason("border_on_surrogate", {"border": note.border, "rests_on": note.rests_on})
        for note in notes
        if note.surrogate
    )
    return Outline(borders, station_map.doubts.get(name, ()) + surrogates)


def midline_of(station_map: StationMap) -> Midline:
    """The midline of a station map as an assessment carries it."""
    grid = station_map.grid
    return Midline(
        first_z_mm=grid.origin_mm[0], step_mm=grid.spacing_mm[0], x_mm=[float(x) for x in station_map.midline_x_mm]
    )


def called_nodes(findings: Sequence[NodeFinding], calls: Mapping[int, NodeCall]) -> list[NodeFinding]:
    """Nodes as measured, with call, probability and reason filled in."""
    return [
        finding.model_copy(update={"call": call.call, "probability": call.probability, **said("reason", call.reason)})
        for finding, call in ((each, calls[each.node_id]) for each in findings)
    ]


def station_findings(parsed: PatientState, calls: Mapping[str, StationCall]) -> list[StationFinding]:
    """One finding per called station, in the order of the calls.

    Args:
        parsed: The stations; volumes and centroids are measured on the CT's grid.
        calls: Station name to its call.
    """
    return [_station_finding(anatomy.station(name), parsed, call) for name, call in calls.items()]


def _station_finding(row: anatomy.Station, parsed: PatientState, call: StationCall) -> StationFinding:
    box = parsed.boxes.get(row.name)
    outline = parsed.outlines[row.name] if box is not None else _without_voxels(parsed.outlines[row.name])
    volume_ml, centroid_mm = (None, None) if box is None else _measured(parsed.stations, row.label_value, box)
    return StationFinding(
        station=row.name,
        label_value=row.label_value,
        title=row.title,
        zone=row.zone,
        side=row.side,
        volume_ml=volume_ml,
        centroid_mm=centroid_mm,
        n_nodes=call.n_nodes,
        largest_short_axis_mm=call.largest_short_axis_mm,
        suv_max=call.suv_max,
        probability=call.probability,
        attention_in_nodes=call.attention_in_nodes,
        attention_node=call.attention_node,
        call=call.call,
        fit_for_staging=call.fit_for_staging,
        nearly_positive=call.nearly_positive,
        prediction_set=call.prediction_set,
        positive_sides=list(call.positive_sides),
        **said("reason", call.reason),
        call_warnings=[sentence(warning) for warning in call.warnings],
        call_warning_codes=codes_of(call.warnings),
        borders=list(outline.borders),
        edited=outline.edited,
        **recorded(outline.warnings),
    )


def with_notes(finding: StationFinding, parsed: PatientState) -> StationFinding:
    """A station whose voxels and call stay as they are, with the contour notes of other organs."""
    has_voxels = finding.station in parsed.boxes
    outline = parsed.outlines[finding.station] if has_voxels else _without_voxels(parsed.outlines[finding.station])
    notes = {"borders": list(outline.borders), "edited": outline.edited, **recorded(outline.warnings)}
    return finding.model_copy(update=notes)


def _without_voxels(outline: Outline) -> Outline:
    """The outline of a station that has no voxel on the CT."""
    if outline.edited or (outline.warnings and not outline.borders):
        return outline
    return Outline(warnings=(not_parsed(TOO_SMALL),))


def _measured(stations: sitk.Image, label: int, box: Box) -> tuple[float, Point]:
    """Volume in ml and centroid in LPS mm of one label."""
    indices = np.argwhere(array_view(stations)[box] == label)
    x, y, z = points_mm(stations, indices.mean(axis=0)[None] + [part.start for part in box])[0]
    return len(indices) * float(np.prod(stations.GetSpacing())) / 1000.0, (float(x), float(y), float(z))
