"""What every change of appearance shares: a probability, a strength, its own random state, and masks by organ."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import torch
from monai.transforms.transform import MapTransform, RandomizableTransform
from torch import Tensor

from lnstation_training.segmentation.appearance.fields import smooth_field
from lnstation_training.segmentation.patients import CT, ORGANS
from LNStationLib import anatomy

MM = tuple[float, float, float]
SYSTEMIC_ARTERIES = (
    "aorta", "ascending_aorta", "aortic_arch", "descending_aorta", "brachiocephalic_trunk",
    "common_carotid_artery_left", "common_carotid_artery_right", "subclavian_artery_left", "subclavian_artery_right",
)  # fmt: skip
PULMONARY_ARTERIES = ("pulmonary_artery", "pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")
LEFT_HEART = (
    "atrium_left", "atrial_appendage_left", "ventricle_left", "pulmonary_vein", "inferior_pulmonary_vein_left",
    "inferior_pulmonary_vein_right",
)  # fmt: skip
RIGHT_HEART = ("atrium_right", "ventricle_right")
UPPER_VEINS = (
    "superior_vena_cava", "brachiocephalic_vein_left", "brachiocephalic_vein_right", "internal_jugular_vein_left",
    "internal_jugular_vein_right",
)  # fmt: skip
LOWER_VEINS = ("inferior_vena_cava", "azygos_vein", "azygos_arch")
BLOOD_POOLS = (SYSTEMIC_ARTERIES, PULMONARY_ARTERIES, LEFT_HEART, RIGHT_HEART, UPPER_VEINS, LOWER_VEINS)
"""Blood that contrast medium reaches at about the same time."""
LUNGS_LEFT = ("lung_left", "lung_upper_lobe_left", "lung_lower_lobe_left")
LUNGS_RIGHT = ("lung_right", "lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right")
LUNGS = (*LUNGS_LEFT, *LUNGS_RIGHT)
AIRWAYS = (
    "airways", "trachea", "main_bronchus_left", "main_bronchus_right", "bronchus_intermedius",
    "upper_lobe_bronchus_left", "lower_lobe_bronchus_left", "upper_lobe_bronchus_right", "middle_lobe_bronchus_right",
    "lower_lobe_bronchus_right",
)  # fmt: skip
BONES = ("bone", "ribs", "spine", "sternum", "clavicle_left", "clavicle_right", "manubrium")
HEART = ("heart", "heart_myocardium", "ventricle_left", "ventricle_right", "atrium_right", "atrium_left")
LOOSE_TISSUE = ("body", "mediastinum", "pericardium", "thoracic_cavity")
"""Values under which fat, muscle and what fills gaps lie."""
FAT_HU = (-160.0, -30.0)
"""Window of fat on CT; Hounsfield units of fat are -120 to -90, edges and noise widen it."""
AIR_ABOVE_HU = -400.0
"""Between lung and soft tissue."""


class Appearance(RandomizableTransform, MapTransform):
    """One change of a patient's patch, made with a probability and a strength.

    It reads and returns a dictionary with ``ct`` float32 HU ``[1, z, y, x]`` and ``organs`` uint8 ``[1, z, y, x]``
    (values of the anatomy table), on any device. The given tensors are never changed. The same random state gives the
    same answer.

    Args:
        spacing_mm: Voxel size along z, y, x.
        prob: How often it is made.
        strength: 1 as published or seen; less is weaker, 0 changes nothing.
    """

    name: ClassVar[str]
    """In settings."""
    prob_default: ClassVar[float]
    """How often it is made where the settings do not say."""
    reference: ClassVar[str]
    """Where its figures come from."""

    def __init__(self, spacing_mm: MM = (2.0, 2.0, 2.0), prob: float | None = None, strength: float = 1.0) -> None:
        MapTransform.__init__(self, (CT, ORGANS), allow_missing_keys=True)
        RandomizableTransform.__init__(self, self.prob_default if prob is None else prob)
        self.spacing_mm = spacing_mm
        self.strength = strength
        self.generator = torch.Generator()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """The changed patch, or the given one where the change is not drawn."""
        self.randomize(None)
        changed = dict(data)
        if self._do_transform and self.strength > 0:
            device = data[CT].device
            self.generator = torch.Generator(device).manual_seed(int(self.R.randint(2**31)))
            changed.update(self.change(data[CT], data[ORGANS]))
        return changed

    @abstractmethod
    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """Draw what is needed and return what changes: ``ct``, ``organs``, or both."""

    def uniform(self, low: float, high: float) -> float:
        """A draw from an interval."""
        return float(self.R.uniform(low, high))

    def normal(self, mean: float, sd: float) -> float:
        """A draw from a normal distribution."""
        return float(self.R.normal(mean, sd))

    def happens(self, probability: float) -> bool:
        """A draw of yes or no."""
        return bool(self.R.rand() < probability)

    def field(self, patch: Tensor, cell_mm: float) -> Tensor:
        """A smooth field of variance 1 whose draws lie so far apart."""
        return smooth_field(patch, [cell_mm / step for step in self.spacing_mm], self.generator)

    def voxels(self, mm: float) -> list[float]:
        """A length in voxels along z, y, x."""
        return [mm / step for step in self.spacing_mm]

    def point_in(self, mask: Tensor) -> list[int] | None:
        """A voxel of a mask ``[1, z, y, x]``; ``None`` where it is empty."""
        found = torch.nonzero(mask[0])
        if len(found) == 0:
            return None
        return [int(n) for n in found[int(self.R.randint(len(found)))]]


@cache
def _lookup(names: tuple[str, ...], device: str) -> Tensor:
    table = torch.zeros(256, dtype=torch.bool)
    table[[anatomy.organ(name).label_value for name in names]] = True
    return table.to(device)


def mask_of(organs: Tensor, names: Sequence[str]) -> Tensor:
    """Voxels of any of some organs: bool, as ``organs``."""
    mask: Tensor = _lookup(tuple(names), str(organs.device))[organs.long()]
    return mask


def value_of(name: str) -> int:
    """Value of an organ in label maps."""
    return anatomy.organ(name).label_value


def fat_of(ct: Tensor, organs: Tensor) -> Tensor:
    """Fat between organs."""
    return mask_of(organs, LOOSE_TISSUE) & (ct > FAT_HU[0]) & (ct < FAT_HU[1])


def replaced(ct: Tensor, weight: Tensor, hu: Tensor | float) -> Tensor:
    """HU moved towards others, by a weight in [0, 1] at every voxel."""
    return ct + weight * (hu - ct)
