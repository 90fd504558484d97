"""Prepared regions as a torch dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lnstation_training.augmentation import RegionAugmentation
from lnstation_training.samples import REGIONS, Sample
from LNStationLib.anatomy.station_groups import station_groups

Item = dict[str, Any]
"""``region`` float32 ``[2, z, y, x]``; ``label`` float32; ``group`` int64; ``patient`` and ``station`` strings."""


class StationDataset(Dataset[Item]):
    """Labeled regions, read from memory-mapped arrays.

    Args:
        folder: Prepared data.
        samples: Rows to give out; all must be labeled and in a station group.
        n_groups: Number of station groups.
        augment: Applied to a region ``[2, z, y, x]``, whose second channel must stay 0 or 1.

    Raises:
        ValueError: A sample has no label.
    """

    def __init__(
        self,
        folder: Path,
        samples: Sequence[Sample],
        n_groups: int = 3,
        augment: RegionAugmentation | None = None,
    ) -> None:
        unlabeled = [f"{sample.patient} {sample.station}" for sample in samples if sample.label is None]
        if unlabeled:
            raise ValueError(f"samples without a label: {', '.join(unlabeled[:5])}")
        self.folder = folder
        self.samples = list(samples)
        self.groups: Mapping[str, int] = station_groups(n_groups)
        self.augment = augment

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        sample = self.samples[index]
        region = torch.from_numpy(load_region(self.folder, sample.patient, sample.row))
        if self.augment is not None:
            region = self.augment(region)
        return {
            "region": region,
            "label": torch.tensor(float(sample.label or 0)),
            "group": torch.tensor(self.groups[sample.station]),
            "patient": sample.patient,
            "station": sample.station,
        }


def load_region(folder: Path, patient: str, row: int) -> np.ndarray:
    """One region as a network sees it: float32 ``[2, z, y, x]``."""
    ct, nodes = (_mapped(str(folder / REGIONS / f"{patient}_{kind}.npy")) for kind in ("ct", "nodes"))
    return np.stack([ct[row].astype(np.float32), nodes[row].astype(np.float32)])


@lru_cache(maxsize=256)
def _mapped(path: str) -> np.ndarray:
    """A memory map, kept open; 256 files stay below common limits on open files."""
    mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped
