"""Attenuation of blood and organs by the phase of the contrast medium."""

from __future__ import annotations

import numpy as np

from LNStationLib.phantom.anatomy.variation import Variation

BLOOD_HU = 42.0
"""Blood without contrast medium."""
# Attenuation in HU at about 60 s (a chest routine) and 25 s (a pulmonary angiogram caught late), 120 kV.
_PULMONARY = ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")
_AORTIC = (
    "ascending_aorta", "aortic_arch", "descending_aorta", "brachiocephalic_trunk", "common_carotid_artery_left",
    "common_carotid_artery_right", "subclavian_artery_left", "subclavian_artery_right", "ventricle_left",
)  # fmt: skip
"""What fills with the aorta."""
_LEFT_HEART = (
    "superior_pulmonary_veins", "inferior_pulmonary_vein_left", "inferior_pulmonary_vein_right", "atrium_left",
    "atrial_appendage_left",
)  # fmt: skip
"""What fills with the pulmonary veins."""
_RIGHT_HEART_HU = {"venous": {"atrium_right": 165.0, "ventricle_right": 170.0},
                "arterial": {"atrium_right": 330.0, "ventricle_right": 320.0}}  # fmt: skip
"""By phase, its chambers."""
_VEINS_VENOUS_HU = {
    "superior_vena_cava": 168.0, "brachiocephalic_vein_left": 162.0, "brachiocephalic_vein_right": 164.0,
    "internal_jugular_vein_left": 158.0, "internal_jugular_vein_right": 158.0, "inferior_vena_cava": 140.0,
    "azygos_vein": 148.0, "azygos_arch": 150.0, "subclavian_vein_left": 158.0, "subclavian_vein_right": 158.0,
}  # fmt: skip
"""Systemic veins in the venous phase; below the heart they are less enhanced than above."""
# Undiluted contrast medium in the veins of the injected arm, none yet in the others.
_DENSE_HU, _MIXED_HU, _UNENHANCED_HU = 900.0, 520.0, 48.0
_ORGANS_HU = {
    "none": {"liver": 58.0, "spleen": 48.0, "kidneys": 32.0, "thyroid": 105.0, "myocardium": 45.0, "muscle": 52.0,
             "liver_vessels": 42.0, "airless_lung": 38.0},
    "venous": {"liver": 108.0, "spleen": 118.0, "kidneys": 175.0, "thyroid": 150.0, "myocardium": 105.0,
               "muscle": 57.0, "liver_vessels": 142.0, "airless_lung": 92.0},
    "arterial": {"liver": 68.0, "spleen": 135.0, "kidneys": 150.0, "thyroid": 165.0, "myocardium": 110.0,
                 "muscle": 54.0, "liver_vessels": 62.0, "airless_lung": 80.0},
}  # fmt: skip
"""By phase."""
_FLUID_HU = (5.0, 25.0)
"""Range of pleural fluid."""
LUNG_ARTERY, LUNG_VEIN = "pulmonary_artery_right", "superior_pulmonary_veins"
"""Vessels whose blood the branches in the lungs hold."""


def organ_hu(traits: Variation, organ: str) -> float:
    """Attenuation in the phase; organs are those of ``_ORGANS_HU``, such as liver, muscle or airless_lung."""
    return _ORGANS_HU[traits.contrast][organ]


def fluid_hu(traits: Variation) -> float:
    """Attenuation of pleural fluid: transudates near water, exudates and blood denser."""
    held = traits.trait("pleural_effusion") or traits.trait("pneumonectomy")
    return float((held.generator() if held else np.random.default_rng(0)).uniform(*_FLUID_HU))


def blood_hu(traits: Variation) -> dict[str, float]:
    """Attenuation of the blood in every vessel and chamber by name, in painting order."""
    names = (*_VEINS_VENOUS_HU, *_PULMONARY, *_LEFT_HEART, *_RIGHT_HEART_HU["venous"], *_AORTIC)
    if traits.contrast == "none":
        return dict.fromkeys(names, BLOOD_HU)
    table = _arterial(traits) if traits.contrast == "arterial" else _venous()
    more = traits.contrast_hu * (1.6 if traits.contrast == "arterial" else 1.0)
    return {name: table[name] + (more if table[name] > 100 else 0.0) for name in names}


def _venous() -> dict[str, float]:
    return (
        dict(_VEINS_VENOUS_HU)
        | dict.fromkeys(_PULMONARY, 176.0)
        | dict.fromkeys(_LEFT_HEART, 180.0)
        | _RIGHT_HEART_HU["venous"]
        | dict.fromkeys(_AORTIC, 184.0)
    )


def _arterial(traits: Variation) -> dict[str, float]:
    side, other = ("left", "right") if traits.injected_left else ("right", "left")
    return (
        dict.fromkeys(_VEINS_VENOUS_HU, _UNENHANCED_HU)
        | {
            f"subclavian_vein_{side}": _DENSE_HU,
            f"brachiocephalic_vein_{side}": _DENSE_HU,
            "superior_vena_cava": _MIXED_HU,
        }
        | {f"brachiocephalic_vein_{other}": _UNENHANCED_HU + 12}
        | dict.fromkeys(_PULMONARY, 310.0)
        | dict.fromkeys(_LEFT_HEART, 320.0)
        | _RIGHT_HEART_HU["arterial"]
        | dict.fromkeys(_AORTIC, 330.0)
    )
