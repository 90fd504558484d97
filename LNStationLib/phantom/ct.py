"""CT of a synthetic patient: attenuation painted organ by organ with soft edges, then blur and noise."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import lungs
from LNStationLib.phantom.anatomy_model import Anatomy
from LNStationLib.phantom.central import BRONCHUS_WALL_MM, TRACHEA_WALL_MM
from LNStationLib.phantom.shapes import Float32Array, Patch
from LNStationLib.types import HuArray

AIR, LUNG, FAT, MUSCLE, SOFT, BONE_INSIDE, CORTEX = -1000, -865, -100, 52, 42, 220, 720
NOISE_SD_HU = 11.0
ENHANCED = {
    "ascending_aorta": 185, "aortic_arch": 185, "descending_aorta": 182, "brachiocephalic_trunk": 182,
    "common_carotid_artery_left": 180, "common_carotid_artery_right": 180, "subclavian_artery_left": 180,
    "subclavian_artery_right": 180, "pulmonary_trunk": 176, "pulmonary_artery_left": 176,
    "pulmonary_artery_right": 176, "superior_vena_cava": 168, "brachiocephalic_vein_left": 162,
    "brachiocephalic_vein_right": 164, "internal_jugular_vein_left": 158, "internal_jugular_vein_right": 158,
    "inferior_vena_cava": 140, "azygos_vein": 148, "azygos_arch": 150, "superior_pulmonary_veins": 180,
    "inferior_pulmonary_vein_left": 180, "inferior_pulmonary_vein_right": 180, "atrium_left": 180,
    "atrial_appendage_left": 178, "atrium_right": 165, "ventricle_right": 170, "ventricle_left": 182,
}  # fmt: skip
_BRONCHI = (
    "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "upper_lobe_bronchus_right",
    "middle_lobe_bronchus_right", "lower_lobe_bronchus_right", "upper_lobe_bronchus_left", "lower_lobe_bronchus_left",
)  # fmt: skip


class _Canvas:
    """Attenuation being painted; later strokes cover earlier ones."""

    def __init__(self, grid: Grid) -> None:
        self.hu = np.full(grid.shape, AIR, np.float32)

    def stroke(self, patch: Patch, hu: float, offset_mm: float = 0.0) -> None:
        part = self.hu[patch.box]
        part += patch.coverage(offset_mm) * (np.float32(hu) - part)

    def fill(self, sdf: Float32Array, hu: float | Float32Array, offset_mm: float = 0.0) -> None:
        cover = np.clip(np.float32(0.5 + offset_mm / 1.4) - sdf * np.float32(1 / 1.4), 0, 1)
        self.hu += cover * (hu - self.hu)


def paint(model: Anatomy, rng: np.random.Generator, node_hu: list[float]) -> HuArray:
    """Paint a patient.

    Args:
        model: The anatomy.
        rng: Random generator of texture and noise.
        node_hu: Attenuation of each node of the model.

    Returns:
        int16 HU ``[z, y, x]``.
    """
    canvas = _Canvas(model.grid)
    texture = _texture(model, rng)
    _body(canvas, model, texture)
    _abdomen(canvas, model)
    _chest(canvas, model, texture)
    _bones(canvas, model)
    _mediastinum(canvas, model, node_hu)
    _airways(canvas, model)
    return _scan(canvas.hu, model.grid, rng)


def _texture(model: Anatomy, rng: np.random.Generator) -> Float32Array:
    """Smooth random field of unit variance with a grain of about 1 cm."""
    steps = [max(round(5 / s), 1) for s in model.grid.spacing_mm]
    shape = [n // s + 3 for n, s in zip(model.grid.shape, steps, strict=True)]
    coarse = gaussian_filter(rng.normal(size=shape), 0.8).astype(np.float32)
    return lungs.resize(coarse / coarse.std(), model.grid.shape, steps)


def _body(canvas: _Canvas, model: Anatomy, texture: Float32Array) -> None:
    """Skin, subcutaneous fat, and muscle in layers parted by fat."""
    skin, depth = model.skin, model.variation.fat_mm
    canvas.fill(skin, 10.0)
    canvas.fill(skin, FAT, -1.8)
    canvas.fill(skin, MUSCLE, -depth)
    planes = np.maximum(np.abs(model.cavity - 13 - 2 * texture) - 0.4 - 0.7 * texture, 2.0 - model.cavity)
    canvas.fill(np.maximum(planes, skin + depth), -75.0)
    inlet = np.maximum(
        np.maximum(35 - _height(model), np.minimum(model.cavity + 2, 90 - _height(model))), skin + depth
    )
    canvas.fill(np.maximum(inlet, _outside_neck_core(model)), -90.0)
    canvas.stroke(model.groups["neck_muscles"], MUSCLE)
    canvas.stroke(model.groups["scapulae"], CORTEX * 0.5)
    canvas.stroke(model.groups["scapulae"], BONE_INSIDE, -1.6)


def _height(model: Anatomy) -> Float32Array:
    return model.grid.coordinates_mm(0).astype(np.float32)[:, None, None]


def _outside_neck_core(model: Anatomy) -> Float32Array:
    """Negative in the visceral and carotid spaces of the neck, in front of the spine."""
    x = model.grid.coordinates_mm(2).astype(np.float32)[None, None, :]
    y = model.grid.coordinates_mm(1).astype(np.float32)[None, :, None]
    return np.asarray((np.sqrt((x / 52) ** 2 + ((y + 22) / 34) ** 2) - 1) * 34, np.float32)


def _abdomen(canvas: _Canvas, model: Anatomy) -> None:
    """What lies below the diaphragm: fat, liver, spleen and stomach, under a sheet of muscle."""
    below = np.maximum(model.cavity, model.above_diaphragm)
    canvas.fill(below, MUSCLE)
    canvas.fill(below, FAT, -3.0)
    for name, hu in (("spleen", 115.0), ("stomach", 45.0)):
        patch = model.groups[name]
        canvas.stroke(Patch(patch.box, np.maximum(patch.sdf, below[patch.box] + 4)), hu)
    gas = model.groups["stomach_gas"]
    canvas.stroke(Patch(gas.box, np.maximum(gas.sdf, below[gas.box] + 9)), AIR)
    canvas.fill(model.liver, 108.0)


def _chest(canvas: _Canvas, model: Anatomy, texture: Float32Array) -> None:
    """Mediastinal fat, then the lungs with their vessels and fissures."""
    canvas.fill(model.chest_space(), -98.0)
    space = model.lung_space()
    y = model.grid.coordinates_mm(1).astype(np.float32)[None, :, None]
    air = LUNG + 8 * texture + np.float32(0.35) * y
    canvas.fill(space, 20.0, 0.3)
    canvas.fill(space, air, -0.5)
    for name, sheet in lungs.fissure_sheets(model.grid).items():
        canvas.fill(np.maximum(sheet - 0.1, space + 0.5), LUNG + (70 if name == "horizontal" else 110))
    vessels = model.groups["lung_vessels"]
    canvas.stroke(Patch(vessels.box, np.maximum(vessels.sdf, space[vessels.box] + 0.5)), 120.0)
    canvas.stroke(model.patches["tumor"], 62.0)


def _bones(canvas: _Canvas, model: Anatomy) -> None:
    groups, organs = model.groups, model.patches
    for patch in (
        groups["vertebral_arches"],
        groups["ribs"],
        organs["sternum"],
        organs["clavicle_left"],
        organs["clavicle_right"],
    ):
        canvas.stroke(patch, CORTEX * 0.75)
        canvas.stroke(patch, BONE_INSIDE, -1.7)
    canvas.stroke(groups["cartilage"], 105.0)
    canvas.stroke(groups["column"], 85.0)
    canvas.stroke(groups["vertebral_bodies"], CORTEX * 0.7)
    canvas.stroke(groups["vertebral_bodies"], BONE_INSIDE * 0.85, -1.6)
    canvas.stroke(organs["canal"], 5.0, -0.5)
    canvas.stroke(organs["spinal_cord"], 40.0)


def _mediastinum(canvas: _Canvas, model: Anatomy, node_hu: list[float]) -> None:
    organs, extra = model.patches, model.variation.contrast_hu
    canvas.stroke(organs["thyroid_gland"], 150.0)
    canvas.stroke(organs["cricoid_cartilage"], 240.0)
    canvas.stroke(organs["cricoid_cartilage"], 90.0, -2.0)
    canvas.stroke(organs["esophagus"], SOFT)
    canvas.stroke(organs["heart_outline"], 20.0, 1.2)
    canvas.stroke(organs["heart_outline"], FAT, -0.4)
    canvas.stroke(organs["myocardium"], 100.0 + extra * 0.3)
    for name in ("ventricle_right", "atrium_right", "atrium_left", "ventricle_left"):
        patch = organs[name]
        inside = Patch(patch.box, np.maximum(patch.sdf, organs_at(organs["heart_outline"], patch) + 0.5))
        canvas.stroke(inside, 100.0, 2.5 if name == "ventricle_right" else 1.2)
    for name, blood in ENHANCED.items():
        canvas.stroke(organs[name], blood + extra)
    canvas.stroke(model.groups["subclavian_veins"], 158.0 + extra)
    canvas.stroke(organs["ligamentum_arteriosum"], 40.0)
    for (_, ellipsoid), hu in zip(model.nodes, node_hu, strict=True):
        canvas.stroke(ellipsoid.patch(model.grid), hu)


def organs_at(patch: Patch, onto: Patch) -> Float32Array:
    """Distances of one patch on the box of another; far outside where they do not meet."""
    result = np.full(onto.sdf.shape, 5.0, np.float32)
    common = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(patch.box, onto.box, strict=True)]
    if all(c.start < c.stop for c in common):
        there = tuple(slice(c.start - b.start, c.stop - b.start) for c, b in zip(common, onto.box, strict=True))
        here = tuple(slice(c.start - b.start, c.stop - b.start) for c, b in zip(common, patch.box, strict=True))
        result[there] = patch.sdf[here]
    return result


def _airways(canvas: _Canvas, model: Anatomy) -> None:
    organs = model.patches
    canvas.stroke(organs["trachea"], 30.0, TRACHEA_WALL_MM)
    for name in _BRONCHI:
        canvas.stroke(organs[name], 25.0, BRONCHUS_WALL_MM)
    canvas.stroke(model.groups["segmental_bronchi"], 0.0, 0.8)
    for name in ("trachea", *_BRONCHI):
        canvas.stroke(organs[name], AIR)
    canvas.stroke(model.groups["segmental_bronchi"], AIR)
    canvas.stroke(model.groups["esophageal_air"], -600.0)


def _scan(hu: Float32Array, grid: Grid, rng: np.random.Generator) -> HuArray:
    """Blur by the scanner and add noise that is correlated over about a millimetre and a half."""
    scale = [1.0 / s for s in grid.spacing_mm]
    hu = gaussian_filter(hu, [0.8 * scale[0], 0.5 * scale[1], 0.5 * scale[2]], truncate=3)
    noise = gaussian_filter(
        rng.standard_normal(hu.shape, np.float32), [0.5, 0.8 * scale[1], 0.8 * scale[2]], truncate=3
    )
    hu += noise * np.float32(NOISE_SD_HU / noise.std())
    return np.clip(np.round(hu), -1024, 3071).astype(np.int16)
