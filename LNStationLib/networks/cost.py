"""What a network costs: parameters and multiply-adds."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
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
        multiply_adds: Multiply-adds of one forward pass of one region (convolutions and matrix products).
    """

    parameters: int
    multiply_adds: int


def network_cost(network: nn.Module, in_channels: int = 2, region: Sequence[int] = REGION) -> NetworkCost:
    """Count parameters and multiply-adds of one region of ``[in_channels, z, y, x]``."""
    was_training = network.training
    network.eval()
    region_batch = torch.zeros(1, in_channels, *region)
    takes_groups = "groups" in inspect.signature(network.forward).parameters
    arguments = {"groups": torch.zeros(1, dtype=torch.long)} if takes_groups else {}
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(region_batch, **arguments)
    network.train(was_training)
    parameters = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return NetworkCost(parameters, counter.get_total_flops() // 2)
