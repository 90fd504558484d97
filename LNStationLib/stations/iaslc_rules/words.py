"""Words for what the rules' borders rest on."""

from __future__ import annotations

from LNStationLib.support.language import say
from LNStationLib.support.words import Facts, texts, words_for

# Levels
texts(
    {
        "carina": "carina",
        "cricoid_lower_margin": "lower margin of the cricoid cartilage",
        "above_manubrium": "{above_mm:.0f} mm above the manubrium (no cricoid)",
        "lung_apex": "apex of the {side} lung",
        "lung_apex_above_view": "apex of the {side} lung (above the field of view)",
        "apex_of_other_lung": "apex of the other lung (no {side} lung)",
        "manubrium_top": "upper border of the manubrium",
        "below_lung_apex": "{below_mm:.0f} mm below the lung apex",
        "thoracic_inlet": "{midline} in the midline, {right} and {left} at the sides",
        "clavicles_beside": "{midline} in the midline, clavicles at the sides",
        "left_brachiocephalic_vein_crossing": "caudal margin of the left brachiocephalic vein at the trachea",
        "trunk_origin_for_vein": "origin of the brachiocephalic trunk (vein not seen)",
        "aortic_arch_top": "upper margin of the aortic arch",
        "aortic_arch_underside": "lower border of the aortic arch",
        "azygos_arch": "lower border of the azygos arch",
        "guessed_azygos_arch": "lower border of the azygos arch ({how})",
        "right_bronchus_for_azygos": "upper border of the right main bronchus (no azygos arch)",
        "left_pulmonary_artery_top": "upper rim of the left main pulmonary artery",
        "bronchus_intermedius_end": "lower border of the bronchus intermedius",
        "left_lower_lobe_bronchus_origin": "upper border of the left lower lobe bronchus",
        "right_and_left": "{right} (right), {left} (left)",
        "inferior_pulmonary_vein": "lower border of the {side} inferior pulmonary vein",
        "below_carina_for_vein": "{below_mm:.0f} mm below the carina (no vein)",
        "esophageal_hiatus": "esophageal hiatus of the diaphragm",
        "esophagus_between_abdominal_organs": ("where the esophagus comes to lie between the organs of the abdomen"),
        "heart_for_diaphragm": "lower border of the heart without its apex (diaphragm not seen)",
        "lung_bases_for_diaphragm": "lowest bases of the lungs (diaphragm not seen)",
    }
)

# Walls
texts(
    {
        "trachea_left": "left lateral border of the trachea",
        "trachea_midline": "midline of the trachea",
        "trachea_midline_for_spine": "midline of the trachea (no spine)",
        "trachea_back": "posterior wall of the trachea",
        "trachea_width_for_aorta": "width of the trachea (aorta not found)",
        "beside_trachea_midline": "{aside_mm:.0f} mm from the trachea's midline",
        "sternum_back": "back of the sternum",
        "spine_front": "front of the vertebral bodies",
        "spine_midline": "midline of the vertebral column",
        "behind_trachea_for_spine": "{behind_mm:.0f} mm behind the trachea (no spine)",
        "before_trachea_for_vessels": "{before_mm:.0f} mm in front of the trachea (no great vessels)",
        "before_neck_vessels": "{before_mm:.0f} mm in front of the trachea and the neck vessels that were found",
        "arch_axis": "axis of the aortic arch",
        "aorta_summit": "foremost point of the aorta",
        "ascending_aorta_middle": "middle of the ascending aorta",
        "descending_aorta_front": "front of the descending aorta",
        "aortic_isthmus": "isthmus of the aorta",
        "ligamentum_arteriosum": "ligamentum arteriosum",
        "line_for_ligament": (
            "line from the underside of the arch to the origin of the left pulmonary artery (ligamentum arteriosum "
            "not visible)"
        ),
        "right_bronchi_medial": "medial wall of the right bronchi",
        "left_bronchus_medial": "medial wall of the left main bronchus",
        "bronchi_front": "front of the main bronchi",
        "esophagus_front": "front of the esophagus",
        "esophagus_back": "back of the esophagus",
        "around_esophagus": "{around_mm:.0f} mm around the esophagus ({how})",
        "around_main_bronchus": (
            "{bronchus_mm:.0f} mm around the main bronchus, {artery_mm:.0f} mm around the hilar artery"
        ),
        "around_lobar_origins": "{bronchus_mm:.0f} mm around the lobar bronchi at their origins",
    }
)


@words_for("prevascular_front")
def _prevascular_front(facts: Facts) -> str:
    if not facts["without"]:
        return say("front of the superior vena cava, the aorta with its branches and the left common carotid artery")
    return say(
        "front of the superior vena cava, the aorta with its branches and the left common carotid artery (without "
        "{structures})",
        structures=", ".join(say(name) for name in facts["without"]),
    )
