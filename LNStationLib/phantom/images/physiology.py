"""Uptake of FDG in tissue that is not diseased, and the noise of the PET: drawn once a patient.

Blood pool and liver follow Boktor et al., J Nucl Med 2013 (132 oncology patients: 1.55, SD 0.38, and 2.17, SD 0.44);
other tissue keeps its usual ratio to them. No myocardial uptake was seen in 36 % of 302 oncology patients
(J Clin Med 2020, PMC7408629); where there is some it varies more than any other organ's. Diffuse uptake of the
thyroid is found in about 3 % of patients (Karantanis et al., J Nucl Med 2007), brown fat as in ``variation``. How
often esophagus and neck muscles take up more than usual, and how much, is tuned to what readers call common.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOOD_SUV, LIVER_SUV = 1.55, 2.17
"""Means of Boktor et al. 2013; see above."""
_PATIENT_SIGMA, _BLOOD_SIGMA, _LIVER_SIGMA = 0.17, 0.17, 0.10
"""Log-normal spread that all tissue of a patient shares, and that of blood and liver beside it."""
NO_MYOCARDIUM_FRACTION, THYROIDITIS_FRACTION, ESOPHAGITIS_FRACTION, TENSE_NECK_FRACTION = 0.36, 0.03, 0.12, 0.08
"""Part of patients; see above."""


@dataclass(frozen=True)
class Physiology:
    """Uptakes in SUVbw before the scanner's blur.

    Attributes:
        level: Uptake of all tissue of no other name here, over the usual.
        blood: Blood pool.
        liver: Liver.
        myocardium: Wall of the left ventricle.
        esophagus: Its wall, down to the left atrium.
        distal_esophagus: Its wall further down.
        thyroid: Thyroid gland.
        neck_muscles: Muscles of the neck.
        noise: Standard deviation of a voxel's noise where the uptake is 1; it grows with the root of the uptake.
    """

    level: float = 1.0
    blood: float = BLOOD_SUV
    liver: float = LIVER_SUV
    myocardium: float = 3.0
    esophagus: float = 2.0
    distal_esophagus: float = 2.3
    thyroid: float = 1.5
    neck_muscles: float = 0.9
    noise: float = 0.17


def draw_physiology(rng: np.random.Generator) -> Physiology:
    """Draw a patient; always the same number of draws."""
    spread = np.exp(rng.standard_normal(6) * (_PATIENT_SIGMA, _BLOOD_SIGMA, _LIVER_SIGMA, 0.5, 0.25, 0.2))
    chance, share = rng.random(4), rng.random(4)
    level, blood, liver, heart, esophagus, thyroid = (float(v) for v in spread)
    myocardium = 1.1 * BLOOD_SUV if chance[0] < NO_MYOCARDIUM_FRACTION else 4.5 * heart
    reflux = 1.5 + share[1] if chance[1] < ESOPHAGITIS_FRACTION else 1.0
    return Physiology(
        level=level,
        blood=level * blood * BLOOD_SUV,
        liver=level * liver * LIVER_SUV,
        myocardium=float(np.clip(level * myocardium, 1.2, 16)),
        esophagus=level * esophagus * 2.0,
        distal_esophagus=float(level * esophagus * reflux * 2.3),
        thyroid=float(3 + 4 * share[2]) if chance[2] < THYROIDITIS_FRACTION else level * thyroid * 1.5,
        neck_muscles=float(2 + 2.5 * share[3]) if chance[3] < TENSE_NECK_FRACTION else level * 0.9,
        # 8 to 15 % in the liver.
        noise=float((0.08 + 0.07 * share[0]) * np.sqrt(LIVER_SUV)),
    )
