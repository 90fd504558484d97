"""Pathology-guided label sharpening: pseudo labels where teacher and pathology agree (Li et al. 2024, Sec. 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lnstation_training.tasks.node_classification.samples import NodeSample

NONE = -1
"""In place of a pseudo label: there is none."""


def pseudo_labels(
    probabilities: np.ndarray, samples: Sequence[NodeSample], beta: float = 0.7, gamma: float = 0.3
) -> np.ndarray:
    """Pseudo label of every node without a label.

    Args:
        probabilities: The teacher's, of metastasis, ``[n]``.
        samples: The nodes.
        beta: Above it a node of a metastatic station is taken for metastatic.
        gamma: Below it a node of a station without metastasis is taken for benign. Pathology says so of all its
            nodes; the threshold leaves those out that are hard to tell, which may lie in another station.

    Returns:
        int ``[n]``: 1, 0, or ``NONE``, also where nothing is known of the station.

    Raises:
        ValueError: A threshold is not a probability.
    """
    if not (0 <= gamma <= 1 and 0 <= beta <= 1):
        raise ValueError(f"beta and gamma must be from 0 to 1, got {beta} and {gamma}")
    station = np.array([-1 if each.station_positive is None else each.station_positive for each in samples])
    labels = np.full(len(samples), NONE)
    labels[(station == 1) & (probabilities > beta)] = 1
    labels[(station == 0) & (probabilities < gamma)] = 0
    return labels


@dataclass(frozen=True)
class PseudoLabelAudit:
    """How many pseudo labels there are, and how many are right, where that is known.

    Attributes:
        positive: Number of pseudo-positive nodes.
        negative: Number of pseudo-negative nodes.
        unlabeled: Number of nodes without a label.
        positive_purity: Part of the pseudo-positive nodes of known truth that are metastatic; ``None`` without one.
        negative_purity: Part of the pseudo-negative ones that are benign; ``None`` without one.
    """

    positive: int
    negative: int
    unlabeled: int
    positive_purity: float | None
    negative_purity: float | None

    def figures(self) -> dict[str, float]:
        """By name for a log; what is not known is left out."""
        known = {
            "pseudo_positive": float(self.positive),
            "pseudo_negative": float(self.negative),
            "pseudo_part": (self.positive + self.negative) / max(self.unlabeled, 1),
            "pseudo_positive_purity": self.positive_purity,
            "pseudo_negative_purity": self.negative_purity,
        }
        return {name: value for name, value in known.items() if value is not None}


def audit(labels: np.ndarray, samples: Sequence[NodeSample]) -> PseudoLabelAudit:
    """Hold pseudo labels to the truth that training does not see."""
    truth = np.array([NONE if each.truth is None else each.truth for each in samples])
    return PseudoLabelAudit(
        positive=int((labels == 1).sum()),
        negative=int((labels == 0).sum()),
        unlabeled=len(samples),
        positive_purity=_purity(truth[labels == 1], 1),
        negative_purity=_purity(truth[labels == 0], 0),
    )


def _purity(truth: np.ndarray, label: int) -> float | None:
    known = truth[truth != NONE]
    return float((known == label).mean()) if known.size else None


def drawn_evenly(labels: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Rows of nodes with a pseudo label, as many pseudo-positive as pseudo-negative ones where there are both.

    Args:
        labels: As ``pseudo_labels`` returns them.
        count: How many rows; some come twice where there are fewer.
        generator: Draws.

    Returns:
        int ``[count]``; empty where there is no pseudo label.
    """
    groups = [rows for rows in (np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)) if rows.size]
    if not groups:
        return np.zeros(0, int)
    shares = [count // len(groups)] * len(groups)
    shares[-1] += count - sum(shares)
    drawn = [
        generator.choice(rows, share, replace=share > rows.size) for rows, share in zip(groups, shares, strict=True)
    ]
    return np.asarray(generator.permutation(np.concatenate(drawn)))
