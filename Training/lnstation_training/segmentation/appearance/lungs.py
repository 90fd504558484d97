"""What fills, collapses or destroys lung: consolidation, atelectasis, effusion, emphysema, opacities."""

from __future__ import annotations

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import (
    LUNGS,
    LUNGS_LEFT,
    LUNGS_RIGHT,
    Appearance,
    mask_of,
    replaced,
    value_of,
)
from lnstation_training.segmentation.appearance.fields import blurred, coordinates
from lnstation_training.segmentation.patients import CT, ORGANS

_HANSELL = "Hansell et al. 2008 (Fleischner Society glossary, doi 10.1148/radiol.2462070712)"
_EDGE_MM = 1.5
_LOBES = (
    "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right", "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)  # fmt: skip


def gravity(ct: Tensor, mask: Tensor, prone: bool) -> Tensor:
    """From 0 at the highest voxel of a mask to 1 at its lowest, in a patient supine or prone."""
    rows = torch.nonzero(mask.any(dim=1).any(dim=-1)[0])
    if len(rows) == 0:
        return torch.zeros_like(coordinates(ct, 1))
    first, last = float(rows.min()), float(rows.max())
    down = (coordinates(ct, 1) - first) / max(last - first, 1.0)
    return 1 - down if prone else down


class Consolidation(Appearance):
    """Alveoli full of fluid or cells: patches of 0 to 60 HU, or ground glass of -700 to -300 HU, softly bordered."""

    name, prob_default, reference = "consolidation", 0.3, _HANSELL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        lung = mask_of(organs, LUNGS)
        spread = self.field(ct, self.uniform(15, 40)) + 0.5 * self.field(ct, 8.0)
        weight = torch.sigmoid((spread - self.uniform(0.6, 2.2)) * self.uniform(3, 8)) * lung
        target = self.uniform(0, 60) if self.happens(0.6) else self.uniform(-700, -300)
        return {CT: replaced(ct, blurred(weight, self.voxels(_EDGE_MM)) * self.strength, target)}


class Atelectasis(Appearance):
    """A lobe without air, or the dependent part of the lungs: 30 to 60 HU, up to 100 HU where it is perfused."""

    name, prob_default, reference = "atelectasis", 0.2, _HANSELL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        if self.happens(0.4):
            weight = mask_of(organs, (_LOBES[int(self.R.randint(len(_LOBES)))],)).to(ct)
        else:
            weight = self._dependent(ct, mask_of(organs, LUNGS))
        level = self.uniform(30, 100) + 8 * self.field(ct, 6.0)
        return {CT: replaced(ct, blurred(weight, self.voxels(_EDGE_MM)) * self.strength, level)}

    def _dependent(self, ct: Tensor, lung: Tensor) -> Tensor:
        down = gravity(ct, lung, self.happens(0.07)) + 0.04 * self.field(ct, 15.0)
        return torch.sigmoid((down - self.uniform(0.75, 0.95)) * 60) * lung


class Effusion(Appearance):
    """Fluid of 0 to 30 HU in the pleural space of one side or both, with a meniscus; it is lung no more."""

    name, prob_default, reference = "effusion", 0.2, _HANSELL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        sides = [LUNGS_LEFT, LUNGS_RIGHT] if self.happens(0.5) else [(LUNGS_LEFT, LUNGS_RIGHT)[self.R.randint(2)]]
        prone = self.happens(0.07)
        for side in sides:
            ct, organs = self._filled(ct, organs, mask_of(organs, side), prone)
        return {CT: ct, ORGANS: organs}

    def _filled(self, ct: Tensor, organs: Tensor, lung: Tensor, prone: bool) -> tuple[Tensor, Tensor]:
        """Fluid below a level, higher along the chest wall, and compressed lung above it."""
        meniscus = 0.10 * torch.tanh(self.field(ct, 60.0))
        down = gravity(ct, lung, prone) + meniscus
        surface = 1 - self.uniform(0.05, 0.6) * self.strength
        fluid = lung & (down > surface)
        level = self.uniform(0, 30)
        made = replaced(ct, blurred(fluid.to(ct), self.voxels(_EDGE_MM)), level)
        compressed = lung & ~fluid & (down > surface - self.uniform(0.02, 0.15))
        if self.happens(0.6):
            made = replaced(made, blurred(compressed.to(ct), self.voxels(_EDGE_MM)), self.uniform(20, 90))
        return made, torch.where(fluid, value_of("thoracic_cavity"), organs).to(organs.dtype)


class Pneumothorax(Appearance):
    """Air in the pleural space, where it is highest; it is lung no more."""

    name, prob_default, reference = "pneumothorax", 0.04, _HANSELL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        lung = mask_of(organs, (LUNGS_LEFT, LUNGS_RIGHT)[self.R.randint(2)])
        down = gravity(ct, lung, prone=False) + 0.05 * self.field(ct, 50.0)
        air = lung & (down < self.uniform(0.05, 0.35) * self.strength)
        made = replaced(ct, blurred(air.to(ct), self.voxels(0.7)), -1000.0)
        return {CT: made, ORGANS: torch.where(air, value_of("thoracic_cavity"), organs).to(organs.dtype)}


class Emphysema(Appearance):
    """Destroyed lung: low areas below -950 HU in the upper lobes first, and bullae."""

    name, prob_default = "emphysema", 0.2
    reference = "Lynch et al. 2015 (Fleischner Society, CT subtypes of COPD, doi 10.1148/radiol.2015141579)"

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        lung = mask_of(organs, LUNGS) & (ct < -500)
        height = coordinates(ct, 0) / max(ct.shape[1] - 1, 1)
        holes = torch.sigmoid((self.field(ct, self.uniform(6, 14)) + height - self.uniform(0.6, 2.0)) * 5)
        bullae = torch.sigmoid((self.field(ct, 30.0) - self.uniform(1.8, 3.0)) * 8)
        weight = torch.maximum(holes * 0.8, bullae) * blurred(lung.to(ct), self.voxels(_EDGE_MM))
        return {CT: replaced(ct, weight * self.strength, self.uniform(-1000, -950))}
