"""Search for the organs that station parsing needs, by differentiable weights of channels (DeepStationing, Sec. 2.2).

One logit for each organ; a softmax over all organs weights their channels (eq. 4 and 5, where the paper writes C_L
for the number of organs). Logits and network are updated in turn, to the first order, as in differentiable
architecture search (Liu et al. 2019, DARTS, arXiv:1806.09055): the network on training patients, the logits on
others held out of them. The paper keeps the logits fixed for the first fifth of the epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from scipy.stats import kendalltau
from torch import Tensor, nn

FIXED_SHARE = 0.2
"""Of the epochs, in which the logits stay as they are: 200 of 1000 in the paper."""
HELD_OUT_SHARE = 0.2
"""Of the training patients, on whom the logits are trained. Our reading: the paper does not say."""


class OrganWeights(nn.Module):
    """Weights of organ channels (eq. 4), multiplied onto them (eq. 5).

    Args:
        n_organs: Number of organ channels.
    """

    def __init__(self, n_organs: int) -> None:
        super().__init__()
        if n_organs < 1:
            raise ValueError(f"the search needs organ channels, got {n_organs}")
        self.logits = nn.Parameter(torch.zeros(n_organs))

    @property
    def weights(self) -> Tensor:
        """In the order of the channels; they sum to 1."""
        return torch.softmax(self.logits, 0)

    def forward(self, organs: Tensor) -> Tensor:
        """Weight organ channels ``[B, organ, z, y, x]``."""
        return organs * self.weights.view(1, -1, *(1,) * (organs.ndim - 2)).to(organs.dtype)


class WeightedNetwork(nn.Module):
    """A network whose organ channels are weighted before it sees them.

    Args:
        network: Takes image channels first, then organ channels.
        n_images: Number of image channels.
        n_organs: Number of organ channels.
    """

    def __init__(self, network: nn.Module, n_images: int, n_organs: int) -> None:
        super().__init__()
        self.network = network
        self.n_images = n_images
        self.organ_weights = OrganWeights(n_organs)

    def forward(self, volume: Tensor) -> Tensor:
        """Ask the network about ``[B, channel, z, y, x]``."""
        images, organs = volume[:, : self.n_images], volume[:, self.n_images :]
        answer: Tensor = self.network(torch.cat([images, self.organ_weights(organs)], dim=1))
        return answer

    def network_parameters(self) -> Iterator[nn.Parameter]:
        """All but the logits."""
        return self.network.parameters()


class RankedOrgan(BaseModel):
    """One organ with the weight that the search gave it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organ: str
    weight: float


def ranked(organs: Sequence[str], weights: Sequence[float]) -> list[RankedOrgan]:
    """Organs by weight, the highest first; a tie keeps their order.

    Raises:
        ValueError: There are not as many weights as organs.
    """
    pairs = [RankedOrgan(organ=name, weight=float(each)) for name, each in zip(organs, weights, strict=True)]
    return sorted(pairs, key=lambda pair: -pair.weight)


def rank_agreement(rankings: Sequence[Sequence[str]]) -> float | None:
    """Mean Kendall's tau over all pairs of rankings of the same organs.

    Returns:
        1 where all agree, about 0 where they are random, ``None`` of fewer than two rankings.

    Raises:
        ValueError: The rankings are of different organs.
    """
    if len(rankings) < 2:
        return None
    names = sorted(rankings[0])
    if any(sorted(ranking) != names for ranking in rankings):
        raise ValueError("the rankings are of different organs")
    places = [[ranking.index(name) for name in names] for ranking in map(list, rankings)]
    return float(np.mean([kendalltau(one, other).statistic for one, other in combinations(places, 2)]))


def mean_ranking(rankings: Sequence[Sequence[RankedOrgan]]) -> list[RankedOrgan]:
    """One ranking of several searches, by mean weight.

    Raises:
        ValueError: There are none, or they are of different organs.
    """
    if not rankings:
        raise ValueError("there are no rankings")
    by_name = [{pair.organ: pair.weight for pair in ranking} for ranking in rankings]
    if any(set(one) != set(by_name[0]) for one in by_name):
        raise ValueError("the rankings are of different organs")
    names = list(by_name[0])
    return ranked(names, [float(np.mean([one[name] for one in by_name])) for name in names])
