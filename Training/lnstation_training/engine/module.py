"""The part of a Lightning module that every task shares: one registered network, its optimizer, and a sane loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import lightning
import torch
from lightning.pytorch.callbacks import Timer
from torch import Tensor, nn

from LNStationLib.models.package import ModelPackage
from LNStationLib.networks.registry import build_network, unpacked_arguments
from LNStationLib.support.errors import InputError

Schedule = Literal["constant", "cosine", "plateau"]
_FINAL_LEARNING_RATE = 0.01
"""Of the initial one, at the end of a cosine schedule."""
_PATIENTS_NAMED = 8
_PLATEAU_EPOCHS, _PLATEAU_FACTOR = 10, 0.5
"""Epochs without gain until the learning rate is halved: a third of the usual patience of 30, so that a plateau is
left twice before a run ends."""


class TrainingDivergedError(InputError):
    """The loss is not a number any more."""


def with_memory_format(network: nn.Module, memory_format: torch.memory_format) -> nn.Module:
    """Lay a network's weights out in memory; the same network is returned."""
    moved: nn.Module = network.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's types lack it
    return moved


def cosine(done: float) -> float:
    """Factor of the learning rate of a cosine schedule, from 1 to 1 %.

    Args:
        done: How much of the training is done, 0 to 1.
    """
    return max(_FINAL_LEARNING_RATE, 0.5 * (1 + math.cos(math.pi * done)))


class NetworkModule(lightning.LightningModule):
    """A registered network in training; a task adds its loss and metrics.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        schedule: ``"constant"``, ``"cosine"`` to 1 % over the epochs, or ``"plateau"``: halved where the validation
            loss does not fall any more.
        channels_last: Keep channels innermost in memory.
        channels: Names of the input's channels, in order; ``None`` for those that the network has by default.
    """

    def __init__(
        self,
        network: str,
        network_arguments: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: Schedule = "constant",
        channels_last: bool = False,
        channels: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.network_name = network
        self.network_arguments = dict(network_arguments or {})
        self.network = build_network(network, network_arguments, channels)
        self.memory_format = torch.channels_last_3d if channels_last else torch.contiguous_format
        with_memory_format(self.network, self.memory_format)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule: Schedule = schedule

    @property
    def networks(self) -> list[nn.Module]:
        """All networks that are trained."""
        return [self.network]

    @classmethod
    def of_package(cls, package: ModelPackage) -> Self:
        """A module with the network of a package and its weights.

        Raises:
            PackageError: The package cannot be used.
        """
        (entry,) = package.manifest.networks
        module = cls(network=entry.name, network_arguments=unpacked_arguments(entry.name, entry.arguments))
        module.network.load_state_dict(package.network().state_dict())
        return module

    def done(self) -> float:
        """How much of the training is done, 0 to 1: by the clock where its time is limited, else by steps."""
        trainer = self.trainer
        timer = next((each for each in trainer.callbacks if isinstance(each, Timer)), None)  # type: ignore[attr-defined]  # Lightning's types lack it
        if timer is not None and timer.time_remaining() is not None:
            elapsed, remaining = timer.time_elapsed(), timer.time_remaining() or 0.0
            return min(1.0, elapsed / max(elapsed + remaining, 1e-6))
        return min(1.0, trainer.global_step / max(float(trainer.estimated_stepping_batches), 1.0))

    def checked_loss(self, loss: Tensor, batch: Mapping[str, Any], batch_index: int) -> Tensor:
        """The loss as it is.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        if not math.isfinite(loss.item()):
            patients = ", ".join(sorted(set(batch["patient"]))[:_PATIENTS_NAMED])
            raise TrainingDivergedError(
                f"The loss is {loss.item()} in epoch {self.current_epoch}, batch {batch_index} (patients "
                f"{patients}): check these patients' samples, lower the learning rate, or train in "
                "single precision."
            )
        return loss

    def log_parts(self, stage: str, parts: Mapping[str, Tensor | None], size: int) -> None:
        """Log the mean of every part of the loss over an epoch; parts that are ``None`` are left out."""
        for name, value in parts.items():
            if value is not None:
                self.log(
                    f"{stage}_{name}", value.detach(), on_step=False, on_epoch=True, batch_size=size, sync_dist=True
                )

    def configure_optimizers(self) -> Any:
        """AdamW, with a schedule where asked for."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        if self.schedule == "constant":
            return optimizer
        if self.schedule == "plateau":
            falling = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=_PLATEAU_FACTOR, patience=_PLATEAU_EPOCHS
            )
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": falling, "monitor": "val_loss"}}
        epochs, lowest = self.trainer.max_epochs or 1, self.learning_rate * _FINAL_LEARNING_RATE
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, lowest)
        return {"optimizer": optimizer, "lr_scheduler": schedule}
