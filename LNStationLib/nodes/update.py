"""Nodes after an edit of stations: only what depends on a changed voxel is searched for and measured again.

A node keeps its number through edits, because readers refer to it; a new node takes a number that none had. Apart
from the numbers the result is that of a search from the start.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, inside_of, label_boxes, like
from LNStationLib.nodes.find import fat_warnings, in_order, scene_of, with_outside
from LNStationLib.nodes.measurement import Scene, measure_node, measured_box
from LNStationLib.nodes.method import Proposal
from LNStationLib.nodes.reader_nodes import beside_readers, measured_dismissed, scene_of_readers
from LNStationLib.nodes.registry import METHODS
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import READER, NodeResult
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.reason_codes import recorded, warnings_of
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, InstanceArray


@dataclass(frozen=True)
class NodeUpdate:
    """Nodes after an edit.

    Attributes:
        nodes: The nodes as they are now; findings that did not change stay as they were.
        stations: Names of the stations that won, lost or keep a node that changed.
        labels_changed: Whether any voxel of the node map changed.
    """

    nodes: NodeResult
    stations: frozenset[str]
    labels_changed: bool


@dataclass
class _Workspace:
    """The node map while it is being updated."""

    scene: Scene
    labels: InstanceArray
    findings: dict[int, NodeFinding]
    measured: set[int] = field(default_factory=set)
    touched: set[str | None] = field(default_factory=set)

    def measure(self, mask: BoolArray, region: Box, by_reader: bool = False) -> NodeFinding:
        """Measure the voxels of ``mask``, an array in ``region`` with at least one voxel; number 1."""
        tight = bounding_box(mask)
        if tight is None:
            raise ValueError("a node without voxels cannot be measured")
        scene = scene_of_readers(self.scene) if by_reader else self.scene
        return measure_node(1, mask[tight], inside_of(region, tight), scene)

    def put(self, number: int, finding: NodeFinding | None) -> None:
        """Set or remove a node, and remember which stations that concerns."""
        before = self.findings.pop(number, None)
        self.touched |= {one.station for one in (before, finding) if one is not None}
        if finding is not None:
            self.findings[number] = finding.model_copy(update={"node_id": number})
            self.measured.add(number)


def update_nodes(state: PatientState, change: StationChange, progress: Progress = silent) -> NodeUpdate:
    """Nodes of a patient after an edit of the stations.

    Args:
        state: With the stations as they are now, and the nodes before the edit.
        change: What was edited.
        progress: Told the running step.
    """
    before = state.found_nodes
    edits = state.case.node_edits
    if not before.search.looked_for and not edits.numbers:
        return NodeUpdate(before, frozenset(), False)
    start = time.perf_counter()
    scene = scene_of(state, before.search)
    work = _Workspace(scene, sitk.GetArrayFromImage(before.labels), {one.node_id: one for one in before.findings})
    proposal = None
    if change.entered_or_left_any_station.any():
        method = METHODS.named(before.search.method)
        proposal = method.update(state, change, METHODS.options(method, state.settings), progress)
        proposal = None if proposal is None else beside_readers(proposal, edits)
    redrawn = proposal is not None and _redraw(work, proposal, before.highest)
    _reassign(work, change)
    findings = in_order(work.findings.values())
    warnings: Sequence[Reason] = warnings_of(before.provenance)
    if proposal is not None and proposal.warnings is not None:
        warnings = [*proposal.warnings, *fat_warnings(before.brown_fat)]
    seconds = round(time.perf_counter() - start, 3)
    nodes = replace(
        before,
        labels=like(work.labels, before.labels) if redrawn else before.labels,
        findings=findings,
        provenance=before.provenance.model_copy(update={"seconds": seconds, **recorded(warnings)}),
        warnings=with_outside(warnings, findings),
        memory=before.memory if proposal is None else proposal.memory,
        dismissed=measured_dismissed(before.dismissed, edits, scene),
    )
    return NodeUpdate(nodes, frozenset(name for name in work.touched if name is not None), redrawn)


def with_numbers_of(before: NodeResult, now: NodeResult) -> NodeResult:
    """Nodes of a new search, each with the number of the earlier node with which it shares most voxels.

    Args:
        before: The nodes before the edit.
        now: Of a whole search; what is new gets a number that none had.
    """
    old, new = (array_view(one.labels) for one in (before, now))
    boxes = label_boxes(new)
    masks = {number: (new[box] == number, box) for number, box in boxes.items()}
    numbers = _numbers(masks, old, max(before.highest, now.highest))
    lookup = np.zeros(int(new.max(initial=0)) + 1, np.uint16)
    for number, kept in numbers.items():
        lookup[number] = kept
    findings = in_order(one.model_copy(update={"node_id": numbers[one.node_id]}) for one in now.findings)
    warnings = with_outside(warnings_of(now.provenance), findings)
    return replace(now, labels=like(lookup[new], now.labels), findings=findings, warnings=warnings)


def _redraw(work: _Workspace, proposal: Proposal, highest: int) -> bool:
    """Put the candidates in place of what is stale; whether any voxel changed."""
    view = work.labels[proposal.box]
    old = view.copy()
    gone = {int(number) for number in np.unique(old[proposal.stale])} - {0}
    view[proposal.stale] = 0
    found = _measured(work, proposal)
    masks = {candidate: (mask, part) for candidate, (mask, part, _) in found.items()}
    numbers = _numbers(masks, old, highest)
    for candidate, number in numbers.items():
        mask, part, finding = found[candidate]
        view[part][mask] = number
        work.put(number, finding)
    for number in gone - set(numbers.values()):
        work.put(number, None)
    return not np.array_equal(old, view)


_Found = dict[int, tuple[BoolArray, Box, NodeFinding]]
"""Candidate number to its mask, the box of the mask within the proposal's box, and its measures."""


def _measured(work: _Workspace, proposal: Proposal) -> _Found:
    found: _Found = {}
    for candidate, part in label_boxes(proposal.candidates).items():
        mask = proposal.candidates[part] == candidate
        measured = work.measure(mask, inside_of(proposal.box, part))
        known = {"score": proposal.scores.get(candidate), "candidate": proposal.facts.get(candidate)}
        finding = measured.model_copy(update=known)
        if finding.short_axis_mm >= proposal.smallest_mm:
            found[candidate] = (mask, part, finding)
    return found


def _numbers(found: Mapping[int, tuple[BoolArray, Box]], old: InstanceArray, highest: int) -> dict[int, int]:
    """Candidate to node number: that of the old node with which it shares most voxels, else a number of its own."""
    shared = []
    for candidate, (mask, part) in found.items():
        values, counts = np.unique(old[part][mask], return_counts=True)
        shared += [(int(n), candidate, int(v)) for v, n in zip(values, counts, strict=True) if v]
    numbers: dict[int, int] = {}
    for _, candidate, number in sorted(shared, key=lambda row: (-row[0], row[1], row[2])):
        if candidate not in numbers and number not in numbers.values():
            numbers[candidate] = number
    for candidate in found:
        if candidate not in numbers:
            highest += 1
            numbers[candidate] = highest
    return numbers


def _reassign(work: _Workspace, change: StationChange) -> None:
    """Re-measure nodes that keep their voxels where the station of those voxels changed."""
    for number in {int(value) for value in np.unique(work.labels[change.box][change.voxels])} - {0} - work.measured:
        before = work.findings[number]
        region = measured_box(before, work.scene.ct)
        finding = work.measure(work.labels[region] == number, region, before.source == READER.method)
        work.put(number, finding.model_copy(update={"score": before.score, "candidate": before.candidate}))
