"""PET of a synthetic patient: uptake by tissue, blurred like a scanner, on its own coarser grid, in SUVbw.

Uptakes of tissue that is not diseased come from ``physiology``.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.lungs import resize
from LNStationLib.phantom.anatomy.model import Anatomy
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch, Tube, tube
from LNStationLib.phantom.images.physiology import Physiology

TUMOR_SUV, BROWN_FAT_SUV = 9.0, 5.5
"""Tumor of an anatomy without a plan, and brown fat where a patient's is active."""
FWHM_MM = 6.0
"""Point spread of a clinical PET/CT after reconstruction."""
SPACING_MM = (3.0, 4.0, 4.0)
"""Voxels (z, y, x) of the PET."""
_SHIFT_MM = (1.1, 1.7, -0.9)
"""Offset (z, y, x) of the PET's grid from the CT's: as on a scanner, their voxels do not coincide."""
_EVERY = 2
"""Uptake is painted on every second voxel of the internal grid, half the point spread."""
_DISTAL_MM = -70.0
"""Height (z) below which the esophagus takes up more: at the left atrium's lower border."""
_BLOOD = (
    "ascending_aorta", "aortic_arch", "descending_aorta", "brachiocephalic_trunk", "common_carotid_artery_left",
    "common_carotid_artery_right", "subclavian_artery_left", "subclavian_artery_right", "pulmonary_trunk",
    "pulmonary_artery_left", "pulmonary_artery_right", "superior_vena_cava", "brachiocephalic_vein_left",
    "brachiocephalic_vein_right", "internal_jugular_vein_left", "internal_jugular_vein_right", "inferior_vena_cava",
    "azygos_vein", "azygos_arch", "superior_pulmonary_veins", "inferior_pulmonary_vein_left",
    "inferior_pulmonary_vein_right", "atrium_left", "atrial_appendage_left",
)  # fmt: skip
"""Vessels and chambers with the uptake of blood, painted after the other chambers."""


def activity(model: Anatomy, body: Physiology | None = None) -> Float32Array:
    """Uptake in SUVbw before blurring.

    Args:
        model: The anatomy.
        body: Uptake of the patient's healthy tissue; the usual one by default.

    Returns:
        float32 ``[z, y, x]`` on ``model.grid``. It is made from every second voxel along each axis, far finer still
        than what the scanner resolves.
    """
    body = body or Physiology()
    level, blood = body.level, body.blood
    suv = _background(model, body)
    for name, value in (
        ("spine", 1.4 * level), ("sternum", 1.1 * level), ("esophagus", body.esophagus),
        ("thyroid_gland", body.thyroid), ("spinal_cord", 1.6 * level), ("stomach", 1.9 * level),
        ("heart_outline", 0.8 * blood), ("myocardium", body.myocardium),
    ):  # fmt: skip
        stamp(suv, model.patches[name], value)
    stamp(suv, _distal(model), body.distal_esophagus)
    for name in ("ventricle_left", "ventricle_right", "atrium_right", *_BLOOD):
        stamp(suv, model.patches[name], blood)
    for name, value in (("spleen", 1.8 * level), ("kidneys", 3.2 * level), ("stomach_gas", 0.2)):
        stamp(suv, model.groups[name], value)
    for name in ("trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius"):
        stamp(suv, model.patches[name], 0.1)
    if model.variation.brown_fat:
        for depot in _brown_fat():
            stamp(suv, depot.patch(model.grid), BROWN_FAT_SUV)
    stamp(suv, model.patches["tumor"], TUMOR_SUV)
    return resize(suv, model.grid.shape, [_EVERY] * 3)


def thinned(values: Float32Array) -> Float32Array:
    """Every second voxel of a field on the internal grid, as ``stamp`` takes it."""
    return np.ascontiguousarray(values[(slice(None, None, _EVERY),) * 3], np.float32)


def thickened(suv: Float32Array, shape: tuple[int, int, int]) -> Float32Array:
    """Back to the internal grid."""
    return resize(suv, shape, [_EVERY] * 3)


def _block_mean(suv: Float32Array, grid: Grid) -> tuple[Float32Array, Grid]:
    """Mean of blocks of voxels, and the grid of these."""
    shape = [n // _EVERY for n in suv.shape]
    cut = suv[tuple(slice(0, n * _EVERY) for n in shape)]
    mean = np.zeros(shape, np.float32)
    for offset in np.ndindex(_EVERY, _EVERY, _EVERY):
        mean += cut[tuple(slice(o, None, _EVERY) for o in offset)]
    mean /= _EVERY**3
    spacing = [s * _EVERY for s in grid.spacing_mm]
    origin = [o + s * (_EVERY - 1) / 2 for o, s in zip(grid.origin_mm, grid.spacing_mm, strict=True)]
    return mean, Grid(
        (shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2])
    )


def _distal(model: Anatomy) -> Patch:
    """The esophagus behind and below the left atrium."""
    whole = model.patches["esophagus"]
    z = model.grid.coordinates_mm(0)[whole.box[0]].astype(np.float32)[:, None, None]
    return Patch(whole.box, np.maximum(whole.sdf, (z - np.float32(_DISTAL_MM)) / 8))


def _background(model: Anatomy, body: Physiology) -> Float32Array:
    thin = (slice(None, None, _EVERY),) * 3
    skin, cavity, above = model.skin[thin], model.cavity[thin], model.above_diaphragm[thin]
    level = np.float32(body.level)
    suv = np.zeros(skin.shape, np.float32)
    suv[skin < 0] = 0.35 * level
    suv[(skin < -model.variation.fat_mm) & (cavity < 32)] = 0.72 * level
    for name in ("back_muscles", "shoulder_muscles"):
        stamp(suv, model.groups[name], 0.75 * body.level)
    stamp(suv, model.groups["neck_muscles"], body.neck_muscles)
    for name in ("gland_left", "gland_right"):
        if name in model.groups:
            stamp(suv, model.groups[name], 0.9 * body.level)
    suv[(cavity < 0) & (above < 0)] = 1.1 * level
    suv[model.chest_space()[thin] < 0] = 0.55 * level
    suv[model.lung_space()[thin] < 0] = 0.45 * level
    suv[model.liver[thin] < 0] = body.liver
    return suv


def stamp(suv: Float32Array, patch: Patch, value: float) -> None:
    """Put a shape's uptake into an array of every second voxel; ``patch`` is on the model's own grid."""
    first = [-part.start % _EVERY for part in patch.box]
    sdf = patch.sdf[tuple(slice(f, None, _EVERY) for f in first)]
    if not sdf.size:
        return
    start = [(part.start + f) // _EVERY for part, f in zip(patch.box, first, strict=True)]
    box = tuple(slice(s, s + n) for s, n in zip(start, sdf.shape, strict=True))
    part = suv[box]
    part += np.clip(0.5 - sdf / np.float32(1.4 * _EVERY), 0, 1) * (np.float32(value) - part)


def _brown_fat() -> list[Tube]:
    depots = []
    for s in (-1, 1):
        depots.append(tube([(44 * s, -2, 100), (62 * s, 4, 94), (86 * s, 6, 90)], [4, 5, 3.5]))
        depots.append(tube([(20 * s, 56, 44), (20 * s, 60, 20), (20 * s, 64, -10)], [2.6, 2.6, 2.2]))
    return depots


def pet_grid(ct: Grid) -> Grid:
    """The scanner's grid over the CT's field of view, its origin off the CT's by a fraction of a voxel."""
    extent = [n * s for n, s in zip(ct.shape, ct.spacing_mm, strict=True)]
    shape = [max(int(e // s), 1) for e, s in zip(extent, SPACING_MM, strict=True)]
    origin = [o + d for o, d in zip(ct.origin_mm, _SHIFT_MM, strict=True)]
    return Grid((shape[0], shape[1], shape[2]), SPACING_MM, (origin[0], origin[1], origin[2]))


def scan(
    suv: Float32Array,
    frame: Frame,
    rng: np.random.Generator,
    *,
    noise_sd: float = 0.08,
    mirrored: bool = False,
    grid: Grid | None = None,
) -> sitk.Image:
    """Scan an uptake: free breathing, blur, the scanner's grid, noise that grows with the root of the uptake.

    Args:
        suv: From ``activity``.
        frame: Where the patient lies.
        rng: Random generator.
        noise_sd: Standard deviation of the noise where the uptake is 1.
        mirrored: Reflect the patient in the sagittal plane.
        grid: The scanner's grid; by default ``pet_grid(frame.ct_grid)``.

    Returns:
        float32 SUVbw on ``grid``.
    """
    suv, source = _block_mean(suv, frame.model_grid)
    suv = _breathing(suv, source, frame)
    sigma = [FWHM_MM / 2.355 / s / k for s, k in zip(source.spacing_mm, _scale(frame), strict=True)]
    blurred = gaussian_filter(suv, sigma, truncate=3)
    grid = grid or pet_grid(frame.ct_grid)
    target = _reflected(grid) if mirrored else grid
    values = Frame(source, target, frame.variation).image(blurred, 0.0)
    values = values[:, :, ::-1] if mirrored else values
    noise = gaussian_filter(rng.standard_normal(grid.shape, np.float32), 0.6)
    noise *= np.float32(noise_sd / max(float(noise.std()), 1e-6))
    noise *= np.sqrt(np.maximum(values, np.float32(0.05)))
    return grid.image(np.maximum(values + noise, 0).astype(np.float32))


def _scale(frame: Frame) -> tuple[float, float, float]:
    x, y, z = frame.scale_at((0.0, 0.0, 0.0))
    return z, y, x


def _reflected(grid: Grid) -> Grid:
    z, y, x = grid.origin_mm
    return Grid(grid.shape, grid.spacing_mm, (z, y, -(x + (grid.shape[2] - 1) * grid.spacing_mm[2])))


def _breathing(suv: Float32Array, grid: Grid, frame: Frame) -> Float32Array:
    """Move what lies near the diaphragm by the patient's shift, smeared along the body, less toward the neck."""
    z = grid.coordinates_mm(0)
    fade = np.clip((60 - z) / 160, 0, 1)
    dx, dy, dz = frame.variation.breathing_mm
    moved = np.zeros_like(suv)
    smeared = gaussian_filter(suv, [1.6 / grid.spacing_mm[0], 0, 0], truncate=3)
    for k in range(len(z)):
        position = np.clip(k - dz * fade[k] / grid.spacing_mm[0], 0, len(z) - 1)
        low = int(position)
        part = np.float32(position - low)
        plane = smeared[low] * (1 - part) + smeared[min(low + 1, len(z) - 1)] * part
        weight = np.float32(fade[k])
        shift = [round(d * fade[k] / s) for d, s in zip((dy, dx), grid.spacing_mm[1:], strict=True)]
        plane = np.roll(plane, shift, (0, 1)) if any(shift) else plane
        moved[k] = weight * plane + (1 - weight) * suv[k] if weight < 0.05 else plane
    return moved
