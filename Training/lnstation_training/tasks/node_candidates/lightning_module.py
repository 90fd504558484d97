"""The second stage as a Lightning module: a patch, a box and tags to the probability of a true candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from lnstation_training.engine.module import NetworkModule, Schedule
from lnstation_training.segmentation.patients import PET, open_patient
from lnstation_training.tasks.node_detection.lightning_module import pet_statistics
from LNStationLib.models.package import ModelPackage, NodeCandidates
from LNStationLib.models.package.node_candidates import SECOND_STAGE
from LNStationLib.networks.output import NodeOutput
from LNStationLib.nodes.tags import TAGS
from LNStationLib.sampling.candidate_patch import BOX, CT
from LNStationLib.sampling.pet_and_tumor import standardized_suv
from LNStationLib.support.errors import InputError

_CHANNELS = (CT, PET, BOX)
"""Of a patch, as the data have it."""
_LOCAL_ONLY = frozenset({"random_views"})
"""Networks that take no tags."""


class NodeCandidateModule(NetworkModule):
    """Trains one registered network that judges node candidates.

    Args:
        network: Name in the registry: ``glnet`` or ``random_views``.
        network_arguments: Further arguments of it; the numbers of channels and tags are known.
        channels: Of ``ct`` and ``pet``; the box follows by itself.
        tags: Names of the tags; ``None`` for all, none for the local module alone.
        learning_rate: Adam's with decoupled weight decay (OSLN: Adam, 1e-4).
        weight_decay: Likewise.
        schedule: ``constant``, or ``cosine`` to 1 % over the epochs.

    Raises:
        InputError: An unknown channel or tag.
    """

    def __init__(
        self,
        network: str = "glnet",
        network_arguments: dict[str, Any] | None = None,
        channels: list[str] | None = None,
        tags: list[str] | None = None,
        learning_rate: float = 1e-4,
        weight_decay: float = 0.0,
        schedule: Schedule = "constant",
    ) -> None:
        names = (*(channels if channels is not None else (CT, PET)), BOX)
        told = [] if network in _LOCAL_ONLY else list(TAGS) if tags is None else tags
        _check_names(names, told)
        arguments = {**(network_arguments or {}), **({} if network in _LOCAL_ONLY else {"n_tags": len(told)})}
        super().__init__(network, arguments, learning_rate, weight_decay, schedule, channels=names)
        self.save_hyperparameters()
        self.channels, self.tags = names, told
        self.pet_suv: Tensor
        self.register_buffer("pet_suv", torch.tensor([0.0, 1.0]))
        self._answers: list[tuple[Tensor, Tensor]] = []

    @property
    def sees_pet(self) -> bool:
        """Whether PET is a channel."""
        return PET in self.channels

    def on_fit_start(self) -> None:
        """Measure mean and standard deviation of PET over the training patients."""
        if self.sees_pet:
            paths = {sample.path for sample in self.trainer.datamodule.datasets["train"].samples}  # type: ignore[attr-defined]  # Lightning's types lack it
            if any(PET in open_patient(path).names for path in paths):
                self.pet_suv.copy_(torch.tensor(pet_statistics(sorted(paths))))

    def forward(self, patch: Tensor, tags: Tensor) -> Tensor:
        """Logits of patches with all channels ``[B, ct and pet and box, z, y, x]`` and all tags ``[B, tag]``."""
        made, place = patch.clone(), _CHANNELS.index(PET)
        made[:, place] = standardized_suv(patch[:, place], *self.pet_suv.tolist())
        chosen = made[:, [_CHANNELS.index(name) for name in self.channels]]
        told = tags[:, [list(TAGS).index(name) for name in self.tags]]
        output: NodeOutput = self.network(chosen, told if self.tags else None)
        return output.logits

    def training_step(self, batch: dict[str, Any], batch_index: int) -> Tensor:
        """Return the cross-entropy of a batch.

        Raises:
            TrainingDivergedError: It is not a number.
        """
        logits = self(batch["patch"], batch["tags"])
        loss = functional.binary_cross_entropy_with_logits(logits, batch["label"])
        self.log_parts("train", {"loss": loss}, len(batch["label"]))
        return self.checked_loss(loss, batch, batch_index)

    def validation_step(self, batch: dict[str, Any], batch_index: int) -> None:
        """Keep the answers of a batch."""
        self._answers.append((self(batch["patch"], batch["tags"]).detach().float().cpu(), batch["label"].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log the cross-entropy over all candidates."""
        logits, labels = (torch.cat(each) for each in zip(*self._answers, strict=True))
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        self.log("val_loss", loss, prog_bar=True, sync_dist=True)
        self._answers.clear()

    @classmethod
    def of_package(cls, package: ModelPackage) -> Self:
        """The network of a package."""
        section, entry = package.section(NodeCandidates), package.manifest.network(SECOND_STAGE)
        known = ("n_tags", "in_channels")
        arguments = {key: value for key, value in entry.arguments.items() if key not in known}
        module = cls(entry.name, arguments, section.channels[:-1], section.tags)
        module.network.load_state_dict(package.network(SECOND_STAGE).state_dict())
        if section.patch.pet_suv is not None:
            module.pet_suv.copy_(torch.tensor(section.patch.pet_suv))
        return module


def _check_names(channels: Sequence[str], tags: Sequence[str]) -> None:
    unknown = [name for name in channels if name not in _CHANNELS] + [name for name in tags if name not in TAGS]
    if unknown or len(set(channels)) != len(channels):
        raise InputError(
            f"model.channels and model.tags: {', '.join(unknown) or 'a name twice'} is not possible; channels are "
            f"{CT} and {PET}, tags {', '.join(TAGS)}."
        )


def probabilities(module: NodeCandidateModule, batch: Mapping[str, Any], device: str) -> list[float]:
    """Probability that each candidate of a batch is true."""
    with torch.inference_mode():
        found = torch.sigmoid(module(batch["patch"].to(device), batch["tags"].to(device)).float())
    return [float(each) for each in found.cpu()]
