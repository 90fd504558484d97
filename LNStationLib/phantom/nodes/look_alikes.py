"""What a reader may take for a node: vessel stumps, pericardial recesses, muscle bundles, esophageal wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.phantom.nodes.node import NodePlan
from LNStationLib.phantom.preset import Preset
from LNStationLib.support.types import PointMm

STATIONS = {
    "vessel_stump": ("10R", "10L", "11R", "11L", "4R"),
    "pericardial_recess": ("4R", "6", "5"),
    "muscle_bundle": ("1R", "1L", "9"),
    "esophageal_wall": ("8", "3P"),
}
"""Kind of look-alike to the stations in which it is met."""
_HU = {"vessel_stump": 150.0, "pericardial_recess": 12.0, "muscle_bundle": 55.0, "esophageal_wall": 42.0}
"""Enhanced blood, fluid, muscle and muscle, in the venous phase."""
_ELONGATION = {"vessel_stump": 2.2, "pericardial_recess": 2.4, "muscle_bundle": 2.6, "esophageal_wall": 1.8}
"""Longest over shortest diameter: all are longer than a usual node."""


@dataclass(frozen=True)
class LookAlike:
    """Something that looks like a node and is not one.

    Attributes:
        kind: Key of ``STATIONS``.
        station: Station that it lies in.
        short_axis_mm: Shortest diameter in the axial plane.
        hu: Mean attenuation before noise.
        center_mm: LPS center on the case's grid; ``None`` in a cohort without images.
    """

    kind: str
    station: str
    short_axis_mm: float
    hu: float
    center_mm: PointMm | None = None


def draw_look_alikes(preset: Preset, rng: np.random.Generator) -> list[tuple[str, NodePlan]]:
    """Draw kind and shape of a patient's look-alikes; the shape is described as a node's is, uptake is blood's."""
    drawn: list[tuple[str, NodePlan]] = []
    for kind, chance in preset.nodes.look_alikes.items():
        present, station = rng.random() < chance, str(rng.choice(STATIONS[kind]))
        plan = _shape(kind, station, rng)
        if present:
            drawn.append((kind, plan))
    return drawn


def _shape(kind: str, station: str, rng: np.random.Generator) -> NodePlan:
    elongation = _ELONGATION[kind] * float(rng.uniform(0.85, 1.15))
    tilt = rng.standard_normal(3) * (0.6, 0.6, 0.25 if kind == "pericardial_recess" else 1.2)
    tilt /= np.linalg.norm(tilt)
    return NodePlan(
        station=station,
        side=None,
        malignant=False,
        micrometastasis=False,
        granulomatous=False,
        short_axis_mm=float(rng.uniform(5, 9)),
        elongation=elongation,
        flatness=1 + (elongation - 1) * 0.3,
        direction=(float(tilt[0]), float(tilt[1]), float(tilt[2])),
        n_lobes=1,
        fatty_hilum=False,
        hu=_HU[kind] + 6 * float(rng.standard_normal()),
        texture_sd_hu=2.0,
        margin_mm=1.4,
        necrosis_fraction=0.0,
        calcified=False,
        suv=1.6,
        shape_seed=int(rng.integers(2**31)),
    )
