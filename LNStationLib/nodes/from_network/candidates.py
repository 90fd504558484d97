"""Candidates in a box of the CT, each with its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from LNStationLib.imaging.boxes import Box, within
from LNStationLib.nodes.method import Proposal
from LNStationLib.support.types import InstanceArray


@dataclass(frozen=True)
class CandidateMap:
    """What a network found.

    Attributes:
        labels: Number of each candidate in a box of the CT's array, ``[z, y, x]``.
        scores: Of each candidate in [0, 1], by number.
    """

    labels: InstanceArray
    scores: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def empty(cls, box: Box) -> CandidateMap:
        """Nothing in a box."""
        return cls(np.zeros([part.stop - part.start for part in box], np.uint16))

    def from_score(self, least: float) -> CandidateMap:
        """The candidates with at least a score."""
        scores = {number: score for number, score in self.scores.items() if score >= least}
        return CandidateMap(np.where(np.isin(self.labels, list(scores)), self.labels, 0).astype(np.uint16), scores)

    def inside(self, box: Box, outer: Box) -> CandidateMap:
        """The same in a larger box."""
        wide = CandidateMap.empty(outer).labels
        wide[within(box, outer)] = self.labels
        return CandidateMap(wide, self.scores)

    def proposal(self, box: Box, smallest_mm: float, warnings: tuple[str, ...] | None = None) -> Proposal:
        """In place of all nodes in the box."""
        stale = np.ones(self.labels.shape, bool)
        return Proposal(box, stale, self.labels, smallest_mm, warnings=warnings, scores=self.scores)
