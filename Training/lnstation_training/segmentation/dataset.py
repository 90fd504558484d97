"""Prepared volumes as datasets: boxes to cut drawn patches from, and whole patients to be judged on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from lnstation_training.engine.data_module import FoldDataset, derived_seed
from lnstation_training.segmentation.folder import VolumeSample
from lnstation_training.segmentation.patients import VolumeFile, open_patient
from LNStationLib.support.types import BoolArray

ALLOWED, SEED = "allowed", "seed"
SPACING = "spacing_mm"
CENTERS = ((0.25, 0.75), (0.4, 0.6), (0.38, 0.62))
"""Where the middle of a patch may lie, as parts of the scan along z, y, x: the mediastinum is in every patch."""
Allowed = Callable[[VolumeFile], BoolArray]


class VolumeDataset(FoldDataset):
    """Whole patients of a part of a fold, as they are.

    An item holds each array ``[1, z, y, x]`` as stored, ``allowed`` bool ``[256, class]``, ``spacing_mm``,
    ``label`` 1 and the string ``patient``.

    Args:
        samples: Patients.
        arrays: Names of the arrays that are read.
        allowed: Gives the classes that a voxel of each value may have.
    """

    def __init__(self, samples: Sequence[VolumeSample], arrays: Sequence[str], allowed: Allowed) -> None:
        self.samples = list(samples)
        self.arrays = list(arrays)
        self.allowed = allowed

    def seed(self, seed: int) -> None:
        """Nothing is random."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self.samples[index]
        file = open_patient(sample.path)
        return {**file.read_box(self.arrays, (0, 0, 0), file.shape), **self._about(sample, file)}

    def _about(self, sample: VolumeSample, file: VolumeFile) -> dict[str, Any]:
        allowed = torch.from_numpy(self.allowed(file))
        spacing, label = torch.tensor(file.spacing_mm), torch.tensor(float(sample.label or 0))
        return {ALLOWED: allowed, SPACING: spacing, "label": label, "patient": sample.patient}


class BoxDataset(VolumeDataset):
    """Boxes around patches, somewhere in the chest; the patch itself is drawn on the device that trains.

    Beside what a patient has, an item has ``seed``, from which its patch follows.

    Args:
        samples: As for ``VolumeDataset``, like the next two.
        arrays: See there.
        allowed: See there.
        size: Voxels of a box along z, y, x.
    """

    def __init__(
        self, samples: Sequence[VolumeSample], arrays: Sequence[str], allowed: Allowed, size: Sequence[int]
    ) -> None:
        super().__init__(samples, arrays, allowed)
        self.size = tuple(size)
        self.start = 0

    def seed(self, seed: int) -> None:
        """Decides all boxes and patches from now on."""
        self.start = seed

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A box of patient ``index`` modulo the number of patients: larger numbers are further boxes of each."""
        sample = self.samples[index % len(self.samples)]
        file = open_patient(sample.path)
        center = self.center(file, np.random.default_rng((self.start, index)))
        corner = [round(c - size / 2) for c, size in zip(center, self.size, strict=True)]
        seed = derived_seed(self.start, index)
        return {
            **file.read_box(self.arrays, corner, self.size),
            **self._about(sample, file),
            SEED: torch.tensor(seed),
        }

    def center(self, file: VolumeFile, rng: np.random.Generator) -> list[float]:
        """The middle of a box in voxels along z, y, x."""
        return [rng.uniform(low, high) * n for (low, high), n in zip(CENTERS, file.shape, strict=True)]
