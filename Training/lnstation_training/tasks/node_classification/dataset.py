"""Prepared patches as torch datasets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lnstation_training.engine.data_module import FoldDataset
from lnstation_training.tasks.node_classification.samples import PATCHES, NodeSample


class NodeDataset(FoldDataset):
    """Patches, read from memory-mapped arrays.

    An item holds ``patch`` float32 ``[2, z, y, x]``, ``label`` float32 (-1 where it is not known), ``index`` int64
    (the row of the dataset), and the string ``patient``.

    Args:
        folder: Prepared data.
        samples: Rows to read.
        labels: Labels to give in place of the samples' own, such as pseudo labels.
    """

    def __init__(
        self,
        folder: Path,
        samples: Sequence[NodeSample],
        labels: Sequence[int] | None = None,
    ) -> None:
        self.folder = folder
        self.samples = list(samples)
        self.labels = (
            [-1 if each.label is None else each.label for each in samples] if labels is None else list(labels)
        )

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self.samples[index]
        return {
            "patch": torch.from_numpy(load_patch(self.folder, sample.patient, sample.row)),
            "label": torch.tensor(float(self.labels[index])),
            "index": torch.tensor(index),
            "patient": sample.patient,
        }


def load_patch(folder: Path, patient: str, row: int) -> np.ndarray:
    """One patch as a network sees it: float32 ``[2, z, y, x]``."""
    return _mapped(str(folder / PATCHES / f"{patient}.npy"))[row].astype(np.float32)


@lru_cache(maxsize=256)
def _mapped(path: str) -> np.ndarray:
    """A memory map, kept open; 256 files stay below common limits on open files."""
    mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped
