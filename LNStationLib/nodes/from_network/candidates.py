"""Candidates in a box of the CT, each with its score and what networks said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from LNStationLib.imaging.boxes import Box, within
from LNStationLib.nodes.method import Proposal
from LNStationLib.nodes.reader_nodes import is_same
from LNStationLib.state.assessment import CandidateFacts
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import InstanceArray


@dataclass(frozen=True)
class CandidateMap:
    """What networks found.

    Attributes:
        labels: Number of each candidate in a box of the CT's array, ``[z, y, x]``.
        scores: Of each candidate in [0, 1], by number.
        facts: What networks said of it, likewise.
    """

    labels: InstanceArray
    scores: Mapping[int, float] = field(default_factory=dict)
    facts: Mapping[int, CandidateFacts] = field(default_factory=dict)

    @classmethod
    def empty(cls, box: Box) -> CandidateMap:
        """Nothing in a box."""
        return cls(np.zeros([part.stop - part.start for part in box], np.uint16))

    def from_score(self, least: float) -> CandidateMap:
        """The candidates with at least a score."""
        return self.only([number for number, score in self.scores.items() if score >= least])

    def only(self, numbers: Collection[int]) -> CandidateMap:
        """Some of them, with their numbers."""
        labels = np.where(np.isin(self.labels, list(numbers)), self.labels, 0).astype(np.uint16)
        kept = {number: self.facts[number] for number in numbers if number in self.facts}
        return CandidateMap(labels, {number: self.scores[number] for number in numbers}, kept)

    def inside(self, box: Box, outer: Box) -> CandidateMap:
        """The same in a larger box."""
        wide = CandidateMap.empty(outer).labels
        wide[within(box, outer)] = self.labels
        return CandidateMap(wide, self.scores, self.facts)

    def proposal(self, box: Box, smallest_mm: float, warnings: tuple[Reason, ...] | None = None) -> Proposal:
        """In place of all nodes in the box."""
        stale = np.ones(self.labels.shape, bool)
        return Proposal(box, stale, self.labels, smallest_mm, warnings=warnings, scores=self.scores, facts=self.facts)


def merged(visible: CandidateMap, significant: CandidateMap) -> CandidateMap:
    """Visible nodes, which of them are significant, and significant ones that were not found as visible.

    Two are one node where they share half of the smaller one's voxels; its outline and score are then those of the
    visible one, and it is as significant as the surest of what lies in it.

    Args:
        visible: In a box of the CT.
        significant: In the same box.
    """
    labels, scores = visible.labels.copy(), dict(visible.scores)
    facts = {number: one.model_copy(update={"significant": False}) for number, one in visible.facts.items()}
    number = max(scores, default=0)
    for own, same in _pairs(visible, significant):
        found = significant.facts[own]
        if same is not None:
            before = facts[same].significance
            if before is None or (found.significance or 0.0) > before:
                facts[same] = found.model_copy(update={"visible": True})
            continue
        number += 1
        labels[(significant.labels == own) & (labels == 0)] = number
        scores[number] = significant.scores[own]
        facts[number] = found.model_copy(update={"visible": False})
    return CandidateMap(labels, scores, facts)


def _pairs(visible: CandidateMap, significant: CandidateMap) -> Iterator[tuple[int, int | None]]:
    """Each significant candidate with the visible one that it is, or ``None``."""
    sizes = np.bincount(visible.labels.ravel())
    for own in significant.scores:
        inside = visible.labels[significant.labels == own]
        shared = np.bincount(inside, minlength=len(sizes))
        shared[0] = 0
        best = int(shared.argmax())
        same = shared[best] > 0 and is_same(int(shared[best]), int(sizes[best]), inside.size)
        yield own, best if same else None
