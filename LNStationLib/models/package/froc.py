"""Operating points of detectors: thresholds on a score with the false positives a patient that they let through."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from LNStationLib.models.package.parts import Strict
from LNStationLib.state.assessment import FrocPoint


class PointsCohort(Strict):
    """The patients that operating points are of."""

    title: str
    n_patients: int = Field(ge=1)
    synthetic: bool

    @property
    def words(self) -> str:
        """For the card."""
        kind, plural = "synthetic" if self.synthetic else "real", "" if self.n_patients == 1 else "s"
        return f"of {self.n_patients} {kind} patient{plural}: {self.title}"


def threshold_at(froc: Sequence[FrocPoint], false_positives: float) -> float:
    """Score from which candidates are shown, for a mean number of false positives a patient.

    Interpolated between measured points; the last threshold beyond them.
    """
    return float(np.interp(false_positives, [p.false_positives for p in froc], [p.threshold for p in froc]))


def recall_at(froc: Sequence[FrocPoint], false_positives: float) -> float:
    """Recall at a mean number of false positives a patient, likewise."""
    return float(np.interp(false_positives, [p.false_positives for p in froc], [p.recall for p in froc]))


def _rising(value: list[FrocPoint]) -> list[FrocPoint]:
    if any(b.false_positives < a.false_positives or b.threshold > a.threshold for a, b in pairwise(value)):
        raise ValueError("froc must go from few false positives and a high threshold to many and a low one")
    return value


Froc = Annotated[list[FrocPoint], AfterValidator(_rising)]


def point_lines(froc: Sequence[FrocPoint]) -> tuple[str, ...]:
    """Some operating points for the card."""
    return tuple(
        f"{fps:g} false positives a patient: score from {threshold_at(froc, fps):.2f}, "
        f"recall {recall_at(froc, fps):.2f}"
        for fps in (1.0, 2.0, 4.0, 8.0)
        if fps <= froc[-1].false_positives
    )
