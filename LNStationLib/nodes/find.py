"""Finding and measuring the nodes of a patient."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import SimpleITK as sitk

from LNStationLib import __version__, anatomy
from LNStationLib.case.node_edits import NodeEdits
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.brown_fat import BrownFat, brown_fat
from LNStationLib.nodes.measurement import Scene, measure_nodes
from LNStationLib.nodes.method import Candidates, NodeMethod
from LNStationLib.nodes.reader_nodes import beside_readers_on, measured_dismissed, with_readers
from LNStationLib.nodes.registry import METHODS
from LNStationLib.state.assessment import NodeFinding, Provenance
from LNStationLib.state.node_result import NodeResult, NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.provenance import not_called_record, settings_record
from LNStationLib.state.reason_codes import recorded
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.errors import GeometryError
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.reason import Reason

BROWN_FAT = "brown_fat"
"""Code of the warning of a search."""
_MEASUREMENT_REFERENCES = (
    "Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026 (RECIST 1.1: long and short axis)",
    "Wahl et al. 2009, doi:10.2967/jnumed.108.057307 (PERCIST: SUVpeak)",
)


def find_nodes(state: PatientState, progress: Progress = silent) -> NodeResult:
    """Find and measure nodes by the method that the settings choose.

    Nodes outside all stations are kept, with station ``None``.

    Args:
        state: With the stations, and the organs where they are known.
        progress: Told the running step.

    Raises:
        InputError: The method needs images that the case lacks, or there is no such method.
        GeometryError: The station map is not on the CT's grid.
    """
    size, wanted = state.stations.GetSize(), state.case.ct.GetSize()
    if size != wanted:
        raise GeometryError(f"station map of {size} voxels is not on the CT's grid {wanted}")
    start = time.perf_counter()
    method = METHODS.chosen(state.settings, state.case)
    options = METHODS.options(method, state.settings)
    candidates = method.run(state, options, portion(progress, 0.0, 0.5))
    fat = known_brown_fat(state)
    scene = replace(scene_of(state, method.search), brown_fat=fat)
    warnings = [*candidates.warnings, *fat_warnings(fat)]
    edits = state.case.node_edits
    candidates = replace(candidates, labels=beside_readers_on(candidates.labels, edits))
    found = measure_nodes(candidates.labels, scene, portion(progress, 0.5, 1.0))
    labels, every = with_readers(*_ordered(candidates, found, edits), edits, scene)
    findings = in_order(every)
    model = candidates.model
    provenance = Provenance(
        step="nodes",
        implementation=method.name,
        version=__version__,
        seconds=round(time.perf_counter() - start, 3),
        settings=settings_record(state.settings.nodes, method, options)
        | not_called_record(candidates.not_called)
        | ({} if model is None else model.settings())
        | dict(candidates.settings),
        operating_points=list(candidates.operating_points),
        references=_references(method, model),
        **recorded(warnings),
        **({} if model is None else model.provenance()),
    )
    return NodeResult(
        labels=labels,
        findings=findings,
        search=method.search,
        provenance=provenance,
        warnings=with_outside(warnings, findings),
        memory=candidates.memory,
        not_called=candidates.not_called,
        dismissed=measured_dismissed((), edits, scene),
        brown_fat=fat,
    )


def known_brown_fat(state: PatientState) -> BrownFat | None:
    """Brown fat of a patient that takes up FDG; ``None`` where none does, or there is no PET with FDG."""
    pet = state.case.fdg_pet
    return None if pet is None else brown_fat(state.case.ct, pet, state.midline.x_at)


def with_brown_fat(state: PatientState) -> PatientState:
    """A restored patient with the brown fat that the search told of, found again."""
    nodes = state.found_nodes
    if all(warning.code != BROWN_FAT for warning in nodes.warnings):
        return state
    return replace(state, nodes=replace(nodes, brown_fat=known_brown_fat(state)))


def fat_warnings(fat: BrownFat | None) -> list[Reason]:
    """What a search says of brown fat."""
    return [] if fat is None else [Reason(BROWN_FAT, {"volume_ml": fat.volume_ml, "suv_max": fat.suv_max})]


def _references(method: NodeMethod, model: UsedModel | None) -> list[str]:
    if not method.search.looked_for:
        return []
    of_model = () if model is None else model.references
    return list(dict.fromkeys([*method.references, *of_model, *_MEASUREMENT_REFERENCES]))


def scene_of(state: PatientState, search: NodeSearch) -> Scene:
    """What the nodes of a patient are measured on."""
    fat = None if state.nodes is None else state.nodes.brown_fat
    return Scene(state.case.ct, state.stations, state.case.pet, search, state.midline.side_of, fat)


def in_order(findings: Iterable[NodeFinding]) -> list[NodeFinding]:
    """Findings by station in table order, those outside all stations last, and from head to feet within one."""
    rank = {row.name: row.label_value for row in anatomy.stations()}
    return sorted(findings, key=lambda one: (rank.get(one.station or "", 256), -one.centroid_mm[2], one.node_id))


def _ordered(
    candidates: Candidates, findings: list[NodeFinding], edits: NodeEdits
) -> tuple[sitk.Image, list[NodeFinding]]:
    """Number the nodes by station, then from head to feet; drop those under the method's smallest size.

    Numbers of nodes that a reader drew or dismissed stay free.
    """
    kept = in_order(one for one in findings if one.short_axis_mm >= candidates.smallest_short_axis_mm)
    values = array_view(candidates.labels)
    numbers = np.zeros(int(values.max(initial=0)) + 1, np.uint16)
    free = (number for number in count(1) if number not in edits.numbers)
    renumbered = []
    for number, finding in zip(free, kept, strict=False):
        numbers[finding.node_id] = number
        known = candidates.scores.get(finding.node_id), candidates.facts.get(finding.node_id)
        renumbered.append(finding.model_copy(update={"node_id": number, "score": known[0], "candidate": known[1]}))
    return like(numbers[values], candidates.labels), renumbered


def with_outside(warnings: Sequence[Reason], findings: Sequence[NodeFinding]) -> list[Reason]:
    """The warnings of a search, and one on the nodes that lie outside all stations."""
    outside = [finding.node_id for finding in findings if finding.station is None]
    return [*warnings, *([Reason("nodes_outside_stations", {"nodes": outside})] if outside else [])]
