"""Prepared patches of one fold, and the unlabeled nodes beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch.utils.data import DataLoader

from lnstation_training.engine.data_module import FoldDataModule, Sampler, derived_seed
from lnstation_training.engine.values import Part
from lnstation_training.tasks.node_classification.augmentation import PatchAugmentation, Strength
from lnstation_training.tasks.node_classification.dataset import NodeDataset
from lnstation_training.tasks.node_classification.samples import NodeSample, read_samples
from lnstation_training.tasks.node_classification.sharpening import drawn_evenly
from LNStationLib.support.errors import InputError

_UNLABELED = "unlabeled"
_PREDICTING = 64
"""Nodes at a time where no gradients are kept."""


class NodeDataModule(FoldDataModule):
    """Training, validation and test patches of one fold.

    Unlabeled nodes train in every fold, but for those of patients that this fold validates or tests on. An epoch is
    one pass over the labeled nodes.

    Args:
        folder: Of ``prepare``; holds ``splits.json`` too.
        fold: Number of the fold, from 0.
        batch_size: Labeled nodes in a batch; PGLS's 32, and 16 in its second stage.
        sampler: ``"shuffle"`` sees every labeled node once an epoch; ``"balanced"`` draws as many positive as
            negative ones, against class imbalance.
        augment: Whether training patches are changed at random.
        unlabeled_batch_size: Unlabeled nodes in a batch; PGLS's 112 in its second stage, 0 for supervised training.
        pseudo_batch_size: Nodes with a pseudo label in a batch, drawn evenly from both classes. PGLS draws "a fixed
            number" an epoch, which it does not give.
        num_workers: Processes that load patches; 0 loads them in this one.
        seed: Of augmentation and of the order.
    """

    unit = "node"

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        batch_size: int = 32,
        sampler: Sampler = "shuffle",
        augment: bool = True,
        unlabeled_batch_size: int = 0,
        pseudo_batch_size: int = 16,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(folder, fold, batch_size, sampler, augment, num_workers, seed)
        self.unlabeled_batch_size = unlabeled_batch_size
        self.pseudo_batch_size = pseudo_batch_size
        self.unlabeled: list[NodeSample] = []
        self._changes: dict[Strength, PatchAugmentation] = {
            each: PatchAugmentation(each) for each in get_args(Strength)
        }

    def read_samples(self) -> list[NodeSample]:
        """All nodes of the folder that are not left out.

        Raises:
            InputError: It holds no prepared data.
        """
        return [sample for sample in read_samples(self.folder) if not sample.excluded]

    def build_dataset(self, samples: Sequence[NodeSample], augment: bool) -> NodeDataset:
        """Patches of labeled nodes; those of training change batch by batch."""
        return NodeDataset(self.folder, samples)

    def seed_changes(self, seed: int) -> None:
        """Seed the changes of training batches."""
        for number, changes in enumerate(self._changes.values()):
            changes.seed(seed + number)

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Change a training batch on its device; unlabeled nodes become two views."""
        if self.trainer is None or not self.trainer.training:
            return batch
        if _UNLABELED not in batch:
            return self._changed(batch)
        known = {name: self._changed(part) for name, part in batch.items() if name != _UNLABELED}
        return {**known, _UNLABELED: self._two_views(batch[_UNLABELED])}

    def _changed(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "patch": self._changes["weak"](batch["patch"])} if self.augment else batch

    def _two_views(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Both changed; the second strongly where the method wants it."""
        module: Any = self.trainer.lightning_module  # type: ignore[union-attr]  # the trainer asks for batches
        second: Strength = "strong" if module.method.strong_view else "weak"
        patch = batch["patch"]
        return {**batch, "patch": self._changes["weak"](patch), "second": self._changes[second](patch)}

    def setup(self, stage: str | None = None) -> None:
        """Read samples and folds, and find the unlabeled nodes.

        Raises:
            InputError: They cannot be read, disagree, a part of the fold lacks a class, or unlabeled nodes are wanted
                and there are none.
        """
        super().setup(stage)
        held_out = {sample.patient for part in ("validation", "test") for sample in self.datasets[part].samples}
        self.unlabeled = [each for each in self.read_samples() if each.label is None and each.patient not in held_out]
        if self.unlabeled_batch_size and not self.unlabeled:
            raise InputError(
                f"{self.folder} has no unlabeled nodes to train with: prepare it with labeled_patients below 1, or "
                "set data.unlabeled_batch_size to 0."
            )

    def nodes_of(self, part: Part) -> NodeDataset:
        """All nodes of the patients of a part, labeled or not, unchanged, in order."""
        patients = {sample.patient for sample in self.datasets[part].samples}
        return NodeDataset(self.folder, [each for each in self.read_samples() if each.patient in patients])

    def in_order(self, dataset: NodeDataset) -> DataLoader[dict[str, Any]]:
        """Batches of a dataset in order, as large as memory easily holds."""
        return DataLoader(dataset, _PREDICTING, num_workers=self.num_workers)

    def train_dataloader(self) -> Any:
        """Labeled nodes; with a semi-supervised method also unlabeled ones and those with a pseudo label, by name."""
        if not self.unlabeled_batch_size:
            return super().train_dataloader()
        module: Any = self.trainer.lightning_module  # type: ignore[union-attr]  # the trainer asks for loaders
        epoch, labeled = self.trainer.current_epoch, self.datasets["train"]  # type: ignore[union-attr]
        generator = torch.Generator().manual_seed(derived_seed(self.seed, epoch))
        steps = math.ceil(len(labeled) / self.batch_size)
        order = self._order(labeled, generator)
        self.seed_changes(derived_seed(self.seed, epoch, self._rank()))
        loaders = {
            "labeled": self._loader(labeled, _cycled(order, steps * self.batch_size), self.batch_size),
            _UNLABELED: self._unlabeled(steps, generator),
        }
        if module.sharpening_weight:
            loaders |= self._pseudo(module, steps, epoch)
        return loaders

    def _unlabeled(self, steps: int, generator: torch.Generator) -> DataLoader[Any]:
        """Random orders of all nodes one after another until the epoch is filled."""
        count, order = steps * self.unlabeled_batch_size, list[int]()
        while len(order) < count:
            order += torch.randperm(len(self.unlabeled), generator=generator).tolist()
        return self._loader(NodeDataset(self.folder, self.unlabeled), order[:count], self.unlabeled_batch_size)

    def _pseudo(self, module: Any, steps: int, epoch: int) -> dict[str, DataLoader[Any]]:
        """Nodes with a pseudo label, given by the teacher at the start of every epoch; empty where it gives none."""
        plain = NodeDataset(self.folder, self.unlabeled)
        labels = module.pseudo_labels(self.in_order(plain), self.unlabeled)
        draw = np.random.default_rng(derived_seed(self.seed, epoch))
        rows = drawn_evenly(labels, steps * self.pseudo_batch_size, draw)
        if not rows.size:
            return {}
        dataset = NodeDataset(self.folder, self.unlabeled, labels.tolist())
        return {"pseudo": self._loader(dataset, rows.tolist(), self.pseudo_batch_size)}

    def _loader(self, dataset: NodeDataset, order: list[int], size: int) -> DataLoader[Any]:
        return DataLoader(dataset, size, sampler=order, num_workers=self.num_workers)


def _cycled(order: list[int], count: int) -> list[int]:
    return (order * math.ceil(count / len(order)))[:count]
