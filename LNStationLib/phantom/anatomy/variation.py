"""What differs between synthetic patients and their examinations, drawn once from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from LNStationLib.phantom.anatomy.traits import AnatomyTrait, PresentTrait

ArchVariant = Literal["normal", "bovine", "left_vertebral", "aberrant_right_subclavian"]
Contrast = Literal["none", "arterial", "venous"]

# Frequencies of arch variants: Popieluszko et al., J Vasc Surg 2018 (meta-analysis of 23 882 arches): normal 80.9 %,
# common origin of trunk and left carotid ("bovine") 13.6 %, left vertebral artery from the arch 2.8 %, aberrant right
# subclavian artery 0.7 %. The rest are rarer forms, counted here with the normal one.
ARCH_FREQUENCIES: dict[ArchVariant, float] = {
    "normal": 0.829, "bovine": 0.136, "left_vertebral": 0.028, "aberrant_right_subclavian": 0.007,
}  # fmt: skip
# Ectasia of the ascending aorta (40 mm or more) on screening CT: 2.7 % of women and men over 50 (Benedetti & Hope,
# J Comput Assist Tomogr 2015).
DILATED_AORTA_FREQUENCY = 0.03
# Incomplete minor fissure: 63 % of 622 patients on thin-section CT (Aziz et al., J Thorac Imaging 2004).
INCOMPLETE_MINOR_FISSURE_FREQUENCY = 0.63
# Common trunk of the left pulmonary veins: 14 % (Marom et al., Radiology 2004).
COMMON_LEFT_VEIN_FREQUENCY = 0.14
FEMALE_FRACTION = 0.42
"""Part of women where the plan gives no sex; every plan of a cohort does."""
# FDG-avid brown fat: 5.4 % of patients (Cypess et al., N Engl J Med 2009: 7.5 % of women, 3.1 % of men).
BROWN_FAT_FREQUENCY = {"F": 0.075, "M": 0.031}


@dataclass(frozen=True)
class Variation:
    """One patient's traits. Lengths of the anatomy tables are those of an average adult, to be scaled by these.

    Attributes:
        size: In-plane scale of the whole body.
        length: Scale along the body axis.
        artery: Scale of the caliber of arteries.
        vein: Scale of the caliber of veins.
        fat_mm: Thickness of the subcutaneous fat at the side of the chest.
        mediastinal_fat_mm: How far the mediastinal pleura stands off the organs.
        dome_mm: Shift of the diaphragm along z; positive is a deeper expiration, a smaller lung.
        contrast_hu: Added to the attenuation of enhanced blood.
        sex: Decides size, muscle, breasts.
        depth: Further scale from front to back: above 1 a barrel chest.
        muscle: Scale of the thickness of muscles.
        breast_ml: Volume of one breast, 0 in men.
        kyphosis_mm: How far the mid-thoracic spine lies further back.
        aortic_dilatation: Further scale of the ascending aorta's caliber.
        aortic_elongation_mm: How much higher, wider and more tortuous the aorta runs.
        arch: Branching of the aortic arch.
        common_left_vein: Whether the left pulmonary veins share a trunk.
        minor_fissure: How much of the horizontal fissure can be seen, 0 to 1.
        rotation_deg: Turn about the body axis.
        roll_deg: Lean to the left side.
        pitch_deg: Lean to the back.
        arms: Above the head (``"up"``), against the chest (``"down"``), or beside it with air between arm and chest
            (``"beside"``, never drawn: a trait of ``scan_traits``).
        contrast: Phase of the CT; venous is a chest routine at 60 s, arterial at 25 s with dense contrast in the
            veins of the injected side.
        injected_left: Which arm was injected.
        kernel: Reconstruction kernel of the CT; ``"lung"`` is never drawn: a trait of ``scan_traits``.
        noise_hu: Standard deviation of the CT's noise in soft tissue at 3 mm slices and 0.8 mm pixels.
        brown_fat: Whether brown fat takes up FDG.
        breathing_mm: Shift ``(x, y, z)`` of the PET against the CT at the diaphragm.
        present: Anatomical traits (``traits``); never drawn here, and none in the audited cohorts.
    """

    size: float
    length: float
    artery: float
    vein: float
    fat_mm: float
    mediastinal_fat_mm: float
    dome_mm: float
    contrast_hu: float
    sex: Literal["F", "M"] = "M"
    depth: float = 1.0
    muscle: float = 1.0
    breast_ml: float = 0.0
    kyphosis_mm: float = 0.0
    aortic_dilatation: float = 1.0
    aortic_elongation_mm: float = 0.0
    arch: ArchVariant = "normal"
    common_left_vein: bool = False
    minor_fissure: float = 1.0
    rotation_deg: float = 0.0
    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    arms: Literal["up", "down", "beside"] = "up"
    contrast: Contrast = "venous"
    injected_left: bool = False
    kernel: Literal["soft", "medium", "sharp", "lung"] = "soft"
    noise_hu: float = 11.0
    brown_fat: bool = False
    breathing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    present: tuple[PresentTrait, ...] = ()

    def trait(self, name: AnatomyTrait) -> PresentTrait | None:
        """An anatomical trait as this patient has it; ``None`` where the patient lacks it."""
        return next((trait for trait in self.present if trait.name == name), None)


def draw_variation(rng: np.random.Generator, **fixed: Any) -> Variation:
    """Draw a patient.

    Args:
        rng: Random generator; always the same number of draws, so that fixing a trait leaves the others as they are.
        fixed: Traits of ``Variation`` that are given, not drawn.

    Raises:
        TypeError: ``fixed`` names something that is not a trait.
    """
    drawn = bool(rng.uniform() < FEMALE_FRACTION)
    female = fixed["sex"] == "F" if "sex" in fixed else drawn
    traits = _body(rng, female) | _vessels(rng) | _examination(rng, female)
    return replace(Variation(**traits), **fixed)


def fixed_by(present: Sequence[PresentTrait]) -> dict[str, Any]:
    """What anatomical traits fix of ``Variation``, themselves among it."""
    fixed: dict[str, Any] = {"present": tuple(present)} if present else {}
    for trait in present:
        if trait.name == "kyphosis":
            fixed["kyphosis_mm"] = trait.between(12.0, 24.0)
        elif trait.name == "bovine_arch":
            fixed["arch"] = "bovine"
        elif trait.name == "aberrant_right_subclavian":
            fixed["arch"] = "aberrant_right_subclavian"
        elif trait.name == "right_arch":
            fixed |= {"arch": "normal", "aortic_elongation_mm": 0.0, "aortic_dilatation": 1.0}
        elif trait.name == "dilated_aorta":
            fixed["aortic_dilatation"] = trait.between(1.3, 1.6)
        elif trait.name == "elongated_aorta":
            fixed["aortic_elongation_mm"] = trait.between(8.0, 16.0)
    return fixed


def _normal(rng: np.random.Generator, mean: float, sd: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, sd), low, high))


def _body(rng: np.random.Generator, female: bool) -> dict[str, Any]:
    # Habitus: a patient's fat under the skin, in the mediastinum and in the breasts go together.
    habitus = float(np.clip(rng.normal(0, 1), -1.8, 2.2))
    size = _normal(rng, 0.97 if female else 1.01, 0.022, 0.92, 1.05)
    breast = float(np.exp(rng.normal(np.log(420), 0.4))) if female else float(0 * rng.normal())
    return {
        "sex": "F" if female else "M",
        "size": size,
        "length": _normal(rng, 0.97 if female else 1.01, 0.025, 0.91, 1.06),
        "depth": _normal(rng, 1.0, 0.03, 0.94, 1.08),
        "fat_mm": float(np.clip((15 if female else 10.5) + 5 * habitus + rng.normal(0, 1.5), 4, 28)),
        "mediastinal_fat_mm": float(np.clip(1.9 + 1.0 * habitus + rng.normal(0, 0.5), 0.5, 4.5)),
        "muscle": _normal(rng, 0.82 if female else 1.0, 0.1, 0.6, 1.2),
        "breast_ml": float(np.clip(breast * (1 + 0.25 * habitus), 120, 1100)) if female else 0.0,
        "kyphosis_mm": float(np.clip(rng.normal(2, 3.5), -3, 9)),
        "dome_mm": float(np.clip(rng.normal(-2, 4.5), -12, 6)),
        "minor_fissure": float(rng.uniform(0.3, 0.85) if rng.uniform() < INCOMPLETE_MINOR_FISSURE_FREQUENCY else 1.0),
    }


def _vessels(rng: np.random.Generator) -> dict[str, Any]:
    dilated, choice = rng.uniform() < DILATED_AORTA_FREQUENCY, rng.uniform()
    dilatation = float(rng.uniform(1.25, 1.36))
    names = list(ARCH_FREQUENCIES)
    bounds = np.cumsum(list(ARCH_FREQUENCIES.values()))
    return {
        "artery": _normal(rng, 1.0, 0.035, 0.92, 1.06),
        "vein": _normal(rng, 1.0, 0.05, 0.88, 1.07),
        "aortic_dilatation": dilatation if dilated else 1.0,
        "aortic_elongation_mm": float(np.clip(rng.normal(2, 3), -2, 7)),
        "arch": names[min(int(np.searchsorted(bounds, choice)), len(names) - 1)],
        "common_left_vein": bool(rng.uniform() < COMMON_LEFT_VEIN_FREQUENCY),
        "contrast_hu": float(rng.uniform(-15, 30)),
    }


def _examination(rng: np.random.Generator, female: bool) -> dict[str, Any]:
    contrast, kernel = rng.uniform(), rng.uniform()
    return {
        "rotation_deg": _normal(rng, 0, 1.5, -4, 4),
        "roll_deg": _normal(rng, 0, 0.8, -2, 2),
        "pitch_deg": _normal(rng, 0, 1.0, -2.5, 2.5),
        "arms": "up" if rng.uniform() < 0.9 else "down",
        "contrast": "venous" if contrast < 0.6 else ("arterial" if contrast < 0.85 else "none"),
        "injected_left": bool(rng.uniform() < 0.35),
        "kernel": "soft" if kernel < 0.7 else ("medium" if kernel < 0.9 else "sharp"),
        "noise_hu": _normal(rng, 11, 2, 7, 16),
        "brown_fat": bool(rng.uniform() < BROWN_FAT_FREQUENCY["F" if female else "M"]),
        "breathing_mm": (
            float(rng.normal(0, 0.7)), float(rng.normal(0, 1.0)), float(np.clip(rng.normal(-3, 3), -9, 4)),
        ),
    }  # fmt: skip
