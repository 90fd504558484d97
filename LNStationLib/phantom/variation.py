"""What differs between synthetic patients, drawn once from the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variation:
    """One patient's traits. Lengths of the anatomy tables are those of an average adult, to be scaled by these.

    Attributes:
        size: In-plane scale of the whole body.
        length: Scale along the body axis.
        artery: Scale of the calibre of arteries.
        vein: Scale of the calibre of veins.
        fat_mm: Thickness of the subcutaneous fat.
        mediastinal_fat_mm: How far the mediastinal pleura stands off the organs.
        dome_mm: Shift of the diaphragm along z; positive is a deeper expiration.
        contrast_hu: Added to the attenuation of enhanced blood.
    """

    size: float
    length: float
    artery: float
    vein: float
    fat_mm: float
    mediastinal_fat_mm: float
    dome_mm: float
    contrast_hu: float


def draw_variation(rng: np.random.Generator) -> Variation:
    """Draw a patient."""
    return Variation(
        size=float(np.clip(rng.normal(1.0, 0.025), 0.95, 1.04)),
        length=float(np.clip(rng.normal(1.0, 0.025), 0.95, 1.04)),
        artery=float(np.clip(rng.normal(1.0, 0.025), 0.95, 1.04)),
        vein=float(np.clip(rng.normal(1.0, 0.04), 0.9, 1.06)),
        fat_mm=float(rng.uniform(8, 18)),
        mediastinal_fat_mm=float(rng.uniform(0.8, 2.6)),
        dome_mm=float(rng.uniform(-6, 4)),
        contrast_hu=float(rng.uniform(-15, 30)),
    )
