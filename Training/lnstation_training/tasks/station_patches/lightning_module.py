"""Training strategy 1 of Engelson et al. 2026: a CNN learns stations one by one; rules make the N category."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC, MulticlassAccuracy

from lnstation_training.engine.module import NetworkModule, Schedule
from LNStationLib.networks.output import StationOutput
from LNStationLib.sampling.station_patch import PET_CT_CHANNELS


class StationPatchModule(NetworkModule):
    """Trains one registered network on patches of stations.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        positive_weight: Weight of positive stations in the loss, beside what the sampler does.
        learning_rate: 5e-4 in the paper.
        weight_decay: 1e-3 in the paper, there with Adam; ours is decoupled (AdamW).
        schedule: ``"plateau"`` as in the paper, ``"constant"`` or ``"cosine"``.
        channels_last: Keep channels innermost in memory: on a CPU a step takes two thirds of the time.
    """

    def __init__(
        self,
        network: str = "station_cnn",
        network_arguments: dict[str, Any] | None = None,
        positive_weight: float = 1.0,
        learning_rate: float = 5e-4,
        weight_decay: float = 1e-3,
        schedule: Schedule = "plateau",
        channels_last: bool = False,
    ) -> None:
        super().__init__(
            network, network_arguments, learning_rate, weight_decay, schedule, channels_last, tuple(PET_CT_CHANNELS)
        )
        self.save_hyperparameters()
        self.positive_weight = positive_weight
        self.balanced_accuracy = MulticlassAccuracy(num_classes=2, average="macro")
        self.auc = BinaryAUROC()

    def forward(self, patch: Tensor, station: Tensor) -> StationOutput:
        """Judge patches ``[B, 2, z, y, x]`` of stations ``[B]``."""
        output: StationOutput = self.network(patch.contiguous(memory_format=self.memory_format), groups=station)
        return output

    def _loss(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        logits = self(batch["patch"], batch["station"]).logits
        weight = logits.new_tensor(self.positive_weight)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["label"], pos_weight=weight)
        return loss, logits

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        loss = self.checked_loss(self._loss(batch)[0], batch, batch_index)
        self.log_parts("train", {"loss": loss}, len(batch["label"]))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Collect loss, balanced accuracy and AUC."""
        loss, logits = self._loss(batch)
        self.log_parts("val", {"loss": loss}, len(batch["label"]))
        label = batch["label"].int()
        self.balanced_accuracy.update((logits > 0).int(), label)
        self.auc.update(logits, label)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole validation part, over all processes."""
        self.log("val_balanced_accuracy", self.balanced_accuracy.compute(), prog_bar=True)
        self.log("val_auc", self.auc.compute())
        self.balanced_accuracy.reset()
        self.auc.reset()
