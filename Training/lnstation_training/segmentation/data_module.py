"""Prepared volumes of one fold; patches are drawn on the device, and patients may still be coming."""

from __future__ import annotations

import logging
import math
import time
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from monai.transforms.compose import Compose
from torch.utils.data import DataLoader

from lnstation_training.engine.data_module import FoldDataModule, FoldDataset, derived_seed, seed_worker
from lnstation_training.engine.values import Part
from lnstation_training.segmentation.appearance.registry import Settings, drawn_patient
from lnstation_training.segmentation.dataset import SEED, BoxDataset, VolumeDataset
from lnstation_training.segmentation.folder import (
    VOLUMES_TASKS,
    VolumeSample,
    check_spacing,
    existing_samples,
    fold_of,
    spacing_of,
)
from lnstation_training.segmentation.maker import PatientMaker
from lnstation_training.segmentation.patients import CT, VolumeFile
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray

log = logging.getLogger(__name__)

_MARGIN = 1.5
"""Box over patch: what scales of 1.45 and rotations of 10 degrees may reach for, but for the outermost corners."""
_POLL_SECONDS = 1.0


class VolumeDataModule(FoldDataModule):
    """Training, validation and test patients of one fold.

    Args:
        folder: Prepared volumes; patients may still be drawn into it.
        fold: Number of the fold, from 0.
        patch: Voxels of a patch along z, y, x.
        batch_size: Patches in a batch of one process.
        patches_per_epoch: An epoch is so many patches, whatever the number of patients.
        augment: Whether appearance and shape are drawn; else a patch is cut as it is.
        appearance: Changes by name with ``prob`` and ``strength``; see ``segmentation.appearance``.
        validation_patients: At most so many are validated on, the first of the fold.
        mixed_with: Further folders of the same grid, such as real CTs; their patients are trained on too.
        mixed_fraction: How many of the patches come from them.
        draw_patients: Draw synthetic patients into ``folder``, until it has so many, while the network is trained.
        draw_workers: Processes that draw them.
        draw_seed: Decides those patients.
        draw_spacing_mm: Their grid along z, y, x.
        first_patients: Training waits until so many patients are there.
        num_workers: Processes that read boxes; 0 reads them in this one.
        seed: Of all draws.
    """

    unit = "patient"
    prepared_for = VOLUMES_TASKS

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        patch: tuple[int, int, int] = (96, 112, 144),
        batch_size: int = 2,
        patches_per_epoch: int = 500,
        augment: bool = True,
        appearance: dict[str, dict[str, float]] | None = None,
        validation_patients: int = 4,
        mixed_with: list[Path] | None = None,
        mixed_fraction: float = 0.5,
        draw_patients: int = 0,
        draw_workers: int = 1,
        draw_seed: int = 1,
        draw_spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0),
        first_patients: int = 16,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(folder, fold, batch_size, "shuffle", augment, num_workers, seed)
        self.patch = tuple(patch)
        self.patches_per_epoch = patches_per_epoch
        self.appearance: Settings | None = appearance
        self.validation_patients = validation_patients
        self.mixed_with = [Path(each) for each in mixed_with or []]
        self.mixed_fraction = mixed_fraction
        self.first_patients = first_patients
        self.maker: PatientMaker | None = None
        if draw_patients:
            self.maker = PatientMaker(self.folder, draw_patients, draw_workers, draw_seed, draw_spacing_mm)
        self._drawn: Compose | None = None

    arrays: Sequence[str] = (CT,)
    """Arrays of a patient that are read; the CT among them."""

    @abstractmethod
    def allowed(self, file: VolumeFile) -> BoolArray:
        """Classes that a voxel of each value of the label map may have in a patient: ``[256, class]``."""

    def begin(self) -> None:
        """Start to draw patients, where they are to be drawn during training."""
        if self.maker is not None:
            self.maker.start()

    def read_samples(self) -> list[VolumeSample]:
        """Patients that are there.

        Raises:
            InputError: The folder holds no prepared volumes.
        """
        return existing_samples(self.folder)

    def build_dataset(self, samples: Sequence[Any], augment: bool) -> FoldDataset:
        """Boxes to draw patches from."""
        return BoxDataset(samples, self.arrays, self.allowed, self.box_size(augment))

    def box_size(self, augment: bool) -> list[int]:
        """Voxels along z, y, x of what a patch is drawn from."""
        return [math.ceil(n * (_MARGIN if augment else 1.0)) for n in self.patch]

    def setup(self, stage: str | None = None) -> None:
        """Find the patients of the fold; wait for the first ones where they are still drawn.

        Raises:
            InputError: Faulty settings, patients of another grid, or a part of the fold has no patient.
        """
        if self.datasets:
            return
        spacing = spacing_of(self.folder)
        self._drawn = drawn_patient(self.patch, spacing, self.appearance, None if self.augment else ())
        parts = self._wait_for_first()
        for part, samples in parts.items():
            if not samples:
                raise InputError(f"Fold {self.fold} of {self.folder} has no patient in its {part} part yet.")
            check_spacing(samples[0], spacing)
        mixed = self._mixed(spacing)
        self.datasets["train"] = self.build_dataset([*parts["train"], *mixed], self.augment)
        self.datasets["validation"] = self._whole(parts["validation"][: self.validation_patients])
        self.datasets["test"] = self._whole(parts["test"])

    def _whole(self, samples: Sequence[VolumeSample]) -> VolumeDataset:
        return VolumeDataset(samples, self.arrays, self.allowed)

    def _parts(self) -> dict[Part, list[VolumeSample]]:
        """Patients that are there, by part of the fold."""
        fold = fold_of(self.folder, self.fold)
        there = {sample.patient: sample for sample in self.read_samples()}
        parts: dict[Part, list[VolumeSample]] = {}
        for part in ("train", "validation", "test"):
            parts[part] = [there[name] for name in getattr(fold, part) if name in there]
        return parts

    def _wait_for_first(self) -> dict[Part, list[VolumeSample]]:
        while True:
            parts = self._parts()
            enough = sum(map(len, parts.values())) >= self.first_patients and all(parts.values())
            if self.maker is None or enough or not self.maker.is_running():
                return self._parts()
            time.sleep(_POLL_SECONDS)

    def _mixed(self, spacing: tuple[float, float, float]) -> list[VolumeSample]:
        """Training patients of the further folders."""
        found = []
        for folder in self.mixed_with:
            train = set(fold_of(folder, self.fold).train)
            samples = [sample for sample in existing_samples(folder) if sample.patient in train]
            for sample in samples[:1]:
                check_spacing(sample, spacing)
            found += samples
        if self.mixed_with and not found:
            raise InputError(f"{', '.join(map(str, self.mixed_with))} has no training patient in fold {self.fold}.")
        return found

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Boxes of an epoch: all draws follow from seed and epoch, and patients that came meanwhile join.

        A resumed run sees what it would have seen, unless patients were still drawn.
        """
        trainer = self.trainer
        epoch = trainer.current_epoch if trainer is not None else 0
        dataset = self.datasets["train"]
        own = self._parts()["train"]
        mixed = [each for each in dataset.samples if each.path.parent.parent != self.folder]
        dataset.samples = [*own, *mixed]
        dataset.seed(derived_seed(self.seed, epoch))
        order = self._patches(len(own), len(mixed), torch.Generator().manual_seed(derived_seed(self.seed, epoch)))
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=order,
            drop_last=len(order) > self.batch_size,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=partial(seed_worker, dataset, self.seed, epoch) if self.num_workers else None,
        )

    def _patches(self, own: int, mixed: int, generator: torch.Generator) -> list[int]:
        """Which box each patch of an epoch is cut from; the number modulo all patients is the patient."""
        n, everyone = self.patches_per_epoch, own + mixed
        patients = torch.randint(own, (n,), generator=generator)
        if mixed:
            others = own + torch.randint(mixed, (n,), generator=generator)
            patients = torch.where(torch.rand(n, generator=generator) < self.mixed_fraction, others, patients)
        order: list[int] = (patients + everyone * torch.arange(n)).tolist()
        return order

    def loader(self, part: Part) -> DataLoader[dict[str, Any]]:
        """Whole patients of a part, one at a time."""
        return DataLoader(self.datasets[part], 1, num_workers=self.num_workers)

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Draw the patches of a batch on the device where it lies now; whole patients stay as they are."""
        return self.drawn(batch) if SEED in batch else batch

    def drawn(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Patches of boxes: each sample's appearance and shape follow from its seed."""
        if self._drawn is None:
            raise RuntimeError("setup comes first")
        images = [name for name, value in batch.items() if isinstance(value, torch.Tensor) and value.dim() == 5]
        made = []
        for row, seed in enumerate(batch[SEED].tolist()):
            self._drawn.set_random_state(seed)
            sample = {name: batch[name][row].float() if name == CT else batch[name][row] for name in images}
            made.append(self._drawn(sample))
        return {**batch, **{name: torch.stack([each[name] for each in made]) for name in images}}

    def teardown(self, stage: str) -> None:
        """No more patients are drawn."""
        if self.maker is not None:
            self.maker.stop()
