"""Words for what organ finders warn of."""

from __future__ import annotations

from LNStationLib.support.sentences import SYNTHETIC_ONLY, listed
from LNStationLib.support.words import Facts, texts, words_for

# What was supplied or drawn
texts(
    {
        "drawn_organ_too_small": "What was drawn of {organ} is too small to be used; draw it larger.",
        "supplied_mask_empty": (
            "The supplied mask of {organ} is empty within the CT; check that it belongs to this CT."
        ),
    }
)

# The organ network
texts(
    {
        "found_without_network": (
            "Organs were found without a network, for learned models or their package are not installed: install "
            "learned models, or supply masks of heart, aorta and pulmonary artery."
        ),
        "network_unsure_of_organs": (
            "The organ network is sure of neither aorta nor heart in this CT, so that none of its organs is used; "
            "check what the CT shows, or supply masks."
        ),
        "no_lung_for_network": (
            "No lung is in view, so that none of the organ network's organs is used; check that the CT shows a chest."
        ),
        "organs_of_synthetic_model": (
            f"The model package {{package}} was {SYNTHETIC_ONLY}: check the organs that it found."
        ),
        "descending_aorta_completed": (
            "The organ network outlined {length_mm:.0f} mm of the descending aorta too thin or not at all; they were "
            "completed by width and density: check stations 8 and 9 there."
        ),
        "esophagus_completed": (
            "The organ network lost the esophagus behind the heart; its lower {length_mm:.0f} mm were placed along "
            "the best path through soft tissue: check stations 8 and 9."
        ),
    }
)

# Lungs and airways
texts(
    {
        "no_aerated_lung": "No aerated {side} lung was found; stations bounded by it are uncertain.",
        "small_aerated_lung": (
            "Only {volume_ml:.0f} ml of aerated {side} lung was found; stations bounded by it are uncertain."
        ),
        "no_trachea": "No trachea was found in the CT; stations that depend on it are left out.",
        "no_bifurcation": "The tracheal bifurcation was not found: carina and bronchi are missing.",
        "bronchus_end_placed": (
            "The {landmark} was not visible; it was placed at the typical bronchus length of {length_mm:.0f} mm."
        ),
        "main_bronchus_without_air": (
            "The {side} main bronchus contains no air or is not in view: the carina was placed where the trachea "
            "turns into the {other_side} main bronchus; stations bounded by the {side} bronchi are left out."
        ),
    }
)

# Heart and vessels
texts(
    {
        "vessels_without_contrast": (
            "The vessels show no contrast; supply masks of aorta, pulmonary artery and heart where they are missing."
        ),
        "arch_above_view": "The aortic arch lies above the CT; stations bounded by it are left out.",
        "arch_cut_at_top": "The aortic arch is cut off at the top of the CT; its upper border may lie higher.",
        "aorta_not_divided": "The aorta could not be divided into ascending part, arch and descending part.",
        "no_enhanced_aorta": (
            "No enhanced aorta was found beside the spine; supply an aorta mask to get stations 2L to 6."
        ),
        "no_enhanced_ascending_aorta": "No enhanced ascending aorta was found; supply an aorta mask.",
        "no_enhanced_pulmonary_artery": (
            "No enhanced pulmonary artery was found; supply its mask to get stations 4L, 5 and 10L."
        ),
        "no_pulmonary_bifurcation": (
            "The bifurcation of the pulmonary artery is not in view; its left and right branches are missing."
        ),
        "pulmonary_vein_placed": (
            "The {side} inferior pulmonary vein was not visible; it was placed at its usual level, "
            "{below_carina_mm:.0f} mm below the carina."
        ),
        "vein_crossing_unknown": (
            "The crossing of the left brachiocephalic vein over the trachea is unknown; it may lie above the CT."
        ),
        "vein_crossing_placed": "The left brachiocephalic vein was not visible; its crossing was placed {basis}.",
        "aorta_right_of_spine": (
            "The descending aorta lies right of the spine: the patient has a right-sided aorta or the image is "
            "mirrored; check the side markers."
        ),
    }
)

# Esophagus and bones
texts(
    {
        "esophagus_not_placed": "The esophagus was not placed: trachea or spine was not found.",
        "space_before_spine_not_in_view": (
            "The esophagus was not placed: the space in front of the spine is not in view."
        ),
        "no_spinal_canal": "The spinal canal was not found; the spine is missing.",
        "no_sternum": "The sternum was not found in the CT.",
        "manubrium_cut_at_top": "The manubrium is cut off at the top of the CT; its upper border may lie higher.",
    }
)


@words_for("sides_exchanged")
def _sides_exchanged(facts: Facts) -> str:
    return (
        f"Left and right are exchanged: {listed(facts['organs'])} lie on the opposite side from usual, so the image "
        "is mirrored or the patient has situs inversus; check the side markers: the side of every station depends "
        "on them."
    )
