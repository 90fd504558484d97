"""Truth masks: who owns each voxel where neighbors touch, and the landmarks read from them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import lungs
from LNStationLib.phantom.anatomy_model import Anatomy
from LNStationLib.types import BoolArray, PointMm

# Earlier names keep the voxels that later ones also claim.
PRECEDENCE = (
    "trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "upper_lobe_bronchus_right",
    "middle_lobe_bronchus_right", "lower_lobe_bronchus_right", "upper_lobe_bronchus_left", "lower_lobe_bronchus_left",
    "ascending_aorta", "aortic_arch", "descending_aorta", "brachiocephalic_trunk", "common_carotid_artery_left",
    "common_carotid_artery_right", "subclavian_artery_left", "subclavian_artery_right", "pulmonary_trunk",
    "pulmonary_artery_left", "pulmonary_artery_right", "superior_vena_cava", "azygos_arch", "azygos_vein",
    "brachiocephalic_vein_right", "brachiocephalic_vein_left", "internal_jugular_vein_right",
    "internal_jugular_vein_left", "esophagus", "atrium_left", "atrial_appendage_left",
    "inferior_pulmonary_vein_right", "inferior_pulmonary_vein_left", "superior_pulmonary_veins",
    "inferior_vena_cava", "thyroid_gland", "cricoid_cartilage", "ligamentum_arteriosum", "spinal_cord", "spine",
    "manubrium", "sternal_body", "clavicle_left", "clavicle_right",
)  # fmt: skip
# Organs that hold others: the heart keeps its chambers.
_UNIONS = {
    "aorta": ("ascending_aorta", "aortic_arch", "descending_aorta"),
    "pulmonary_artery": ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right"),
    "pulmonary_vein": ("superior_pulmonary_veins", "inferior_pulmonary_vein_left", "inferior_pulmonary_vein_right"),
    "sternum": ("manubrium", "sternal_body"),
}
_HEART_PARTS = ("atrium_left", "atrial_appendage_left")


def truth_masks(model: Anatomy) -> dict[str, BoolArray]:
    """Masks by canonical organ name; no two overlap but wholes and their parts."""
    shape = model.grid.shape
    taken = np.zeros(shape, bool)
    masks: dict[str, BoolArray] = {}
    for name in PRECEDENCE:
        mask = model.raw_mask(name) & ~taken
        taken |= mask
        masks[name] = mask
    heart = model.raw_mask("heart_outline") & ~taken
    for part in _HEART_PARTS:
        heart |= masks[part]
    taken |= heart
    for name, parts in _UNIONS.items():
        masks[name] = np.logical_or.reduce([masks[part] for part in parts])
    masks["heart"] = heart
    masks |= _cavity_masks(model, taken)
    masks["ribs"] = model.groups["ribs"].mask(shape) & ~masks["spine"] & (model.skin < 0)
    for helper in ("sternal_body", "superior_pulmonary_veins"):
        del masks[helper]
    return {name: mask for name, mask in masks.items() if mask.any()}


def _cavity_masks(model: Anatomy, taken: BoolArray) -> dict[str, BoolArray]:
    # The mask of a lung is its air and what lies in it; hilar organs keep their own voxels.
    lung = (model.lung_space() < -0.3) & ~taken
    if model.nodes:
        lung &= ~model.raw_mask("nodes")
    x = model.grid.coordinates_mm(2)[None, None, :]
    chest = model.chest_space() < 0
    return {
        "body": model.skin < 0,
        "lung_left": lung & (x > 0),
        "lung_right": lung & (x < 0),
        **lungs.lobes(lung, model.grid),
        "thoracic_cavity": chest,
        "mediastinum": chest & ~lung,
        "liver": (model.liver < 0) & ~taken,
    }


def landmarks(masks: Mapping[str, BoolArray], grid: Grid) -> dict[str, PointMm]:
    """Landmarks in LPS mm ``(x, y, z)`` of the grid, those that lie in view; read from the unmirrored masks."""
    found: dict[str, PointMm | None] = {
        "carina": _carina(masks, grid),
        "aortic_arch_top": _extreme(masks.get("aortic_arch"), grid, top=True),
        "aortic_arch_underside": _arch_underside(masks, grid),
        "azygos_arch_lower_border": _extreme(masks.get("azygos_arch"), grid, top=False),
        "left_pulmonary_artery_top": _extreme(masks.get("pulmonary_artery_left"), grid, top=True),
        "manubrium_top": _extreme(masks.get("manubrium"), grid, top=True),
        "cricoid_lower_border": _extreme(masks.get("cricoid_cartilage"), grid, top=False),
        "right_lung_apex": _extreme(masks.get("lung_right"), grid, top=True),
        "left_lung_apex": _extreme(masks.get("lung_left"), grid, top=True),
        "left_brachiocephalic_vein_at_trachea": _vein_at_trachea(masks, grid),
    }
    return {name: point for name, point in found.items() if point is not None}


def _extreme(mask: BoolArray | None, grid: Grid, *, top: bool) -> PointMm | None:
    """Center of the organ's uppermost or lowest slice."""
    if mask is None or not mask.any():
        return None
    slices = np.flatnonzero(mask.any((1, 2)))
    z = int(slices[-1] if top else slices[0])
    y, x = (float(c.mean()) for c in np.nonzero(mask[z]))
    return grid.point_mm((z, y, x))


def _carina(masks: Mapping[str, BoolArray], grid: Grid) -> PointMm | None:
    """Middle between the main bronchi in the first slice below the trachea where their lumina are apart."""
    names = ("trachea", "main_bronchus_right", "main_bronchus_left")
    if any(name not in masks for name in names):
        return None
    lumen = np.logical_or.reduce([masks[name] for name in names])
    left, right = masks["main_bronchus_left"], masks["main_bronchus_right"]
    both = np.flatnonzero(left.any((1, 2)) & right.any((1, 2)))
    for z in both[::-1]:
        parts, count = ndimage.label(lumen[z])
        sizes = np.bincount(parts.ravel())[1:]
        if count >= 2 and (sizes > 8).sum() >= 2:
            first, second = np.argsort(sizes)[::-1][:2] + 1
            centers = np.array(ndimage.center_of_mass(lumen[z], parts, [first, second]))
            return grid.point_mm((float(z), float(centers[:, 0].mean()), float(centers[:, 1].mean())))
    return None


def _arch_underside(masks: Mapping[str, BoolArray], grid: Grid) -> PointMm | None:
    """The roof of the aortopulmonary window: highest point with aorta both in front, behind and above it."""
    aorta = masks.get("aorta")
    if aorta is None:
        return None
    front = np.cumsum(aorta, axis=1) > 0
    back = np.cumsum(aorta[:, ::-1], axis=1)[:, ::-1] > 0
    above = np.cumsum(aorta[::-1], axis=0)[::-1] > 0
    return _extreme(np.asarray(front & back & above & ~aorta), grid, top=True)


def _vein_at_trachea(masks: Mapping[str, BoolArray], grid: Grid) -> PointMm | None:
    """Caudal margin of the left brachiocephalic vein where it crosses in front of the trachea."""
    vein, trachea = masks.get("brachiocephalic_vein_left"), masks.get("trachea")
    if vein is None or trachea is None:
        return None
    width = np.asarray(trachea.any(axis=1, keepdims=True))
    return _extreme(vein & width, grid, top=False)
