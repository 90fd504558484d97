"""Attenuation of tissues, organ by organ, and its texture."""

from __future__ import annotations

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import (
    AIR_ABOVE_HU,
    BONES,
    LUNGS_LEFT,
    LUNGS_RIGHT,
    Appearance,
    fat_of,
    mask_of,
    replaced,
    value_of,
)
from lnstation_training.segmentation.appearance.fields import blurred
from lnstation_training.segmentation.patients import CT
from LNStationLib import anatomy

_SYNTHSEG = "Billot et al. 2023 (SynthSeg, doi 10.1016/j.media.2023.102789): intensities drawn region by region"
_EDGE_MM = 1.1
"""Sigma of the edge between two organs after a shift: about the resolution of a soft kernel."""


def shifted(ct: Tensor, organs: Tensor, shifts_hu: Tensor, edge: list[float]) -> Tensor:
    """HU moved by an amount for each organ, with edges as soft as the image's.

    Args:
        ct: ``[1, z, y, x]``.
        organs: Values of the anatomy table.
        shifts_hu: ``[256]``.
        edge: Sigma in voxels along z, y, x.
    """
    return ct + blurred(shifts_hu.to(ct)[organs.long()], edge)


class TissueAttenuation(Appearance):
    """Every organ lighter or darker by some 14 HU, the lungs together by 40."""

    name, prob_default, reference = "tissue_attenuation", 1.0, _SYNTHSEG
    organ_sd_hu, lung_sd_hu, lung_side_sd_hu = 14.0, 40.0, 15.0

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        shifts = torch.zeros(256)
        for row in anatomy.organs():
            if row.name not in ("body", "thoracic_cavity"):
                shifts[row.label_value] = self.normal(0, self.organ_sd_hu)
        both = self.normal(0, self.lung_sd_hu)
        for side in (LUNGS_LEFT, LUNGS_RIGHT):
            shift = both + self.normal(0, self.lung_side_sd_hu)
            for name in side:
                shifts[value_of(name)] = shift
        return {CT: shifted(ct, organs, shifts * self.strength, self.voxels(_EDGE_MM))}


class Texture(Appearance):
    """No tissue is even: a field of 4 to 14 HU over soft tissue and bone, in cells of 10 to 30 mm."""

    name, prob_default, reference = "texture", 0.9, _SYNTHSEG

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        field = self.field(ct, self.uniform(10, 30)) * self.uniform(4, 14) * self.strength
        return {CT: ct + field * (ct > AIR_ABOVE_HU)}


class FineTexture(Appearance):
    """Muscle between fat planes and glands between fat lobules: a finer field of 5 to 20 HU in soft tissue."""

    name, prob_default, reference = "fine_texture", 0.5, _SYNTHSEG

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        field = self.field(ct, self.uniform(4, 8)) * self.uniform(5, 20) * self.strength
        return {CT: ct + field * mask_of(organs, ("body",)) * (ct > AIR_ABOVE_HU)}


class BoneTexture(Appearance):
    """Cancellous and cortical bone: up to 90 HU in cells of 5 mm, osteopenia and sclerosis with it."""

    name, prob_default = "bone_texture", 0.5
    reference = "Pickhardt et al. 2013 (attenuation of vertebrae falls with age, from some 250 to 50 HU)"

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        bone = blurred(mask_of(organs, BONES).to(ct), self.voxels(_EDGE_MM))
        level, fine = self.normal(0, 50), self.field(ct, 5.0) * self.uniform(0, 90)
        return {CT: ct + bone * (level + fine) * self.strength}


class FatAttenuation(Appearance):
    """Edema, or fat of another composition: up to 25 HU denser, unevenly."""

    name, prob_default = "fat_attenuation", 0.5
    reference = "Fat -120 to -90 HU; stranded and edematous fat up to -40 HU"

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        fat = blurred(fat_of(ct, organs).to(ct), self.voxels(_EDGE_MM))
        spread = torch.sigmoid(self.field(ct, 40.0))
        return {CT: replaced(ct, fat * spread, ct + self.uniform(-10, 25) * self.strength)}
