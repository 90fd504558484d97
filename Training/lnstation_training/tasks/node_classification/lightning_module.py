"""Node metastasis as a Lightning module: supervised, and with unlabeled nodes by several methods (PGLS, Sec. 2)."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

from lnstation_training.engine.module import NetworkModule, Schedule
from lnstation_training.tasks.node_classification.losses import ramp_up, supervised_loss
from lnstation_training.tasks.node_classification.samples import NodeSample
from lnstation_training.tasks.node_classification.semi_supervised import (
    Consistency,
    MethodName,
    Step,
    semi_supervised,
)
from lnstation_training.tasks.node_classification.sharpening import PseudoLabelAudit, audit, pseudo_labels
from LNStationLib.networks.output import NodeOutput
from LNStationLib.sampling.node_patch import PATCH_CHANNELS

Optimizer = Literal["sgd", "adamw"]
_MOMENTUM = 0.9
"""SGD's; the paper gives none."""
_FINAL_LEARNING_RATE = 0.01
"""Of the initial one, at the end of a cosine schedule."""
_MEMORY = "semi_supervised"


class NodeModule(NetworkModule):
    """Trains one registered network on patches of nodes.

    ``network`` is what is validated, evaluated and packaged. With a teacher that is the teacher, and what learns is a
    second network of its kind, ``learner``.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it.
        method: How unlabeled nodes are used; all but ``"supervised"`` need ``data.unlabeled_batch_size``.
        consistency: Of the mean teacher: ``"kl"`` as in PGLS (eq. 3), or ``"squared"`` as in the original.
        consistency_weight: Of the method's loss, once ramped up.
        ramp_up_epochs: Over which that weight rises (w of eq. 3).
        ema: alpha of eq. 2.
        sharpening_weight: omega of eq. 3; 0 trains without pseudo labels.
        beta: Probability above which a node of a metastatic station is pseudo-positive.
        gamma: Probability below which a node of a station without metastasis is pseudo-negative.
        positive_weight: Weight of metastatic nodes in the classification loss.
        optimizer: ``"sgd"`` as in the paper, or ``"adamw"``.
        learning_rate: The paper's 3.2e-4, for networks that come from ImageNet; 1.28e-4 in its second stage.
        weight_decay: The paper gives none.
        schedule: ``"cosine"`` to 1 % over the epochs, as in the paper, or ``"constant"``.
    """

    def __init__(
        self,
        network: str = "node_slices",
        network_arguments: dict[str, Any] | None = None,
        method: MethodName = "supervised",
        consistency: Consistency = "kl",
        consistency_weight: float = 1.0,
        ramp_up_epochs: float = 80.0,
        ema: float = 0.999,
        sharpening_weight: float = 0.0,
        beta: float = 0.7,
        gamma: float = 0.3,
        positive_weight: float = 1.0,
        optimizer: Optimizer = "sgd",
        learning_rate: float = 3.2e-4,
        weight_decay: float = 0.0,
        schedule: Schedule = "cosine",
    ) -> None:
        super().__init__(
            network, network_arguments, learning_rate, weight_decay, schedule, channels=tuple(PATCH_CHANNELS)
        )
        self.save_hyperparameters()
        self.method_name: MethodName = method
        self.method = semi_supervised(method, consistency)
        self.student = copy.deepcopy(self.network) if self.method is not None and self.method.has_teacher else None
        self.consistency_weight, self.ramp_up_epochs = consistency_weight, ramp_up_epochs
        self.ema = ema
        self.sharpening_weight, self.beta, self.gamma = sharpening_weight, beta, gamma
        self.positive_weight = positive_weight
        self.optimizer: Optimizer = optimizer
        self.auc = BinaryAUROC()
        self.average_precision = BinaryAveragePrecision()
        self._audit: PseudoLabelAudit | None = None

    @property
    def learner(self) -> nn.Module:
        """What the optimizer moves."""
        return self.network if self.student is None else self.student

    def forward(self, patch: Tensor) -> NodeOutput:
        """Judge patches ``[B, 2, z, y, x]``."""
        output: NodeOutput = self.network(patch)
        return output

    def teach(self, patch: Tensor) -> NodeOutput:
        """The network's answer as it stands, without dropout, batch statistics and gradients."""
        training = self.network.training
        self.network.eval()
        with torch.no_grad():
            output: NodeOutput = self.network(patch)
        self.network.train(training)
        return output

    def setup(self, stage: str) -> None:
        """A teacher gets no gradients."""
        if stage == "fit" and self.student is not None:
            self.network.requires_grad_(False)

    def on_train_start(self) -> None:
        """Teacher and student start alike (PGLS, Sec. 2.2), from whatever weights the run starts from."""
        if self.student is not None and self.trainer.global_step == 0:
            self.student.load_state_dict(self.network.state_dict())

    def on_train_epoch_start(self) -> None:
        """Log size and purity of the pseudo labels of this epoch."""
        if self._audit is not None:
            self.log_dict(self._audit.figures(), on_step=False, on_epoch=True)

    def pseudo_labels(self, batches: Iterable[Mapping[str, Any]], samples: Sequence[NodeSample]) -> np.ndarray:
        """Pseudo labels of unlabeled nodes by the network as it stands; see ``sharpening.pseudo_labels``.

        Args:
            batches: The nodes' patches, unchanged, in order.
            samples: The nodes.
        """
        answers = [self.teach(batch["patch"].to(self.device)).logits.sigmoid() for batch in batches]
        labels = pseudo_labels(torch.cat(answers).cpu().numpy(), samples, self.beta, self.gamma)
        self._audit = audit(labels, samples)
        return labels

    def losses(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """The parts of eq. 3 that a batch has, weighted; a batch of labeled nodes alone has the first.

        Args:
            batch: Of labeled nodes; or batches named ``labeled``, ``unlabeled`` and, with pseudo labels, ``pseudo``.
        """
        labeled = batch.get("labeled", batch)
        answer = self.learner(labeled["patch"])
        parts = {"supervised": supervised_loss(answer, labeled["label"], self.positive_weight)}
        if self.method is not None:
            step = Step(self.learner, self.teach, labeled, answer, batch["unlabeled"])
            weight = self.consistency_weight * ramp_up(self.current_epoch, self.ramp_up_epochs)
            parts["consistency"] = weight * self.method.loss(step)
        if "pseudo" in batch:
            pseudo = batch["pseudo"]
            cost = supervised_loss(self.learner(pseudo["patch"]), pseudo["label"], self.positive_weight)
            parts["sharpening"] = self.sharpening_weight * cost
        return parts

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        labeled, parts = batch.get("labeled", batch), self.losses(batch)
        loss = self.checked_loss(torch.stack(list(parts.values())).sum(), labeled, batch_index)
        self.log_parts("train", {"loss": loss, **parts}, len(labeled["label"]))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """The teacher follows the student (eq. 2)."""
        if self.student is not None:
            follow(self.network, self.student, self.ema)

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Collect loss, AUC and average precision."""
        output, label = self(batch["patch"]), batch["label"]
        self.log_parts("val", {"loss": supervised_loss(output, label, self.positive_weight)}, len(label))
        self.auc.update(output.logits, label.int())
        self.average_precision.update(output.logits, label.int())

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole validation part, over all processes."""
        self.log("val_auc", self.auc.compute(), prog_bar=True)
        self.log("val_average_precision", self.average_precision.compute())
        self.auc.reset()
        self.average_precision.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the method's memory, so that a resumed run goes on as it would have."""
        if self.method is not None:
            checkpoint[_MEMORY] = self.method.memory()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the method's memory up again."""
        if self.method is not None and _MEMORY in checkpoint:
            self.method.recall(checkpoint[_MEMORY])

    def configure_optimizers(self) -> Any:
        """SGD or AdamW over what learns, with a cosine schedule where asked for."""
        parameters = self.learner.parameters()
        optimizer: torch.optim.Optimizer
        if self.optimizer == "sgd":
            optimizer = torch.optim.SGD(parameters, self.learning_rate, _MOMENTUM, weight_decay=self.weight_decay)
        else:
            optimizer = torch.optim.AdamW(parameters, self.learning_rate, weight_decay=self.weight_decay)
        if self.schedule == "constant":
            return optimizer
        epochs, lowest = self.trainer.max_epochs or 1, self.learning_rate * _FINAL_LEARNING_RATE
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, lowest)
        return {"optimizer": optimizer, "lr_scheduler": schedule}


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, alpha: float) -> None:
    """Move a teacher towards its student: ``alpha * teacher + (1 - alpha) * student`` (eq. 2), statistics too.

    Raises:
        ValueError: ``alpha`` is not from 0 to 1.
    """
    if not (0 <= alpha <= 1 and math.isfinite(alpha)):
        raise ValueError(f"ema must be from 0 to 1, got {alpha}")
    for own, other in zip(teacher.state_dict().values(), student.state_dict().values(), strict=True):
        if own.is_floating_point():
            own.lerp_(other, 1 - alpha)
        else:
            own.copy_(other)
