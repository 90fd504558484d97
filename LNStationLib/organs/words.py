"""Words for what organ finders warn of, and for how organs were found."""

from __future__ import annotations

from LNStationLib.support.language import say
from LNStationLib.support.sentences import SYNTHETIC_ONLY, listed
from LNStationLib.support.words import Facts, joined, texts, words_for

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
    return say(
        "Left and right are exchanged: {organs} lie on the opposite side from usual, so the image is mirrored or the "
        "patient has situs inversus; check the side markers: the side of every station depends on them.",
        organs=listed(facts["organs"]),
    )


# How organs were found
texts(
    {
        "supplied_mask": "supplied mask",
        "supplied_from": "{origin}",
        "edited_by_reader": "edited by the reader",
        "organ_of_network": "network of {package}, confidence {confidence:.2f}",
        "totalsegmentator": "TotalSegmentator, task {task}",
        "doubtful_organ": "{how} (doubtful)",
        "split_of": "split of {whole}",
        "part_in_view": "{how}; only part in view, named by its position",
        "above_carina": "{whole} above the carina",
        "body_region": "largest closed region of tissue, without clothing, bedding and table",
        "aerated_lung": "aerated lung with its vessels",
        "air_grown": "air below {threshold_hu} HU grown from the trachea",
        "trachea_followed": "air column followed from the top of the view",
        "trachea_above_turn": "lumen above the turn",
        "trachea_grown": "lumen grown from the air column of the neck",
        "main_bronchus_to_fork": "lumen from carina to the first lobar fork",
        "main_bronchus_from_carina": "lumen from the carina on",
        "intermedius_to_fork": "lumen from the right upper lobe bronchus to the next fork",
        "bronchial_branch": "branch of the {bronchus}",
        "enhanced_aorta": (
            "enhanced columns beside the spine and in front of the carina, joined by the arch (blood {blood_hu:.0f} "
            "HU)"
        ),
        "descending_part_completed": (
            "{how}; {length_mm:.0f} mm of the descending part completed by width and density"
        ),
        "enhanced_pulmonary_trunk": "enhanced trunk left of the ascending aorta",
        "rough_heart": "rough: chambers by contrast, muscle by distance",
        "lowest_beside_atrium": "lowest part beside the atrium of {whole}",
        "azygos_path": (
            "best path through soft tissue from the spine over the right main bronchus to the superior vena cava"
        ),
        "left_vein_enhanced": "enhanced from cava to left clavicle",
        "left_vein_path": "best path through unenhanced soft tissue from cava to left clavicle",
        "cava_enhanced": "enhanced column right of the ascending aorta",
        "cava_unenhanced": "tube through unenhanced soft tissue right of the ascending aorta",
        "right_vein_enhanced": "enhanced column above the superior vena cava",
        "right_vein_unenhanced": "tube through unenhanced soft tissue above the superior vena cava",
        "esophagus_path": "tube along the best path through soft tissue between airways, heart, aorta and spine",
        "lower_esophagus_on_path": "{how}; its lower {length_mm:.0f} mm along the best path through soft tissue",
        "vertebrae_around_canal": "vertebral bodies and arches around the spinal canal",
        "spine_completed": "{supplied}; other vertebrae from the image: {column}",
        "tube_in_canal": "tube along the middle of the spinal canal",
        "bone_plate": "bone plate in the midline behind the skin of the chest",
        "upper_sternum": "upper {length_mm:.0f} mm of the sternum",
        "upper_supplied_sternum": "upper {length_mm:.0f} mm of the supplied sternum",
        "bone_beside_manubrium": "bone beside and above the manubrium",
        "other_bone": "bone outside spine, sternum and clavicles (scapulae included)",
        "all_bone": "spine, sternum, clavicles and ribs",
    }
)


@words_for("union_of")
def _union_of(facts: Facts) -> str:
    return say("union of {parts}", parts=", ".join(say(name) for name in facts["parts"]))


# Where the left brachiocephalic vein is placed
texts(
    {
        "at_trunk_origin": "at the origin of the brachiocephalic trunk",
        "at_arch_top": "at the top of the aortic arch",
        "at_aorta_end": "where the aorta ends in front of the trachea",
        "below_manubrium": "{below_mm:.0f} mm below the upper border of the manubrium",
    }
)


@words_for("halfway_between")
def _halfway_between(facts: Facts) -> str:
    return say("halfway between two usual levels: {levels}", levels=joined(facts["levels"], say(" and ")))
