"""Tumors, where they are mistaken for organs: against the mediastinum, at a hilum, in a lung."""

from __future__ import annotations

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import LUNGS, Appearance, mask_of, replaced, value_of
from lnstation_training.segmentation.appearance.fat import ellipsoid
from lnstation_training.segmentation.appearance.fields import dilated, smooth_field
from lnstation_training.segmentation.patients import CT, ORGANS


class Tumor(Appearance):
    """A lobulated mass of 15 to 90 mm, 20 to 90 HU, with necrosis in the larger ones.

    It replaces lung and fat and is no organ; vessels and airways in it stay. Most lie against the mediastinum, where
    a network is tempted to go on with heart, vessel or liver.
    """

    name, prob_default = "tumor", 0.25
    reference = "Rami-Porta et al. 2015 (T categories by size: 10 to 70 mm, doi 10.1097/JTO.0000000000000559)"

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        lung = mask_of(organs, LUNGS)
        border = lung & dilated(mask_of(organs, ("mediastinum", "pericardium", "heart")), 2)
        center = self.point_in(border if self.happens(0.7) and border.any() else lung)
        if center is None:
            return {}
        return self._grown(ct, organs, center, self.uniform(15, 90))

    def _grown(self, ct: Tensor, organs: Tensor, center: list[int], diameter_mm: float) -> dict[str, Tensor]:
        radii = [diameter_mm / 2 * self.uniform(0.75, 1.25) for _ in range(3)]
        box, distance = ellipsoid(ct, center, radii, self.spacing_mm)
        lobes = smooth_field(ct[box], self.voxels(max(diameter_mm / 4, 5.0)), self.generator)
        edge = (1 + 0.2 * lobes - distance) * diameter_mm / 4
        room = mask_of(organs[box], (*LUNGS, "mediastinum", "pericardium", "thoracic_cavity"))
        weight = torch.sigmoid(edge) * room * self.strength
        texture = 8 * smooth_field(ct[box], self.voxels(8.0), self.generator)
        hu = self.uniform(20, 90) + texture
        if diameter_mm > 30 and self.happens(0.5):
            hu = hu - torch.sigmoid((0.6 - distance + 0.2 * lobes) * 10) * self.uniform(10, 60)
        made, labels = ct.clone(), organs.clone()
        made[box] = replaced(ct[box], weight, hu)
        labels[box] = torch.where(weight > 0.5, value_of("body"), organs[box]).to(organs.dtype)
        return {CT: made, ORGANS: labels}
