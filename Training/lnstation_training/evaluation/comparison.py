"""Two networks on the same samples, as cells of a table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Protocol

import numpy as np

from lnstation_training.evaluation.delong import delong_test
from lnstation_training.evaluation.discrimination import auc_gain

GAIN_HEADER = ("AUC gain", "p")
"""Titles of the cells of ``gain_cells``."""
GAIN_NOTE = (
    "AUC gain: over the reference row on the same samples, in percentage points, with its 95 % interval by bootstrap "
    "over patients. p: DeLong's test against that row; it takes samples as independent, so it tends to be too small."
)


class Judged(Protocol):
    """A sample with its truth and a network's answer."""

    @property
    def patient(self) -> str:
        """Identifier of its patient."""
        ...

    @property
    def label(self) -> int | None:
        """1, 0, or ``None`` where unknown."""
        ...

    @property
    def logit(self) -> float:
        """The network's answer."""
        ...


def gain_cells(found: Mapping[Hashable, Judged], reference: Mapping[Hashable, Judged]) -> list[str]:
    """How far a network lies above a reference, over the labeled samples that both have; empty where undefined."""
    both = sorted((key for key in found if key in reference and found[key].label is not None), key=str)
    labels = np.array([found[key].label for key in both], dtype=int)
    ours, theirs = (np.array([rows[key].logit for key in both]) for rows in (found, reference))
    try:
        p_value = delong_test(labels, ours, theirs).p_value
    except ValueError:
        return [""] * len(GAIN_HEADER)
    gain = auc_gain(labels, ours, theirs, np.array([found[key].patient for key in both], dtype=object))
    value, low, high = (100 * (number or 0.0) for number in (gain.value, gain.low, gain.high))
    return [f"{value:+.1f} ({low:+.1f} to {high:+.1f})", "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"]
