"""Lightning's data module over prepared regions and saved folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import lightning
import torch
from torch.utils.data import DataLoader

from lnstation_training.cohorts.splits import Fold, check_positives, read_splits
from lnstation_training.tasks.station_classification.augmentation import RegionAugmentation
from lnstation_training.tasks.station_classification.dataset import Item, StationDataset
from lnstation_training.tasks.station_classification.samples import Sample, read_samples, read_spec

Sampler = Literal["shuffle", "balanced"]
SPLITS_FILE = "splits.json"


def _seed(seed: int, epoch: int, worker: int = 0) -> int:
    return (seed * 1_000_003 + epoch * 101 + worker) % 2**31


def _seed_worker(dataset: StationDataset, seed: int, epoch: int, worker: int) -> None:
    """Let every worker change regions in its own way."""
    if dataset.augment is not None:
        dataset.augment.seed(_seed(seed, epoch, worker + 1))


class StationDataModule(lightning.LightningDataModule):
    """Training, validation and test regions of one fold.

    Args:
        folder: Of ``prepare``; holds ``splits.json`` too.
        fold: Number of the fold, from 0.
        batch_size: SA-MoE's 32 (Sec. 3).
        sampler: ``"shuffle"`` sees every region once an epoch; ``"balanced"`` draws as many positive as negative
            regions, against class imbalance.
        augment: Whether training regions are changed at random.
        n_groups: Number of station groups.
        only_group: Keep the stations of one group alone, as in the first row of Table 2; ``None`` keeps all.
        num_workers: Processes that load regions; 0 loads them in this one.
        seed: Of augmentation and of the balanced sampler.
    """

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        batch_size: int = 32,
        sampler: Sampler = "shuffle",
        augment: bool = True,
        n_groups: int = 3,
        only_group: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.fold = fold
        self.batch_size = batch_size
        self.sampler: Sampler = sampler
        self.augment = augment
        self.n_groups = n_groups
        self.only_group = only_group
        self.num_workers = num_workers
        self.seed = seed
        self.datasets: dict[str, StationDataset] = {}

    def setup(self, stage: str | None = None) -> None:
        """Read samples and folds.

        Raises:
            InputError: They cannot be read, disagree, or a part of the fold lacks a class.
        """
        if self.datasets:
            return
        samples = read_samples(self.folder)
        fold = self._fold({sample.patient for sample in samples})
        labeled = [sample for sample in samples if sample.label is not None]
        labels: dict[str, list[int]] = {}
        for sample in labeled:
            labels.setdefault(sample.patient, []).append(int(sample.label or 0))
        check_positives(fold, self.fold, labels)
        for part in ("train", "validation", "test"):
            patients = set(getattr(fold, part))
            chosen = [sample for sample in labeled if sample.patient in patients]
            augment = self._augmentation() if part == "train" and self.augment else None
            self.datasets[part] = self._dataset(chosen, augment)

    def _fold(self, patients: set[str]) -> Fold:
        splits = read_splits(self.folder / SPLITS_FILE, patients)
        if not 0 <= self.fold < splits.n_folds:
            raise ValueError(f"fold {self.fold} does not exist: there are folds 0 to {splits.n_folds - 1}")
        return splits.folds[self.fold]

    def _augmentation(self) -> RegionAugmentation:
        augmentation = RegionAugmentation(read_spec(self.folder).size)
        augmentation.seed(self.seed)
        return augmentation

    def _dataset(self, samples: Sequence[Sample], augment: RegionAugmentation | None) -> StationDataset:
        dataset = StationDataset(self.folder, samples, self.n_groups, augment)
        if self.only_group is not None:
            dataset.samples = [row for row in dataset.samples if dataset.groups[row.station] == self.only_group]
        return dataset

    def train_dataloader(self) -> DataLoader[Item]:
        """Shuffled or balanced, augmented; an incomplete last batch is dropped unless it is the only one.

        Order and augmentation follow from seed and epoch alone: a resumed run sees what it would have seen (needs
        ``reload_dataloaders_every_n_epochs=1``).
        """
        dataset, trainer = self.datasets["train"], self.trainer
        epoch, processes = (trainer.current_epoch, trainer.world_size) if trainer is not None else (0, 1)
        if dataset.augment is not None:
            dataset.augment.seed(_seed(self.seed, epoch))
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=self._order(dataset, torch.Generator().manual_seed(_seed(self.seed, epoch))),
            drop_last=len(dataset) // processes > self.batch_size,
            num_workers=self.num_workers,
            worker_init_fn=partial(_seed_worker, dataset, self.seed, epoch),
        )

    def _order(self, dataset: StationDataset, generator: torch.Generator) -> list[int]:
        """Rows of an epoch. Drawn at once: how often a loader is asked for an iterator must not change it."""
        if self.sampler == "shuffle":
            order: list[int] = torch.randperm(len(dataset), generator=generator).tolist()
            return order
        counts = Counter(sample.label for sample in dataset.samples)
        weights = torch.tensor([1.0 / counts[sample.label] for sample in dataset.samples])
        drawn: list[int] = torch.multinomial(weights, len(dataset), replacement=True, generator=generator).tolist()
        return drawn

    def loader(self, part: str) -> DataLoader[Item]:
        """Regions of a part in order, unchanged."""
        return DataLoader(self.datasets[part], self.batch_size, num_workers=self.num_workers)

    def val_dataloader(self) -> DataLoader[Item]:
        """Validation regions in order."""
        return self.loader("validation")

    def test_dataloader(self) -> DataLoader[Item]:
        """Test regions in order."""
        return self.loader("test")
