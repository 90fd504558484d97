"""Lymph nodes: their true attributes, as planned and as they came to lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LNStationLib.phantom.anatomy.shapes import Blend, Ellipsoid, Shape, frame_along
from LNStationLib.phantom.preset import Group, station_group
from LNStationLib.support.types import PointMm, Side


@dataclass(frozen=True)
class NodePlan:
    """A node before it has a place.

    Attributes:
        station: IASLC station.
        side: The patient's side; ``None`` in stations 3P and 7.
        malignant: True where it holds tumor.
        micrometastasis: Malignant, but in size, texture and uptake like a benign node.
        granulomatous: Benign with the uptake of inflammation.
        short_axis_mm: Shortest diameter in the axial plane.
        elongation: Longest over shortest diameter of the ellipsoid.
        flatness: Middle over shortest diameter of the ellipsoid, at most ``elongation``.
        direction: Of the longest diameter, LPS.
        n_lobes: 1 for a single node, more for a conglomerate that reads as one.
        fatty_hilum: True where fat enters it.
        hu: Mean attenuation of its solid part before noise.
        texture_sd_hu: Standard deviation of the attenuation within it.
        margin_mm: Width over which it blends into the fat.
        necrosis_fraction: Part of its diameter that is necrotic core; 0 without.
        calcified: True where it holds coarse calcium.
        suv: Uptake (SUVbw) before the scanner's blur.
        shape_seed: Decides texture and lobes.
        center_mm: Where it is wanted, in the frame of the anatomy tables; anywhere in its station for ``None``.
    """

    station: str
    side: Side | None
    malignant: bool
    micrometastasis: bool
    granulomatous: bool
    short_axis_mm: float
    elongation: float
    flatness: float
    direction: PointMm
    n_lobes: int
    fatty_hilum: bool
    hu: float
    texture_sd_hu: float
    margin_mm: float
    necrosis_fraction: float
    calcified: bool
    suv: float
    shape_seed: int
    center_mm: PointMm | None = None

    @property
    def group(self) -> Group:
        """Station group that its look follows."""
        return station_group(self.station)

    def ellipsoid(self, center: PointMm = (0.0, 0.0, 0.0)) -> Ellipsoid:
        """The ellipsoid whose axial section has the planned short axis."""
        axes = frame_along(self.direction)
        shape = Ellipsoid(center, (self.elongation, self.flatness, 1.0), axes)
        scale = self.short_axis_mm / axial_diameters_mm(shape)[0]
        return Ellipsoid(center, (self.elongation * scale, self.flatness * scale, scale), axes)

    def smaller(self, factor: float) -> NodePlan:
        """The same node shrunk."""
        return replace(self, short_axis_mm=self.short_axis_mm * factor)


@dataclass(frozen=True)
class PlacedNode:
    """A node with its place, in the frame of the anatomy tables."""

    plan: NodePlan
    ellipsoid: Ellipsoid

    def shape(self) -> Shape:
        """Its surface: the ellipsoid, or for a conglomerate several that fill it."""
        return self.ellipsoid if self.plan.n_lobes == 1 else _lobes(self.ellipsoid, self.plan)


@dataclass(frozen=True)
class NodeTruth:
    """One node with all its true attributes.

    Attributes:
        node_id: Value in the node label maps, from 1.
        station: Station that it lies in.
        side: The patient's side; ``None`` in stations 3P and 7.
        group: Station group that its look follows.
        malignant: True where it holds tumor.
        micrometastasis: Malignant but like a benign node in all that images show.
        granulomatous: Benign with the uptake of inflammation.
        visible: Short axis of at least the preset's limit (5 mm), so that a reader counts it.
        short_axis_mm: Shortest diameter of its largest axial section.
        long_axis_mm: Longest diameter of that section.
        volume_mm3: Of its ellipsoid.
        elongation: Longest over shortest diameter of the ellipsoid.
        n_lobes: 1, or the number of nodes of a conglomerate.
        fatty_hilum: True where fat enters it.
        hu: Mean attenuation of its solid part before noise.
        texture_sd_hu: Standard deviation of the attenuation within it.
        margin_mm: Width over which it blends into the fat.
        necrosis_fraction: Part of its diameter that is necrotic core.
        calcified: True where it holds coarse calcium.
        suv: Uptake (SUVbw) before the scanner's blur.
        suv_max: Expected SUVmax on PET (see ``uptake_model``); ``None`` without PET.
        call: Call by the clinical criteria, as a reader gives it; ``None`` where it is not visible.
        center_mm: LPS center on the case's grid; ``None`` in a cohort without images.
    """

    node_id: int
    station: str
    side: Side | None
    group: Group
    malignant: bool
    micrometastasis: bool
    granulomatous: bool
    visible: bool
    short_axis_mm: float
    long_axis_mm: float
    volume_mm3: float
    elongation: float
    n_lobes: int
    fatty_hilum: bool
    hu: float
    texture_sd_hu: float
    margin_mm: float
    necrosis_fraction: float
    calcified: bool
    suv: float
    suv_max: float | None = None
    call: bool | None = None
    center_mm: PointMm | None = None


VISIBLE_MM = 5.0
"""Short axis from which a node counts as visible (Li et al. 2025, Sec. 2: all visible nodes, short axis >= 5 mm)."""


def node_truth(
    number: int, plan: NodePlan, scale: PointMm = (1.0, 1.0, 1.0), center_mm: PointMm | None = None
) -> NodeTruth:
    """The table row of a node.

    Args:
        number: Its label value.
        plan: What it is, with sizes in the frame of the anatomy tables.
        scale: Factors along x, y, z from that frame to the patient at the node's place.
        center_mm: LPS center in the patient, where it has a place.
    """
    ellipsoid = plan.ellipsoid()
    short, long = axial_diameters_mm(ellipsoid, scale)
    return NodeTruth(
        node_id=number,
        station=plan.station,
        side=plan.side,
        group=plan.group,
        malignant=plan.malignant,
        micrometastasis=plan.micrometastasis,
        granulomatous=plan.granulomatous,
        visible=short >= VISIBLE_MM,
        short_axis_mm=short,
        long_axis_mm=long,
        volume_mm3=float(4 / 3 * np.pi * np.prod(ellipsoid.semi_axes) * np.prod(scale)),
        elongation=plan.elongation,
        n_lobes=plan.n_lobes,
        fatty_hilum=plan.fatty_hilum,
        hu=plan.hu,
        texture_sd_hu=plan.texture_sd_hu,
        margin_mm=plan.margin_mm,
        necrosis_fraction=plan.necrosis_fraction,
        calcified=plan.calcified,
        suv=plan.suv,
        center_mm=center_mm,
    )


def axial_diameters_mm(ellipsoid: Ellipsoid, scale: PointMm = (1.0, 1.0, 1.0)) -> tuple[float, float]:
    """Shortest and longest diameter of an ellipsoid's largest axial section, after scaling along x, y, z.

    The largest axial section goes through the center; there ``x'Ax = 1`` with the rows and columns of x and y.
    """
    axes = np.asarray(ellipsoid.axes) / np.asarray(scale)
    matrix = axes.T @ np.diag(1 / np.asarray(ellipsoid.semi_axes) ** 2) @ axes
    short, long = sorted(2 / np.sqrt(np.linalg.eigvalsh(matrix[:2, :2])))
    return float(short), float(long)


def _lobes(ellipsoid: Ellipsoid, plan: NodePlan) -> Blend:
    """Overlapping nodes along the ellipsoid's length, of unlike size, that stay within it."""
    rng = np.random.default_rng(plan.shape_seed)
    a, b, c = ellipsoid.semi_axes
    along = np.asarray(ellipsoid.axes[0])
    parts = []
    for place in np.linspace(-1, 1, plan.n_lobes):
        part = float(rng.uniform(0.82, 1.0))
        half = a / plan.n_lobes * 1.25
        # The ellipsoid tapers toward its ends, and the lobes with it.
        part *= float(np.sqrt(1 - (place * (a - half) / a) ** 2))
        center = np.asarray(ellipsoid.center) + along * place * (a - half)
        point = (float(center[0]), float(center[1]), float(center[2]))
        parts.append(Ellipsoid(point, (half, b * part, c * part), ellipsoid.axes))
    return Blend(tuple(parts), 0.25 * c)
