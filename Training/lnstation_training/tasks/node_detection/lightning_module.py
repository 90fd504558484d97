"""Node detection by segmentation as a Lightning module."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from lnstation_training.engine.module import Schedule
from lnstation_training.evaluation.detection import mean_recall_at
from lnstation_training.segmentation.channels import OrganSource, true_context
from lnstation_training.segmentation.inference import whole_logits
from lnstation_training.segmentation.module import CT_CHANNELS, SegmentationModule
from lnstation_training.segmentation.patients import NODE_KINDS, Triple
from lnstation_training.tasks.node_detection.context import drawn_context
from lnstation_training.tasks.node_detection.scoring import PatientDetections, detections_of
from LNStationLib.models.package import ModelPackage, NodeDetection
from LNStationLib.models.package.node_detection import CLASSES, NODE, NODES
from LNStationLib.sampling.volume import GROUP_CHANNELS, STATIONS

_OVERLAP = 0.25
"""Of windows, as in use."""
CONTEXT_CHANNELS = (*GROUP_CHANNELS, STATIONS)


class NodeDetectionModule(SegmentationModule):
    """Trains one registered network on patches of CTs with nodes.

    Classes are background, node and look-alike: what a reader may take for a node has a class of its own, so that the
    network must learn what tells the two apart, and is weighted like a node.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it; the numbers of channels and classes are known.
        context: Whether organs and stations are channels beside the CT.
        spacing_mm: Voxel size along z, y, x, as the data's.
        probable: A voxel from this probability on belongs to a candidate; a package takes what is best on validation
            patients.
        window: Voxels of a window along z, y, x when whole regions are segmented; the patch's size is best.
        class_weights: Weight of classes in the loss, 1 where not given.
        boundary_weight: How much more cross-entropy counts at boundaries.
        ema_decay: Of the moving average of weights; 0 for none.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        schedule: ``"cosine"`` falls to 1 % over the steps, or over the seconds where they are limited.
        warmup_steps: Steps over which the learning rate rises.
        channels_last: Keep channels innermost in memory.
    """

    def __init__(
        self,
        network: str = "dynunet",
        network_arguments: dict[str, Any] | None = None,
        context: bool = True,
        spacing_mm: tuple[float, float, float] = (2.0, 1.5, 1.5),
        probable: float = 0.5,
        window: tuple[int, int, int] = (48, 80, 80),
        class_weights: dict[str, float] | None = None,
        boundary_weight: float = 1.0,
        ema_decay: float = 0.995,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        schedule: Schedule = "cosine",
        warmup_steps: int = 100,
        channels_last: bool = False,
    ) -> None:
        channels = (*CT_CHANNELS, *CONTEXT_CHANNELS) if context else CT_CHANNELS
        super().__init__(
            CLASSES, NODE_KINDS, network, network_arguments, channels, window, class_weights, boundary_weight,
            ema_decay, learning_rate, weight_decay, schedule, warmup_steps, channels_last,
        )  # fmt: skip
        self.save_hyperparameters()
        z, y, x = spacing_mm
        self.spacing_mm: Triple = (z, y, x)
        self.probable = probable
        self._found: list[PatientDetections] = []

    def organ_source(self) -> OrganSource:
        """Organs and stations, in training as unsure as they are in use."""
        return drawn_context if self.training else true_context

    def probabilities(self, batch: Mapping[str, Any]) -> Tensor:
        """Probability of a node at every voxel of one patient's region, float32 ``[z, y, x]``."""
        logits = whole_logits(self, self.inputs(batch), self.window, _OVERLAP)[0].float()
        return functional.softmax(logits, 0)[CLASSES.index(NODE)]

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Find the nodes of one patient."""
        with torch.inference_mode():
            self._found.append(detections_of(batch, self.probabilities(batch), self.spacing_mm, self.probable))

    def on_validation_epoch_end(self) -> None:
        """Log the mean recall at 2, 3, 4 and 6 false positives a patient."""
        recall = mean_recall_at([each.hits for each in self._found])
        self.log("val_mfroc", 0.0 if math.isnan(recall) else recall, prog_bar=True, sync_dist=True)
        self._found.clear()

    @classmethod
    def of_package(cls, package: ModelPackage) -> Self:
        """The network of a package."""
        section = package.section(NodeDetection)
        entry = package.manifest.network(NODES)
        arguments = {key: value for key, value in entry.arguments.items() if key not in ("n_classes", "in_channels")}
        spec = section.volumes[NODES]
        module = cls(entry.name, arguments, STATIONS in spec.channels, spec.spacing_mm, section.probable, spec.patch)
        module.network.load_state_dict(package.network(NODES).state_dict())
        return module
