"""Lightning's data module over prepared samples and saved folds, for any task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from lnstation_training.cohorts.splits import SPLITS_FILE, Fold, check_positives, read_splits
from lnstation_training.engine.values import Part

Sampler = Literal["shuffle", "balanced"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


def derived_seed(seed: int, epoch: int, worker: int = 0) -> int:
    """A seed for an epoch and a process that loads samples."""
    return (seed * 1_000_003 + epoch * 101 + worker) % 2**31


def seed_worker(dataset: FoldDataset, seed: int, epoch: int, worker: int) -> None:
    """Let every worker change samples in its own way."""
    dataset.seed(derived_seed(seed, epoch, worker + 1))


class FoldDataset(Dataset[dict[str, Any]], ABC):
    """Labeled samples of one part of a fold.

    An item is a dictionary of tensors with at least ``label`` and the string ``patient``.

    Attributes:
        samples: In order; each has ``patient`` and ``label``.
    """

    samples: list[Any]

    def __len__(self) -> int:
        return len(self.samples)

    def seed(self, seed: int) -> None:  # most have nothing to do
        """Seed random changes of items; nothing to do where there are none."""

    def collate(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Items as a batch; stacked, where a task has no other way."""
        batch: dict[str, Any] = default_collate(list(items))
        return batch


class FoldDataModule(lightning.LightningDataModule, ABC):
    """Training, validation and test samples of one fold.

    Args:
        folder: Of ``prepare``; holds ``splits.json`` too.
        fold: Number of the fold, from 0.
        batch_size: Samples in a batch of one process.
        sampler: ``"shuffle"`` sees every sample once an epoch; ``"balanced"`` draws as many positive as negative
            ones, against class imbalance.
        augment: Whether training samples are changed at random.
        num_workers: Processes that load samples; 0 loads them in this one.
        seed: Of augmentation and of the sampler.
    """

    unit = "sample"
    """What a sample is, for messages."""
    prepared_for: tuple[str, ...] = ()
    """Further tasks whose prepared data can be read."""

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        batch_size: int = 32,
        sampler: Sampler = "shuffle",
        augment: bool = True,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.fold = fold
        self.batch_size = batch_size
        self.sampler: Sampler = sampler
        self.augment = augment
        self.num_workers = num_workers
        self.seed = seed
        self.datasets: dict[str, Any] = {}

    def begin(self) -> None:
        """Called before anything of the folder is read; nothing to do where it is whole."""

    @abstractmethod
    def read_samples(self) -> Sequence[Any]:
        """All samples of the folder.

        Raises:
            InputError: It holds no prepared data.
        """

    @abstractmethod
    def build_dataset(self, samples: Sequence[Any], augment: bool) -> FoldDataset:
        """A dataset of labeled samples, changed at random where ``augment``."""

    def balanced_by(self, sample: Any) -> int:
        """The class of a sample, of which a balanced epoch holds as many as of any other: its label."""
        label: int = sample.label
        return label

    def seed_changes(self, seed: int) -> None:
        """Seed random changes of whole batches; nothing to do where there are none."""

    def setup(self, stage: str | None = None) -> None:
        """Read samples and folds.

        Raises:
            InputError: They cannot be read, disagree, or a part of the fold lacks a class.
        """
        if self.datasets:
            return
        samples = self.read_samples()
        fold = self._fold({sample.patient for sample in samples})
        labeled = [sample for sample in samples if sample.label is not None]
        labels: dict[str, list[int]] = {}
        for sample in labeled:
            labels.setdefault(sample.patient, []).append(int(sample.label))
        check_positives(fold, self.fold, labels, self.unit)
        for part in PARTS:
            patients = set(getattr(fold, part))
            chosen = [sample for sample in labeled if sample.patient in patients]
            self.datasets[part] = self.build_dataset(chosen, part == "train" and self.augment)
            self.datasets[part].seed(self.seed)

    def _fold(self, patients: set[str]) -> Fold:
        splits = read_splits(self.folder / SPLITS_FILE, patients)
        if not 0 <= self.fold < splits.n_folds:
            raise ValueError(f"fold {self.fold} does not exist: there are folds 0 to {splits.n_folds - 1}")
        return splits.folds[self.fold]

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Shuffled or balanced, augmented; an incomplete last batch is dropped unless it is the only one.

        Order and augmentation follow from seed and epoch alone: a resumed run sees what it would have seen (needs
        ``reload_dataloaders_every_n_epochs=1``).
        """
        dataset, trainer = self.datasets["train"], self.trainer
        epoch, processes = (trainer.current_epoch, trainer.world_size) if trainer is not None else (0, 1)
        dataset.seed(derived_seed(self.seed, epoch))
        self.seed_changes(derived_seed(self.seed, epoch, self._rank()))
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=self._order(dataset, torch.Generator().manual_seed(derived_seed(self.seed, epoch))),
            drop_last=len(dataset) // processes > self.batch_size,
            num_workers=self.num_workers,
            worker_init_fn=partial(seed_worker, dataset, self.seed, epoch),
            collate_fn=dataset.collate,
        )

    def _rank(self) -> int:
        """Number of this process among those that train together: each changes its batches in its own way."""
        return 0 if self.trainer is None else self.trainer.global_rank

    def _order(self, dataset: FoldDataset, generator: torch.Generator) -> list[int]:
        """Rows of an epoch. Drawn at once: how often a loader is asked for an iterator must not change it."""
        if self.sampler == "shuffle":
            order: list[int] = torch.randperm(len(dataset), generator=generator).tolist()
            return order
        classes = [self.balanced_by(sample) for sample in dataset.samples]
        counts = Counter(classes)
        weights = torch.tensor([1.0 / counts[each] for each in classes])
        drawn: list[int] = torch.multinomial(weights, len(dataset), replacement=True, generator=generator).tolist()
        return drawn

    def loader(self, part: Part) -> DataLoader[dict[str, Any]]:
        """Samples of a part in order, unchanged."""
        dataset = self.datasets[part]
        return DataLoader(dataset, self.batch_size, num_workers=self.num_workers, collate_fn=dataset.collate)

    def val_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Validation samples in order."""
        return self.loader("validation")

    def test_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Test samples in order."""
        return self.loader("test")
