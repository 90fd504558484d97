"""Prepared volumes with the organs that a network learns."""

from __future__ import annotations

from pathlib import Path

from lnstation_training.segmentation.classes import ClassSet, class_set
from lnstation_training.segmentation.data_module import VolumeDataModule
from lnstation_training.segmentation.patients import CT, ORGANS, VolumeFile
from LNStationLib.support.types import BoolArray


class OrganDataModule(VolumeDataModule):
    """Patients of one fold with their organs.

    Args:
        folder: Prepared volumes; patients may still be drawn into it.
        fold: Number of the fold, from 0.
        classes: Name of the set of classes, as the model has it.
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

    arrays = (CT, ORGANS)

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        classes: str = "organs",
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
        super().__init__(
            folder, fold, patch, batch_size, patches_per_epoch, augment, appearance, validation_patients,
            mixed_with, mixed_fraction, draw_patients, draw_workers, draw_seed, draw_spacing_mm, first_patients,
            num_workers, seed,
        )  # fmt: skip
        self.classes: ClassSet = class_set(classes)

    def allowed(self, file: VolumeFile) -> BoolArray:
        """Classes by value of the anatomy table, as far as the patient's organs were drawn."""
        return self.classes.allowed(file.annotated)
