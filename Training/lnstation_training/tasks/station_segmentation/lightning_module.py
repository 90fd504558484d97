"""Station parsing as a Lightning module, and the search for key organs in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from lnstation_training.engine.module import Schedule
from lnstation_training.segmentation.channels import batch_channels
from lnstation_training.segmentation.dataset import ALLOWED
from lnstation_training.segmentation.module import CT_CHANNELS, SegmentationModule
from lnstation_training.segmentation.patients import STATIONS
from lnstation_training.tasks.station_segmentation.organ_channels import CHANNELS
from lnstation_training.tasks.station_segmentation.organ_search import (
    FIXED_SHARE,
    RankedOrgan,
    WeightedNetwork,
    ranked,
)
from lnstation_training.tasks.station_segmentation.organ_sets import STATION_CHOICES, StationChoice
from LNStationLib.models.package import ModelPackage, PackageError, StationSegmentation
from LNStationLib.models.package.station_segmentation import STATIONS as ROLE

_LOGITS = "organ_logits_optimizer"


class StationSegmentationModule(SegmentationModule):
    """Trains one registered network to draw stations on CT and organ channels.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        stations: The paper's 12, or all 17.
        n_organs: Number of organ channels beside the CT's two.
        search: Weight the organ channels and train the weights (eq. 4 and 5).
        search_learning_rate: Adam's, of the logits: ten times that of DARTS (3e-4), for a search of some hundred
            steps in place of many thousands.
        fixed_share: Part of the training in which the logits stay as they are.
        window: Voxels of a window along z, y, x when whole patients are segmented; the patch's size is best.
        class_weights: Weight of classes in the loss, 1 where not given.
        boundary_weight: How much more cross-entropy counts at boundaries; the paper's loss has none.
        ema_decay: Of the moving average of weights; 0 for none.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        schedule: ``"cosine"`` falls to 1 % over the steps.
        warmup_steps: Steps over which the learning rate rises.
        channels_last: Keep channels innermost in memory.
    """

    def __init__(
        self,
        network: str = "dynunet",
        network_arguments: dict[str, Any] | None = None,
        stations: StationChoice = "paper",
        n_organs: int = 22,
        search: bool = False,
        search_learning_rate: float = 3e-3,
        fixed_share: float = FIXED_SHARE,
        window: tuple[int, int, int] = (96, 112, 144),
        class_weights: dict[str, float] | None = None,
        boundary_weight: float = 0.0,
        ema_decay: float = 0.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        schedule: Schedule = "cosine",
        warmup_steps: int = 20,
        channels_last: bool = False,
    ) -> None:
        names = ("background", *STATION_CHOICES[stations])
        # Which organs they are, the data module says: a search or a segmentation may choose them.
        channels = (*CT_CHANNELS, *(f"organ {number}" for number in range(1, n_organs + 1)))
        super().__init__(
            names, STATIONS, network, network_arguments, channels, window, class_weights, boundary_weight,
            0.0 if search else ema_decay, learning_rate, weight_decay, schedule, warmup_steps, channels_last,
        )  # fmt: skip
        self.save_hyperparameters()
        self.n_organs, self.search, self.fixed_share = n_organs, search, fixed_share
        self._logit_optimizer: torch.optim.Adam | None = None
        if search:
            self._begin_search(search_learning_rate)

    def _begin_search(self, learning_rate: float) -> None:
        weighted = WeightedNetwork(self.network, len(CT_CHANNELS), self.n_organs)
        # Not of the network's optimizer: they are updated in turn with it, on other patients.
        weighted.organ_weights.logits.requires_grad_(False)
        self.network = weighted
        self._logit_optimizer = torch.optim.Adam([weighted.organ_weights.logits], lr=learning_rate)

    @classmethod
    def of_package(cls, package: ModelPackage) -> Self:
        """The network of a package.

        Raises:
            PackageError: It draws other stations than either choice here.
        """
        section, entry = package.section(StationSegmentation), package.manifest.network(ROLE)
        for choice, names in STATION_CHOICES.items():
            if list(names) == section.stations:
                arguments = {
                    key: value for key, value in entry.arguments.items() if key not in ("n_classes", "in_channels")
                }
                module = cls(entry.name, arguments, choice, len(section.organs), window=section.volumes[ROLE].patch)
                module.network.load_state_dict(package.network(ROLE).state_dict())
                return module
        raise PackageError(f"{package.path} draws stations that are neither the paper's 12 nor all 17.")

    def inputs(self, batch: Mapping[str, Any]) -> Tensor:
        """CT and organ channels of a batch, as the data module made them."""
        made = batch_channels(batch, CT_CHANNELS)
        if CHANNELS in batch:
            made = torch.cat([made, batch[CHANNELS].to(made)], 1)
        return made.contiguous(memory_format=self.memory_format)

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the loss of a batch of patches; in a search, after the logits were updated on other patients."""
        if self.search and self.done() >= self.fixed_share:
            self._update_logits()
        return super().training_step(batch, batch_index)

    def _update_logits(self) -> None:
        """One step of the logits on held-out patients, to the first order: the network stays as it is."""
        assert isinstance(self.network, WeightedNetwork)
        assert self._logit_optimizer is not None
        data, logits = self.trainer.datamodule, self.network.organ_weights.logits  # type: ignore[attr-defined]
        batch = data.logit_batch(self.trainer.global_step, self.device)
        with torch.enable_grad():
            logits.requires_grad_(True)
            loss = self.loss(self(self.inputs(batch)), batch[self.target], batch[ALLOWED])["loss"]
            (logits.grad,) = torch.autograd.grad(loss, [logits])
            logits.requires_grad_(False)
        self._logit_optimizer.step()
        logits.grad = None
        self.log_parts("search", {"loss": loss}, len(batch["patient"]))

    def ranking(self, organs: tuple[str, ...]) -> list[RankedOrgan]:
        """Organs by their weights now; empty without a search."""
        if not isinstance(self.network, WeightedNetwork):
            return []
        return ranked(organs, self.network.organ_weights.weights.tolist())

    def on_fit_end(self) -> None:
        """Keep the ranking at the end of a search, not that of the epoch with the best network."""
        if self.search and self.trainer.is_global_zero:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            data.keep_ranking(self.ranking(data.organs))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the logits' optimizer, so that a stopped search goes on as it would have."""
        if self._logit_optimizer is not None:
            checkpoint[_LOGITS] = self._logit_optimizer.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        if self._logit_optimizer is not None and _LOGITS in checkpoint:
            self._logit_optimizer.load_state_dict(checkpoint[_LOGITS])
