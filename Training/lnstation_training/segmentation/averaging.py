"""Exponential moving average of weights, whose memory grows with training."""

from __future__ import annotations

from lightning.pytorch.callbacks.weight_averaging import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Lightning's weight averaging, with a decay that starts low: ``min(decay, (1 + n) / (10 + n))``.

    A constant decay of 0.999 would keep a thousand steps of random weights in a run of ten minutes (the ramp is that
    of Tarvainen and Valpola 2017). Validation and checkpoints use the average.

    Args:
        decay: Part of the average that stays at a step.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

        def average(kept: Tensor, current: Tensor, n_averaged: Tensor | int) -> Tensor:
            if not kept.is_floating_point():
                return current
            n = float(n_averaged)
            weight = min(decay, (1 + n) / (10 + n))
            return kept * weight + current * (1 - weight)

        super().__init__(avg_fn=average)
