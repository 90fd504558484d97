"""Blood: phases of contrast, contrast that has not mixed, and calcified walls."""

from __future__ import annotations

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import (
    BLOOD_POOLS,
    HEART,
    LEFT_HEART,
    LOWER_VEINS,
    PULMONARY_ARTERIES,
    RIGHT_HEART,
    SYSTEMIC_ARTERIES,
    UPPER_VEINS,
    Appearance,
    mask_of,
    replaced,
    value_of,
)
from lnstation_training.segmentation.appearance.fields import blurred, coordinates, shell
from lnstation_training.segmentation.appearance.tissue import shifted
from lnstation_training.segmentation.patients import CT

_BAE = "Bae 2010 (contrast medium and CT timing, doi 10.1148/radiol.10090908)"
_EDGE_MM = 1.1
_UNENHANCED_HU, _UNENHANCED_SD = 40.0, 8.0
"""Blood without contrast medium follows the hematocrit: 30 to 50 HU (New and Aronow 1976)."""
_FEWEST_VOXELS = 20
"""From which the level of a vessel can be read."""


def level_of(ct: Tensor, mask: Tensor, otherwise: float = _UNENHANCED_HU) -> float:
    """Median HU in a mask."""
    inside = ct[mask]
    return float(inside.median()) if len(inside) >= _FEWEST_VOXELS else otherwise


class ContrastPhase(Appearance):
    """Blood at other levels: without contrast medium, venous, arterial, or any mixture of pools.

    Every pool (systemic arteries, pulmonary arteries, left and right heart, upper and lower veins) gets a level, and
    every vessel its own deviation from it.
    """

    name, prob_default, reference = "contrast_phase", 1.0, _BAE
    unenhanced, venous, arterial = 0.4, 0.25, 0.15
    """Fractions; the rest is any mixture. Unenhanced scans come first: CTs of PET/CT and radiotherapy are."""

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        levels, deviation = self._levels()
        shifts = torch.zeros(256)
        for pool, level in zip(BLOOD_POOLS, levels, strict=True):
            rise = level - level_of(ct, mask_of(organs, pool))
            for name in pool:
                shifts[value_of(name)] = rise + self.normal(0, deviation)
        muscle = max(0.0, min(0.35 * (levels[2] - _UNENHANCED_HU), 90.0)) * self.uniform(0.5, 1.0)
        myocardium = mask_of(organs, ("heart_myocardium",))
        shifts[value_of("heart_myocardium")] = _UNENHANCED_HU + 5 + muscle - level_of(ct, myocardium)
        return {CT: shifted(ct, organs, shifts * self.strength, self.voxels(_EDGE_MM))}

    def _levels(self) -> tuple[list[float], float]:
        """HU of each pool, in the order of ``BLOOD_POOLS``, and how much vessels of a pool differ."""
        drawn = self.uniform(0, 1)
        if drawn < self.unenhanced:
            blood = self.normal(_UNENHANCED_HU, _UNENHANCED_SD)
            return [blood + self.normal(0, 3) for _ in BLOOD_POOLS], 2.0
        if drawn < self.unenhanced + self.venous:
            base = self.uniform(100, 200)
            return [base + self.normal(0, 18) for _ in BLOOD_POOLS], 8.0
        if drawn < self.unenhanced + self.venous + self.arterial:
            aorta, vein = self.uniform(200, 450), self.uniform(60, 800)
            levels = [aorta, self.uniform(150, 500), aorta + self.normal(0, 25)]
            return [*levels, self.uniform(100, 500), vein, self.uniform(40, 110)], 12.0
        return [
            self.uniform(*span) for span in ((80, 480), (60, 500), (80, 480), (60, 450), (40, 600), (40, 200))
        ], 12.0


class UnmixedContrast(Appearance):
    """Contrast medium that has not mixed: streams and layers in veins, the right heart and pulmonary arteries.

    The inflow from the lower cava dilutes the right heart; contrast medium is heavier than blood and layers behind.
    """

    name, prob_default, reference = "unmixed_contrast", 0.35, _BAE
    pools = (UPPER_VEINS, RIGHT_HEART, PULMONARY_ARTERIES, LEFT_HEART, LOWER_VEINS)

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        made = ct
        for pool in self.pools:
            mask = mask_of(organs, pool)
            contrast = max(level_of(ct, mask) - _UNENHANCED_HU, 20.0)
            stream = torch.tanh(self.field(ct, self.uniform(6, 25))) * self.uniform(0.1, 0.6)
            layer = self._layer(ct, mask) * self.uniform(0, 0.5)
            inside = blurred(mask.to(ct), self.voxels(_EDGE_MM))
            made = made + inside * contrast * (stream + layer) * self.strength
        return {CT: made}

    def _layer(self, ct: Tensor, mask: Tensor) -> Tensor:
        """From -1 in front to 1 behind within a pool."""
        rows = torch.nonzero(mask.any(dim=1).any(dim=-1)[0])
        if len(rows) == 0:
            return torch.zeros_like(ct)
        first, last = float(rows.min()), float(rows.max())
        ramp = (coordinates(ct, 1) - (first + last) / 2) / max((last - first) / 2, 1.0)
        return ramp.clamp(-1, 1)


class CalcifiedVessels(Appearance):
    """Plaques in the walls of the aorta, its branches and the coronary arteries, 200 to 1100 HU.

    Frequencies: calcium of the coronaries in half of the men over 60 (McClelland et al. 2006, MESA).
    """

    name, prob_default = "calcified_vessels", 0.35
    reference = (
        "Agatston et al. 1990 (calcium above 130 HU, doi 10.1016/0735-1097(90)90282-T); McClelland et al. 2006"
    )

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        wall = shell(mask_of(organs, SYSTEMIC_ARTERIES))
        amount = self.uniform(1.0, 2.6)
        plaques = wall & (self.field(ct, 5.0) > amount) & (self.field(ct, 40.0) > self.uniform(-1, 0.5))
        made = self._painted(ct, plaques)
        if self.happens(0.6):
            made = self._painted(made, self._coronaries(ct, organs))
        return {CT: made}

    def _painted(self, ct: Tensor, plaques: Tensor) -> Tensor:
        weight = blurred(plaques.to(ct), self.voxels(0.7)).clamp(0, 1) * self.strength
        return replaced(ct, weight, self.uniform(200, 1100))

    def _coronaries(self, ct: Tensor, organs: Tensor) -> Tensor:
        """Broken lines on the upper surface of the heart: a smooth field crosses zero along lines, as vessels run."""
        heart = mask_of(organs, HEART)
        slices = torch.nonzero(heart.flatten(2).any(-1)[0])
        if len(slices) == 0:
            return torch.zeros_like(heart)
        middle = float(slices.float().mean())
        surface = shell(heart) & (coordinates(ct, 0) > middle)
        line = self.field(ct, 30.0).abs() < 0.06
        return surface & line & (self.field(ct, 8.0) > 0.2)
