"""Prepared volumes with their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lnstation_training.engine.data_module import FoldDataset
from lnstation_training.segmentation.data_module import VolumeDataModule
from lnstation_training.segmentation.dataset import VolumeDataset
from lnstation_training.segmentation.folder import VolumeSample
from lnstation_training.segmentation.patients import (
    CT,
    NODE_KINDS,
    NODES,
    ORGANS,
    PET,
    SIGNIFICANT,
    STATIONS,
    TUMOR_DISTANCE,
    VolumeFile,
    open_patient,
)
from lnstation_training.tasks.node_detection.datasets import NodeBoxDataset, RegionDataset
from lnstation_training.tasks.node_detection.targets import allowed_kinds
from LNStationLib.support.types import BoolArray


class NodeVolumes(VolumeDataModule):
    """Patients of one fold with their nodes.

    Args:
        folder: Prepared volumes; patients may still be drawn into it.
        fold: Number of the fold, from 0.
        patch: Voxels of a patch along z, y, x.
        batch_size: Patches in a batch of one process.
        patches_per_epoch: An epoch is so many patches, whatever the number of patients.
        augment: Whether appearance and shape are drawn; else a patch is cut as it is.
        appearance: Changes by name with ``prob`` and ``strength``; see ``segmentation.appearance``.
        near_nodes: How many of the patches are centered near a node or a look-alike.
        near_significant: How many of those near a significant node, in patients with PET.
        baselines: Whether figures of significant nodes have those of the blob detector and the PET threshold beside
            them.
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

    arrays = (CT, ORGANS, STATIONS, NODE_KINDS)
    significant_arrays = (PET, TUMOR_DISTANCE, SIGNIFICANT)
    """What patients of a cohort with PET have beside those."""

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        patch: tuple[int, int, int] = (48, 80, 80),
        batch_size: int = 2,
        patches_per_epoch: int = 500,
        augment: bool = True,
        appearance: dict[str, dict[str, float]] | None = None,
        near_nodes: float = 0.6,
        near_significant: float = 0.5,
        baselines: bool = False,
        validation_patients: int = 8,
        mixed_with: list[Path] | None = None,
        mixed_fraction: float = 0.5,
        draw_patients: int = 0,
        draw_workers: int = 1,
        draw_seed: int = 1,
        draw_spacing_mm: tuple[float, float, float] = (2.0, 1.5, 1.5),
        first_patients: int = 16,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            folder, fold, patch, batch_size, patches_per_epoch, augment, appearance, validation_patients,
            mixed_with, mixed_fraction, draw_patients, draw_workers, draw_seed, draw_spacing_mm, first_patients,
            num_workers, seed,
        )  # fmt: skip
        self.near_nodes, self.near_significant, self.baselines = near_nodes, near_significant, baselines

    def all_arrays(self, samples: Sequence[VolumeSample]) -> tuple[str, ...]:
        """What is read of every patient: PET, tumor and significance where the first one has them."""
        named = open_patient(samples[0].path).names if samples else ()
        return (*self.arrays, *(name for name in self.significant_arrays if name in named))

    def allowed(self, file: VolumeFile) -> BoolArray:
        """Classes by kind of node: one too small to count may be called a node or not."""
        return allowed_kinds()

    def build_dataset(self, samples: Sequence[Any], augment: bool) -> FoldDataset:
        """Boxes around nodes and anywhere in the stations."""
        arrays, size = self.all_arrays(samples), self.box_size(augment)
        return NodeBoxDataset(samples, arrays, self.allowed, size, self.near_nodes, self.near_significant)

    def _whole(self, samples: Sequence[VolumeSample]) -> VolumeDataset:
        return RegionDataset(samples, (*self.all_arrays(samples), NODES), self.allowed)
