"""From the steps' results to the findings of the assessment."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.assessment import BorderFinding, CaseSummary, OrganFinding, StationFinding
from LNStationLib.case import Case
from LNStationLib.metastasis import StationCall
from LNStationLib.organs.organ_set import OrganSet
from LNStationLib.stations.profiles import bounding_box
from LNStationLib.stations.station_map import StationMap
from LNStationLib.types import LabelArray


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
        nodes_from=nodes_from,
    )


def organ_findings(organs: OrganSet) -> list[OrganFinding]:
    """Every organ that was used, in table order, with its source and volume."""
    return [
        OrganFinding(
            name=entry.name,
            title=entry.title,
            source=organs[entry.name].source.value,
            detail=organs[entry.name].detail,
            volume_ml=float(organs[entry.name].mask.sum()) * organs.grid.voxel_volume_ml,
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
            z, y, x = bounding_box(organ.mask, 2)
            masks[name] = organs.grid.image(organ.mask)[x.start : x.stop, y.start : y.stop, z.start : z.stop]
    return masks


def station_findings(
    station_map: StationMap, image: sitk.Image, calls: dict[str, StationCall]
) -> list[StationFinding]:
    """One finding per station of the table.

    Args:
        station_map: Borders, and why a station was left out.
        image: Station label map on the CT's grid; volumes and centroids are measured there.
        calls: Station name to its call.
    """
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    return [_station_finding(row, station_map, shape, calls[row.name]) for row in anatomy.stations()]


def _station_finding(
    row: anatomy.Station, station_map: StationMap, shape: sitk.LabelShapeStatisticsImageFilter, call: StationCall
) -> StationFinding:
    parsed = shape.HasLabel(row.label_value)
    borders = [
        BorderFinding(border=note.border, rests_on=note.rests_on, surrogate=note.surrogate)
        for note in station_map.notes(row.name)
    ]
    return StationFinding(
        station=row.name,
        label_value=row.label_value,
        title=row.title,
        zone=row.zone,
        side=row.side,
        volume_ml=shape.GetPhysicalSize(row.label_value) / 1000.0 if parsed else None,
        centroid_mm=shape.GetCentroid(row.label_value) if parsed else None,
        n_nodes=call.n_nodes,
        largest_short_axis_mm=call.largest_short_axis_mm,
        suv_max=call.suv_max,
        probability=call.probability,
        call=call.call,
        positive_sides=list(call.positive_sides),
        reason=call.reason,
        borders=borders if parsed else [],
        warnings=_station_warnings(row.name, station_map, parsed, borders),
    )


def _station_warnings(
    name: str, station_map: StationMap, parsed: bool, borders: Iterable[BorderFinding]
) -> list[str]:
    if not parsed:
        return [station_map.left_out.get(name, "not parsed: too small for the voxels of this CT")]
    return [
        f"{border.border} border rests on a surrogate: {border.rests_on}" for border in borders if border.surrogate
    ]
