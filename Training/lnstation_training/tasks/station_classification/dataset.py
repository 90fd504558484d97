"""Prepared regions as a torch dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from lnstation_training.engine.data_module import FoldDataset
from lnstation_training.tasks.station_classification.augmentation import RegionAugmentation
from lnstation_training.tasks.station_classification.channels import in_order
from lnstation_training.tasks.station_classification.samples import REGIONS, StationSample
from LNStationLib.anatomy.station_groups import station_groups
from LNStationLib.sampling.channels import CT, NODE_MASK

_STORED_AS = {CT: "ct", NODE_MASK: "nodes"}
"""Endings of the files that hold a patient's channels."""


class StationDataset(FoldDataset):
    """Labeled regions, read from memory-mapped arrays.

    An item holds ``region`` float32 ``[2, z, y, x]``, ``label`` float32, ``group`` int64, and the strings ``patient``
    and ``station``.

    Args:
        folder: Prepared data.
        samples: Rows to read; all must be labeled and in a station group.
        n_groups: Number of station groups.
        augment: Applied to a region ``[2, z, y, x]``, whose node mask must stay 0 or 1.

    Raises:
        ValueError: A sample has no label.
    """

    def __init__(
        self,
        folder: Path,
        samples: Sequence[StationSample],
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

    def seed(self, seed: int) -> None:
        """Seed the augmentation, if there is one."""
        if self.augment is not None:
            self.augment.seed(seed)

    def __getitem__(self, index: int) -> dict[str, object]:
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
    stored = {name: _mapped(str(folder / REGIONS / f"{patient}_{kind}.npy")) for name, kind in _STORED_AS.items()}
    return np.stack([array[row].astype(np.float32) for array in in_order(stored)])


@lru_cache(maxsize=256)
def _mapped(path: str) -> np.ndarray:
    """A memory map, kept open; 256 files stay below common limits on open files."""
    mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped
