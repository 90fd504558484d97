"""Where pleural disease moves the mediastinum, and how shapes are moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube
from LNStationLib.phantom.anatomy.traits import AnatomyTrait
from LNStationLib.phantom.anatomy.variation import Variation

Points = npt.NDArray[np.float64]
Field = Callable[[Points], Points]
"""LPS points ``(n, 3)`` to their displacements ``(n, 3)``, in mm of the frame of ``central``."""
# How far the mediastinum moves at the heart, in mm from the least to the most pronounced trait, toward (+) or away
# from (-) its side. An effusion has to fill about half of the chest before it pushes.
_SHIFT_MM: dict[AnatomyTrait, tuple[float, float, float]] = {
    "pleural_effusion": (0.55, 0.0, -22.0), "lobar_collapse": (0.0, 8.0, 24.0),
    "raised_diaphragm": (0.0, -2.0, -10.0), "pneumonectomy": (0.0, 25.0, 45.0),
}  # fmt: skip
"""Trait to the amount from which on it moves the mediastinum, and the displacement at that and at the full amount."""
_RAISE_MM: dict[AnatomyTrait, tuple[float, float]] = {
    "raised_diaphragm": (25.0, 60.0), "lobar_collapse": (5.0, 18.0), "pneumonectomy": (8.0, 22.0),
}  # fmt: skip
"""How much higher a dome stands, by trait."""
_LIFT = 0.55
"""Part of that by which it lifts the heart."""
# The neck, the spine and what lies at the hiatus stay; descending aorta and esophagus follow a part of the way.
_OVER_Z = PchipInterpolator((-230, -150, -110, -70, -20, 20, 60, 95, 150), (0, 0.12, 0.6, 1, 1, 0.8, 0.35, 0, 0))
_OVER_Y = PchipInterpolator((-140, -20, 15, 40, 58, 80, 140), (1, 1, 0.8, 0.4, 0.1, 0, 0))
_FIXED = ("manubrium", "sternal_body", "clavicle_left", "clavicle_right", "spinal_cord", "canal")
"""Shapes that pleural disease does not move."""


def mediastinal_shift_mm(variation: Variation) -> float:
    """How far the heart lies to the left (+) or right (-) of its usual place."""
    total = 0.0
    for name, (start, least, most) in _SHIFT_MM.items():
        trait = variation.trait(name)
        if trait is not None and trait.amount >= start:
            total += trait.side * (least + (most - least) * (trait.amount - start) / (1 - start))
    return float(np.clip(total, -45.0, 45.0))


def dome_raise_mm(variation: Variation) -> tuple[float, float]:
    """How much higher the right and the left dome stand than usual."""
    raised = {1: 0.0, -1: 0.0}
    for name, (least, most) in _RAISE_MM.items():
        trait = variation.trait(name)
        if trait is not None:
            raised[trait.side] += trait.between(least, most)
    return raised[-1], raised[1]


def shift_at(variation: Variation, y: npt.ArrayLike, z: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Displacement along x in mm of the mediastinum at some y and z."""
    shift = mediastinal_shift_mm(variation)
    return np.asarray(shift * _OVER_Y(np.clip(y, -140, 140)) * _OVER_Z(np.clip(z, -230, 150)))


def mediastinal_field(variation: Variation) -> Field | None:
    """Displacement of points of the mediastinum; ``None`` where nothing moves."""
    lift = _LIFT * max(dome_raise_mm(variation))
    if mediastinal_shift_mm(variation) == 0 and lift == 0:
        return None

    def field(points: Points) -> Points:
        moved = np.zeros_like(points)
        moved[:, 0] = shift_at(variation, points[:, 1], points[:, 2])
        over_diaphragm = np.exp(-(((points[:, 2] + 105.0) / 34.0) ** 2) / 2)
        moved[:, 2] = lift * over_diaphragm * _OVER_Y(np.clip(points[:, 1], -140, 140))
        return moved

    return field


def bump_field(center_z_mm: float, width_mm: float, by_mm: tuple[float, float, float]) -> Field:
    """A displacement that is greatest at one height and fades away from it with a standard deviation ``width_mm``."""

    def field(points: Points) -> Points:
        weight = np.exp(-(((points[:, 2] - center_z_mm) / width_mm) ** 2) / 2)
        return np.asarray(weight[:, None] * np.asarray(by_mm))

    return field


def moved(shape: Shape, field: Field) -> Shape:
    """A shape whose axis or center is displaced; its caliber stays.

    Raises:
        TypeError: The shape is neither tube, ellipsoid nor a blend of them.
    """
    if isinstance(shape, Tube):
        return replace(shape, points=shape.points + field(shape.points))
    if isinstance(shape, Ellipsoid):
        x, y, z = (np.asarray(shape.center) + field(np.asarray([shape.center], float))[0]).tolist()
        return replace(shape, center=(x, y, z))
    if isinstance(shape, Blend):
        return replace(shape, shapes=tuple(moved(part, field) for part in shape.shapes))
    raise TypeError(f"a {type(shape).__name__} cannot be moved")


def with_shift(shapes: dict[str, Shape], variation: Variation) -> dict[str, Shape]:
    """The shapes as pleural disease moves them."""
    field = mediastinal_field(variation)
    if field is None:
        return shapes
    return {name: shape if name in _FIXED else moved(shape, field) for name, shape in shapes.items()}
