"""CT of a synthetic patient: attenuation painted organ by organ with soft edges on the internal grid."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import lungs, muscles, wall
from LNStationLib.phantom.anatomy.central import BRONCHUS_WALL_MM, TRACHEA_WALL_MM
from LNStationLib.phantom.anatomy.model import Anatomy
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch
from LNStationLib.phantom.anatomy.variants import hernia
from LNStationLib.phantom.anatomy.variants.apply import GOITER_NODULES, HERNIA
from LNStationLib.phantom.anatomy.variants.neck import DEEP_MUSCLES, NECK_VEINS
from LNStationLib.phantom.images import contrast
from LNStationLib.phantom.images.scanner import scan

__all__ = ["Canvas", "paint", "scan"]

AIR_HU, LUNG_HU, FAT_HU, SOFT_TISSUE_HU, CANCELLOUS_BONE_HU, CORTICAL_BONE_HU = -1000, -845, -104, 42, 190, 680
"""Tissue without contrast medium; lung at y = 0 (it is denser behind)."""
_EDGE_MM = 1.4
"""Width of the ramp at edges: a voxel of the internal grid, so that partial volume shows."""
_BRONCHI = (
    "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "upper_lobe_bronchus_right",
    "middle_lobe_bronchus_right", "lower_lobe_bronchus_right", "upper_lobe_bronchus_left", "lower_lobe_bronchus_left",
)  # fmt: skip
"""Bronchi with a wall of ``central.BRONCHUS_WALL_MM``."""


class Canvas:
    """Attenuation being painted; later strokes cover earlier ones."""

    def __init__(self, grid: Grid) -> None:
        self.hu = np.full(grid.shape, AIR_HU, np.float32)

    def stroke(self, patch: Patch, hu: float | Float32Array, offset_mm: float = 0.0) -> None:
        """Fill a shape grown by ``offset_mm``."""
        part = self.hu[patch.box]
        part += patch.coverage(offset_mm) * (hu - part)

    def fill(self, sdf: Float32Array, hu: float | Float32Array, offset_mm: float = 0.0) -> None:
        """Fill where a distance of the whole grid is less than ``offset_mm``."""
        shift, slope = np.float32(0.5 + offset_mm / _EDGE_MM), np.float32(1 / _EDGE_MM)
        # Slice by slice, so that what is worked on stays in the processor's cache.
        for k in np.flatnonzero((sdf < offset_mm + _EDGE_MM).any((1, 2))).tolist():
            cover = sdf[k] * slope
            np.subtract(shift, cover, out=cover)
            np.clip(cover, 0, 1, out=cover)
            cover *= (hu[k] if isinstance(hu, np.ndarray) else hu) - self.hu[k]
            self.hu[k] += cover


def paint(model: Anatomy, rng: np.random.Generator) -> Float32Array:
    """Paint a patient on the internal grid, before blur and noise.

    Args:
        model: The anatomy.
        rng: Random generator of the texture.

    Returns:
        float32 HU ``[z, y, x]`` on ``model.grid``.
    """
    canvas = Canvas(model.grid)
    texture = smooth_texture(model.grid, rng)
    _body(canvas, model, texture)
    _abdomen(canvas, model, texture)
    _chest(canvas, model, texture)
    _bones(canvas, model, texture)
    _mediastinum(canvas, model)
    _airways(canvas, model)
    return canvas.hu


def smooth_texture(grid: Grid, rng: np.random.Generator) -> Float32Array:
    """Smooth random field of unit variance with a grain of about 1 cm."""
    steps = [max(round(5 / s), 1) for s in grid.spacing_mm]
    shape = [n // s + 3 for n, s in zip(grid.shape, steps, strict=True)]
    coarse = gaussian_filter(rng.standard_normal(shape, np.float32), 0.8)
    return lungs.resize(np.asarray(coarse / coarse.std(), np.float32), grid.shape, steps)


def _body(canvas: Canvas, model: Anatomy, texture: Float32Array) -> None:
    """Skin, fat under it, and muscles parted by fat."""
    canvas.fill(model.skin, 10.0)
    canvas.fill(model.skin, FAT_HU, -1.8)
    for name in ("gland_left", "gland_right"):
        if name in model.groups:
            gland = model.groups[name]
            cover = gland.coverage(edge_mm=7.0) * np.clip(0.55 + 0.45 * texture[gland.box], 0, 1)
            part = canvas.hu[gland.box]
            part += cover * (25 - part)
    _wall_muscles(canvas, model, texture)
    muscle = contrast.organ_hu(model.variation, "muscle")
    for name in ("back_muscles", "shoulder_muscles", "neck_muscles", DEEP_MUSCLES):
        if name not in model.groups:
            continue
        patch = model.groups[name]
        canvas.stroke(
            Patch(patch.box, np.maximum(patch.sdf, model.skin[patch.box] + 4)), streaked(muscle, texture, patch)
        )


def streaked(hu: float, texture: Float32Array, patch: Patch) -> Float32Array:
    """Muscle with a little fat between its bundles."""
    local = texture[patch.box]
    return np.asarray(hu + 3 * local - 45 * np.clip(np.abs(local - 0.9) * -5 + 0.5, 0, 0.5), np.float32)


def _wall_muscles(canvas: Canvas, model: Anatomy, texture: Float32Array) -> None:
    """Intercostal and flat muscles over the ribs, voxel by voxel in the chest wall only."""
    grid = model.grid
    fat = max(0.45 * model.variation.fat_mm, 3.0)
    high = (_height(grid) > 60) & (model.cavity > -2)
    index = np.flatnonzero((high | ((model.cavity > -2) & (model.cavity < 42))) & (model.skin < -fat + 1))
    place = np.unravel_index(index, grid.shape)
    axes = [grid.coordinates_mm(a).astype(np.float32) for a in range(3)]
    z, y, x = (axis[i] for axis, i in zip(axes, place, strict=True))
    depth, sway = model.cavity.ravel()[index], texture.ravel()[index]
    angle = wall.wall_angle(x, y, wall.cavity_axis_y(axes[0])[place[0]])
    layer = np.maximum(np.abs(depth - muscles.RIB_LAYER_MM / 2) - muscles.RIB_LAYER_MM / 2 + 0.5, z - 92)
    layer = np.minimum(layer, muscles.flat_muscle_distance(depth, angle, z, model.variation.muscle, 0.8 * sway))
    upper = np.flatnonzero(z > muscles.SHOULDERS_FROM_MM)
    bulk = muscles.shoulder_bulk(
        x[upper], y[upper], z[upper], depth[upper], sway[upper], with_neck=DEEP_MUSCLES not in model.groups
    )
    layer[upper] = np.minimum(layer[upper], bulk)
    layer = np.maximum(layer, model.skin.ravel()[index] + fat)
    cover = np.clip(0.5 - layer / _EDGE_MM, 0, 1)
    muscle = contrast.organ_hu(model.variation, "muscle") + 3 * sway
    muscle -= 45 * np.clip(np.abs(sway - 0.9) * -5 + 0.5, 0, 0.5)
    flat = canvas.hu.reshape(-1)
    flat[index] += cover * (muscle - flat[index])


def _height(grid: Grid) -> Float32Array:
    return grid.coordinates_mm(0).astype(np.float32)[:, None, None]


def _abdomen(canvas: Canvas, model: Anatomy, texture: Float32Array) -> None:
    """What lies below the diaphragm: fat, liver, spleen, kidneys and stomach, under a sheet of muscle."""
    traits, groups = model.variation, model.groups
    low = model.patches["diaphragm"].box[0]
    box = (low, slice(None), slice(None))
    below = np.maximum(model.cavity[box], model.above_diaphragm[box])
    part = _Part(canvas.hu[box])
    part.fill(below, contrast.organ_hu(traits, "muscle"))
    part.fill(below, FAT_HU + 4 * texture[box], -3.0)
    canvas.stroke(groups["crura"], contrast.organ_hu(traits, "muscle"))
    for name in ("spleen", "kidneys"):
        canvas.stroke(groups[name], contrast.organ_hu(traits, name) + 3 * texture[groups[name].box])
    canvas.stroke(model.patches["stomach"], 58.0)
    canvas.stroke(model.patches["stomach"], 22.0 + 4 * texture[model.patches["stomach"].box], -4.5)
    canvas.stroke(groups["stomach_gas"], AIR_HU)
    part.fill(model.liver[box], contrast.organ_hu(traits, "liver") + 2.5 * texture[box])
    vessels = groups["liver_vessels"]
    inside = Patch(vessels.box, np.maximum(vessels.sdf, model.liver[vessels.box] + 3))
    canvas.stroke(inside, contrast.organ_hu(traits, "liver_vessels"))


class _Part(Canvas):
    """A view of a canvas on which whole fields are filled."""

    def __init__(self, hu: Float32Array) -> None:
        self.hu = hu


def _chest(canvas: Canvas, model: Anatomy, texture: Float32Array) -> None:
    """Mediastinal fat, then the lungs with their vessels and fissures."""
    canvas.fill(model.chest_space(), FAT_HU + 5.0)
    space = model.lung_space()
    y = model.grid.coordinates_mm(1).astype(np.float32)[None, :, None]
    # Blood sinks to the back of a supine patient's lungs.
    air = texture * np.float32(9) + (LUNG_HU + np.float32(0.42) * y)
    canvas.fill(space, 20.0, 0.3)
    canvas.fill(space, air, -0.5)
    for name, sheet in lungs.fissure_sheets(model.grid, model.variation).items():
        reach = (model.variation.minor_fissure - 1) * 45 if name == "horizontal" else 0.0
        near = np.flatnonzero((sheet < 1) & (space < reach + 1))
        distance = np.maximum(sheet.ravel()[near] - np.float32(0.1), space.ravel()[near] + np.float32(0.5 - reach))
        flat = canvas.hu.reshape(-1)
        goal = np.float32(LUNG_HU + (75 if name == "horizontal" else 115))
        flat[near] += np.clip(0.5 - distance / np.float32(_EDGE_MM), 0, 1) * (goal - flat[near])
    _airless(canvas, model, texture)
    blood = contrast.blood_hu(model.variation)
    for group, vessel in (("lung_arteries", contrast.LUNG_ARTERY), ("lung_veins", contrast.LUNG_VEIN)):
        patch = model.groups[group]
        canvas.stroke(Patch(patch.box, np.maximum(patch.sdf, space[patch.box] + 0.5)), blood[vessel] - 10)
    canvas.stroke(model.patches["tumor"], 58.0 + 9 * texture[model.patches["tumor"].box])


def _airless(canvas: Canvas, model: Anatomy, texture: Float32Array) -> None:
    """Lung without air, which takes up contrast medium, and fluid, which does not."""
    airless = model.airless()
    if airless is not None:
        canvas.fill(airless, contrast.organ_hu(model.variation, "airless_lung") + 6 * texture)
    if model.contents is not None:
        pleura = model.pleural_space()
        canvas.fill(np.maximum(pleura, model.contents.fluid), contrast.fluid_hu(model.variation) + 2 * texture)
        if model.contents.air is not None:
            canvas.fill(np.maximum(pleura, model.contents.air), AIR_HU)


def _bones(canvas: Canvas, model: Anatomy, texture: Float32Array) -> None:
    groups, organs = model.groups, model.patches
    for patch, cortex in (
        (groups["vertebral_arches"], 1.7), (groups["ribs"], 1.4), (organs["sternum"], 1.3),
        (organs["clavicle_left"], 1.6), (organs["clavicle_right"], 1.6), (groups["scapulae"], 1.3),
        (groups["humeri"], 1.8),
    ):  # fmt: skip
        canvas.stroke(patch, CORTICAL_BONE_HU * 0.8)
        canvas.stroke(patch, CANCELLOUS_BONE_HU * 0.85 + 45 * texture[patch.box], -cortex)
    canvas.stroke(groups["cartilage"], 100.0 + 25 * texture[groups["cartilage"].box])
    canvas.stroke(groups["column"], 85.0)
    bodies = groups["vertebral_bodies"]
    canvas.stroke(bodies, CORTICAL_BONE_HU * 0.6)
    canvas.stroke(bodies, CANCELLOUS_BONE_HU * 0.95 + 30 * texture[bodies.box], -1.5)
    canvas.stroke(organs["canal"], 5.0, -0.5)
    canvas.stroke(organs["spinal_cord"], 40.0)


def _mediastinum(canvas: Canvas, model: Anatomy) -> None:
    organs, groups, traits = model.patches, model.groups, model.variation
    blood = contrast.blood_hu(traits)
    myocardium = contrast.organ_hu(traits, "myocardium")
    canvas.stroke(organs["thyroid_gland"], contrast.organ_hu(traits, "thyroid"))
    if GOITER_NODULES in groups:
        nodules = groups[GOITER_NODULES]
        within = np.maximum(nodules.sdf, distance_on(organs["thyroid_gland"], nodules) + 1)
        canvas.stroke(Patch(nodules.box, within), contrast.organ_hu(traits, "muscle") - 5)
    canvas.stroke(organs["cricoid_cartilage"], 240.0)
    canvas.stroke(organs["cricoid_cartilage"], 90.0, -2.0)
    canvas.stroke(organs["esophagus"], SOFT_TISSUE_HU + (12.0 if traits.contrast != "none" else 0.0))
    _hernia(canvas, model)
    canvas.stroke(organs["heart_outline"], 20.0, 1.0)
    canvas.stroke(organs["heart_outline"], FAT_HU, -0.3)
    # The heart rests on the diaphragm with muscle; its fat lies in the grooves above.
    outline = organs["heart_outline"]
    canvas.stroke(Patch(outline.box, np.maximum(outline.sdf + 1, model.above_diaphragm[outline.box] - 9)), myocardium)
    canvas.stroke(organs["myocardium"], myocardium)
    for name in ("ventricle_right", "atrium_right", "atrium_left", "ventricle_left"):
        patch = organs[name]
        inside = Patch(patch.box, np.maximum(patch.sdf, distance_on(organs["heart_outline"], patch) + 0.5))
        canvas.stroke(inside, myocardium, 2.5 if name == "ventricle_right" else 1.2)
    canvas.stroke(groups["coronary_vessels"], (blood["aortic_arch"] + blood["atrium_right"]) / 2 - 15)
    if NECK_VEINS in groups:
        canvas.stroke(groups[NECK_VEINS], blood["internal_jugular_vein_left"] - 8)
    canvas.stroke(groups["small_arteries"], blood["aortic_arch"] - 10)
    canvas.stroke(groups["hemiazygos"], blood["azygos_vein"] - 10)
    for name, hu in blood.items():
        if name in organs:
            canvas.stroke(organs[name], hu)
        else:
            canvas.stroke(groups[name], hu)
    canvas.stroke(organs["ligamentum_arteriosum"], 40.0)


def _hernia(canvas: Canvas, model: Anatomy) -> None:
    """Stomach in the hiatus: wall, fluid and gas."""
    trait = model.variation.trait("hiatal_hernia")
    if trait is None:
        return
    patch = model.groups[HERNIA]
    canvas.stroke(patch, 55.0)
    canvas.stroke(patch, 18.0, -4.0)
    canvas.stroke(hernia.gas(patch, model.grid, trait), AIR_HU)


def distance_on(patch: Patch, onto: Patch) -> Float32Array:
    """Distances of one patch on the box of another; far outside where they do not meet."""
    result = np.full(onto.sdf.shape, 5.0, np.float32)
    common = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(patch.box, onto.box, strict=True)]
    if all(c.start < c.stop for c in common):
        there = tuple(slice(c.start - b.start, c.stop - b.start) for c, b in zip(common, onto.box, strict=True))
        here = tuple(slice(c.start - b.start, c.stop - b.start) for c, b in zip(common, patch.box, strict=True))
        result[there] = patch.sdf[here]
    return result


def _airways(canvas: Canvas, model: Anatomy) -> None:
    organs = model.patches
    canvas.stroke(organs["trachea"], 30.0, TRACHEA_WALL_MM)
    for name in _BRONCHI:
        canvas.stroke(organs[name], 25.0, BRONCHUS_WALL_MM)
    canvas.stroke(model.groups["segmental_bronchi"], -60.0, 0.9)
    for name in ("trachea", *_BRONCHI):
        canvas.stroke(organs[name], AIR_HU)
    canvas.stroke(model.groups["segmental_bronchi"], AIR_HU + 20.0)
    canvas.stroke(model.groups["esophageal_air"], -600.0)
