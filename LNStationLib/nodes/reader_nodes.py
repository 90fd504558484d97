"""A reader's nodes among those that a method finds: where a reader has decided, no search decides again.

A candidate counts as decided on where it shares half of its voxels, or half of theirs, with voxels that a reader drew
or dismissed. Other candidates lose the voxels that a reader gave to a node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from LNStationLib.case.node_edits import NodeEdits
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, like
from LNStationLib.imaging.edited_masks import shared
from LNStationLib.nodes.measurement import Scene, measure_node
from LNStationLib.nodes.method import Proposal
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.node_result import READER
from LNStationLib.support.types import InstanceArray

SAME_SHARE = 0.5
"""Of the smaller of the two, from which on a candidate is the node that a reader decided on: more than half in common
cannot be so of two nodes."""


def is_same(n_shared: int, *sizes: int) -> bool:
    """Whether a candidate is what a reader decided on, from the voxels that they share and the sizes of both."""
    return n_shared >= SAME_SHARE * min(sizes)


def beside_readers(proposal: Proposal, edits: NodeEdits) -> Proposal:
    """What a method proposes in a box, without what a reader has decided on."""
    if not edits.numbers:
        return proposal
    stale = proposal.stale.copy()
    for mask in edits.drawn.values():
        part = shared(mask, proposal.box)
        if part is not None:
            stale[part[0]] &= ~part[1]
    return replace(proposal, stale=stale, candidates=_undecided(proposal.candidates, proposal.box, edits))


def beside_readers_on(labels: sitk.Image, edits: NodeEdits) -> sitk.Image:
    """Candidates on the CT's grid, without what a reader has decided on."""
    if not edits.numbers:
        return labels
    values = array_view(labels)
    everywhere = (slice(0, values.shape[0]), slice(0, values.shape[1]), slice(0, values.shape[2]))
    return like(_undecided(values, everywhere, edits), labels)


def _undecided(candidates: InstanceArray, box: Box, edits: NodeEdits) -> InstanceArray:
    sizes, left = np.bincount(candidates.ravel()), candidates.copy()
    decided: set[int] = set()
    for mask in edits.masks:
        part = shared(mask, box)
        counts = np.zeros(1, int) if part is None else np.bincount(candidates[part[0]][part[1]])
        hit = (int(value) for value in np.flatnonzero(counts) if value)
        decided |= {value for value in hit if is_same(int(counts[value]), int(sizes[value]), mask.n_voxels)}
    left[np.isin(left, list(decided))] = 0
    for mask in edits.drawn.values():
        part = shared(mask, box)
        if part is not None:
            left[part[0]][part[1]] = 0
    return left


def with_readers(
    labels: sitk.Image, findings: list[NodeFinding], edits: NodeEdits, scene: Scene
) -> tuple[sitk.Image, list[NodeFinding]]:
    """Found nodes and those that a reader drew, which take their numbers with them, in no order."""
    if not edits.drawn:
        return labels, findings
    values = sitk.GetArrayFromImage(labels)
    for number, mask in edits.drawn.items():
        values[mask.box][mask.inside] = number
    return like(values, labels), [*findings, *_measured(edits, scene)]


def _measured(edits: NodeEdits, scene: Scene) -> list[NodeFinding]:
    own = scene_of_readers(scene)
    return [measure_node(number, mask.inside, mask.box, own) for number, mask in edits.drawn.items()]


def scene_of_readers(scene: Scene) -> Scene:
    """What a node that a reader drew is measured on: none of the doubts of the search hold for it."""
    return replace(scene, search=READER)


def measured_dismissed(before: Iterable[NodeFinding], edits: NodeEdits, scene: Scene) -> list[NodeFinding]:
    """The dismissed candidates, measured on the stations as they stand, by number.

    Args:
        before: As they were found; they keep what the search said of them.
        edits: Holds their voxels.
        scene: What they are measured on.
    """
    known = {one.node_id: one for one in before}
    return [
        _as_found(measure_node(number, mask.inside, mask.box, scene), known.get(number))
        for number, mask in sorted(edits.dismissed.items())
    ]


def _as_found(measured: NodeFinding, found: NodeFinding | None) -> NodeFinding:
    if found is None:
        return measured
    names = ("source", "score", "candidate", "fit_for_staging")
    kept = {name: getattr(found, name) for name in names}
    return measured.model_copy(update=kept)
