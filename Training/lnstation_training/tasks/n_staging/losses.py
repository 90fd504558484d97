"""The loss of end-to-end N-staging: Engelson et al. 2026, eq. 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lnstation_training.tasks.n_staging.data_module import UNKNOWN
from lnstation_training.tasks.n_staging.groups import group_probabilities, pseudo_labels


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts; the paper's are the defaults.

    Attributes:
        cross_entropy: Of the N category (lambda 1).
        squared: Of the squared error of the expected N category (lambda 2).
        pseudo: Of the pseudo labels (lambda 3).
        stations: Of stations of known status (lambda 4).
    """

    cross_entropy: float = 0.1
    squared: float = 0.1
    pseudo: float = 0.02
    stations: float = 1.0


def staging_losses(
    stage_logits: Tensor, station_logits: Tensor, batch: dict[str, Tensor], members: Tensor
) -> dict[str, Tensor]:
    """The parts of eq. 2, not weighted; a part of which a batch knows nothing is 0.

    Args:
        stage_logits: ``[B, 4]``.
        station_logits: ``[B, L]``.
        batch: ``stage`` ``[B]``, ``stations`` ``[B, L]``, ``told`` ``[B, 1 + L]``; see ``PatientDataset``.
        members: bool ``[side, 3, L]``, see ``groups.group_members``.
    """
    stage, told = batch["stage"], batch["told"]
    known = stage != UNKNOWN
    zero = stage_logits.sum() * 0
    parts = {"cross_entropy": zero, "squared": zero, "pseudo": zero, "stations": zero}
    if known.any():
        parts["cross_entropy"] = functional.cross_entropy(stage_logits[known], stage[known])
        parts["squared"] = squared_error(stage_logits[known], stage[known])
        groups = group_probabilities(station_logits.sigmoid(), told[:, 1:] > 0, members[told[:, 0]])
        parts["pseudo"] = pseudo_loss(groups[known], pseudo_labels(stage[known]))
    labeled = batch["stations"] != UNKNOWN
    if labeled.any():
        truth = batch["stations"][labeled].to(station_logits)
        parts["stations"] = functional.binary_cross_entropy_with_logits(station_logits[labeled], truth)
    return parts


def squared_error(stage_logits: Tensor, stage: Tensor) -> Tensor:
    """Mean squared error of the expected N category: an argmax would have no gradient."""
    values = torch.arange(stage_logits.shape[1], device=stage_logits.device).to(stage_logits)
    expected = stage_logits.softmax(dim=1) @ values
    return functional.mse_loss(expected, stage.to(expected))


def pseudo_loss(groups: Tensor, labels: Tensor) -> Tensor:
    """Eq. 3, summed over a patient's groups of known pseudo label and averaged over patients.

    Both kinds of entries weigh alike over the batch: each is weighted inversely to how frequent its label is.

    Args:
        groups: Probabilities, ``[B, 3]``.
        labels: 0, 1 or ``UNKNOWN``, ``[B, 3]``.
    """
    known = labels != UNKNOWN
    counts = torch.stack([(labels == value).sum() for value in (0, 1)]).clamp(min=1)
    kinds = max(int((labels == 0).any()) + int((labels == 1).any()), 1)
    weights = known.sum() / (kinds * counts[labels.clamp(min=0)])
    errors = (groups - labels).abs() * weights
    return torch.where(known, errors, 0.0).sum() / len(groups)
