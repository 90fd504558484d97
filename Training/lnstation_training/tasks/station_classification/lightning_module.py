"""Station metastasis as a Lightning module (SA-MoE, Sec. 2 and 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

from lnstation_training.engine.module import NetworkModule, Schedule
from lnstation_training.tasks.station_classification.answers import ramp, router_fractions, station_logits
from lnstation_training.tasks.station_classification.channels import node_mask_of
from lnstation_training.tasks.station_classification.losses import (
    LossParts,
    MaskReduction,
    StationLoss,
    attention_inside,
)
from LNStationLib.networks.output import StationOutput
from LNStationLib.sampling.channels import STATION_CHANNELS


class StationModule(NetworkModule):
    """Trains one registered network on station regions.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        attention_weight: lambda1 of eq. 3; 0 trains without the attention loss.
        attention_ramp: Parts of the training, 0 to 1, between which that weight rises from 0 to its value: routers
            learn their groups before eq. 1 ties attention to nodes. ``(0, 0)`` has it from the start, as published.
        router_weight: lambda2 of eq. 3.
        balance_weight: Weight of V-MoE's own loss.
        tau: Of eq. 1.
        mask_reduction: How a node mask meets the coarser attention map.
        positive_weight: Weight of positive regions in the classification loss.
        learning_rate: AdamW's; the paper's 9.6e-4.
        weight_decay: AdamW's; the paper's 5e-4.
        schedule: ``"constant"`` (the paper names none) or ``"cosine"`` to 1 % over the epochs.
        channels_last: Keep channels innermost in memory: faster on a CPU (1.6 times where it was measured), the
            same numbers but for rounding.
    """

    def __init__(
        self,
        network: str = "mobilevitv2_sa_moe",
        network_arguments: dict[str, Any] | None = None,
        attention_weight: float = 0.5,
        attention_ramp: tuple[float, float] = (0.0, 0.0),
        router_weight: float = 1.0,
        balance_weight: float = 0.01,
        tau: float = 0.8,
        mask_reduction: MaskReduction = "touch",
        positive_weight: float = 1.0,
        learning_rate: float = 9.6e-4,
        weight_decay: float = 5e-4,
        schedule: Schedule = "constant",
        channels_last: bool = False,
    ) -> None:
        super().__init__(
            network, network_arguments, learning_rate, weight_decay, schedule, channels_last, STATION_CHANNELS
        )
        self.save_hyperparameters()
        self.attention_ramp = tuple(attention_ramp)
        self.loss = StationLoss(attention_weight, router_weight, balance_weight, tau, mask_reduction, positive_weight)
        self.auc = BinaryAUROC()
        self.average_precision = BinaryAveragePrecision()

    def forward(self, region: Tensor, group: Tensor, with_attention: bool = False) -> StationOutput:
        """Classify regions ``[B, 2, z, y, x]`` of station groups ``[B]``."""
        region = region.contiguous(memory_format=self.memory_format)
        output: StationOutput = self.network(region, with_attention=with_attention, groups=group)
        return output

    def losses(self, batch: dict[str, Any]) -> tuple[StationOutput, LossParts]:
        """The network's output for a batch's regions, its logits by station, and what it costs.

        A station's logit is the largest of its regions': it is positive where one of them is.
        """
        region, owner = batch["region"], batch["owner"]
        group = batch["group"][owner]
        output = self(region, group, with_attention=self.loss.needs_attention)
        judged = replace(output, logits=station_logits(output.logits, owner, len(batch["label"])))
        return judged, self.loss(judged, batch["label"], node_mask_of(region), group, self._risen())

    def _risen(self) -> float:
        """How much of the attention loss's weight counts by now, 0 to 1; all of it where nobody trains."""
        first, last = self.attention_ramp
        if last <= 0 or not self.training or self._trainer is None:
            return 1.0
        return ramp(self.done(), first, last)

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        _, parts = self.losses(batch)
        loss = self.checked_loss(parts.total, batch, batch_index)
        self.log_parts("train", parts.by_name(), len(batch["label"]))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Collect loss, AUC, average precision, attention inside nodes and routing accuracy."""
        output, parts = self.losses(batch)
        size = len(batch["label"])
        self.log_parts("val", parts.by_name(), size)
        label = batch["label"].int()
        self.auc.update(output.logits, label)
        self.average_precision.update(output.logits, label)
        if output.router_logits:
            group = batch["group"][batch["owner"]]
            right = [(logits.argmax(-1) == group[:, None]).float().mean() for logits in output.router_logits]
            self.log("val_routing_accuracy", torch.stack(right).mean(), batch_size=size, sync_dist=True)
            routed = torch.tensor(router_fractions(output.router_logits, len(group))).argmax(-1)
            stations = (routed == group.cpu()).float().mean()
            self.log("val_station_routing_accuracy", stations.to(group.device), batch_size=size, sync_dist=True)
        mask = node_mask_of(batch["region"])
        with_node = mask.flatten(1).amax(1) > 0
        if output.attention is not None and with_node.any():
            inside = attention_inside(output.attention[with_node], mask[with_node], self.loss.margin.reduction)
            self.log("val_attention_inside", inside.mean(), batch_size=int(with_node.sum()), sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole validation part, over all processes."""
        self.log("val_auc", self.auc.compute(), prog_bar=True)
        self.log("val_average_precision", self.average_precision.compute())
        self.auc.reset()
        self.average_precision.reset()
