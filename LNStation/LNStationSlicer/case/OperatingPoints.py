"""What a score of node candidates means: how many are shown, and how many of them are false. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationSlicer.exchange.AssessmentTypes import Assessment


@dataclass(frozen=True)
class OperatingPoints:
    """The scored candidates of a case.

    Attributes:
        scores: Of the candidates that have one, from low to high.
        froc: Threshold, false candidates a patient and recall, from a low threshold to a high one; empty where
            nothing was measured.
    """

    scores: tuple[float, ...]
    froc: tuple[tuple[float, float, float], ...] = ()

    @property
    def lowest(self) -> float:
        """The threshold that shows all; rounded down to the slider's steps."""
        return int(self.scores[0] * 100) / 100

    def shown(self, least: float) -> int:
        """How many candidates have at least a score."""
        return sum(score >= least for score in self.scores)

    def falsePositives(self, least: float) -> float | None:
        """Mean number of false candidates a patient from a score on, as it was measured; None where it was not."""
        return self._measured(least, 1)

    def recall(self, least: float) -> float | None:
        """Share of the visible nodes that are found from a score on, likewise."""
        return self._measured(least, 2)

    def _measured(self, least: float, column: int) -> float | None:
        if not self.froc:
            return None
        return float(np.interp(least, [row[0] for row in self.froc], [row[column] for row in self.froc]))


def operatingPoints(assessment: Assessment | None) -> OperatingPoints | None:
    """The scored candidates of an assessment; None where no candidate has a score."""
    nodes = assessment["nodes"] if assessment else []
    scores = tuple(sorted(score for node in nodes if (score := node.get("score")) is not None))
    if assessment is None or not scores:
        return None
    row = next((row for row in assessment["provenance"] if row["step"] == "nodes"), None)
    points = row.get("operating_points", []) if row is not None else []
    froc = sorted((one["threshold"], one["false_positives"], one["recall"]) for one in points)
    return OperatingPoints(scores, tuple(froc))
