"""Losses of SA-MoE (Li et al. 2025): classification, LN-prior attention margin, routing, and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from LNStationLib.networks.classification.attention_map import MaskReduction, attention_inside, mask_on_attention_grid
from LNStationLib.networks.output import StationOutput
from LNStationLib.support.errors import InputError

__all__ = [
    "AttentionMarginLoss",
    "LossParts",
    "MaskReduction",
    "StationLoss",
    "attention_inside",
    "mask_on_attention_grid",
    "router_loss",
]


class AttentionMarginLoss(nn.Module):
    """LN-prior attention margin loss, eq. 1: ``max(tau - sum(A * M), 0)``, mean over regions that hold a node.

    A region without a node has nothing to attend to: eq. 1 would charge it ``tau`` whatever the network did, with no
    gradient. It is left out, and a batch without any node costs 0.

    Args:
        tau: Attention that must lie inside nodes; the paper's 0.8.
        reduction: See ``mask_on_attention_grid``.

    Raises:
        ValueError: ``tau`` is not in (0, 1].
    """

    def __init__(self, tau: float = 0.8, reduction: MaskReduction = "touch") -> None:
        super().__init__()
        if not 0 < tau <= 1:
            raise ValueError(f"tau must be in (0, 1], got {tau}")
        self.tau = tau
        self.reduction: MaskReduction = reduction

    def forward(self, attention: Tensor, mask: Tensor) -> Tensor:
        """Return a scalar; shapes as in ``attention_inside``."""
        margin = functional.relu(self.tau - attention_inside(attention, mask, self.reduction))
        with_node = mask.flatten(1).amax(dim=1) > 0
        if not with_node.any():
            return margin.sum() * 0.0
        return margin[with_node].mean()


def router_loss(router_logits: Sequence[Tensor], groups: Tensor) -> Tensor:
    """Cross-entropy of every token's routing against its region's station group, eq. 2; mean over layers and tokens.

    Args:
        router_logits: One ``[B, tokens, experts]`` a layer.
        groups: Index of the station group of every region, ``[B]``.

    Raises:
        ValueError: There is no router.
    """
    if not router_logits:
        raise ValueError("the network has no router, so there is no router loss")
    losses = [
        functional.cross_entropy(logits.flatten(0, 1), groups.repeat_interleave(logits.shape[1]))
        for logits in router_logits
    ]
    return torch.stack(losses).mean()


@dataclass(frozen=True)
class LossParts:
    """The sum and what it is made of; a part that is switched off or has nothing to act on is ``None``."""

    total: Tensor
    classification: Tensor
    attention: Tensor | None = None
    router: Tensor | None = None
    balance: Tensor | None = None

    def by_name(self) -> dict[str, Tensor | None]:
        """The parts by the names under which they are logged."""
        return {
            "loss": self.total,
            "loss_classification": self.classification,
            "loss_attention": self.attention,
            "loss_router": self.router,
            "loss_balance": self.balance,
        }


class StationLoss(nn.Module):
    """``BCE + lambda1 * attention margin + lambda2 * router``, eq. 3.

    Args:
        attention_weight: lambda1, the paper's 0.5; 0 switches the part off.
        router_weight: lambda2, the paper's 1; 0 switches the part off.
        balance_weight: Weight of V-MoE's balance loss, that paper's 0.01; of no effect in other networks.
        tau: See ``AttentionMarginLoss``.
        mask_reduction: See ``mask_on_attention_grid``.
        positive_weight: Weight of positive regions in the BCE, against class imbalance; 1 leaves it as it is.

    Raises:
        ValueError: A weight is negative.
    """

    def __init__(
        self,
        attention_weight: float = 0.5,
        router_weight: float = 1.0,
        balance_weight: float = 0.01,
        tau: float = 0.8,
        mask_reduction: MaskReduction = "touch",
        positive_weight: float = 1.0,
    ) -> None:
        super().__init__()
        weights = (attention_weight, router_weight, balance_weight, positive_weight)
        if min(weights) < 0:
            raise ValueError(f"weights must not be negative, got {weights}")
        self.attention_weight = attention_weight
        self.router_weight = router_weight
        self.balance_weight = balance_weight
        self.positive_weight = positive_weight
        self.margin = AttentionMarginLoss(tau, mask_reduction)

    @property
    def needs_attention(self) -> bool:
        """True where the forward pass must return attention."""
        return self.attention_weight > 0

    def forward(
        self, output: StationOutput, labels: Tensor, mask: Tensor, groups: Tensor, attention_part: float = 1.0
    ) -> LossParts:
        """Compute the loss of a batch of B stations with R regions.

        Args:
            output: Of the network, its logits by station, ``[B]``.
            labels: 1 where the station is metastatic, 0 where not, ``[B]``, float.
            mask: Node mask ``[R, 1, z, y, x]``.
            groups: Station group ``[R]``, int64.
            attention_part: Part of the attention loss's weight that counts.

        Raises:
            InputError: The attention loss is on and the network returned no attention.
        """
        positive = torch.as_tensor(self.positive_weight, dtype=labels.dtype, device=labels.device)
        total = classification = functional.binary_cross_entropy_with_logits(
            output.logits, labels, pos_weight=positive
        )
        attention = router = balance = None
        if self.needs_attention:
            if output.attention is None:
                raise InputError(
                    "This network has no attention map for the attention loss: set attention_weight to 0."
                )
            attention = self.margin(output.attention, mask)
            total = total + attention_part * self.attention_weight * attention
        if self.router_weight > 0 and output.router_logits and output.balance_loss is None:
            router = router_loss(output.router_logits, groups)
            total = total + self.router_weight * router
        if output.balance_loss is not None:
            balance = output.balance_loss
            total = total + self.balance_weight * balance
        return LossParts(total, classification, attention, router, balance)
