"""From patches of all stations of a patient to the N category, end to end (Engelson et al. 2026, Sec. 3, Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from LNStationLib.networks.output import StageOutput
from LNStationLib.networks.staging.station_cnn import FILTERS, StationCnn

N_STAGES = 4
"""N0 to N3."""
_SIDES = 2


class StationStager(StationCnn):
    """One classifier for all stations, and two linear layers over their logits and the tumor's side.

    Layers have the names of ``StationCnn``, whose weights it can start from. A station that was not seen gets a logit
    of its own, which is trained; the paper's patients have all stations.

    Args:
        n_stations: Stations of a patient, in the order of the package.
        in_channels: Channels of a patch.
        filters: As of ``StationCnn``.
        hidden: As of ``StationCnn``.
        dropout: As of ``StationCnn``.
        stage_hidden: Width of the first of the two linear layers; 32 in the paper.
        absent_logit: Where the logit of a station that was not seen begins; about that of a negative one.
    """

    def __init__(
        self,
        n_stations: int = 17,
        in_channels: int = 2,
        filters: Sequence[int] = FILTERS,
        hidden: int = 16,
        dropout: float = 0.1,
        stage_hidden: int = 32,
        absent_logit: float = -2.0,
    ) -> None:
        super().__init__(n_stations, in_channels, filters, hidden, dropout)
        self.absent_logit = nn.Parameter(torch.tensor(absent_logit))
        self.stage_layers = nn.Sequential(
            nn.Linear(n_stations + _SIDES, stage_hidden), nn.ReLU(), nn.Linear(stage_hidden, N_STAGES)
        )

    def forward(self, x: Tensor, groups: Tensor) -> StageOutput:  # type: ignore[override]  # another output
        """Stage patients.

        Args:
            x: ``[B, n_stations, in_channels, z, y, x]``; anything finite where a station was not seen.
            groups: int64 ``[B, 1 + n_stations]``: side of the tumor (0 right, 1 left), then 1 for every station that
                was seen, 0 for the others.
        """
        side, seen = groups[:, 0], groups[:, 1:] > 0
        logits = self.patient_logits(x)
        return StageOutput(self.stage_logits(logits, side, seen), logits)

    def example_input(self) -> tuple[Tensor, Tensor]:
        """A patient with patches of the smallest size of all stations."""
        patches = torch.zeros(1, self.n_stations, self.in_channels, *[self.least_size] * 3)
        return patches, torch.ones(1, 1 + self.n_stations, dtype=torch.long)

    def patient_logits(self, x: Tensor) -> Tensor:
        """Logits of the stations of patients, ``[B, n_stations]``."""
        station = torch.arange(self.n_stations, device=x.device).repeat(len(x))
        return self.station_logits(x.flatten(0, 1), station).view(len(x), self.n_stations)

    def stage_logits(self, logits: Tensor, side: Tensor, seen: Tensor) -> Tensor:
        """Logits of N0 to N3, ``[B, 4]``.

        Args:
            logits: Of the stations, ``[B, n_stations]``.
            side: Of the tumor, 0 right, 1 left, int64 ``[B]``.
            seen: Which stations count, bool ``[B, n_stations]``.
        """
        known = torch.where(seen, logits, self.absent_logit.expand_as(logits))
        encoded = nn.functional.one_hot(side, _SIDES).to(known)
        found: Tensor = self.stage_layers(torch.cat([known, encoded], dim=1))
        return found
