"""Patients of one fold for station parsing: CT and organ channels, the truth of stations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from lnstation_training.engine.data_module import FoldDataset, derived_seed
from lnstation_training.engine.values import Part
from lnstation_training.segmentation.classes import station_values
from lnstation_training.segmentation.data_module import VolumeDataModule
from lnstation_training.segmentation.folder import VolumeSample
from lnstation_training.segmentation.patients import CT, ORGANS, STATIONS, VolumeFile, open_patient
from lnstation_training.tasks.station_segmentation.organ_channels import (
    CHANNELS,
    array_name,
    channels_of_batch,
    mean_organ_dice,
)
from lnstation_training.tasks.station_segmentation.organ_search import RankedOrgan
from lnstation_training.tasks.station_segmentation.organ_sets import (
    STATION_CHOICES,
    OrganChoice,
    OrganSource,
    StationChoice,
    chosen_organs,
)
from LNStationLib import anatomy
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import BoolArray

_SEARCHES = "searches"
_LOGIT_STREAM = 97
"""In place of the number of a process that reads boxes, of which there are never so many."""


class StationVolumes(VolumeDataModule):
    """Training, validation and test patients of one fold.

    Args:
        folder: Prepared volumes with stations.
        fold: Number of the fold, from 0.
        stations: The paper's 12, or all 17.
        organs: Whose channels the network gets.
        n_organs: The first so many of the choice; all where ``None``.
        organ_source: Where channels come from.
        hard_organs: Channels of 0 and 1 in place of probabilities.
        held_out: Part of the training patients on whom a search trains its logits, and nothing else.
        search_seed: Which search ``organs="searched"`` follows: that of this ``seed`` on the same fold.
        comparators: Methods without training that are scored on the same patients: ``margins``, ``iaslc_rules``.
        kwargs: Of ``VolumeDataModule``.
    """

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        stations: StationChoice = "paper",
        organs: OrganChoice = "all",
        n_organs: int | None = None,
        organ_source: OrganSource = "predicted",
        hard_organs: bool = False,
        held_out: float = 0.0,
        search_seed: int = 0,
        comparators: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(folder, fold, **kwargs)
        self.stations: StationChoice = stations
        self.choice: OrganChoice = organs
        self.n_organs = n_organs
        self.organ_source: OrganSource = organ_source
        self.hard_organs = hard_organs
        self.held_out = held_out
        self.search_seed = search_seed
        self.comparators = list(comparators or [])
        self.organs: tuple[str, ...] = ()
        self._held: FoldDataset | None = None

    @property
    def station_names(self) -> tuple[str, ...]:
        """Stations that are drawn, in the order of classes."""
        return STATION_CHOICES[self.stations]

    def setup(self, stage: str | None = None) -> None:
        """Choose the organs, then as any volumes.

        Raises:
            InputError: What the choice rests on is missing, or a patient lacks the organs or the stations.
        """
        if self.datasets:
            return
        self.organs = self._chosen()
        stored = [] if self.organ_source == "true" else [array_name(each, self.organ_source) for each in self.organs]
        self.arrays = (CT, ORGANS, STATIONS, *stored)
        super().setup(stage)
        for dataset in self.datasets.values():
            _check_arrays(dataset.samples[0], self.arrays)

    def _chosen(self) -> tuple[str, ...]:
        searched = dice = None
        if self.choice == "searched":
            path = _search_file(self.folder, self.fold, self.search_seed)
            searched = [each.organ for each in read_ranking(path)] if path.exists() else None
        if self.choice == "best_segmented":
            train = [sample.patient for sample in self._parts()["train"]]
            dice = mean_organ_dice(self.folder, self.organ_source, train) or None
        return chosen_organs(self.choice, self.n_organs, searched, dice)

    def allowed(self, file: VolumeFile) -> BoolArray:
        """One class for each station that is drawn; the others are background."""
        classes = np.zeros(len(station_values()), np.uint8)
        for number, name in enumerate(self.station_names, start=1):
            classes[anatomy.station(name).label_value] = number
        table: BoolArray = np.eye(len(self.station_names) + 1, dtype=bool)[classes]
        return table

    def _parts(self) -> dict[Part, list[VolumeSample]]:
        parts = super()._parts()
        held = {sample.patient for sample in self._held_out(parts["train"])}
        return {**parts, "train": [sample for sample in parts["train"] if sample.patient not in held]}

    def _held_out(self, train: list[VolumeSample]) -> list[VolumeSample]:
        """Training patients that a search keeps for its logits: at least one where any are wanted."""
        if self.held_out <= 0:
            return []
        count = max(1, round(self.held_out * len(train)))
        order = np.random.default_rng(self.seed).permutation(len(train))[:count]
        return [train[place] for place in sorted(order.tolist())]

    def logit_batch(self, number: int, device: torch.device) -> dict[str, Any]:
        """A batch of drawn patches of the patients that are held out.

        Args:
            number: Of the batch; it decides the draws, so that a resumed search sees what it would have seen.
            device: Where the batch is drawn.

        Raises:
            InputError: No patient is held out.
        """
        if self._held is None:
            held = self._held_out(super()._parts()["train"])
            if not held:
                raise InputError("a search needs patients for its logits: set data.held_out to 0.2.")
            self._held = self.build_dataset(held, self.augment)
            # Another stream of draws than that of the network's own patients.
            self._held.seed(derived_seed(self.seed, 0, worker=_LOGIT_STREAM))
        batch = default_collate([self._held[number * self.batch_size + row] for row in range(self.batch_size)])
        moved = {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in batch.items()}
        return self.on_after_batch_transfer(moved, 0)

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Draw patches as for any volumes, then make the organ channels of what was drawn."""
        return self.with_organs(super().on_after_batch_transfer(batch, dataloader_idx))

    def with_organs(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch with its organ channels, where the network gets any."""
        if not self.organs or CHANNELS in batch:
            return batch
        return {**batch, CHANNELS: channels_of_batch(batch, self.organs, self.organ_source, self.hard_organs)}

    def keep_ranking(self, ranking: list[RankedOrgan]) -> Path:
        """Write the ranking of a search for the runs that follow it."""
        path = _search_file(self.folder, self.fold, self.seed)
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, json.dumps([each.model_dump() for each in ranking], indent=1) + "\n")
        return path


def _search_file(folder: Path, fold: int, seed: int) -> Path:
    return folder / _SEARCHES / f"fold_{fold}_seed_{seed}.json"


def read_ranking(path: Path) -> list[RankedOrgan]:
    """The ranking of a search.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return [RankedOrgan.model_validate(each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not the ranking of a search: run the row of the search again.") from error


def _check_arrays(sample: VolumeSample, wanted: tuple[str, ...]) -> None:
    missing = sorted(set(wanted) - set(open_patient(sample.path).names))
    if missing:
        raise InputError(
            f"{sample.path} lacks {', '.join(missing[:3])}: run train organ-channels on its folder, or choose "
            "data.organ_source true."
        )
