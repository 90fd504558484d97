"""A network's logit as MONAI's class activation maps want it: the score of the one class."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class ScoreOfClass(nn.Module):
    """Logits ``[B, 1]`` of a classifier.

    Args:
        network: Its output has ``logits``, ``[B]``.
    """

    PART = "network"
    """Name of the network within."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Score patches ``[B, channel, z, y, x]``."""
        output: Any = self.network(x)
        logits: Tensor = output.logits
        return logits[:, None]
