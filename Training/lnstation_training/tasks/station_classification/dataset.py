"""Prepared regions as a torch dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from lnstation_training.engine.data_module import FoldDataset
from lnstation_training.tasks.station_classification.channels import as_seen
from lnstation_training.tasks.station_classification.samples import REGIONS, STORED, StationSample, read_spec
from LNStationLib.anatomy.station_groups import station_groups
from LNStationLib.support.errors import InputError

REGION, STORED_REGION = "region", "stored"
"""Keys of a batch: regions as a network sees them, and as they are stored."""


class StationDataset(FoldDataset):
    """Labeled stations, read from memory-mapped arrays.

    An item holds ``region`` float32 ``[regions of the station, 2, z, y, x]``, ``label`` float32, ``group`` int64, and
    the strings ``patient`` and ``station``. Where batches are to be changed it holds ``stored``
    ``[regions, 3, z, y, x]`` in place of ``region``. In a batch of B stations all their regions follow one another,
    and ``owner`` int64 says which station each is of.

    Args:
        folder: Prepared data.
        samples: Rows to read; all must be labeled and in a station group.
        n_groups: Number of station groups.
        as_stored: Give regions as they are stored, rather than as a network sees them.

    Raises:
        ValueError: A sample has no label.
    """

    def __init__(
        self,
        folder: Path,
        samples: Sequence[StationSample],
        n_groups: int = 3,
        as_stored: bool = False,
    ) -> None:
        unlabeled = [f"{sample.patient} {sample.station}" for sample in samples if sample.label is None]
        if unlabeled:
            raise ValueError(f"samples without a label: {', '.join(unlabeled[:5])}")
        self.folder = folder
        self.spec = read_spec(folder)
        self.samples = list(samples)
        self.groups: Mapping[str, int] = station_groups(n_groups)
        self.as_stored = as_stored

    def regions(self, sample: StationSample) -> Tensor:
        """A station's regions as a network sees them, unchanged: float32 ``[regions, 2, z, y, x]``."""
        return as_seen(load_regions(self.folder, sample), self.spec)

    def __getitem__(self, index: int) -> dict[str, object]:
        sample = self.samples[index]
        stored = load_regions(self.folder, sample)
        return {
            **({STORED_REGION: stored} if self.as_stored else {REGION: as_seen(stored, self.spec)}),
            "label": torch.tensor(float(sample.label or 0)),
            "group": torch.tensor(self.groups[sample.station]),
            "patient": sample.patient,
            "station": sample.station,
        }

    def collate(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Items as a batch; see the class."""
        kind = STORED_REGION if self.as_stored else REGION
        regions = [item.pop(kind) for item in items]
        counts = torch.tensor([len(each) for each in regions])
        owner = torch.repeat_interleave(torch.arange(len(items)), counts)
        return {**default_collate(list(items)), kind: torch.cat(regions), "owner": owner}


def load_regions(folder: Path, sample: StationSample) -> Tensor:
    """A station's regions as they are stored, scaled CT, nodes and station: float32 ``[regions, 3, z, y, x]``.

    Raises:
        InputError: They were prepared by an older version.
    """
    paths = [folder / REGIONS / f"{sample.patient}_{kind}.npy" for kind in STORED]
    try:
        arrays = [_mapped(str(path))[sample.rows].astype(np.float32) for path in paths]
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} lacks {error.filename}: it was prepared by an older version, so prepare it again."
        ) from error
    return torch.from_numpy(np.stack(arrays, axis=1))


@lru_cache(maxsize=384)
def _mapped(path: str) -> np.ndarray:
    """A memory map, kept open; 384 files stay below common limits on open files."""
    mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped
