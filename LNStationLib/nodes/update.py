"""Nodes after an edit of stations: only what hangs on a changed voxel is searched for and measured anew.

A node keeps its number through edits, because readers refer to it; a new node takes a number that none had. Apart
from the numbers the result is that of a search from the start.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects

from LNStationLib.assessment.edits import StationChange
from LNStationLib.case.case import Case
from LNStationLib.imaging.boxes import Box, bounding_region, box_around, indices_of, inside_of, like, within
from LNStationLib.nodes import ct_blobs, pet_threshold
from LNStationLib.nodes.ct_blobs import (
    SMALLEST_SHORT_AXIS_MM,
    BlobMemory,
    fill_blobs,
    search_blobs,
    search_box,
    search_warnings,
)
from LNStationLib.nodes.find import fit_for_staging, in_order, with_outside
from LNStationLib.nodes.measurement import Scene, measure_node
from LNStationLib.nodes.pet_threshold import uptake_around
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.settings import Settings
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import BoolArray, InstanceArray

_NODE_WARNINGS = {"pet_threshold": pet_threshold.NODE_WARNINGS, "ct_blobs": ct_blobs.NODE_WARNINGS}
_NO_MARGIN = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class NodeUpdate:
    """Nodes after an edit.

    Attributes:
        nodes: The nodes as they are now; findings that did not change keep their call.
        stations: Names of the stations that won, lost or keep a node that changed.
        labels_changed: Whether any voxel of the node map changed.
    """

    nodes: NodeResult
    stations: frozenset[str]
    labels_changed: bool


@dataclass(frozen=True)
class _Proposal:
    """Candidates in a box after the edit.

    Attributes:
        box: In the CT's array; node voxels outside of it stay as they are.
        stale: Voxels of the box that hold no longer what they held, ``[z, y, x]``.
        candidates: What stands there now, numbered in any order; 0 outside ``stale``.
        smallest_mm: Candidates with a smaller short axis are dropped.
        memory: For the next edit.
        warnings: Of the search; ``None`` where they stand as they were.
    """

    box: Box
    stale: BoolArray
    candidates: InstanceArray
    smallest_mm: float = 0.0
    memory: object | None = None
    warnings: tuple[str, ...] | None = None


@dataclass
class _Workspace:
    """The node map while it is being updated."""

    scene: Scene
    labels: InstanceArray
    findings: dict[int, NodeFinding]
    measured: set[int] = field(default_factory=set)
    touched: set[str | None] = field(default_factory=set)

    def box_of(self, finding: NodeFinding) -> Box:
        """A box of the CT's array that holds a node as it was measured."""
        ends = np.array(finding.bounding_box_mm)
        corners = np.array(np.meshgrid(*ends.T)).reshape(3, -1).T
        at = indices_of(self.scene.ct, corners)
        low, high = np.floor(at.min(axis=0)).astype(int), np.ceil(at.max(axis=0)).astype(int) + 1
        z, y, x = (
            slice(max(0, int(a)), min(n, int(b))) for a, b, n in zip(low, high, self.labels.shape, strict=True)
        )
        return z, y, x

    def measure(self, mask: BoolArray, region: Box) -> NodeFinding:
        """Measure the voxels of ``mask``, an array in ``region`` with at least one voxel; number 1."""
        tight = box_around(mask, 0.0, _NO_MARGIN)
        if tight is None:
            raise ValueError("a node without voxels cannot be measured")
        finding = measure_node(1, mask[tight], inside_of(region, tight), self.scene)
        source = self.scene.source
        return finding.model_copy(
            update={
                "fit_for_staging": fit_for_staging(source),
                "warnings": [*finding.warnings, *_NODE_WARNINGS.get(source, ())],
            }
        )

    def put(self, number: int, finding: NodeFinding | None) -> None:
        """Set or remove a node, and remember which stations that concerns."""
        before = self.findings.pop(number, None)
        self.touched |= {one.station for one in (before, finding) if one is not None}
        if finding is not None:
            self.findings[number] = finding.model_copy(update={"node_id": number})
            self.measured.add(number)


def update_nodes(
    case: Case,
    before: NodeResult,
    stations: sitk.Image,
    change: StationChange,
    settings: Settings,
    earlier: sitk.Image,
    scene: Scene,
    progress: Progress = silent,
) -> NodeUpdate:
    """Nodes of a case after an edit of its stations.

    Args:
        case: The case, with the organs that were found.
        before: Its nodes before the edit.
        stations: uint8 label map on the CT's grid, as it is now.
        change: What was edited.
        settings: Thresholds of the finder.
        earlier: The label map before the edit.
        scene: What nodes are measured on.
        progress: Told the running step.
    """
    if before.source == "none":
        return NodeUpdate(before, frozenset(), False)
    start = time.perf_counter()
    work = _Workspace(scene, sitk.GetArrayFromImage(before.labels), {one.node_id: one for one in before.findings})
    proposal = None
    if change.coming_or_going.any():
        proposal = _proposal(case, before, stations, change, settings, earlier, progress)
    redrawn = proposal is not None and _redraw(work, proposal)
    _reassign(work, change)
    findings = in_order(work.findings.values())
    warnings = before.provenance.warnings
    if proposal is not None and proposal.warnings is not None:
        warnings = list(proposal.warnings)
    seconds = round(time.perf_counter() - start, 3)
    nodes = NodeResult(
        labels=like(work.labels, before.labels) if redrawn else before.labels,
        findings=findings,
        source=before.source,
        provenance=before.provenance.model_copy(update={"seconds": seconds, "warnings": warnings}),
        warnings=with_outside(warnings, findings),
        memory=before.memory if proposal is None else proposal.memory,
    )
    return NodeUpdate(nodes, frozenset(name for name in work.touched if name is not None), redrawn)


def _proposal(
    case: Case,
    before: NodeResult,
    stations: sitk.Image,
    change: StationChange,
    settings: Settings,
    earlier: sitk.Image,
    progress: Progress,
) -> _Proposal | None:
    """What stands in place of the nodes that hang on voxels which came to the stations or left them."""
    if before.source == "pet_threshold":
        found = uptake_around(case, stations, settings, change.box, change.coming_or_going)
        return _Proposal(found.box, found.stale, found.nodes)
    if before.source == "ct_blobs":
        return _blob_proposal(case, before.memory, stations, earlier, progress)
    return None


def _blob_proposal(
    case: Case, memory: object | None, stations: sitk.Image, earlier: sitk.Image, progress: Progress
) -> _Proposal:
    """Blobs whose voxels changed; all of them where the search itself has to start anew."""
    now, then = search_box(stations), search_box(earlier)
    if now is None or then is None:
        raise ValueError("a case without stations has no nodes to update")
    kept = memory if isinstance(memory, BlobMemory) and memory.search.box == now else None
    search = search_blobs(case, now, progress) if kept is None else kept.search
    values = fill_blobs(search, stations)
    if now != then:
        return _all_blobs(BlobMemory(search, values), now, then)
    old = fill_blobs(search, earlier) if kept is None else kept.values
    differs = old != values
    dirty = np.unique(np.concatenate([old[differs], values[differs]]))
    dirty = dirty[dirty > 0]
    standing = np.isin(values, dirty)
    return _Proposal(
        box=now,
        stale=standing | np.isin(old, dirty),
        candidates=np.where(standing, values, 0).astype(np.uint16),
        smallest_mm=SMALLEST_SHORT_AXIS_MM,
        memory=BlobMemory(search, values),
    )


def _all_blobs(memory: BlobMemory, now: Box, then: Box) -> _Proposal:
    box = bounding_region([now, then]) or now
    candidates = np.zeros(tuple(part.stop - part.start for part in box), np.uint16)
    candidates[within(now, box)] = memory.values
    return _Proposal(
        box=box,
        stale=np.ones(candidates.shape, bool),
        candidates=candidates,
        smallest_mm=SMALLEST_SHORT_AXIS_MM,
        memory=memory,
        warnings=search_warnings(memory.search),
    )


def _redraw(work: _Workspace, proposal: _Proposal) -> bool:
    """Put the candidates in place of what is stale; whether any voxel changed."""
    view = work.labels[proposal.box]
    old = view.copy()
    gone = {int(number) for number in np.unique(old[proposal.stale])} - {0}
    view[proposal.stale] = 0
    found = _measured(work, proposal)
    numbers = _numbers(found, old, max(work.findings, default=0))
    for candidate, number in numbers.items():
        mask, part, finding = found[candidate]
        view[part][mask] = number
        work.put(number, finding)
    for number in gone - set(numbers.values()):
        work.put(number, None)
    return not np.array_equal(old, view)


_Found = dict[int, tuple[BoolArray, Box, NodeFinding]]
"""Candidate number to its mask, the box of the mask within the proposal's box, and its measures."""


def _measured(work: _Workspace, proposal: _Proposal) -> _Found:
    found: _Found = {}
    for candidate, part in enumerate(find_objects(proposal.candidates), start=1):
        if part is not None:
            mask = proposal.candidates[part] == candidate
            finding = work.measure(mask, inside_of(proposal.box, part))
            if finding.short_axis_mm >= proposal.smallest_mm:
                found[candidate] = (mask, part, finding)
    return found


def _numbers(found: _Found, old: InstanceArray, highest: int) -> dict[int, int]:
    """Candidate to node number: that of the old node with which it shares most voxels, else a number of its own."""
    shared = []
    for candidate, (mask, part, _) in found.items():
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
    """Measure nodes anew that keep their voxels but lie in voxels whose station changed."""
    for number in {int(value) for value in np.unique(work.labels[change.box][change.voxels])} - {0} - work.measured:
        region = work.box_of(work.findings[number])
        work.put(number, work.measure(work.labels[region] == number, region))
