"""Metal and plastic in the chest, and the streaks that metal throws."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import Appearance, mask_of, replaced
from lnstation_training.segmentation.appearance.fields import coordinates, shell
from lnstation_training.segmentation.patients import CT

_METAL = "Barrett and Keat 2004 (artifacts in CT, doi 10.1148/rg.246045065)"
_TUBES = (
    "esophagus",
    "trachea",
    "main_bronchus_left",
    "main_bronchus_right",
    "superior_vena_cava",
    "descending_aorta",
)
_LEAD_PATH = (
    "subclavian_artery_left",
    "brachiocephalic_vein_left",
    "superior_vena_cava",
    "atrium_right",
    "ventricle_right",
)
"""The subclavian vein, which no table has, runs beside its artery."""
_METAL_HU = 1500.0


class Stent(Appearance):
    """A mesh in the wall of the esophagus, an airway, the upper cava or the aorta, 700 to 3000 HU."""

    name, prob_default, reference = "stent", 0.05, _METAL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        tube = mask_of(organs, (_TUBES[int(self.R.randint(len(_TUBES)))],))
        slices = torch.nonzero(tube.flatten(2).any(-1)[0]).flatten()
        if len(slices) == 0:
            return {}
        length = max(2, round(self.uniform(40, 100) / self.spacing_mm[0]))
        first = int(slices[int(self.R.randint(len(slices)))])
        height = coordinates(ct, 0)
        part = shell(tube) & (height >= first) & (height < first + length)
        pitch = self.uniform(4, 9) / self.spacing_mm[0]
        mesh = torch.cos(2 * math.pi * (height + coordinates(ct, 2)) / pitch) > -0.2
        weight = (part & mesh).to(ct) * self.uniform(0.3, 1.0) * self.strength
        return {CT: replaced(ct, weight, self.uniform(700, 3000))}


class Leads(Appearance):
    """A pacemaker's lead, a port or a central line through the left brachiocephalic vein and the upper cava."""

    name, prob_default, reference = "leads", 0.1, _METAL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        metal = self.happens(0.5)
        stations = _LEAD_PATH if metal else _LEAD_PATH[:3]
        points = [point for name in stations for point in self._stops(mask_of(organs, (name,)))]
        if len(points) < 2:
            return {}
        drawn = torch.zeros_like(ct)
        for start, end in pairwise(points):
            _draw_line(drawn, start, end)
        hu = self.uniform(2000, 3071) if metal else self.uniform(200, 900)
        return {CT: replaced(ct, drawn * self.uniform(0.5, 1.0) * self.strength, hu)}

    def _stops(self, mask: Tensor) -> list[list[int]]:
        """Centers of the lower, middle and upper third of an organ, the upper first; none where it is absent."""
        found = torch.nonzero(mask[0]).float()
        if len(found) < 3:
            return []
        thirds = torch.tensor_split(found, 3)
        return [[round(float(n)) for n in part.mean(0)] for part in reversed(thirds)]


def _draw_line(volume: Tensor, start: list[int], end: list[int]) -> None:
    """Set the voxels between two points to 1, in place."""
    steps = max(abs(a - b) for a, b in zip(start, end, strict=True)) + 1
    line = torch.stack([torch.linspace(a, b, 2 * steps).round().long() for a, b in zip(start, end, strict=True)]).to(
        volume.device
    )
    volume[0, line[0], line[1], line[2]] = 1.0


class Clips(Appearance):
    """Surgical clips in the mediastinum and wires in the breastbone: specks of 1 to 3 voxels, 1000 to 3000 HU."""

    name, prob_default, reference = "clips", 0.1, _METAL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        sternum = mask_of(organs, ("sternum", "manubrium"))
        wires = self.happens(0.4)
        room = sternum if wires else mask_of(organs, ("mediastinum", "pericardium"))
        made = ct.clone()
        for _ in range(int(self.R.randint(1, 12))):
            point = self.point_in(room)
            if point is not None:
                self._put(made, point, self.uniform(1000, 3071))
        return {CT: made}

    def _put(self, ct: Tensor, point: list[int], hu: float) -> None:
        box = (slice(0, 1), *(slice(n, n + int(self.R.randint(1, 3))) for n in point))
        ct[box] = replaced(ct[box], torch.full_like(ct[box], self.strength), hu)


class MetalStreaks(Appearance):
    """Dark and bright rays around metal and dense contrast medium in the same slice."""

    name, prob_default, reference = "metal_streaks", 0.7, _METAL
    reach_mm = 40.0

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        made = ct
        for number in torch.nonzero((ct > _METAL_HU).flatten(2).any(-1)[0]).flatten().tolist():
            made = self._streaked(made, int(number))
        return {CT: made}

    def _streaked(self, ct: Tensor, number: int) -> Tensor:
        """One slice with rays from the center of its metal."""
        plane = ct[:, number]
        metal = plane[0] > _METAL_HU
        center = torch.nonzero(metal).float().mean(0)
        y = (coordinates(ct, 1)[:, 0] - center[0]) * self.spacing_mm[1]
        x = (coordinates(ct, 2)[:, 0] - center[1]) * self.spacing_mm[2]
        angle, away = torch.atan2(y, x), torch.sqrt(y * y + x * x)
        rays = torch.cos(int(self.R.randint(2, 9)) * angle + self.uniform(0, 6.28))
        rays = rays + torch.cos(int(self.R.randint(9, 24)) * angle + self.uniform(0, 6.28))
        weight = torch.exp(-away / self.reach_mm) * min(1.0, float(metal.sum()) / 6)
        made = ct.clone()
        made[:, number] = plane + rays * weight * self.uniform(20, 180) * self.strength * (plane > -1000)
        return made
