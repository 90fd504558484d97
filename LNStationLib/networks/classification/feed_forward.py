"""Feed-forward layers of a transformer, plain and as mixtures of experts. Tokens are ``[B, T, d]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Routing = Literal["argmax", "group"]
RouteBy = Literal["token", "sample"]
Experts = Literal["none", "station_aware", "vmoe", "m4oe"]


@dataclass(frozen=True)
class RouterSwitches:
    """How a station-aware router works.

    Attributes:
        routing: In training, by ``"argmax"`` of the router or by the true ``"group"``; in evaluation always argmax.
        route_by: Every ``"token"`` by its own logits, or all of a ``"sample"`` by those of its mean token.
        detach: The router's gradient ends at its input, so eq. 2 does not shape the trunk.
    """

    routing: Routing = "argmax"
    route_by: RouteBy = "token"
    detach: bool = False


@dataclass
class RoutingRecord:
    """What the layers of one forward pass have to say about their routing.

    Attributes:
        groups: Index of the station group of every sample, shape ``[B]``; given where routing follows the true group.
        router_logits: Collected logits, one ``[B, T, experts]`` a layer; T is 1 where samples are routed.
        balance_losses: Collected scalars of V-MoE.
    """

    groups: Tensor | None
    router_logits: list[Tensor]
    balance_losses: list[Tensor]

    @classmethod
    def empty(cls, groups: Tensor | None = None) -> RoutingRecord:
        """Start a record."""
        return cls(groups, [], [])


def plain_ffn(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """Linear, SiLU, linear: the feed-forward layer of MobileViTv2."""
    return nn.Sequential(
        nn.Linear(width, hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
    )


class FeedForward(nn.Module):
    """The plain feed-forward layer behind the interface of the mixtures."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.ffn = plain_ffn(width, hidden, dropout)

    def forward(self, tokens: Tensor, record: RoutingRecord) -> Tensor:
        """Map tokens ``[B, T, d]`` to the same shape; nothing is recorded."""
        output: Tensor = self.ffn(tokens)
        return output


def expert_hidden(hidden: int, experts: int, full_size: bool) -> int:
    """Hidden width of one expert: as the plain layer's, or its share, so that parameters stay the same in number."""
    return hidden if full_size else max(1, hidden // experts)


class StationAwareMoE(nn.Module):
    """Station-aware mixture of experts (SA-MoE, Sec. 2.2).

    A linear router gives every token a logit for each expert; the token goes to the expert of the largest logit and
    to no other. The router learns from the token's station group alone (eq. 2), so an expert's output is not weighted
    by its logit. Which logits were given is recorded for that loss.

    Args:
        width: Token width d.
        hidden: Hidden width of the plain layer that this one replaces.
        experts: Number of experts, one a station group.
        dropout: Dropout within experts.
        full_size: Every expert as wide as the plain layer, rather than its share of it (the paper's parameter counts,
            16.99 M and 17.00 M, follow from shares).
        switches: See there.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        experts: int = 3,
        dropout: float = 0.0,
        full_size: bool = False,
        switches: RouterSwitches | None = None,
    ) -> None:
        super().__init__()
        share = expert_hidden(hidden, experts, full_size)
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(plain_ffn(width, share, dropout) for _ in range(experts))
        self.switches = switches or RouterSwitches()

    def forward(self, tokens: Tensor, record: RoutingRecord) -> Tensor:
        """Map tokens ``[B, T, d]`` to the same shape and record the router's logits."""
        seen = tokens.mean(dim=1, keepdim=True) if self.switches.route_by == "sample" else tokens
        logits = self.router(seen.detach() if self.switches.detach else seen)
        record.router_logits.append(logits)
        return self._dispatch(tokens, self._choice(logits, record.groups).expand(tokens.shape[:2]))

    def _choice(self, logits: Tensor, groups: Tensor | None) -> Tensor:
        """Index of the expert of every token of the logits, ``[B, T]``."""
        if self.training and self.switches.routing == "group":
            if groups is None:
                raise ValueError("routing by group needs the station group of every sample")
            return groups[:, None].expand(logits.shape[:2])
        return logits.argmax(dim=-1)

    def _dispatch(self, tokens: Tensor, choice: Tensor) -> Tensor:
        flat, index = tokens.flatten(0, 1), choice.flatten()
        output = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            chosen = (index == number).nonzero().squeeze(1)
            # An idle expert runs on no token: in DDP every parameter must take part in every step.
            output = output.index_add(0, chosen, expert(flat[chosen]).to(output.dtype))
        return output.view_as(tokens)


class VisionMoE(nn.Module):
    """V-MoE's sparse layer with top-1 gating and its balance loss (Riquelme et al. 2021, Sec. 2 and App. A).

    The chosen expert's output is weighted by its softmax weight; importance and load losses keep experts evenly used.
    """

    def __init__(
        self, width: int, hidden: int, experts: int = 3, dropout: float = 0.0, full_size: bool = False
    ) -> None:
        super().__init__()
        share = expert_hidden(hidden, experts, full_size)
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(plain_ffn(width, share, dropout) for _ in range(experts))

    def forward(self, tokens: Tensor, record: RoutingRecord) -> Tensor:
        """Map tokens ``[B, T, d]`` to the same shape; record logits and balance loss."""
        logits = self.router(tokens)
        if self.training:
            # Noise of standard deviation 1/E lets every expert be tried (Sec. 2.2 there).
            logits = logits + torch.randn_like(logits) / len(self.experts)
        weights = logits.softmax(dim=-1)
        record.router_logits.append(logits)
        record.balance_losses.append(self._balance(weights))
        flat, flat_weights = tokens.flatten(0, 1), weights.flatten(0, 1)
        best, index = flat_weights.max(dim=-1)
        output = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            chosen = (index == number).nonzero().squeeze(1)
            weighted = expert(flat[chosen]) * best[chosen, None]
            output = output.index_add(0, chosen, weighted.to(output.dtype))
        return output.view_as(tokens)

    @staticmethod
    def _balance(weights: Tensor) -> Tensor:
        """Importance loss: squared coefficient of variation of the summed weights (eq. 9 there)."""
        importance = weights.flatten(0, 1).sum(dim=0)
        return importance.var(unbiased=False) / importance.mean().square().clamp_min(1e-12)


class GatedMoE(nn.Module):
    """M4oE's layer: a gate mixes the outputs of all experts softly (Jiang and Shen 2024).

    There an expert stands for a modality; here, as in SA-MoE's comparison, for a station group. That comparison has
    more parameters than the backbone (18.43 M, 16.99 M): experts are wider than their share by ``widening``.
    """

    def __init__(
        self, width: int, hidden: int, experts: int = 3, dropout: float = 0.0, widening: float = 1.24
    ) -> None:
        super().__init__()
        share = max(1, round(hidden / experts * widening))
        self.gate = nn.Linear(width, experts)
        self.experts = nn.ModuleList(plain_ffn(width, share, dropout) for _ in range(experts))

    def forward(self, tokens: Tensor, record: RoutingRecord) -> Tensor:
        """Map tokens ``[B, T, d]`` to the same shape; record the gate's logits."""
        logits = self.gate(tokens)
        record.router_logits.append(logits)
        weights = logits.softmax(dim=-1)
        output = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            output = output + weights[..., number, None] * expert(tokens)
        return output


def feed_forward(
    kind: Experts,
    width: int,
    hidden: int,
    experts: int,
    dropout: float,
    full_size: bool,
    switches: RouterSwitches | None = None,
) -> nn.Module:
    """Build the feed-forward layer of the given kind.

    Raises:
        ValueError: ``kind`` is not known.
    """
    if kind == "none":
        return FeedForward(width, hidden, dropout)
    if kind == "station_aware":
        return StationAwareMoE(width, hidden, experts, dropout, full_size, switches)
    if kind == "vmoe":
        return VisionMoE(width, hidden, experts, dropout, full_size)
    if kind == "m4oe":
        return GatedMoE(width, hidden, experts, dropout)
    raise ValueError(f"unknown experts {kind!r}: none, station_aware, vmoe or m4oe")
