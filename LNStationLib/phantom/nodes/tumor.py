"""The primary tumor: in a third of the esophagus or a lobe of a lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.case.case import Cancer
from LNStationLib.phantom.anatomy import central
from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, Tube, frame_along, tube
from LNStationLib.phantom.preset import Preset, SiteRow
from LNStationLib.support.types import PointMm, Side


@dataclass(frozen=True)
class Tumor:
    """A primary tumor.

    Attributes:
        cancer: ``"lung"`` or ``"esophagus"``.
        site: In words, as in the preset.
        side: The patient's side of a lung tumor; ``None`` for the esophagus.
        center_mm: In the frame of the anatomy tables.
        diameter_mm: Of a lung tumor; length along the esophagus of an esophageal one.
        suv: Uptake (SUVbw) before blurring.
        weakly_avid: True where tumor and metastases take up a third of the usual.
        shape_seed: Decides its outline.
    """

    cancer: Cancer
    site: str
    side: Side | None
    center_mm: PointMm
    diameter_mm: float
    suv: float
    weakly_avid: bool
    shape_seed: int


def draw_tumor(preset: Preset, rng: np.random.Generator, site: SiteRow | None = None) -> Tumor:
    """Draw a tumor; its site too where none is given."""
    table = preset.tumor
    drawn = table.sites[int(rng.choice(len(table.sites), p=[row.frequency for row in table.sites]))]
    row = site or drawn
    center = np.asarray(row.center_mm) + np.asarray(row.scatter_mm) * np.clip(rng.standard_normal(3), -2, 2)
    if preset.cancer == "esophagus":
        center = _on_esophagus(float(center[2]))
    weak = bool(rng.random() < table.weakly_avid_fraction)
    return Tumor(
        cancer=preset.cancer,
        site=row.name,
        side=row.side,
        center_mm=(float(center[0]), float(center[1]), float(center[2])),
        diameter_mm=table.diameter_mm.draw(rng),
        suv=table.suv.draw(rng, 1 / 3 if weak else 1.0),
        weakly_avid=weak,
        shape_seed=int(rng.integers(2**31)),
    )


def _on_esophagus(height: float) -> np.ndarray:
    path = central.esophagus().points
    return np.asarray(path[np.argmin(np.abs(path[:, 2] - height))])


def tumor_shape(tumor: Tumor) -> Shape:
    """The tumor's surface in the frame of the anatomy tables."""
    rng = np.random.default_rng(tumor.shape_seed)
    return _esophageal(tumor, rng) if tumor.cancer == "esophagus" else _pulmonary(tumor, rng)


def _pulmonary(tumor: Tumor, rng: np.random.Generator) -> Shape:
    """A lobulated mass with a few spicules that run out into the lung."""
    radius, center = tumor.diameter_mm / 2, np.asarray(tumor.center_mm)
    parts: list[Shape] = [Ellipsoid(tumor.center_mm, _axes(radius * 0.85, rng), frame_along(_direction(rng)))]
    for _ in range(3):
        offset = np.asarray(_direction(rng)) * radius * rng.uniform(0.35, 0.6)
        parts.append(Ellipsoid(_point(center + offset), _axes(radius * rng.uniform(0.5, 0.65), rng)))
    for _ in range(int(rng.integers(1, 4))):
        way = np.asarray(_direction(rng))
        ends = [_point(center + way * radius * 0.6), _point(center + way * radius * rng.uniform(1.4, 2.0))]
        parts.append(tube(ends, [max(radius * 0.22, 1.0), 0.5]))
    return Blend(tuple(parts), max(radius * 0.3, 1.5))


def _esophageal(tumor: Tumor, rng: np.random.Generator) -> Shape:
    """A wall thickening along the esophagus' course, more on one side of it."""
    whole = central.esophagus()
    middle = whole.fraction_near(tumor.center_mm)
    length = float(np.linalg.norm(np.diff(whole.points, axis=0), axis=1).sum())
    half = tumor.diameter_mm / 2 / length
    part = whole.between(max(middle - half, 0.0), min(middle + half, 1.0))
    if len(part.points) < 3:
        part = whole.between(max(middle - 1.5 / len(whole.points), 0), min(middle + 2.5 / len(whole.points), 1))
    swell = np.sin(np.linspace(0.15, 1, len(part.points)) * np.pi * 0.9) ** 0.6
    thickness = float(np.clip(rng.normal(4.5, 1.5), 2, 8))
    aside = np.array([rng.uniform(-1, 1), rng.uniform(-1, 1), 0.0]) * 1.5
    return Tube(part.points + aside, part.radii + thickness * swell - 0.5, part.stretch)


def _axes(radius: float, rng: np.random.Generator) -> tuple[float, float, float]:
    first, second, third = radius * rng.uniform(0.85, 1.15, 3)
    return float(first), float(second), float(third)


def _direction(rng: np.random.Generator) -> PointMm:
    way = rng.standard_normal(3)
    return _point(way / np.linalg.norm(way))


def _point(values: np.ndarray) -> PointMm:
    return float(values[0]), float(values[1]), float(values[2])
