"""What a network costs: parameters and multiply-adds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

REGION = (32, 96, 96)
"""Voxels along z, y, x of the paper's region of 96x96x32 (SA-MoE, Sec. 3)."""


@dataclass(frozen=True)
class NetworkCost:
    """Cost of one network.

    Attributes:
        parameters: Number of trained parameters.
        multiply_adds: Multiply-adds of one forward pass of one input (convolutions and matrix products).
        shape: Of that input, without the batch.
    """

    parameters: int
    multiply_adds: int
    shape: tuple[int, ...]


def network_cost(network: nn.Module, in_channels: int = 2, region: Sequence[int] = REGION) -> NetworkCost:
    """Count parameters and multiply-adds of one region of ``[in_channels, z, y, x]``.

    A network whose input is no such region has a method ``example_input``, which gives one.
    """
    was_training = network.training
    network.eval()
    batch, groups = _example(network, in_channels, region)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(batch, **({} if groups is None else {"groups": groups}))
    network.train(was_training)
    parameters = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return NetworkCost(parameters, counter.get_total_flops() // 2, tuple(batch.shape[1:]))


def _example(network: nn.Module, in_channels: int, region: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor | None]:
    own: Callable[[], tuple[torch.Tensor, torch.Tensor | None]] | None = getattr(network, "example_input", None)
    if own is not None:
        return own()
    batch = torch.zeros(1, in_channels, *region)
    takes_groups = "groups" in inspect.signature(network.forward).parameters
    return batch, torch.zeros(1, dtype=torch.long) if takes_groups else None
