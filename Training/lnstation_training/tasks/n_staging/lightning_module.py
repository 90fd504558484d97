"""Training strategies 2 and 3 of Engelson et al. 2026: stations and N category together, or the N category alone."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from lnstation_training.engine.module import NetworkModule, Schedule
from lnstation_training.tasks.n_staging.data_module import UNKNOWN
from lnstation_training.tasks.n_staging.groups import group_members
from lnstation_training.tasks.n_staging.losses import LossWeights, staging_losses
from LNStationLib.networks.output import StageOutput
from LNStationLib.networks.staging.station_stager import N_STAGES
from LNStationLib.sampling.station_patch import PET_CT_CHANNELS
from LNStationLib.staging.rules import Rules


class StagingModule(NetworkModule):
    """Trains one registered network on whole patients.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        freeze_stations: Leave the classifier of stations as it is (TS 3); else all is trained end to end (TS 2).
        cross_entropy_weight: lambda 1.
        squared_weight: lambda 2.
        pseudo_weight: lambda 3; 0 trains without pseudo labels.
        station_weight: lambda 4.
        rules: Which station lies in which group, for pseudo labels.
        station_dropout: Part of the stations that the N category's layers must do without in training, so that they
            know what a missing station means; ours.
        learning_rate: 5e-4 in the paper.
        weight_decay: 1e-3 in the paper, there with Adam; ours is decoupled (AdamW).
        schedule: ``"plateau"`` as in the paper, ``"constant"`` or ``"cosine"``.
        channels_last: Keep channels innermost in memory: on a CPU a step takes two thirds of the time.
    """

    def __init__(
        self,
        network: str = "station_stager",
        network_arguments: dict[str, Any] | None = None,
        freeze_stations: bool = False,
        cross_entropy_weight: float = 0.1,
        squared_weight: float = 0.1,
        pseudo_weight: float = 0.02,
        station_weight: float = 1.0,
        rules: Rules = "tnm8",
        station_dropout: float = 0.05,
        learning_rate: float = 5e-4,
        weight_decay: float = 1e-3,
        schedule: Schedule = "plateau",
        channels_last: bool = False,
    ) -> None:
        super().__init__(
            network, network_arguments, learning_rate, weight_decay, schedule, channels_last, tuple(PET_CT_CHANNELS)
        )
        self.save_hyperparameters()
        self.freeze_stations, self.rules, self.station_dropout = freeze_stations, rules, station_dropout
        self.weights = LossWeights(cross_entropy_weight, squared_weight, pseudo_weight, station_weight)
        self.members: Tensor
        self.register_buffer("members", group_members(rules), persistent=False)
        self.station_accuracy = MulticlassAccuracy(num_classes=2, average="macro")
        self.stage_accuracy = MulticlassAccuracy(num_classes=N_STAGES, average="macro")

    def setup(self, stage: str) -> None:
        """A frozen classifier gets no gradients."""
        if stage == "fit" and self.freeze_stations:
            for part in self._of_stations():
                part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """A frozen classifier also keeps from dropping features."""
        super().train(mode)
        if mode and self.freeze_stations:
            for part in self._of_stations():
                part.eval()
        return self

    def _of_stations(self) -> list[nn.Module]:
        """The parts of the network that judge stations."""
        return [self.network.get_submodule(name) for name in ("blocks", "classifier")]

    def forward(self, patches: Tensor, told: Tensor) -> StageOutput:
        """Stage patients ``[B, L, 2, z, y, x]``; see ``StationStager.forward``."""
        output: StageOutput = self.network(patches, groups=told)
        return output

    def _answer(self, batch: dict[str, Any]) -> StageOutput:
        told = batch["told"]
        if not self.training or not self.station_dropout:
            return self(batch["patches"], told)
        kept = torch.rand(told[:, 1:].shape, device=told.device) >= self.station_dropout
        return self(batch["patches"], torch.cat([told[:, :1], told[:, 1:] * kept], dim=1))

    def _losses(self, batch: dict[str, Any]) -> tuple[StageOutput, dict[str, Tensor]]:
        output = self._answer(batch)
        parts = staging_losses(output.logits, output.station_logits, batch, self.members)
        weights = self.weights
        parts["loss"] = (
            weights.cross_entropy * parts["cross_entropy"]
            + weights.squared * parts["squared"]
            + weights.pseudo * parts["pseudo"]
            + weights.stations * parts["stations"]
        )
        return output, parts

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        _, parts = self._losses(batch)
        loss = self.checked_loss(parts["loss"], batch, batch_index)
        self.log_parts("train", parts, len(batch["label"]))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Collect losses, and balanced accuracy of stations and of N categories."""
        output, parts = self._losses(batch)
        self.log_parts("val", parts, len(batch["label"]))
        labeled, staged = batch["stations"] != UNKNOWN, batch["stage"] != UNKNOWN
        if labeled.any():
            self.station_accuracy.update((output.station_logits[labeled] > 0).long(), batch["stations"][labeled])
        if staged.any():
            self.stage_accuracy.update(output.logits[staged].argmax(dim=1), batch["stage"][staged])

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole validation part, and the mean of both, which chooses the epoch.

        The paper chooses by stations alone, which a frozen classifier leaves the same in every epoch.
        """
        found = {}
        for name, metric in (("station", self.station_accuracy), ("stage", self.stage_accuracy)):
            if metric.update_called:
                found[f"val_{name}_balanced_accuracy"] = metric.compute()
            metric.reset()
        self.log_dict(found)
        self.log("val_balanced_accuracy", torch.stack(list(found.values())).mean(), prog_bar=True)
