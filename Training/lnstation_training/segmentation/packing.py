"""What packages of all networks on volumes say and show alike: whom they learned from, and what they answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from LNStationLib.models.package import CohortSummary


def training_cohort(run: Run) -> CohortSummary:
    """The patients of a run's training part."""
    info = read_info(run.data.folder)
    n_patients = len(run.data.datasets["train"].samples)
    return CohortSummary(title=info.title, n_patients=n_patients, description=info.description)


def probe_volume(network: nn.Module, n_channels: int, size: tuple[int, int, int]) -> Tensor:
    """Logits for a fixed random volume in [-1, 1], on which a run and its package are compared.

    Args:
        network: Takes ``[batch, channel, z, y, x]``.
        n_channels: That it takes.
        size: Of the volume, z, y, x in voxels.
    """
    generator = torch.Generator().manual_seed(0)
    logits: Tensor = network(torch.rand(1, n_channels, *size, generator=generator) * 2 - 1)
    return logits
