"""Prepared patches of one fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from lnstation_training.engine.data_module import FoldDataModule, FoldDataset, Sampler
from lnstation_training.engine.prepared import read_geometry
from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_patches.augmentation import PatchAugmentation
from lnstation_training.tasks.station_patches.patches import PatchCutter
from lnstation_training.tasks.station_patches.samples import (
    STATIONS,
    PatchGeometry,
    PatientRecord,
    StationSample,
    Target,
    read_records,
    station_samples,
)

Sample = TypeVar("Sample")


class PatchDataset(FoldDataset, Generic[Sample]):
    """Samples whose patches are cut when they are asked for.

    Attributes:
        samples: In order.
        cutter: Draws places of patches.
    """

    def __init__(self, samples: Sequence[Sample], cutter: PatchCutter) -> None:
        self.samples = list(samples)
        self.cutter = cutter

    def seed(self, seed: int) -> None:
        """Seed the places of patches."""
        self.cutter.seed(seed)


class StationPatchDataset(PatchDataset[StationSample]):
    """Patches of stations, labeled or not."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """``patch`` ``[2, z, y, x]``, ``station`` (its number), ``label`` (0 where unknown), ``patient``."""
        sample = self.samples[index]
        return {
            "patch": self.cutter.patch(sample.patient, sample.record),
            "station": torch.tensor(STATIONS.index(sample.station)),
            "label": torch.tensor(float(sample.label or 0)),
            "patient": sample.patient,
        }


class PreparedPatients(FoldDataModule):
    """What the data of single stations and of whole patients have alike.

    Args:
        folder: Of ``prepare``; holds ``splits.json`` too.
        fold: Number of the fold, from 0.
        batch_size: Samples in a batch of one process.
        sampler: ``"balanced"`` oversamples the minority, as in the paper.
        augment: Whether training patches are changed, and their places drawn, at random.
        weighted: Whether places are drawn by eq. 1; else each patch lies at the maximum of the weights.
        num_workers: Processes that load patches; 0 loads them in this one.
        seed: Of augmentation, places and order.
        target: Whose labels and N categories count, imaging's (cN) or pathology's (pN); those of ``prepare`` where it
            is not given.
    """

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        batch_size: int = 64,
        sampler: Sampler = "balanced",
        augment: bool = True,
        weighted: bool = True,
        num_workers: int = 0,
        seed: int = 0,
        target: Target | None = None,
    ) -> None:
        super().__init__(folder, fold, batch_size, sampler, augment, num_workers, seed)
        self.weighted, self._target = weighted, target
        self.geometry = PatchGeometry()
        self.records: list[PatientRecord] = []
        self._changes: PatchAugmentation | None = None

    def setup(self, stage: str | None = None) -> None:
        """Read geometry, samples and folds.

        Raises:
            InputError: They cannot be read, disagree, or a part of the fold lacks a class.
        """
        if self.datasets:
            return
        self.geometry = read_geometry(self.folder, PatchGeometry)
        self._changes = PatchAugmentation(self.geometry.size)
        super().setup(stage)

    @property
    def target(self) -> Target:
        """Whose labels and N categories count; known after ``setup``."""
        return self._target or self.geometry.target

    def read_records(self) -> list[PatientRecord]:
        """All patients of the folder, kept for ``records_of``."""
        records = read_records(self.folder)
        self.records = [each.aimed_at(self._target) for each in records] if self._target else records
        return self.records

    def records_of(self, part: Part) -> list[PatientRecord]:
        """All patients of a part, whatever is known of them."""
        names = set(getattr(self._fold({record.patient for record in self.records}), part))
        return [record for record in self.records if record.patient in names]

    def cutter(self, augment: bool) -> PatchCutter:
        """Draws places in training alone."""
        geometry = self.geometry
        return PatchCutter(self.folder, geometry.size, geometry.spacing_mm, augment and self.weighted)

    def seed_changes(self, seed: int) -> None:
        """Seed the changes of training batches."""
        if self._changes is not None:
            self._changes.seed(seed)

    def changed(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches ``[B, 2, z, y, x]`` changed at random, in training alone."""
        training = self.trainer is not None and self.trainer.training
        return self._changes(patches) if training and self.augment and self._changes is not None else patches


class StationPatchData(PreparedPatients):
    """Training, validation and test patches of stations of one fold; arguments as ``PreparedPatients``."""

    unit = "station"
    prepared_for = ("n_staging",)

    def read_samples(self) -> list[StationSample]:
        """All stations of the folder.

        Raises:
            InputError: It holds no prepared data.
        """
        return station_samples(self.read_records())

    def build_dataset(self, samples: Sequence[StationSample], augment: bool) -> StationPatchDataset:
        """Patches of labeled stations."""
        return StationPatchDataset(samples, self.cutter(augment))

    def every_station(self, part: Part) -> StationPatchDataset:
        """Patches of all stations of a part, unlabeled ones too, at the maximum of their weights."""
        return StationPatchDataset(station_samples(self.records_of(part)), self.cutter(augment=False))

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Change a training batch on its device."""
        return {**batch, "patch": self.changed(batch["patch"])}
