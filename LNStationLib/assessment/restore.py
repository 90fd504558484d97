"""Restore a saved assessment for further corrections: a scene that was reloaded, or a worker that died."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast, get_args

import numpy as np
import SimpleITK as sitk
from pydantic import ValidationError

from LNStationLib import anatomy
from LNStationLib.assessment.methods import REGISTRIES, check_settings
from LNStationLib.assessment.organ_layers import digests, masks_on_ct
from LNStationLib.assessment.reassess_organs import seen_too
from LNStationLib.case.case import Case
from LNStationLib.case.node_edits import NodeEdits
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import station_boxes
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.edited_masks import mask_at, placed_value
from LNStationLib.imaging.thorax_view import chest_grid
from LNStationLib.nodes.find import with_brown_fat, with_outside
from LNStationLib.nodes.measurement import measured_box
from LNStationLib.nodes.registry import METHODS as NODES
from LNStationLib.organs.supplied import mask_on_grid
from LNStationLib.staging.rules import Rules
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment, Provenance
from LNStationLib.state.flat_settings import is_flat
from LNStationLib.state.node_result import READER, NodeResult
from LNStationLib.state.organ_set import Organ, OrganSource
from LNStationLib.state.packed_organs import PackedOrgans
from LNStationLib.state.patient_state import Baseline, OrganPart, Outline, PatientState, StationPart
from LNStationLib.state.provenance import (
    CHOSEN,
    EDITED_BY_READER,
    METHOD,
    SEGMENTED,
    not_called_reason,
    step_settings,
)
from LNStationLib.state.reason_codes import reason_of, warnings_of
from LNStationLib.state.settings import Settings, Step
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.sentences import quoted

_AGAIN = "assess the case again."
_OF_ALL_STEPS = ("working_spacing_mm",)
_LUNG_RULES = get_args(Rules)


def restore_case(
    case: Case,
    assessment: Assessment,
    stations: sitk.Image,
    nodes: sitk.Image,
    settings: Settings | None = None,
    organs: Mapping[str, sitk.Image] | None = None,
    dismissed: sitk.Image | None = None,
) -> AssessedCase:
    """Take a saved assessment and its label maps as the state of a case.

    The organs and a network's attention are not part of it: what needs them (a search for nodes on the CT alone, a
    correction, the report) makes them again. What a reader drew of organs, and what a segmentation network gave, is
    taken from the saved masks: the network does not run again.
    Undoing an edit made before the restoring does not bring the parser's borders, or a finder's organ, back.

    Args:
        case: The case it was made of.
        assessment: As saved.
        stations: Its station label map on the CT's grid.
        nodes: Its node label map on the CT's grid.
        settings: Those it was made with; taken from its provenance where ``None``.
        organs: Canonical name to the mask that was shown of each organ, binary, in a box of the CT's grid; ``None``
            where they were not saved.
        dismissed: Label map of the nodes that a reader dismissed, in a box of the CT's grid; ``None`` without any.

    Raises:
        InputError: The assessment and the label maps do not belong together.
        GeometryError: A label map is not on the CT's grid.
    """
    if assessment.midline is None:
        raise InputError(f"the saved assessment does not say where the patient's midline is: {_AGAIN}")
    for name, image in (("station", stations), ("node", nodes)):
        if not same_grid(image, case.ct):
            raise GeometryError(f"the saved {name} map is not on the grid of the CT: {_AGAIN}")
    stations, nodes = _as(stations, case.ct, sitk.sitkUInt8), _as(nodes, case.ct, sitk.sitkUInt16)
    settings = settings or settings_of(assessment)
    case, organ_part = _restored_organs(case, assessment, settings, organs)
    boxes = station_boxes(stations)
    _check_stations(assessment, stations, set(boxes))
    _check_nodes(assessment, nodes)
    case = replace(case, node_edits=_restored_edits(assessment, nodes, dismissed, case.ct))
    outlines = {
        finding.station: Outline(tuple(finding.borders), tuple(warnings_of(finding)), finding.edited)
        for finding in assessment.stations
    }
    drawn = frozenset(name for name, outline in outlines.items() if outline.edited)
    state = PatientState(
        case=case,
        settings=settings,
        organ_part=organ_part,
        station_part=StationPart(
            stations,
            boxes,
            outlines,
            Baseline(stations, boxes, outlines),
            assessment.midline,
            drawn,
            agreement=tuple(assessment.agreement),
        ),
        nodes=_restored_nodes(assessment, nodes),
        provenance=tuple(row for row in assessment.provenance if row.step in ("input", "organs", "stations")),
    )
    return AssessedCase(with_brown_fat(state), assessment, nodes, evidence=None)


def _restored_organs(
    case: Case, assessment: Assessment, settings: Settings, organs: Mapping[str, sitk.Image] | None
) -> tuple[Case, OrganPart]:
    """The case with the organs that a reader changed, and what there is of the others."""
    row = next((row for row in assessment.provenance if row.step == "organs"), None)
    record, model = ({}, None) if row is None else (row.settings, UsedModel.of(row))
    edited = _names(record.get(EDITED_BY_READER, []))
    by_network = _names(record.get(SEGMENTED, []))
    if organs is None:
        if edited:
            raise InputError(f"the masks of organs that a reader edited were not saved: {_AGAIN}")
        return case, OrganPart(tuple(assessment.organs))
    masks = masks_on_ct(organs, case.ct)
    edits = {name: masks[name].image(case.ct) if name in masks else None for name in edited}
    case = replace(case, organ_edits=edits)
    grid = chest_grid(case.ct, settings.working_spacing_mm, case.thorax)
    segmented = [
        Organ(one.name, mask, OrganSource.NETWORK, reason_of(one.detail, one.detail_code), one.confidence)
        for one in assessment.organs
        if one.name in by_network and one.name in organs and one.name not in edits
        if (mask := mask_on_grid(organs[one.name], grid)).any()
    ]
    shown = digests(masks)
    return case, OrganPart(
        findings=tuple(assessment.organs),
        segmented=PackedOrgans.of(grid, segmented, model) if segmented else None,
        shown=shown,
        seen=seen_too({}, shown, case),
    )


def _names(kept: Any) -> list[str]:
    """Names of organs as provenance, whose settings may be anything, keeps them."""
    if not isinstance(kept, list) or not all(isinstance(name, str) for name in kept):
        raise InputError(f"the saved assessment's record of organs is damaged: {_AGAIN}")
    return kept


def _restored_edits(
    assessment: Assessment, nodes: sitk.Image, dismissed: sitk.Image | None, ct: sitk.Image
) -> NodeEdits:
    """What a reader decided about nodes, from the nodes' sources and the map of dismissed ones."""
    values = array_view(nodes)
    drawn = {one.node_id: measured_box(one, ct) for one in assessment.nodes if one.source == READER.method}
    masks = {number: mask_at(values, number, box) for number, box in drawn.items()}
    missing = [one.node_id for one in assessment.dismissed_nodes]
    if missing and dismissed is None:
        raise InputError(f"the masks of nodes that a reader dismissed were not saved: {_AGAIN}")
    gone = {} if dismissed is None else {number: placed_value(dismissed, number, ct) for number in missing}
    return NodeEdits(
        {number: mask for number, mask in masks.items() if mask is not None},
        {number: mask for number, mask in gone.items() if mask is not None},
    )


def _restored_nodes(assessment: Assessment, labels: sitk.Image) -> NodeResult:
    """The nodes of an assessment as the search for them returned them."""
    provenance = next((row for row in assessment.provenance if row.step == "nodes"), None)
    if provenance is None:
        raise InputError(f"the saved assessment does not say how nodes were found: {_AGAIN}")
    try:
        search = NODES.named(assessment.case.nodes_from).search
    except InputError as error:
        raise InputError(f"this version does not know nodes from '{assessment.case.nodes_from}': {_AGAIN}") from error
    return NodeResult(
        labels=labels,
        findings=assessment.nodes,
        search=search,
        provenance=provenance,
        warnings=with_outside(warnings_of(provenance), assessment.nodes),
        not_called=not_called_reason(provenance.settings),
        dismissed=list(assessment.dismissed_nodes),
    )


def settings_of(assessment: Assessment) -> Settings:
    """The settings that an assessment was made with, as far as they mattered for it.

    Raises:
        InputError: Its provenance names a method that is not known here.
    """
    used: dict[str, Any] = {}
    try:
        for row in assessment.provenance:
            used |= _recorded(row) if CHOSEN in row.settings else _of_version_1_0(row)
        settings = Settings.model_validate(used)
        check_settings(settings)
    except (LookupError, TypeError, ValidationError, InputError) as error:
        raise InputError(
            f"the saved assessment was made with settings that are unknown here ({_in_short(error)}): {_AGAIN}"
        ) from error
    return settings


def _in_short(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return quoted(str(error).rstrip("."))
    first = error.errors(include_url=False)[0]
    return quoted(f"{'.'.join(map(str, first['loc']))} = {first['input']}")


def _recorded(row: Provenance) -> dict[str, Any]:
    step: Step = cast(Step, row.step)
    method = REGISTRIES[step].named(row.settings[METHOD])
    used: dict[str, Any] = {step: step_settings(row.settings, method.options)}
    return used | {key: value for key, value in row.settings.items() if key in _OF_ALL_STEPS}


def _of_version_1_0(row: Provenance) -> dict[str, Any]:
    """What a provenance of schema 1.0 says of the settings, which were flat then."""
    used = {key: value for key, value in row.settings.items() if is_flat(key) or key in _OF_ALL_STEPS}
    if row.step in ("organs", "stations", "metastasis"):
        return used | {row.step: row.implementation}
    # The rules for the esophagus follow from the cancer and were no setting.
    if row.step == "staging" and row.implementation in _LUNG_RULES:
        return used | {"rules": row.implementation}
    return used


def _as(image: sitk.Image, ct: sitk.Image, pixel: int) -> sitk.Image:
    cast = sitk.Cast(image, pixel)
    cast.CopyInformation(ct)
    return cast


def _check_stations(assessment: Assessment, stations: sitk.Image, present: set[str]) -> None:
    if [finding.station for finding in assessment.stations] != [row.name for row in anatomy.stations()]:
        raise InputError(f"the saved assessment lists other stations than this version: {_AGAIN}")
    known = {0, *(row.label_value for row in anatomy.stations())}
    strange = sorted({int(value) for value in np.unique(array_view(stations))} - known)
    if strange:
        raise InputError(f"the saved station map holds the value {strange[0]}, which is not a station: {_AGAIN}")
    measured = {finding.station for finding in assessment.stations if finding.volume_ml is not None}
    if measured != present:
        odd = ", ".join(sorted(measured ^ present))
        raise InputError(f"the saved assessment and its station map disagree on station {odd}: {_AGAIN}")


def _check_nodes(assessment: Assessment, nodes: sitk.Image) -> None:
    drawn = {int(value) for value in np.unique(array_view(nodes))} - {0}
    listed = {node.node_id for node in assessment.nodes}
    if drawn != listed:
        odd = ", ".join(str(number) for number in sorted(drawn ^ listed)[:5])
        raise InputError(f"the saved assessment and its node map disagree on node {odd}: {_AGAIN}")
