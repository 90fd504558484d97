"""A plain CNN for patches of stations on PET/CT, told which station it sees (Engelson et al. 2026, Sec. 3, Fig. 3).

The paper gives six convolutions with 8 to 256 channels, instance normalization, max pooling, ReLU, dropout, and
1.18 million parameters; the width of the layers after them is ours, chosen so that the count agrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from LNStationLib.networks.output import StationOutput

FILTERS = (8, 16, 32, 64, 128, 256)


class StationCnn(nn.Module):
    """Judges patches; the station's number is joined to the features as one of ``n_stations``.

    Args:
        n_stations: How many stations are told apart.
        in_channels: Channels of a patch.
        filters: Channels of each block; every block halves the patch, so patches have at least ``2 ** blocks`` voxels
            along each axis.
        hidden: Width of the layer between features and logit.
        dropout: Probability of losing a feature map, or a feature.
    """

    def __init__(
        self,
        n_stations: int = 17,
        in_channels: int = 2,
        filters: Sequence[int] = FILTERS,
        hidden: int = 16,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        widths = [in_channels, *filters]
        self.n_stations, self.in_channels = n_stations, in_channels
        self.least_size = 2 ** len(filters)
        self.blocks = nn.Sequential(*(_block(*pair, dropout=dropout) for pair in pairwise(widths)))
        self.classifier = nn.Sequential(
            nn.Linear(widths[-1] + n_stations, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )

    def forward(self, x: Tensor, groups: Tensor) -> StationOutput:
        """Judge patches.

        Args:
            x: ``[B, in_channels, z, y, x]``.
            groups: Number of each patch's station, int64 ``[B]``, 0 to ``n_stations - 1``.

        Raises:
            ValueError: Patches are too small for the blocks.
        """
        return StationOutput(self.station_logits(x, groups))

    def example_input(self) -> tuple[Tensor, Tensor]:
        """A patch of the smallest size, and its station."""
        return torch.zeros(1, self.in_channels, *[self.least_size] * 3), torch.zeros(1, dtype=torch.long)

    def station_logits(self, x: Tensor, station: Tensor) -> Tensor:
        """Logits of metastasis, ``[B]``; arguments as ``forward``."""
        if min(x.shape[2:]) < self.least_size:
            raise ValueError(f"patches of {tuple(x.shape[2:])} voxels are smaller than {self.least_size}")
        features = self.blocks(x).mean(dim=(2, 3, 4))
        encoded = nn.functional.one_hot(station, self.n_stations).to(features)
        logits: Tensor = self.classifier(torch.cat([features, encoded], dim=1)).squeeze(1)
        return logits


def _block(channels_in: int, channels_out: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, padding=1),
        nn.InstanceNorm3d(channels_out, affine=True),
        nn.MaxPool3d(2),
        nn.ReLU(inplace=True),
        nn.Dropout3d(dropout),
    )
