"""What lies around the chest: the couch, on which the patient may lie prone, bedding, and arms beside the body."""

from __future__ import annotations

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import Appearance, replaced
from lnstation_training.segmentation.appearance.fields import blurred, coordinates
from lnstation_training.segmentation.patients import CT

_HABIT = "Seen on CTs of PET/CT and radiotherapy: flat or curved couch tops, arms beside the chest, blankets"
_EMPTY_HU = -900.0


def air_around(ct: Tensor, organs: Tensor) -> Tensor:
    """Voxels outside of the patient."""
    return (organs == 0) & (ct < _EMPTY_HU + 400)


class Couch(Appearance):
    """A couch top: two thin shells with foam between them, flat or curved, behind the patient or, prone, in front."""

    name, prob_default, reference = "couch", 0.6, _HABIT

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        body = organs > 0
        rows = torch.nonzero(body.any(dim=1).any(dim=-1)[0]).flatten()
        if len(rows) == 0:
            return {}
        prone, gap = self.happens(0.07), self.uniform(0, 25) / self.spacing_mm[1]
        surface = float(rows.min()) - gap if prone else float(rows.max()) + gap
        sideways = (coordinates(ct, 2) - ct.shape[3] / 2) * self.spacing_mm[2]
        curve = (sideways / 100) ** 2 * self.uniform(0, 15) * self.happens(0.5) / self.spacing_mm[1]
        depth = (coordinates(ct, 1) - surface) * (-1 if prone else 1) + curve
        made = self._painted(ct, depth * self.spacing_mm[1])
        return {CT: torch.where(air_around(ct, organs), made, ct)}

    def _painted(self, ct: Tensor, depth_mm: Tensor) -> Tensor:
        """Shells of 3 to 6 mm around foam of 20 to 60 mm."""
        thick, wall = self.uniform(20, 60), self.uniform(3, 6)
        foam = ((depth_mm > 0) & (depth_mm < thick)).expand_as(ct)
        shells = foam & ((depth_mm < wall) | (depth_mm > thick - wall))
        made = torch.where(foam, torch.full_like(ct, self.uniform(-990, -850)), ct)
        return torch.where(shells, torch.full_like(ct, self.uniform(-700, 150)), made)


class Bedding(Appearance):
    """A blanket or gown: wavy sheets of -950 to -400 HU over the chest."""

    name, prob_default, reference = "bedding", 0.25, _HABIT

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        near = blurred((organs > 0).to(ct), self.voxels(self.uniform(4, 9)))
        # Relative to the distance from the body, so that no sheets float in the room.
        folded = near * (1 + 0.3 * self.field(ct, 30.0))
        level = self.uniform(0.05, 0.3)
        sheet = torch.exp(-(((folded - level) / (0.3 * level)) ** 2))
        weight = sheet * air_around(ct, organs) * self.strength
        return {CT: replaced(ct, weight, self.uniform(-950, -400))}


class ArmsDown(Appearance):
    """Arms beside the chest, cut by the field of view or not, and the dark and bright bands between their bones."""

    name, prob_default = "arms_down", 0.2
    reference = "Barrett and Keat 2004 (photon starvation and beam hardening, doi 10.1148/rg.246045065)"

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        columns = torch.nonzero((organs > 0).flatten(1, 2).any(1)[0]).flatten()
        if len(columns) == 0:
            return {}
        made = ct
        for side, edge in ((-1, float(columns.min())), (1, float(columns.max()))):
            made = self._arm(made, organs, edge + side * self.uniform(5, 35) / self.spacing_mm[2])
        return {CT: self._banded(made, organs)}

    def _arm(self, ct: Tensor, organs: Tensor, column: float) -> Tensor:
        """Skin and muscle around a shaft of bone with marrow."""
        y0 = ct.shape[2] * self.uniform(0.4, 0.75)
        lean = self.uniform(-0.15, 0.15) * (coordinates(ct, 0) - ct.shape[1] / 2)
        y = (coordinates(ct, 1) - y0 - lean) * self.spacing_mm[1]
        x = (coordinates(ct, 2) - column - 0.5 * lean) * self.spacing_mm[2]
        away, radius = torch.sqrt(x * x + y * y), self.uniform(30, 55)
        made = ct
        for reach, hu in ((radius, -100.0), (radius - 8, 50.0), (13.0, 900.0), (7.0, 50.0)):
            inside = torch.sigmoid((reach - away) / 1.5) * air_around(ct, organs)
            made = replaced(made, inside * self.strength, hu)
        return made

    def _banded(self, ct: Tensor, organs: Tensor) -> Tensor:
        """Streaks along x, the same over a few slices."""
        field = self.field(ct[..., :1], 8.0).expand_as(ct)
        return ct + field * self.uniform(5, 25) * self.strength * (organs > 0)
