"""Effusion, collapse, a raised diaphragm and the space after pneumonectomy, as distances on the internal grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import wall
from LNStationLib.phantom.anatomy.shapes import Float32Array, coordinates
from LNStationLib.phantom.anatomy.traits import PresentTrait
from LNStationLib.phantom.anatomy.variants import shifts
from LNStationLib.phantom.anatomy.variation import Variation

Lobe = str
"""A lobe by the name of its mask without ``lung_``, such as ``"upper_lobe_left"``."""
_LAYER_MM = (7.0, 62.0)
"""Thickness of the layer of fluid behind the lung in the smallest and the largest effusion."""
_BASAL_MM = (4.0, 45.0)
"""The same above the diaphragm."""
_COMPRESSED_MM = (3.0, 26.0)
"""Thickness of airless lung beside the fluid."""
_LEAN: dict[Lobe, tuple[str, float]] = {
    "lower_lobe_left": ("oblique_left", 0.8), "lower_lobe_right": ("oblique_right", 0.8),
    "upper_lobe_right": ("horizontal", -0.5),
}  # fmt: skip
"""Lobes that fold toward the mediastinum: the fissure that leans, and by how many mm for each mm to the side."""
_LEAN_FROM_MM = 55.0
"""Distance from the midline where a leaning fissure is neither nearer nor further."""
# How far (mm along the body) fissures move toward a collapsed lobe, least and most; signs as in
# ``lungs.fissure_distances``. A collapsed lobe keeps a fifth to a half of its volume.
_FISSURES: dict[Lobe, dict[str, tuple[float, float]]] = {
    "upper_lobe_left": {"oblique_left": (-68.0, -96.0)},
    "lower_lobe_left": {"oblique_left": (45.0, 75.0)},
    "upper_lobe_right": {"horizontal": (-42.0, -60.0), "oblique_right": (-20.0, -32.0)},
    "middle_lobe_right": {"horizontal": (16.0, 24.0), "oblique_right": (-16.0, -26.0)},
    "lower_lobe_right": {"oblique_right": (45.0, 75.0)},
}
_LOBES: dict[int, tuple[Lobe, ...]] = {
    1: ("upper_lobe_left", "lower_lobe_left"),
    -1: ("upper_lobe_right", "middle_lobe_right", "lower_lobe_right"),
}
"""Lobes by side."""
_FAR_MM = 30.0
"""A distance that is surely outside."""


@dataclass(frozen=True)
class PleuralContents:
    """What fills the pleural cavities beside aerated lung.

    Attributes:
        fluid: Distance in mm from the fluid's surface toward the lung, negative in it; the pleura bounds it outside.
        airless: The same of lung without air.
        air: The same of free air, as in the first weeks after pneumonectomy; ``None`` without.
    """

    fluid: Float32Array
    airless: Float32Array
    air: Float32Array | None = None


def collapsed_lobe(variation: Variation) -> Lobe | None:
    """The lobe that has no air."""
    trait = variation.trait("lobar_collapse")
    if trait is None:
        return None
    lobes = _LOBES[trait.side]
    return lobes[int(trait.generator().integers(len(lobes)))]


def fissure_offsets_mm(variation: Variation, x: Float32Array) -> dict[str, Float32Array]:
    """What a collapsed lobe adds to ``lungs.fissure_distances`` at some x; empty without one."""
    lobe, trait = collapsed_lobe(variation), variation.trait("lobar_collapse")
    if lobe is None or trait is None:
        return {}
    leaning, slope = _LEAN.get(lobe, ("", 0.0))
    lean = np.float32(slope) * (np.abs(x) - np.float32(_LEAN_FROM_MM))
    return {
        name: np.float32(trait.between(least, most)) + (lean if name == leaning else np.zeros_like(lean))
        for name, (least, most) in _FISSURES[lobe].items()
    }


def removed_lung(variation: Variation) -> int:
    """Side (+1 left, -1 right) of a lung that was removed; 0 without."""
    trait = variation.trait("pneumonectomy")
    return 0 if trait is None else trait.side


def holds_fluid(variation: Variation) -> bool:
    """Whether there is more in the pleural cavities than lung."""
    return variation.trait("pleural_effusion") is not None or removed_lung(variation) != 0


def side_distance(grid: Grid, variation: Variation, side: int) -> Float32Array:
    """Distance in mm from the mediastinum's middle, negative on the given side, broadcasting to the grid."""
    x = grid.coordinates_mm(2).astype(np.float32)[None, None, :]
    z, y = grid.coordinates_mm(0)[:, None, None], grid.coordinates_mm(1)[None, :, None]
    return np.asarray(-side * (x - shifts.shift_at(variation, y, z).astype(np.float32)), np.float32)


def contents(grid: Grid, variation: Variation, above_diaphragm: Float32Array) -> PleuralContents | None:
    """Fluid and airless lung of an effusion, or the space after pneumonectomy; ``None`` without either.

    Args:
        grid: The internal grid.
        variation: The patient's traits.
        above_diaphragm: Height in mm above the diaphragm.
    """
    effusion = variation.trait("pleural_effusion")
    if effusion is not None:
        # In a third both sides are filled, the other one less.
        both = effusion.generator().random() < 1 / 3
        sides = (1, -1) if both else (effusion.side,)
        layers = [_layer(grid, variation, effusion, above_diaphragm, side) for side in sides]
        return PleuralContents(*(np.minimum.reduce(fields) for fields in zip(*layers, strict=True)))
    removed = variation.trait("pneumonectomy")
    if removed is None:
        return None
    space = np.broadcast_to(side_distance(grid, variation, removed.side), grid.shape)
    return PleuralContents(space, np.full(grid.shape, _FAR_MM, np.float32), _free_air(grid, removed, space))


def _layer(
    grid: Grid, variation: Variation, trait: PresentTrait, above_diaphragm: Float32Array, side: int
) -> tuple[Float32Array, Float32Array]:
    """Fluid that lies behind and below a supine patient's lung, and the lung that it compresses."""
    share = trait.amount if side == trait.side else 0.4 * trait.amount
    # Of the ribs alone: beside the spine the fluid lies as deep as behind the lung.
    cavity = wall.cavity_distance(grid)
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    x, y, z = coordinates(grid, whole)
    angle = wall.wall_angle(np.broadcast_to(x, grid.shape), y, wall.cavity_axis_y(z))
    wave = 1 + 0.12 * np.sin(z / 17 + trait.seed % 7) + 0.08 * np.sin(z / 9 + angle / 14)
    behind = np.clip((95 + 55 * share - angle) / 75, 0, 1)
    low = np.clip((35 + 75 * share - z) / 90, 0, 1)
    spread = (behind * behind * (3 - 2 * behind) * low * wave).astype(np.float32)
    layer = np.float32(_LAYER_MM[0] + (_LAYER_MM[1] - _LAYER_MM[0]) * share) * spread
    basal = np.float32(_BASAL_MM[0] + (_BASAL_MM[1] - _BASAL_MM[0]) * share) * np.sqrt(behind).astype(np.float32)
    thin = np.float32(_COMPRESSED_MM[0] + (_COMPRESSED_MM[1] - _COMPRESSED_MM[0]) * share) * spread
    # A millimeter over the wall's surface, so that no sliver of lung stays between.
    fluid = np.minimum(-cavity - layer, above_diaphragm - basal)
    fluid = np.maximum(fluid, np.where(spread > 0.01, -_FAR_MM, 1.0)).astype(np.float32)
    other = side_distance(grid, variation, side)
    return np.maximum(fluid, other), np.maximum(fluid - thin, other)


def _free_air(grid: Grid, trait: PresentTrait, space: Float32Array) -> Float32Array | None:
    """Air over a level of fluid: in the first weeks the space has not filled yet."""
    if trait.generator().random() > 1 / 3:
        return None
    level = np.float32(trait.between(20.0, -45.0))
    y = grid.coordinates_mm(1).astype(np.float32)[None, :, None]
    return np.maximum(space, y - level)


def airless_lobe(planes: dict[str, Float32Array], left: Float32Array, lobe: Lobe) -> Float32Array:
    """Distance in mm from a lobe's fissures, negative on its side of them.

    Args:
        planes: ``lungs.fissure_distances`` of the patient.
        left: Distance from the mediastinum's middle, negative in the left half of the chest.
        lobe: Which.
    """
    right = -left
    oblique = planes["oblique_left" if lobe.endswith("left") else "oblique_right"]
    bounds = {
        "upper_lobe_left": (left, -oblique), "lower_lobe_left": (left, oblique),
        "upper_lobe_right": (right, -oblique, -planes["horizontal"]),
        "middle_lobe_right": (right, -oblique, planes["horizontal"]), "lower_lobe_right": (right, oblique),
    }[lobe]  # fmt: skip
    result = bounds[0]
    for bound in bounds[1:]:
        result = np.maximum(result, bound)
    return result
