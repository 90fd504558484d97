"""Truth masks: who owns each voxel where neighbors touch, and the landmarks read from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.boxes import bounding_box
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.mask_table import MaskTable
from LNStationLib.phantom.anatomy.model import Anatomy
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch
from LNStationLib.support.types import BoolArray, LabelArray, PointMm

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
# Wholes of the table and what they are made of.
_UNIONS = {
    "aorta": ("ascending_aorta", "aortic_arch", "descending_aorta"),
    "pulmonary_artery": ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right"),
    "pulmonary_vein": ("superior_pulmonary_veins", "inferior_pulmonary_vein_left", "inferior_pulmonary_vein_right"),
    "sternum": ("manubrium", "sternal_body"),
    "heart": (
        "heart_rest", "atrium_left", "atrial_appendage_left", "ventricle_left", "ventricle_right", "atrium_right",
        "heart_myocardium",
    ),
    "airways": (
        "trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "upper_lobe_bronchus_right",
        "middle_lobe_bronchus_right", "lower_lobe_bronchus_right", "upper_lobe_bronchus_left",
        "lower_lobe_bronchus_left", "segmental_bronchi",
    ),
    "bone": ("spine", "manubrium", "sternal_body", "ribs", "clavicle_left", "clavicle_right", "scapulae", "humeri"),
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
}  # fmt: skip
_HELPERS = ("sternal_body", "superior_pulmonary_veins", "heart_rest", "scapulae", "humeri", "segmental_bronchi")
"""Patches that are parts of organs, not organs of the table."""
# After the organs of PRECEDENCE, in this order: name in ``Anatomy.patches`` or ``groups``, name of the mask.
_LATE = (
    ("ventricle_left", "ventricle_left"), ("ventricle_right", "ventricle_right"), ("atrium_right", "atrium_right"),
    ("myocardium", "heart_myocardium"), ("heart_outline", "heart_rest"), ("ribs", "ribs"), ("scapulae", "scapulae"),
    ("humeri", "humeri"), ("segmental_bronchi", "segmental_bronchi"), ("liver", "liver"), ("stomach", "stomach"),
)  # fmt: skip
_LOBES = (
    "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right", "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)  # fmt: skip
"""Organs of the table in the order of ``lungs.lobe_labels``."""

Carry = Callable[[Patch], Patch]


def truth_masks(model: Anatomy, every: int = 1) -> MaskTable:
    """Masks by canonical organ name on the model's grid; no two overlap but wholes and their parts.

    Args:
        model: The anatomy.
        every: Take only every so many voxels in plane.
    """
    lobes = model.lobes()[:, ::every, ::every]
    return _assemble(model, lambda patch: _thinned(patch, every), lobes.shape, lobes)


def _thinned(patch: Patch, every: int) -> Patch:
    """Every so many voxels in plane, counted from the grid's first."""
    z, y, x = patch.box
    first = [-part.start % every for part in (y, x)]
    sdf = np.ascontiguousarray(patch.sdf[:, first[0] :: every, first[1] :: every])
    starts = [(part.start + f) // every for part, f in zip((y, x), first, strict=True)]
    return Patch((z, slice(starts[0], starts[0] + sdf.shape[1]), slice(starts[1], starts[1] + sdf.shape[2])), sdf)


def truth_on_ct(model: Anatomy, frame: Frame) -> MaskTable:
    """As ``truth_masks``, on the CT's grid: the surfaces are carried over, not the voxels."""
    return _assemble(model, frame.patch, frame.ct_grid.shape, frame.labels(model.lobes()))


def _assemble(model: Anatomy, carry: Carry, shape: tuple[int, int, int], lobes: LabelArray) -> MaskTable:
    table, taken = MaskTable(shape), np.zeros(shape, bool)
    for source, name in [(name, name) for name in PRECEDENCE] + list(_LATE):
        held = model.patches.get(source, model.groups.get(source))
        if held is not None:
            patch = carry(held)
            inside = (patch.sdf < 0) & ~taken[patch.box]
            taken[patch.box] |= inside
            table.put(name, patch.box, inside)
    _cavities(model, carry, table, taken, lobes)
    _regions(model, carry, table)
    for name, parts in _UNIONS.items():
        table.put_union(name, parts)
    for helper in _HELPERS:
        table.crops.pop(helper, None)
    return table


def _cavities(model: Anatomy, carry: Carry, table: MaskTable, taken: BoolArray, lobes: LabelArray) -> None:
    chest = carry(whole_patch(model.chest_space()))
    lung = carry(whole_patch(model.lung_space()))
    inside = chest.sdf < 0
    # The mask of a lung is its air and what lies in it; hilar organs and nodes keep their own voxels.
    air = (lung.sdf < -0.3) & ~taken[lung.box]
    if "nodes" in model.patches:
        nodes = carry(model.patches["nodes"])
        held = np.zeros(taken.shape, bool)
        held[nodes.box] = nodes.sdf < 0
        air &= ~held[lung.box]
    for value, name in enumerate(_LOBES, start=1):
        table.put(name, lung.box, air & (lobes[lung.box] == value))
    taken[lung.box] |= air
    held = np.zeros(taken.shape, bool)
    held[lung.box] = air
    if model.contents is not None:
        # What fills a pleural cavity beside lung is neither lung nor mediastinum.
        fluid = carry(whole_patch(np.maximum(model.pleural_space(), model.contents.fluid)))
        drowned = (fluid.sdf < -0.3) & ~taken[fluid.box]
        held[fluid.box] |= drowned
        taken[fluid.box] |= drowned
    table.put("thoracic_cavity", chest.box, inside)
    table.put("mediastinum", chest.box, inside & ~held[chest.box])


def _regions(model: Anatomy, carry: Carry, table: MaskTable) -> None:
    """Body, diaphragm and pericardial sac."""
    skin = carry(whole_patch(model.skin))
    table.put("body", skin.box, skin.sdf < 0)
    for name in ("diaphragm", "pericardium"):
        patch = carry(model.patches[name])
        table.put(name, patch.box, patch.sdf < 0)


def whole_patch(sdf: Float32Array, margin_mm: float = 3.0) -> Patch:
    """A field of the whole grid as a patch, cut to where it is inside."""
    box = bounding_box(sdf < margin_mm)
    box = box or (slice(0, 0), slice(0, 0), slice(0, 0))
    return Patch(box, sdf[box])


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
    whole = masks.get("aorta")
    box = None if whole is None else bounding_box(whole)
    if whole is None or box is None:
        return None
    aorta = whole[box]
    front = np.logical_or.accumulate(aorta, axis=1)
    back = np.logical_or.accumulate(aorta[:, ::-1], axis=1)[:, ::-1]
    above = np.logical_or.accumulate(aorta[::-1], axis=0)[::-1]
    under = np.zeros(whole.shape, bool)
    under[box] = front & back & above & ~aorta
    return _extreme(under, grid, top=True)


def _vein_at_trachea(masks: Mapping[str, BoolArray], grid: Grid) -> PointMm | None:
    """Caudal margin of the left brachiocephalic vein where it crosses in front of the trachea."""
    vein, trachea = masks.get("brachiocephalic_vein_left"), masks.get("trachea")
    if vein is None or trachea is None:
        return None
    width = np.asarray(trachea.any(axis=1, keepdims=True))
    return _extreme(vein & width, grid, top=False)
