"""Whole patients of one fold: patches of all stations, whatever is known of stations and N category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lnstation_training.engine.data_module import Sampler
from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_patches.data_module import PatchDataset, PreparedPatients
from lnstation_training.tasks.station_patches.samples import STATIONS, PatientRecord, Target
from LNStationLib.sampling.station_patch import PET_CT_CHANNELS

SIDES = ("R", "L")
"""In the order of the numbers that the network is told."""
UNKNOWN = -1
"""Label of a station, or N category, that is not known; never a negative one."""
_OF_STATIONS_ALONE = (4, 5)
"""Classes of oversampling of patients without an N category: no positive station, or some."""


@dataclass(frozen=True)
class PatientSample:
    """One patient.

    Attributes:
        record: What is known.
    """

    record: PatientRecord

    @property
    def patient(self) -> str:
        """Identifier of the patient."""
        return self.record.patient

    @property
    def label(self) -> int | None:
        """1 with nodal metastases, 0 without; ``None`` where nothing is known."""
        if self.record.stage is not None:
            return int(self.record.stage > 0)
        return int(self.record.n_positive > 0) if self.record.stations_known else None

    @property
    def stratum(self) -> tuple[int, ...]:
        """N category and number of positive stations."""
        return self.record.stratum


class PatientDataset(PatchDataset[PatientSample]):
    """Patients with the patches of their stations."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One patient.

        Returns:
            ``patches`` ``[L, 2, z, y, x]``, 0 where a station is missing; ``told`` int64 ``[1 + L]``, side and
            stations that are there; ``stations`` int64 ``[L]``, labels or ``UNKNOWN``; ``stage`` likewise; ``label``
            and ``patient`` of the sample.
        """
        sample, size = self.samples[index], self.cutter.size
        patches = torch.zeros(len(STATIONS), len(PET_CT_CHANNELS), *size)
        told = torch.zeros(1 + len(STATIONS), dtype=torch.long)
        labels = torch.full((len(STATIONS),), UNKNOWN)
        told[0] = SIDES.index(sample.record.side)
        for station in sample.record.stations:
            number = STATIONS.index(station.station)
            patches[number] = self.cutter.patch(sample.patient, station)
            told[1 + number] = 1
            labels[number] = UNKNOWN if station.label is None else station.label
        stage = UNKNOWN if sample.record.stage is None else sample.record.stage
        return {
            "patches": patches,
            "told": told,
            "stations": labels,
            "stage": torch.tensor(stage),
            "label": torch.tensor(float(sample.label or 0)),
            "patient": sample.patient,
        }


class PatientData(PreparedPatients):
    """Training, validation and test patients of one fold.

    Args:
        folder: Of ``prepare``; holds ``splits.json`` too.
        fold: Number of the fold, from 0.
        batch_size: Patients in a batch of one process; 16 in the paper.
        sampler: ``"balanced"`` oversamples rare N categories, as in the paper.
        augment: Whether training patches are changed, and their places drawn, at random.
        weighted: Whether places are drawn by eq. 1.
        num_workers: Processes that load patches; 0 loads them in this one.
        seed: Of augmentation, places and order.
        target: See ``PreparedPatients``.
    """

    unit = "patient"

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        batch_size: int = 16,
        sampler: Sampler = "balanced",
        augment: bool = True,
        weighted: bool = True,
        num_workers: int = 0,
        seed: int = 0,
        target: Target | None = None,
    ) -> None:
        super().__init__(folder, fold, batch_size, sampler, augment, weighted, num_workers, seed, target)

    def read_samples(self) -> list[PatientSample]:
        """All patients of the folder.

        Raises:
            InputError: It holds no prepared data.
        """
        return [PatientSample(record) for record in self.read_records()]

    def build_dataset(self, samples: Sequence[PatientSample], augment: bool) -> PatientDataset:
        """Patients of whom something is known."""
        return PatientDataset(samples, self.cutter(augment))

    def everyone(self, part: Part) -> PatientDataset:
        """All patients of a part, in the order of ``records_of``."""
        return PatientDataset([PatientSample(record) for record in self.records_of(part)], self.cutter(augment=False))

    def balanced_by(self, sample: PatientSample) -> int:
        """The N category; patients without one are classes of their own."""
        known = sample.record.stage
        return _OF_STATIONS_ALONE[int(sample.record.n_positive > 0)] if known is None else known

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Change the patches of a training batch on their device, each in its own way."""
        patches = batch["patches"]
        return {**batch, "patches": self.changed(patches.flatten(0, 1)).view_as(patches)}
