"""Groups of organs by canonical name, shared by the finders and the station rules."""

LUNGS = ("lung_left", "lung_right")
AIRWAY_PARTS = (
    "trachea",
    "main_bronchus_left",
    "main_bronchus_right",
    "bronchus_intermedius",
    "upper_lobe_bronchus_left",
    "lower_lobe_bronchus_left",
    "upper_lobe_bronchus_right",
    "middle_lobe_bronchus_right",
    "lower_lobe_bronchus_right",
)
"""Named pieces of the airway lumen."""
AIRWAYS = ("airways", *AIRWAY_PARTS)
BONES = ("bone", "spine", "sternum", "manubrium", "clavicle_left", "clavicle_right", "ribs")
ARTERIES = (
    "aorta",
    "ascending_aorta",
    "aortic_arch",
    "descending_aorta",
    "brachiocephalic_trunk",
    "common_carotid_artery_left",
    "common_carotid_artery_right",
    "subclavian_artery_left",
    "subclavian_artery_right",
)
"""Aorta and its branches."""
PULMONARY_ARTERIES = ("pulmonary_artery", "pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")
PULMONARY_VEINS = ("pulmonary_vein", "inferior_pulmonary_vein_left", "inferior_pulmonary_vein_right")
CENTRAL_VEINS = (
    "superior_vena_cava",
    "inferior_vena_cava",
    "brachiocephalic_vein_left",
    "brachiocephalic_vein_right",
)
OTHER_VEINS = ("internal_jugular_vein_left", "internal_jugular_vein_right", "azygos_vein", "azygos_arch")
VESSELS = (*ARTERIES, *PULMONARY_ARTERIES, *PULMONARY_VEINS, *CENTRAL_VEINS, *OTHER_VEINS)
LARGE_VESSELS = (
    "aorta",
    "pulmonary_artery",
    "superior_vena_cava",
    "brachiocephalic_vein_right",
    "brachiocephalic_vein_left",
)
"""Vessels as wide as enlarged nodes that run through or beside the mediastinal stations: on a slice without contrast
each can pass for a node."""
HEART = ("heart", "atrium_left", "atrial_appendage_left")
"""The heart and the parts that supplied masks of it may lack."""
