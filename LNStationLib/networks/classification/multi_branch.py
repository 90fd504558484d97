"""One trunk and a branch for every station group: the multi-branch row of SA-MoE's Table 2."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from LNStationLib.networks.classification.attention_map import aggregated
from LNStationLib.networks.classification.feed_forward import RoutingRecord
from LNStationLib.networks.classification.mobilevitv2 import PAPER_WIDTH, STRIDES, MobileViTv2
from LNStationLib.networks.layers import Stride
from LNStationLib.networks.output import StationOutput


class MultiBranchMobileViTv2(nn.Module):
    """MobileViTv2 whose last stage and head exist once for every station group.

    After the distance-gated branches of Zhu et al. 2020. Branching at the last stage is what the paper's parameter
    count (35.15 M) points to. A sample's branch is that of its true group, in training and evaluation: the station is
    known.

    Args:
        in_channels: Channels of the input.
        width: Multiplies every channel count.
        strides: As in ``MobileViTv2``.
        n_groups: Number of station groups.
    """

    needs_groups = True

    def __init__(
        self,
        in_channels: int = 2,
        width: float = PAPER_WIDTH,
        strides: Sequence[Stride] = STRIDES,
        n_groups: int = 3,
    ) -> None:
        super().__init__()
        self.trunk = MobileViTv2(in_channels, width, strides)
        down, block, head = self.trunk.downs.pop(-1), self.trunk.blocks.pop(-1), self.trunk.head
        self.trunk.head = nn.Sequential()
        self.branches = nn.ModuleList(
            nn.ModuleDict({"down": copy.deepcopy(down), "block": copy.deepcopy(block), "head": copy.deepcopy(head)})
            for _ in range(n_groups)
        )

    def forward(self, x: Tensor, with_attention: bool = False, groups: Tensor | None = None) -> StationOutput:
        """Classify regions ``[B, in_channels, z, y, x]`` of the station groups ``[B]``.

        Raises:
            ValueError: ``groups`` is missing.
        """
        if groups is None:
            raise ValueError("the multi-branch network needs the station group of every sample")
        record = RoutingRecord.empty()
        features, maps = self.trunk.stem(x), []
        for down, block in zip(self.trunk.downs, self.trunk.blocks, strict=True):
            features, attention = block(down(features), record)
            maps.append(attention)
        logits, last = self._branch(features, groups, record)
        return StationOutput(logits, aggregated([*maps, last]) if with_attention else None)

    def _branch(self, features: Tensor, groups: Tensor, record: RoutingRecord) -> tuple[Tensor, Tensor]:
        order, logits, maps = [], [], []
        for number in range(len(self.branches)):
            branch: Any = self.branches[number]
            chosen = (groups == number).nonzero().squeeze(1)
            if len(chosen) == 0:
                continue
            y, attention = branch["block"](branch["down"](features[chosen]), record)
            order.append(chosen)
            logits.append(branch["head"](y).squeeze(1))
            maps.append(attention)
        back = torch.cat(order).argsort()
        return torch.cat(logits)[back], torch.cat(maps)[back]
