"""A station's patch from a prepared patient: drawn by its weight map in training, at the map's maximum elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from monai.transforms.croppad.dictionary import RandWeightedCropd
from torch import Tensor

from lnstation_training.tasks.station_patches.samples import StationRecord, read_channels, stations_file
from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box
from LNStationLib.sampling.station_patch import Index, patch_box
from LNStationLib.sampling.weight_map import weight_map
from LNStationLib.support.types import FloatArray

_PATCH, _WEIGHT = "patch", "weight"


class PatchCutter:
    """Cuts patches of one folder of prepared data.

    Args:
        folder: Of ``prepare``.
        size: Of a patch along z, y, x.
        spacing_mm: Of its voxels.
        weighted: Draw the place by eq. 1 (Engelson et al. 2026); else every patch lies at the maximum.
    """

    def __init__(self, folder: Path, size: Index, spacing_mm: tuple[float, float, float], weighted: bool) -> None:
        self.folder, self.size, self.spacing_mm, self.weighted = folder, size, spacing_mm, weighted
        self.draw = RandWeightedCropd([_PATCH], _WEIGHT, size, num_samples=1)

    def seed(self, seed: int) -> None:
        """Seed the places."""
        self.draw.set_random_state(seed)

    def patch(self, patient: str, station: StationRecord) -> Tensor:
        """float32 ``[2, z, y, x]``."""
        channels = read_channels(self.folder, patient)
        if not self.weighted:
            box = patch_box(station.center, self.size)
            return torch.from_numpy(channels[(slice(None), *box)].astype(np.float32))
        weights, around = self._weights(patient, station)
        part = torch.from_numpy(channels[(slice(None), *around)].astype(np.float32))
        drawn = self.draw({_PATCH: part, _WEIGHT: torch.from_numpy(weights)[None]})[0][_PATCH]
        return torch.as_tensor(drawn)

    def _weights(self, patient: str, station: StationRecord) -> tuple[FloatArray, Box]:
        """Weights around a station, and where that part lies: as much as a patch at any of its voxels needs."""
        labels = np.load(stations_file(self.folder, patient), mmap_mode="r")
        z, y, x = (slice(low, high + 1) for low, high in zip(station.low, station.high, strict=True))
        box = (z, y, x)
        mask = np.asarray(labels[box]) == anatomy.station(station.station).label_value
        margins = [size // 2 for size in self.size]
        z, y, x = (slice(part.start - m, part.stop + m) for part, m in zip(box, margins, strict=True))
        return np.pad(weight_map(mask, self.spacing_mm), [(m, m) for m in margins]), (z, y, x)
