"""Tags of a node candidate: what anatomy, attenuation and uptake say of it, by formulas.

In the place of the 171 tags that OSLN takes from LesaNet (Zhu et al. 2020, Sec. 3.2), whose weights cannot be had
with a license that allows it. Each tag has its formula in ``TAGS``. Training and inference compute them by the same
function, on the network's grid. A tag that a patient does not allow (an organ not known, no PET) is absent, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box, grown, grown_mm, label_boxes
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.nodes.diameters import axial_diameters
from LNStationLib.sampling.volume import GROUP_CHANNELS
from LNStationLib.support.types import BoolArray, FloatArray, InstanceArray, LabelArray

_BLOOD = GROUP_CHANNELS["group:blood"].organs
_HEART = (
    "heart", "heart_myocardium", "atrium_left", "atrium_right", "ventricle_left", "ventricle_right",
    "atrial_appendage_left", "pericardium",
)  # fmt: skip
_AORTA = ("aorta", "ascending_aorta", "aortic_arch", "descending_aorta")
_LUNGS = (
    "lung_left", "lung_right", "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
    "lung_middle_lobe_right", "lung_lower_lobe_right",
)  # fmt: skip
TAG_ORGANS: Mapping[str, tuple[str, ...]] = {
    "airway": GROUP_CHANNELS["group:airways"].organs,
    "esophagus": ("esophagus",),
    "aorta": _AORTA,
    "pulmonary_artery": ("pulmonary_artery", "pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right"),
    "cava": ("superior_vena_cava", "inferior_vena_cava"),
    "azygos": ("azygos_vein", "azygos_arch"),
    "heart": _HEART,
    "spine": ("spine",),
    "lung": _LUNGS,
    "blood": _BLOOD,
}
"""Organs of the table that a tag means together."""
FARTHEST_MM = 100.0
"""Distances are computed so far around a candidate; beyond it they are this."""
NEIGHBOR_MM = 20.0
_WATER_HU = (-10.0, 20.0)
_BLOOD_HU = (130.0, 600.0)
_FAT_BELOW_HU, _NECROSIS_BELOW_HU, _CALCIUM_FROM_HU = -30.0, 20.0, 130.0
UNKNOWN = -1.0
"""In a vector of tags, where a tag is absent; no scaled tag is below 0."""


@dataclass(frozen=True)
class Tag:
    """One tag.

    Attributes:
        title: For people.
        formula: How it is computed.
        scale: A value of so much becomes 1 in the vector; negative values of attenuation are moved first.
        offset: Added before scaling.
    """

    title: str
    formula: str
    scale: float = 1.0
    offset: float = 0.0

    def scaled(self, value: float | None) -> float:
        """For a network: in [0, 3], ``UNKNOWN`` where it is absent."""
        return UNKNOWN if value is None else float(np.clip((value + self.offset) / self.scale, 0.0, 3.0))


def _named() -> dict[str, Tag]:
    stations = {
        f"station_{row.name}": Tag(f"part in station {row.name}", "part of its voxels in the station")
        for row in anatomy.stations()
    }
    sides = {f"side_{side}": Tag(f"side {side}", "1 where its station is of that side") for side in ("R", "L")}
    distances = {
        f"{name}_mm": Tag(
            f"distance to {name.replace('_', ' ')}, mm", "least distance of its voxels, 100 at most", 50.0
        )
        for name in TAG_ORGANS
        if name != "blood"
    }
    return {
        **stations,
        **sides,
        **distances,
        "tumor_mm": Tag("distance to the tumor, mm", "least signed distance of its voxels", 70.0),
        "tubularity": Tag("tubularity", "1 - sqrt(l2 / l1), eigenvalues of the covariance of its voxels in mm"),
        "blood_contact": Tag("contact with blood", "part of its shell of a voxel in a vessel, or of 130 to 600 HU"),
        "lung_contact": Tag("contact with lung", "part of its shell in a lung"),
        "wall_contact": Tag("contact with the esophagus", "part of its shell in the esophagus"),
        "fluid_contact": Tag("contact with fluid, as of a recess", "part of its shell of -10 to 20 HU"),
        "hu_mean": Tag("mean attenuation, HU", "mean of its voxels", 200.0, 100.0),
        "hu_sd": Tag("spread of attenuation, HU", "standard deviation of its voxels", 50.0),
        "fat_part": Tag("fat", "part of its voxels below -30 HU"),
        "necrosis_part": Tag("necrosis", "part of its inner voxels of -30 to 20 HU"),
        "calcium_part": Tag("calcium", "part of its voxels from 130 HU on"),
        "short_mm": Tag("short axis, mm", "RECIST 1.1, on the network's grid", 20.0),
        "axis_ratio": Tag("long over short axis", "RECIST 1.1, on the network's grid", 2.0),
        "volume_ml": Tag("volume, ml", "voxels times their volume", 5.0),
        "margin_hu": Tag("margin, HU", "mean inside minus mean of its shell", 150.0, 50.0),
        "neighbors": Tag("neighbors", "other candidates with their center within 20 mm", 5.0),
        "suv_over_blood": Tag("SUVmax over blood pool", "over the median SUV in the aorta, else in the heart", 5.0),
        "suv_max": Tag("SUVmax", "highest SUV of its voxels", 10.0),
    }


TAGS: Mapping[str, Tag] = _named()
"""All tags by name, in the order of the vector."""


@dataclass(frozen=True)
class TagScene:
    """What tags are computed from, all on one grid ``[z, y, x]``.

    Attributes:
        spacing_mm: Voxel size along z, y, x.
        hu: CT.
        candidates: Number of each candidate, 0 elsewhere.
        stations: Values of the station table.
        organs: Masks by the names of ``TAG_ORGANS``; what is not known is missing.
        pet: SUVbw, NaN where PET does not reach; ``None`` without PET.
        tumor_distance_mm: Signed; ``None`` without a tumor.
    """

    spacing_mm: tuple[float, float, float]
    hu: FloatArray
    candidates: InstanceArray
    stations: LabelArray
    organs: Mapping[str, BoolArray]
    pet: FloatArray | None = None
    tumor_distance_mm: FloatArray | None = None


def candidate_tags(scene: TagScene) -> dict[int, dict[str, float]]:
    """Tags of every candidate by number; those that the patient does not allow are absent."""
    boxes = label_boxes(scene.candidates)
    pool = _blood_pool(scene)
    return {number: _tags(number, box, boxes, scene, pool) for number, box in boxes.items()}


def tag_vector(tags: Mapping[str, float], names: Sequence[str]) -> FloatArray:
    """Some tags as a network sees them: float32 ``[tag]`` in [0, 3], ``UNKNOWN`` where one is absent.

    Raises:
        KeyError: There is no such tag.
    """
    return np.array([TAGS[name].scaled(tags.get(name)) for name in names], np.float32)


def _tags(number: int, box: Box, boxes: Mapping[int, Box], scene: TagScene, pool: float | None) -> dict[str, float]:
    wide = grown(box, 1, scene.candidates.shape)
    mask = scene.candidates[wide] == number
    inside = scene.candidates[box] == number
    shell = binary_dilation(mask, np.ones((3, 3, 3))) & ~mask
    return {
        **_place(scene.stations[box][inside]),
        **_distances(number, box, scene),
        **_contacts(shell, wide, scene),
        **_attenuation(mask, shell, scene.hu[wide]),
        **_shape(mask, scene.spacing_mm),
        "neighbors": float(_neighbors(number, boxes, scene)),
        **_uptake(inside, box, scene, pool),
    }


def _place(values: np.ndarray) -> dict[str, float]:
    rows = anatomy.stations()
    parts = {row.name: float((values == row.label_value).mean()) for row in rows}
    sides = {side: sum(parts[row.name] for row in rows if row.side == side) for side in ("R", "L")}
    return {f"station_{name}": part for name, part in parts.items()} | {
        f"side_{side}": float(part > 0.5) for side, part in sides.items()
    }


def _distances(number: int, box: Box, scene: TagScene) -> dict[str, float]:
    """Least distance of a candidate's voxels to every organ, looked for 100 mm around it."""
    wide = grown_mm(box, FARTHEST_MM, scene.spacing_mm, scene.candidates.shape)
    mask = scene.candidates[wide] == number
    away = depth_mm(~mask, scene.spacing_mm)
    found = {}
    for name, organ in scene.organs.items():
        near = away[organ[wide]]
        if name != "blood":
            found[f"{name}_mm"] = float(min(near.min(initial=FARTHEST_MM), FARTHEST_MM))
    if scene.tumor_distance_mm is not None:
        found["tumor_mm"] = float(scene.tumor_distance_mm[wide][mask].min())
    return found


def _contacts(shell: BoolArray, wide: Box, scene: TagScene) -> dict[str, float]:
    """Parts of the shell of a voxel around a candidate."""
    hu = scene.hu[wide][shell]
    masks = {name: scene.organs[name][wide][shell] for name in ("blood", "lung", "esophagus") if name in scene.organs}
    bright = (hu >= _BLOOD_HU[0]) & (hu <= _BLOOD_HU[1])
    blood = bright | masks["blood"] if "blood" in masks else bright
    found = {"blood_contact": _part(blood), "fluid_contact": _part((hu >= _WATER_HU[0]) & (hu <= _WATER_HU[1]))}
    for tag, name in (("lung_contact", "lung"), ("wall_contact", "esophagus")):
        if name in masks:
            found[tag] = _part(masks[name])
    return found


def _attenuation(mask: BoolArray, shell: BoolArray, hu: FloatArray) -> dict[str, float]:
    values = hu[mask]
    # The rim holds fat by partial volume; necrosis lies within. A candidate thinner than that is all rim.
    inner = hu[mask & ~binary_dilation(shell)]
    core = inner if inner.size else values
    return {
        "hu_mean": float(values.mean()),
        "hu_sd": float(values.std()),
        "fat_part": _part(values < _FAT_BELOW_HU),
        "necrosis_part": _part((core >= _FAT_BELOW_HU) & (core < _NECROSIS_BELOW_HU)),
        "calcium_part": _part(values >= _CALCIUM_FROM_HU),
        "margin_hu": float(values.mean() - hu[shell].mean()) if shell.any() else 0.0,
    }


def _shape(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> dict[str, float]:
    diameters = axial_diameters(mask.astype(np.float32), spacing_mm)
    points = np.argwhere(mask) * np.asarray(spacing_mm)
    # Each voxel has the covariance of a box, so that one of a single voxel has a shape.
    spread = np.cov(points.T, bias=True).reshape(3, 3) + np.diag(np.square(spacing_mm)) / 12
    largest, middle, _ = sorted(np.linalg.eigvalsh(spread), reverse=True)
    return {
        "tubularity": float(1 - np.sqrt(middle / largest)),
        "short_mm": float(diameters.short_mm),
        "axis_ratio": float(diameters.long_mm / max(diameters.short_mm, 1e-3)),
        "volume_ml": float(np.count_nonzero(mask) * np.prod(spacing_mm) / 1000.0),
    }


def _neighbors(number: int, boxes: Mapping[int, Box], scene: TagScene) -> int:
    center = _middle(boxes[number], scene.spacing_mm)
    others = (_middle(box, scene.spacing_mm) for other, box in boxes.items() if other != number)
    return sum(float(np.linalg.norm(center - other)) <= NEIGHBOR_MM for other in others)


def _middle(box: Box, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Of a candidate's box, in mm from the grid's origin."""
    return np.array([(part.start + part.stop - 1) / 2 * step for part, step in zip(box, spacing_mm, strict=True)])


def _uptake(inside: BoolArray, box: Box, scene: TagScene, pool: float | None) -> dict[str, float]:
    if scene.pet is None:
        return {}
    suv = scene.pet[box][inside]
    if np.isnan(suv).any():
        return {}
    highest = float(suv.max())
    return {"suv_max": highest, **({} if pool is None else {"suv_over_blood": highest / pool})}


def _blood_pool(scene: TagScene) -> float | None:
    """Median SUV in the aorta, else in the heart; ``None`` where neither is known or covered."""
    if scene.pet is None:
        return None
    for name in ("aorta", "heart"):
        values = scene.pet[scene.organs[name]] if name in scene.organs else np.zeros(0)
        values = values[~np.isnan(values)]
        if values.size and np.median(values) > 0:
            return float(np.median(values))
    return None


def _part(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0


def tag_organs(masks: Callable[[str], BoolArray | None]) -> dict[str, BoolArray]:
    """Masks by the names of ``TAG_ORGANS``.

    Args:
        masks: Gives the mask of an organ of the table, ``None`` where it is not known.
    """
    found = {}
    for name, organs in TAG_ORGANS.items():
        known = [mask for mask in map(masks, organs) if mask is not None]
        if known:
            found[name] = np.logical_or.reduce(known)
    return found
