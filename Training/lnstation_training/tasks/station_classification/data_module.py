"""Prepared station regions of one fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lnstation_training.engine.data_module import FoldDataModule, Sampler
from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_classification.augmentation import RegionAugmentation
from lnstation_training.tasks.station_classification.channels import as_seen
from lnstation_training.tasks.station_classification.dataset import REGION, STORED_REGION, StationDataset
from lnstation_training.tasks.station_classification.samples import StationSample, read_samples
from LNStationLib.anatomy.station_groups import station_groups


class StationDataModule(FoldDataModule):
    """Training, validation and test regions of one fold.

    Args:
        folder: Of ``prepare``; holds ``splits.json`` too.
        fold: Number of the fold, from 0.
        batch_size: SA-MoE's 32 (Sec. 3).
        sampler: ``"shuffle"`` sees every region once an epoch; ``"balanced"`` draws as many positive as negative
            regions, against class imbalance.
        augment: Whether training regions are changed at random.
        flip_axes: Axes of ``[z, y, x]`` along which they are flipped.
        outline: Probability that a training station gets another outline, as parsed stations differ from drawn ones.
        n_groups: Number of station groups.
        only_group: Keep the stations of one group alone, as in the first row of Table 2; ``None`` keeps all.
        num_workers: Processes that load regions; 0 loads them in this one.
        seed: Of augmentation and of the sampler.
    """

    unit = "station"

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
        flip_axes: Sequence[int] = (2,),
        outline: float = 0.7,
    ) -> None:
        super().__init__(folder, fold, batch_size, sampler, augment, num_workers, seed)
        self.n_groups = n_groups
        self.only_group = only_group
        self._changes = RegionAugmentation(outline=outline, flip_axes=flip_axes)

    def read_samples(self) -> list[StationSample]:
        """All stations of the folder.

        Raises:
            InputError: It holds no prepared data.
        """
        return read_samples(self.folder)

    def build_dataset(self, samples: Sequence[StationSample], augment: bool) -> StationDataset:
        """Regions of labeled stations, of one group where only that is wanted."""
        dataset = StationDataset(self.folder, samples, self.n_groups, as_stored=augment)
        if self.only_group is not None:
            dataset.samples = [row for row in dataset.samples if dataset.groups[row.station] == self.only_group]
        return dataset

    def every_station(self, part: Part) -> StationDataset:
        """All stations of a part's patients, dissected or not, unchanged: for what needs no pathology.

        Their labels mean nothing.
        """
        patients = {sample.patient for sample in self.datasets[part].samples}
        chosen = [replace(sample, label=0) for sample in self.read_samples() if sample.patient in patients]
        return self.build_dataset([row for row in chosen if row.station in self._groups()], augment=False)

    def _groups(self) -> Mapping[str, int]:
        return station_groups(self.n_groups)

    def seed_changes(self, seed: int) -> None:
        """Seed the changes of training batches."""
        self._changes.seed(seed)

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Change the regions of a training batch, on its device."""
        if STORED_REGION not in batch:
            return batch
        stored = self._changes(batch.pop(STORED_REGION))
        return {**batch, REGION: as_seen(stored, self.datasets["train"].spec)}
