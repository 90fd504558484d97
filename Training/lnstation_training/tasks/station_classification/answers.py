"""What follows from a network's answers for regions: logits of stations, where their tokens went."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def station_logits(logits: Tensor, owner: Tensor, n_stations: int) -> Tensor:
    """Largest logit of each station's regions.

    Args:
        logits: Of regions, ``[R]``.
        owner: Station of each region, int64 ``[R]``; every station has one.
        n_stations: B.

    Returns:
        ``[B]``.
    """
    lowest = logits.new_full((n_stations,), -torch.inf)
    return lowest.scatter_reduce(0, owner, logits, "amax", include_self=True)


def deciding_regions(logits: Tensor, owner: Tensor, n_stations: int) -> list[int]:
    """Index of the region whose logit is a station's, by station."""
    found = []
    for station in range(n_stations):
        own = (owner == station).nonzero().squeeze(1)
        found.append(int(own[logits[own].argmax()]))
    return found


def ramp(done: float, first: float, last: float) -> float:
    """0 up to ``first``, 1 from ``last`` on, a line between them."""
    if done >= last:
        return 1.0
    return max(0.0, (done - first) / (last - first))


def router_fractions(router_logits: Sequence[Tensor], count: int) -> list[list[float]]:
    """Fraction of each sample's tokens that goes to each expert, mean over layers.

    Args:
        router_logits: One ``[B, tokens, experts]`` a layer; none without a router.
        count: B.
    """
    if not router_logits:
        return [[] for _ in range(count)]
    experts = router_logits[0].shape[-1]
    layers = [
        torch.nn.functional.one_hot(logits.argmax(-1), experts).float().mean(dim=1).cpu() for logits in router_logits
    ]
    return [[float(part) for part in row] for row in torch.stack(layers).mean(dim=0)]
