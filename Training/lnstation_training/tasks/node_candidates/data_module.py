"""Candidates of the patients of one fold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lnstation_training.engine.data_module import PARTS, FoldDataModule, FoldDataset, Sampler
from lnstation_training.engine.values import Part
from lnstation_training.segmentation.folder import VOLUMES_TASKS, VolumeSample, existing_samples, fold_of
from lnstation_training.segmentation.patients import CT, PET, VolumeFile, open_patient, suv_of
from lnstation_training.tasks.node_candidates.candidates import (
    CandidateSample,
    PatientCandidates,
    kept_candidates,
)
from LNStationLib.nodes.tags import TAGS, tag_vector
from LNStationLib.sampling.candidate_patch import Bounds, CandidatePatchSpec, candidate_patch, region_around
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import FloatArray


class CandidateDataset(FoldDataset):
    """Candidates with their patches.

    An item holds ``patch``, the channels ``ct``, ``pet`` and ``box`` ``[channel, z, y, x]``; ``tags``, all of them in
    order; ``label``; the string ``patient``.

    Args:
        samples: Candidates.
        spec: How they are cut.
        jitter: Voxels by which each side of a box is moved at most.
        augment: Whether boxes are moved, and patches turned and flipped.
    """

    def __init__(
        self, samples: Sequence[CandidateSample], spec: CandidatePatchSpec, jitter: int = 0, augment: bool = False
    ) -> None:
        self.samples = list(samples)
        self.spec, self.jitter, self.augment, self.start = spec, jitter, augment, 0

    def seed(self, seed: int) -> None:
        """Decides all changes from now on."""
        self.start = seed

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample, rng = self.samples[index], np.random.default_rng((self.start, index))
        bounds = jittered(sample.bounds, self.jitter, rng) if self.augment else sample.bounds
        patch = sample_patch(sample.path, bounds, self.spec)
        if self.augment:
            patch = turned(patch, rng)
        return {
            "patch": torch.from_numpy(patch),
            "tags": torch.from_numpy(tag_vector(sample.tags, list(TAGS))),
            "label": torch.tensor(float(sample.label or 0)),
            "patient": sample.patient,
        }


def jittered(bounds: Bounds, most: int, rng: np.random.Generator) -> Bounds:
    """A box whose sides are each moved by up to some voxels, at least one voxel thick (OSLN, Sec. 4.2: 3 voxels)."""
    moved = []
    for low, high in bounds:
        a, b = low + int(rng.integers(-most, most + 1)), high + int(rng.integers(-most, most + 1))
        moved.append((a, b) if b > a else (low, high))
    return moved[0], moved[1], moved[2]


def sample_patch(path: Path, bounds: Bounds, spec: CandidatePatchSpec) -> FloatArray:
    """CT, PET in SUV and box of a candidate of a prepared patient; PET is NaN where it does not reach."""
    file = _opened(path)
    region = region_around(bounds, spec)
    names = [name for name in (CT, PET) if name in file.names]
    read = file.read_box(names, [low for low, _ in region], [high - low for low, high in region])
    images = {CT: read[CT][0].float().numpy()}
    images[PET] = suv_of(read[PET])[0].numpy() if PET in read else np.full_like(images[CT], np.nan)
    return candidate_patch(images, bounds, region, ("ct", "pet", "box"), spec)


@lru_cache(maxsize=1024)
def _opened(path: Path) -> VolumeFile:
    return open_patient(path)


class NodeCandidateData(FoldDataModule):
    """Training, validation and test candidates of one fold.

    Args:
        folder: Prepared volumes with nodes.
        fold: Number of the fold, from 0.
        batch_size: Candidates in a batch.
        sampler: ``balanced`` draws as many true as false candidates, ``shuffle`` takes them as they are.
        augment: Whether patches are turned and flipped in the axial plane, and boxes jittered.
        detector: The first stage, a run or a package; a path that does not exist is one in ``folder``. Without one
            candidates are the nodes, their look-alikes, and places in the stations.
        fusion: Which of the first stage's networks, as OSLN's Table 2 has CT, EF and LF; empty for all.
        size: Voxels of a patch along z, y, x.
        margin: Voxels around a candidate that is larger than the patch.
        jitter: Voxels by which a side of the box is moved.
        num_workers: Processes that read; 0 reads in this one.
        seed: Of all draws.
    """

    unit = "candidate"
    prepared_for = VOLUMES_TASKS

    def __init__(
        self,
        folder: Path,
        fold: int = 0,
        batch_size: int = 32,
        sampler: Sampler = "balanced",
        augment: bool = True,
        detector: Path | None = None,
        fusion: str = "",
        size: tuple[int, int, int] = (32, 48, 48),
        margin: int = 8,
        jitter: int = 3,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(folder, fold, batch_size, sampler, augment, num_workers, seed)
        self.detector, self.fusion = detector, fusion
        self.size, self.margin, self.jitter = size, margin, jitter
        self.patients: dict[Part, list[PatientCandidates]] = {}

    def read_samples(self) -> list[VolumeSample]:
        """Patients that are there."""
        return existing_samples(self.folder)

    def patch_spec(self, pet_suv: tuple[float, float] | None = None) -> CandidatePatchSpec:
        """How candidates are cut."""
        spacing = open_patient(self.read_samples()[0].path).spacing_mm
        return CandidatePatchSpec(spacing_mm=spacing, size=self.size, margin=self.margin, pet_suv=pet_suv)

    def setup(self, stage: str | None = None) -> None:
        """Find the candidates of all patients of the fold.

        Raises:
            InputError: A part of the fold has no candidate.
        """
        if self.datasets:
            return
        fold, there = fold_of(self.folder, self.fold), {one.patient: one for one in self.read_samples()}
        detector = None if self.detector is None else self._detector_path(Path(self.detector))
        for part in PARTS:
            named = [there[name] for name in getattr(fold, part) if name in there]
            self.patients[part] = [kept_candidates(one, detector, self.fusion) for one in named]
            rows = [row for patient in self.patients[part] for row in patient.samples]
            if not rows:
                raise InputError(f"The {part} part of fold {self.fold} has no candidate: give more patients.")
            self.datasets[part] = self.build_dataset(rows, self.augment and part == "train")

    def _detector_path(self, path: Path) -> Path:
        return path if path.exists() else self.folder / path

    def build_dataset(self, samples: Sequence[Any], augment: bool) -> FoldDataset:
        """Candidates with jittered boxes where they are augmented."""
        return CandidateDataset(samples, self.patch_spec(), self.jitter, augment)


def turned(patch: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A patch ``[channel, z, y, x]``, rotated by quarters with p 0.5 and flipped with p 0.25 (OSLN, Sec. 4.2)."""
    square = patch.shape[2] == patch.shape[3]
    if square and rng.random() < 0.5:
        patch = np.rot90(patch, int(rng.integers(1, 4)), (2, 3))
    for axis in (2, 3):
        if rng.random() < 0.25:
            patch = np.flip(patch, axis)
    return np.ascontiguousarray(patch)
