"""Node detection by segmentation as a Lightning module: one network, or several that are fused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lnstation_training.engine.module import Schedule, with_memory_format
from lnstation_training.evaluation.detection import mean_recall_at
from lnstation_training.segmentation.channels import OrganSource, batch_channels, true_context
from lnstation_training.segmentation.inference import whole_logits
from lnstation_training.segmentation.module import CT_CHANNELS, SegmentationModule
from lnstation_training.segmentation.patients import (
    NODE_KINDS,
    PET,
    TUMOR_DISTANCE,
    Triple,
    distance_of,
    open_patient,
    suv_of,
)
from lnstation_training.tasks.node_detection.context import drawn_context
from lnstation_training.tasks.node_detection.scoring import PatientDetections, detections_of
from lnstation_training.tasks.node_detection.targets import target_of
from LNStationLib.models.package import ModelPackage, NodeDetection
from LNStationLib.models.package.node_detection import CLASSES, NODE
from LNStationLib.models.package.node_streams import NODES, STREAMS, best_fusion
from LNStationLib.networks.registry import build_network
from LNStationLib.nodes.from_network.fusion import fused
from LNStationLib.sampling.pet_and_tumor import NEAR_MM, scaled_distance, standardized_suv
from LNStationLib.sampling.volume import GROUP_CHANNELS, STATIONS, VolumeSpec
from LNStationLib.support.errors import InputError

_OVERLAP = 0.25
"""Of windows, as in use."""
CONTEXT_CHANNELS = (*GROUP_CHANNELS, STATIONS)
Optimizer = Literal["adamw", "radam"]
_PET_STRIDE = 3
"""Every third voxel along each axis tells mean and spread of PET well enough."""


class NodeDetectionModule(SegmentationModule):
    """Trains registered networks on patches of CTs with nodes: that of visible nodes, or streams of significant ones.

    Classes are background, node and look-alike: what a reader may take for a node has a class of its own, so that the
    network must learn what tells the two apart, and is weighted like a node. Several networks are trained side by
    side on the same patches; they share no weight, and each has its own loss and its own clipping of gradients.

    Args:
        network: Name in the registry.
        network_arguments: Further arguments of it; the numbers of channels and classes are known.
        streams: Roles of the networks: ``nodes`` for visible nodes, or some of ``ct``, ``ct_near``, ``ct_far``,
            ``pet``, ``pet_near`` and ``pet_far`` for significant ones.
        near_mm: Up to this distance from the tumor a node is near.
        masked: Whether a stratified network answers in its own zone alone, or everywhere, as OSLN's eq. 2 is printed.
        context: Whether organs and stations are channels beside the CT.
        spacing_mm: Voxel size along z, y, x, as the data's.
        probable: A voxel from this probability on belongs to a candidate; a package takes what is best on validation
            patients.
        window: Voxels of a window along z, y, x when whole regions are segmented; the patch's size is best.
        class_weights: Weight of classes in the loss, 1 where not given.
        boundary_weight: How much more cross-entropy counts at boundaries.
        ema_decay: Of the moving average of weights; 0 for none.
        optimizer: ``adamw``, or ``radam`` as in OSLN (with decoupled weight decay).
        learning_rate: The optimizer's.
        weight_decay: Likewise.
        schedule: ``"cosine"`` falls to 1 % over the steps, or over the seconds where they are limited.
        warmup_steps: Steps over which the learning rate rises.
        channels_last: Keep channels innermost in memory.

    Raises:
        InputError: A stream is unknown or named twice, or ``nodes`` is trained with others.
    """

    def __init__(
        self,
        network: str = "dynunet",
        network_arguments: dict[str, Any] | None = None,
        streams: list[str] | None = None,
        near_mm: float = NEAR_MM,
        masked: bool = True,
        context: bool = True,
        spacing_mm: tuple[float, float, float] = (2.0, 1.5, 1.5),
        probable: float = 0.5,
        window: tuple[int, int, int] = (48, 80, 80),
        class_weights: dict[str, float] | None = None,
        boundary_weight: float = 1.0,
        ema_decay: float = 0.995,
        optimizer: Optimizer = "adamw",
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        schedule: Schedule = "cosine",
        warmup_steps: int = 100,
        channels_last: bool = False,
    ) -> None:
        roles = _checked_roles(streams or [NODES])
        channels = {role: role_channels(role, context) for role in roles}
        super().__init__(
            CLASSES, NODE_KINDS, network, network_arguments, channels[roles[0]], window, class_weights,
            boundary_weight, ema_decay, learning_rate, weight_decay, schedule, warmup_steps, channels_last,
        )  # fmt: skip
        self.save_hyperparameters()
        z, y, x = spacing_mm
        self.spacing_mm: Triple = (z, y, x)
        self.probable, self.near_mm, self.masked = probable, near_mm, masked
        self.roles, self.role_channels, self.optimizer_name = roles, channels, optimizer
        self.others = nn.ModuleDict({role: self._built(role) for role in roles[1:]})
        self.pet_suv: Tensor
        self.register_buffer("pet_suv", torch.tensor([1.0, 1.0]))
        self._found: list[PatientDetections] = []

    def _built(self, role: str) -> nn.Module:
        arguments = {**self.network_arguments, "in_channels": len(self.role_channels[role])}
        return with_memory_format(
            build_network(self.network_name, arguments, self.role_channels[role]), self.memory_format
        )

    @property
    def networks(self) -> list[nn.Module]:
        """In the order of their roles."""
        return [self.network_of(role) for role in self.roles]

    @property
    def finds_visible(self) -> bool:
        """Whether its network is that of visible nodes."""
        return self.roles == (NODES,)

    @property
    def sees_pet(self) -> bool:
        """Whether a network of it has PET and the distance to the tumor as channels."""
        return any(role in STREAMS and STREAMS[role].with_pet for role in self.roles)

    def network_of(self, role: str) -> nn.Module:
        """The network of a role."""
        return self.network if role == self.roles[0] else self.others[role]

    def volume_spec(self, role: str) -> VolumeSpec:
        """How the network of a role sees a scan, as a package says it."""
        mean, deviation = self.pet_suv.tolist()
        channels = self.role_channels[role]
        pet_suv = (mean, deviation) if PET in channels else None
        return VolumeSpec(spacing_mm=self.spacing_mm, patch=self.window, channels=channels, pet_suv=pet_suv)

    def on_fit_start(self) -> None:
        """Measure mean and standard deviation of PET over the training patients."""
        if self.sees_pet:
            samples = self.trainer.datamodule.datasets["train"].samples  # type: ignore[attr-defined]  # Lightning's types lack it
            self.pet_suv.copy_(torch.tensor(pet_statistics([sample.path for sample in samples])))

    def organ_source(self) -> OrganSource:
        """Organs and stations, in training as unsure as they are in use; PET and tumor as they are stored."""
        context = drawn_context if self.training else true_context
        mean, deviation = self.pet_suv.tolist()

        def source(batch: Mapping[str, Any], name: str) -> Tensor:
            if name == PET:
                return standardized_suv(suv_of(batch[PET]), mean, deviation)
            if name == TUMOR_DISTANCE:
                return scaled_distance(distance_of(batch[TUMOR_DISTANCE]))
            return context(batch, name)

        return source

    def inputs_of(self, batch: Mapping[str, Any], role: str) -> Tensor:
        """What the network of a role sees of a batch."""
        made = batch_channels(batch, self.role_channels[role], self.organ_source())
        return made.contiguous(memory_format=self.memory_format)

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the summed loss of all networks on a batch of patches.

        Raises:
            TrainingDivergedError: It is not a number; the message names the batch's patients.
        """
        total = torch.zeros((), device=self.device)
        for role in self.roles:
            values, allowed = target_of(batch, role, self.near_mm)
            parts = self.loss(self.network_of(role)(self.inputs_of(batch, role)), values, allowed)
            self.log_parts("train" if role == NODES else f"train_{role}", parts, len(batch["patient"]))
            total = total + parts["loss"]
        self.log_parts("train", {"loss": total} if not self.finds_visible else {}, len(batch["patient"]))
        return self.checked_loss(total, batch, batch_index)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip each network's gradients by their own norm, so that none of them slows the others."""
        if gradient_clip_val:
            for role in self.roles:
                nn.utils.clip_grad_norm_(self.network_of(role).parameters(), gradient_clip_val)

    def probabilities(self, batch: Mapping[str, Any], role: str) -> Tensor:
        """Probability of a node at every voxel of one patient's region by one network, float32 ``[z, y, x]``."""
        logits = whole_logits(self.network_of(role), self.inputs_of(batch, role), self.window, _OVERLAP)[0].float()
        return functional.softmax(logits, 0)[CLASSES.index(NODE)]

    def answers(self, batch: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``probabilities`` of every network, by role."""
        return {role: self.probabilities(batch, role).cpu().numpy() for role in self.roles}

    def combined(
        self, answers: Mapping[str, np.ndarray], batch: Mapping[str, Any], roles: Sequence[str], masked: bool
    ) -> np.ndarray:
        """Fused answers of some networks, ``[z, y, x]``; that of visible nodes as it is."""
        if self.finds_visible:
            return answers[NODES]
        distance = distance_of(batch[TUMOR_DISTANCE])[0, 0].cpu().numpy()
        covers = (batch[PET] >= 0)[0, 0].cpu().numpy()
        return fused({role: answers[role] for role in roles}, distance, self.near_mm, masked, covers)

    def detections(self, batch: Mapping[str, Any]) -> PatientDetections:
        """Candidates of one patient by all networks together, held to the truth."""
        answers = self.answers(batch)
        found = self.combined(answers, batch, best_fusion(self.roles), self.masked)
        return detections_of(batch, found, self.spacing_mm, self.probable, not self.finds_visible)

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Find the nodes of one patient."""
        with torch.inference_mode():
            self._found.append(self.detections(batch))

    def on_validation_epoch_end(self) -> None:
        """Log the mean recall at 2, 3, 4 and 6 false positives a patient."""
        recall = mean_recall_at([each.hits for each in self._found])
        self.log("val_mfroc", 0.0 if math.isnan(recall) else recall, prog_bar=True, sync_dist=True)
        self._found.clear()

    def optimizer_of(self, trained: list[nn.Parameter]) -> torch.optim.Optimizer:
        """AdamW, or RAdam (Liu et al. 2020), which OSLN trains with."""
        if self.optimizer_name == "adamw":
            return super().optimizer_of(trained)
        return torch.optim.RAdam(
            trained, lr=self.learning_rate, weight_decay=self.weight_decay, decoupled_weight_decay=True
        )

    @classmethod
    def of_package(cls, package: ModelPackage) -> Self:
        """The networks of a package: its streams, or without any the one of visible nodes.

        Raises:
            InputError: Its streams are different networks.
        """
        section = package.section(NodeDetection)
        roles = list(section.streams) or [NODES]
        entry, spec = package.manifest.network(roles[0]), section.volumes[roles[0]]
        arguments = {key: value for key, value in entry.arguments.items() if key not in ("n_classes", "in_channels")}
        said = section.significant
        module = cls(
            entry.name, arguments, roles, NEAR_MM if said is None else said.near_mm, said is None or said.masked,
            STATIONS in spec.channels, spec.spacing_mm, section.probable if said is None else said.probable,
            spec.patch,
        )  # fmt: skip
        for role in roles:
            module.network_of(role).load_state_dict(package.network(role).state_dict())
        standardized = [each.pet_suv for each in section.volumes.values() if each.pet_suv is not None]
        if standardized:
            module.pet_suv.copy_(torch.tensor(standardized[0]))
        return module


def role_channels(role: str, context: bool) -> tuple[str, ...]:
    """Channels of the network of a role, in order."""
    pet = (PET, TUMOR_DISTANCE) if role in STREAMS and STREAMS[role].with_pet else ()
    return (*CT_CHANNELS, *pet, *(CONTEXT_CHANNELS if context else ()))


def pet_statistics(paths: Sequence[Path]) -> tuple[float, float]:
    """Mean and standard deviation of SUV over patients (OSLN, Sec. 4.1), voxels without PET left out.

    Raises:
        InputError: No patient has PET.
    """
    files = [open_patient(path) for path in paths]
    found = [
        suv_of(file.read(PET)[::_PET_STRIDE, ::_PET_STRIDE, ::_PET_STRIDE]) for file in files if PET in file.names
    ]
    values = torch.cat([each[~each.isnan()] for each in found]) if found else torch.zeros(0)
    if len(values) < 2:
        raise InputError("No training patient has PET: make them with --with-pet, or train streams of CT alone.")
    return float(values.mean()), max(float(values.std()), 1e-3)


def _checked_roles(streams: Sequence[str]) -> tuple[str, ...]:
    known = (NODES, *STREAMS)
    unknown = [role for role in streams if role not in known]
    if unknown or len(set(streams)) != len(streams):
        raise InputError(f"model.streams must name some of {', '.join(known)}, each once; got {', '.join(streams)}.")
    if NODES in streams and len(streams) > 1:
        raise InputError("model.streams: the network of visible nodes is trained by itself; join the packages later.")
    return tuple(streams)
