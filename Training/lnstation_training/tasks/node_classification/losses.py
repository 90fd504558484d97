"""Losses of node classification: eq. 1 and the parts of eq. 3 (Li et al. 2024)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from LNStationLib.networks.output import NodeOutput


def heads(output: NodeOutput) -> list[Tensor]:
    """Logits ``[B]`` of the fused head and of every stream's own."""
    return [output.logits, *output.side_logits.values()]


def supervised_loss(output: NodeOutput, labels: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Eq. 1: binary cross-entropy of every head, summed.

    Args:
        output: Of B nodes.
        labels: 0 or 1, ``[B]``.
        positive_weight: Weight of metastatic nodes.
    """
    weight = labels.new_tensor(positive_weight)
    losses = [functional.binary_cross_entropy_with_logits(each, labels, pos_weight=weight) for each in heads(output)]
    return torch.stack(losses).sum()


def divergence(teacher: NodeOutput, student: NodeOutput) -> Tensor:
    """KL(teacher, student) of two classes, mean over nodes, summed over heads (eq. 3); no gradient to the teacher."""
    return torch.stack([_divergence(t, s) for t, s in zip(heads(teacher), heads(student), strict=True)]).sum()


def _divergence(teacher: Tensor, student: Tensor) -> Tensor:
    target = teacher.detach().sigmoid()
    cross = functional.binary_cross_entropy_with_logits(student, target)
    # The teacher's own entropy: without it the loss would not be 0 where both agree.
    return cross - functional.binary_cross_entropy_with_logits(teacher.detach(), target)


def squared_distance(first: NodeOutput, second: NodeOutput) -> Tensor:
    """Mean squared difference of probabilities, summed over heads (Laine and Aila 2017)."""
    pairs = zip(heads(first), heads(second), strict=True)
    return torch.stack([(one.sigmoid() - other.sigmoid()).square().mean() for one, other in pairs]).sum()


def ramp_up(epoch: float, epochs: float) -> float:
    """exp(-5 (1 - t)^2) over the first epochs, 1 from then on (Tarvainen and Valpola 2017)."""
    if epochs <= 0:
        return 1.0
    return math.exp(-5 * (1 - min(max(epoch / epochs, 0.0), 1.0)) ** 2)
