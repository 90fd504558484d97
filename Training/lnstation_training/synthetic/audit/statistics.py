"""Statistics of the audit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from LNStationLib.phantom.nodes.node import NodeTruth

_FOLDS = 5
"""Of the discriminant, so that no node is scored by what was fitted to it."""
_FEWEST = 10
"""Of either class."""


def wilson(part: int, whole: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a proportion (Wilson 1927).

    Raises:
        ValueError: ``whole`` is not positive or ``part`` not within it.
    """
    if whole < 1 or not 0 <= part <= whole:
        raise ValueError(f"part and whole must be 0 <= part <= whole, whole > 0; got {part} and {whole}")
    share, square = part / whole, z * z
    center = (share + square / (2 * whole)) / (1 + square / whole)
    half = z * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole)) / (1 + square / whole)
    # Rounding must not let the share itself fall outside.
    return min(max(center - half, 0.0), share), max(min(center + half, 1.0), share)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Area under the ROC curve (Mann-Whitney); ``None`` where a class is empty.

    Not scikit-learn's, which refuses scores of minus infinity: the ideal observer's for a station without nodes.
    """
    if not len(positive) or not len(negative):
        return None
    ranks = rankdata([*positive, *negative])
    n = len(positive)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negative)))


def attribute_auroc(nodes: Sequence[NodeTruth]) -> float | None:
    """AUROC of a linear discriminant on all attributes that CT can show, out of sample in five folds.

    ``None`` with fewer than ten nodes of either class.
    """
    truth = np.array([node.malignant for node in nodes], bool)
    if truth.sum() < _FEWEST or (~truth).sum() < _FEWEST:
        return None
    features = np.array([_features(node) for node in nodes])
    folds = np.random.default_rng(0).permutation(len(nodes)) % _FOLDS
    scores = np.zeros(len(nodes))
    for fold in range(_FOLDS):
        train = folds != fold
        scores[~train] = features[~train] @ _discriminant(features[train], truth[train])
    return auroc(list(scores[truth]), list(scores[~truth]))


def _features(node: NodeTruth) -> list[float]:
    return [
        math.log(node.short_axis_mm), node.elongation, node.hu, node.texture_sd_hu, node.margin_mm,
        float(node.fatty_hilum), node.necrosis_fraction, float(node.n_lobes > 1), float(node.calcified),
    ]  # fmt: skip


def _discriminant(features: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Direction of Fisher's linear discriminant, with a little shrinkage for constant features."""
    one, other = features[truth], features[~truth]
    within = (np.cov(one.T) * (len(one) - 1) + np.cov(other.T) * (len(other) - 1)) / max(len(features) - 2, 1)
    ridge = 1e-3 * np.diag(np.diag(within) + 1e-3)
    return np.asarray(np.linalg.solve(within + ridge, one.mean(0) - other.mean(0)))
