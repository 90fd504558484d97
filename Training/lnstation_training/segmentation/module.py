"""A network that segments volumes, in training; a task says its classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from lnstation_training.engine.module import NetworkModule, Schedule, cosine
from lnstation_training.segmentation.averaging import MovingAverage
from lnstation_training.segmentation.channels import OrganSource, batch_channels
from lnstation_training.segmentation.dataset import ALLOWED
from lnstation_training.segmentation.inference import whole_labels
from lnstation_training.segmentation.losses import SegmentationLoss, allowed_classes
from lnstation_training.segmentation.scores import ClassScore, class_scores, mean_dice

CT_CHANNELS = ("ct_wide", "ct_soft")
_MM = (1.0, 1.0, 1.0)


class SegmentationModule(NetworkModule):
    """Trains one registered network on patches of volumes.

    A task gives ``names`` and ``target``; the network is told the number of classes and of channels.

    Args:
        names: Classes, the background first.
        target: Array of a batch that holds the label map.
        network: Name in the registry.
        network_arguments: Further arguments of it.
        channels: Names of the input's channels, in order.
        window: Voxels of a window along z, y, x when whole patients are segmented; the patch's size is best.
        class_weights: Weight of classes in the loss, 1 where not given.
        boundary_weight: How much more cross-entropy counts at boundaries; see ``SegmentationLoss``.
        ema_decay: Of the moving average of weights, which is what is validated and kept; 0 for none.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        schedule: ``"cosine"`` falls to 1 % over the steps, or over the seconds where they are limited.
        warmup_steps: Steps over which the learning rate rises.
        channels_last: Keep channels innermost in memory.
    """

    def __init__(
        self,
        names: Sequence[str],
        target: str,
        network: str,
        network_arguments: dict[str, Any] | None,
        channels: Sequence[str],
        window: Sequence[int],
        class_weights: Mapping[str, float] | None,
        boundary_weight: float,
        ema_decay: float,
        learning_rate: float,
        weight_decay: float,
        schedule: Schedule,
        warmup_steps: int,
        channels_last: bool,
    ) -> None:
        arguments = {**(network_arguments or {}), "n_classes": len(names), "in_channels": len(channels)}
        super().__init__(network, arguments, learning_rate, weight_decay, schedule, channels_last, channels)
        self.names, self.target, self.channels, self.window = tuple(names), target, tuple(channels), tuple(window)
        self.loss = SegmentationLoss(names, class_weights, boundary_weight)
        self.ema_decay, self.warmup_steps = ema_decay, warmup_steps
        self._scores: list[list[ClassScore]] = []

    def configure_callbacks(self) -> list[Callback]:
        """The moving average of weights, where one is kept."""
        return [MovingAverage(self.ema_decay)] if self.ema_decay > 0 else []

    def organ_source(self) -> OrganSource | None:
        """Where organs that are channels come from; ``None`` for what the batch has."""
        return None

    def inputs(self, batch: Mapping[str, Any]) -> Tensor:
        """What the network sees of a batch."""
        made = batch_channels(batch, self.channels, self.organ_source())
        return made.contiguous(memory_format=self.memory_format)

    def forward(self, channels: Tensor) -> Tensor:
        """Logits of channels ``[B, channel, z, y, x]``."""
        logits: Tensor = self.network(channels)
        return logits

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the loss of a batch of patches.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        parts = self.loss(self(self.inputs(batch)), batch[self.target], batch[ALLOWED])
        loss = self.checked_loss(parts["loss"], batch, batch_index)
        self.log_parts("train", parts, len(batch["patient"]))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Segment one whole patient and keep its Dice by class."""
        self._scores.append(self.scores(batch, _MM))

    def on_validation_epoch_end(self) -> None:
        """Log the mean Dice, and that of every class."""
        values: dict[str, list[float]] = {}
        for score in (each for patient in self._scores for each in patient):
            if score.dice is not None:
                values.setdefault(score.name, []).append(score.dice)
        for name, found in values.items():
            self.log(f"val_dice_{name}", sum(found) / len(found), sync_dist=True)
        means = [mean for mean in map(mean_dice, self._scores) if mean is not None]
        self.log("val_dice", sum(means) / len(means) if means else 0.0, prog_bar=True, sync_dist=True)
        self._scores.clear()

    def labels(self, batch: Mapping[str, Any]) -> Tensor:
        """Class of every voxel of one whole patient, uint8 ``[z, y, x]``."""
        return whole_labels(self, self.inputs(batch), self.window)

    def scores(self, batch: Mapping[str, Any], spacing_mm: Sequence[float]) -> list[ClassScore]:
        """Dice of every class in one whole patient."""
        sets = allowed_classes(batch[self.target], batch[ALLOWED])[0]
        return class_scores(self.labels(batch), sets, self.names, spacing_mm)

    def configure_optimizers(self) -> Any:
        """The optimizer with a warm-up, and a cosine over the steps or over the seconds that the trainer may take."""
        optimizer = self.optimizer_of([each for each in self.parameters() if each.requires_grad])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_at())
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def optimizer_of(self, trained: list[nn.Parameter]) -> torch.optim.Optimizer:
        """AdamW, unless a task takes another."""
        return torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=self.weight_decay)

    def _learning_rate_at(self) -> Callable[[int], float]:
        """Factor of the learning rate at a step."""

        def factor(step: int) -> float:
            warm = min(1.0, (step + 1) / max(self.warmup_steps, 1))
            return warm * (cosine(self.done()) if self.schedule == "cosine" else 1.0)

        return factor
