"""All shapes of one patient, rasterized and fitted to each other on one grid (frame of ``central``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import central, lungs, nodes, skeleton, wall
from LNStationLib.phantom.shape_tables import group_shapes, organ_shapes
from LNStationLib.phantom.shapes import Ellipsoid, Float32Array, Patch, Tube, box_around, merge
from LNStationLib.phantom.variation import Variation
from LNStationLib.types import BoolArray

_PARTITIONS = (
    ("ascending_aorta", "aortic_arch", "descending_aorta"),
    ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right"),
    ("azygos_arch", "azygos_vein"),
)


@dataclass
class Anatomy:
    """One patient on one grid.

    Attributes:
        grid: In the frame of the anatomy tables, hence with spacings of the average adult.
        variation: The patient's traits.
        patches: Signed distances by name; canonical organ names and a few parts of the body that are no organ.
        groups: Shapes that only the painting needs (ribs, cartilage, vessels in the lung, ...), by name.
        cavity: Distance in mm from the inner chest wall, negative inside.
        skin: Distance in mm from the skin, negative inside.
        above_diaphragm: Height in mm above the diaphragm.
        liver: Distance in mm from the liver, negative inside.
        pleura: Distance in mm from the mediastinal pleura, negative in the mediastinum.
        nodes: Nodes as placed.
    """

    grid: Grid
    variation: Variation
    patches: dict[str, Patch] = field(default_factory=dict)
    groups: dict[str, Patch] = field(default_factory=dict)
    cavity: Float32Array = field(default_factory=lambda: np.zeros(0, np.float32))
    skin: Float32Array = field(default_factory=lambda: np.zeros(0, np.float32))
    above_diaphragm: Float32Array = field(default_factory=lambda: np.zeros(0, np.float32))
    liver: Float32Array = field(default_factory=lambda: np.zeros(0, np.float32))
    pleura: Float32Array = field(default_factory=lambda: np.zeros(0, np.float32))
    nodes: list[tuple[nodes.NodePlan, Ellipsoid]] = field(default_factory=list)

    def raw_mask(self, name: str, offset_mm: float = 0.0) -> BoolArray:
        """Voxels inside one shape before it is fitted to its neighbors."""
        return self.patches[name].mask(self.grid.shape, offset_mm)

    def chest_space(self) -> Float32Array:
        """Distance in mm from the surface of the thoracic cavity above the diaphragm, negative inside."""
        return np.maximum(np.maximum(self.cavity, -self.above_diaphragm), wall.apex_distance(self.grid))

    def lung_space(self) -> Float32Array:
        """Distance in mm from the surface of both lungs, negative inside."""
        return np.maximum(self.chest_space(), -self.pleura)


def build(grid: Grid, variation: Variation, rng: np.random.Generator) -> Anatomy:
    """Make a patient on a grid given in the frame of the anatomy tables."""
    model = Anatomy(grid, variation)
    _walls(model)
    for name, shape in organ_shapes(variation).items():
        model.patches[name] = shape.patch(grid)
    for name, shapes in group_shapes().items():
        model.groups[name] = merge([shape.patch(grid) for shape in shapes])
    _bones(model)
    _partition(model)
    _cut_heart(model)
    model.pleura = lungs.pleural_distance(_mediastinal(model), grid, variation.mediastinal_fat_mm)
    model.nodes = nodes.place_nodes(rng, node_room(model), grid)
    if model.nodes:
        model.patches["nodes"] = merge([ellipsoid.patch(grid) for _, ellipsoid in model.nodes])
        organs = _mediastinal(model) | model.raw_mask("nodes")
        model.pleura = lungs.pleural_distance(organs, grid, variation.mediastinal_fat_mm)
    _lung_vessels(model, rng)
    return model


def _walls(model: Anatomy) -> None:
    model.cavity = wall.cavity_distance(model.grid)
    behind = skeleton.paraspinal().patch(model.grid)
    model.cavity[behind.box] = np.maximum(model.cavity[behind.box], -behind.sdf)
    model.skin = wall.body_distance(model.grid)
    height = wall.diaphragm_height(model.grid, model.variation.dome_mm)
    z = model.grid.coordinates_mm(0).astype(np.float32)[:, None, None]
    # The domes slope; 0.8 makes the vertical distance roughly that from the surface.
    model.above_diaphragm = (z - height[None]) * np.float32(0.8)
    model.liver = wall.liver_distance(model.grid, model.cavity, model.above_diaphragm)


def _bones(model: Anatomy) -> None:
    grid = model.grid
    model.patches["sternum"] = merge([model.patches["manubrium"], model.patches["sternal_body"]])
    column = _vertebral_column(grid)
    arches = merge([v.arch.patch(grid) for v in skeleton.vertebrae()])
    model.groups["column"] = column
    model.groups["vertebral_bodies"] = _without_discs(column, grid)
    spine = merge([column, arches])
    canal = model.patches["canal"].mask(grid.shape)[spine.box]
    model.patches["spine"] = Patch(spine.box, np.where(canal, np.float32(2), spine.sdf))
    model.groups["vertebral_arches"] = arches


def _vertebral_column(grid: Grid) -> Patch:
    """Bodies and discs: an elliptic column, waisted at the middle of each body."""
    box = box_around(grid, (-30, -20, -300), (30, 90, 200))
    x, y, z = (grid.coordinates_mm(a)[box[a]] for a in (2, 1, 0))
    discs = np.asarray(skeleton.DISC_Z)
    nearest = np.abs(z[:, None] - discs[None]).min(1)
    waist = np.clip(nearest / 11, 0, 1) * 1.6
    column = [
        c[:, None, None]
        for c in (skeleton.spine_y(z), skeleton.spine_half_depth(z) - waist, skeleton.spine_half_width(z) - waist)
    ]
    center, depth, width = column
    level = np.sqrt((x[None, None, :] / width) ** 2 + ((y[None, :, None] - center) / depth) ** 2)
    return Patch(box, ((level - 1) * np.minimum(depth, width)).astype(np.float32))


def _without_discs(column: Patch, grid: Grid) -> Patch:
    z = grid.coordinates_mm(0)[column.box[0]]
    from_disc = np.abs(z[:, None] - np.asarray(skeleton.DISC_Z)[None]).min(1)
    gap = (2.6 - from_disc).astype(np.float32)[:, None, None]
    return Patch(column.box, np.maximum(column.sdf, gap))


def _partition(model: Anatomy) -> None:
    """Give the voxels that parts of one vessel share to the part whose axis is nearer."""
    for names in _PARTITIONS:
        whole = merge([model.patches[name] for name in names])
        for name in names:
            patch = model.patches[name]
            inner = tuple(
                slice(p.start - w.start, p.stop - w.start) for p, w in zip(patch.box, whole.box, strict=True)
            )
            surplus = patch.sdf - whole.sdf[inner]
            model.patches[name] = Patch(patch.box, np.where(surplus > 1e-4, np.maximum(patch.sdf, 0.01), patch.sdf))
        model.groups["+".join(names)] = whole


def _cut_heart(model: Anatomy) -> None:
    """Keep the heart above the diaphragm and out of the great vessels, airways and esophagus beside it."""
    names = ("heart_outline", "myocardium", "ventricle_right", "ventricle_left", "atrium_right")
    for name, offset in zip(names, (2.0, 4.0, 7.0, 8.0, 5.0), strict=True):
        patch = model.patches[name]
        model.patches[name] = Patch(patch.box, np.maximum(patch.sdf, offset - model.above_diaphragm[patch.box]))


MEDIASTINAL = (
    "trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "upper_lobe_bronchus_right",
    "upper_lobe_bronchus_left", "esophagus", "ascending_aorta", "aortic_arch", "descending_aorta",
    "brachiocephalic_trunk", "common_carotid_artery_left", "common_carotid_artery_right", "subclavian_artery_left",
    "subclavian_artery_right", "pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right",
    "superior_vena_cava", "brachiocephalic_vein_left", "brachiocephalic_vein_right", "inferior_vena_cava",
    "azygos_vein", "azygos_arch", "superior_pulmonary_veins", "inferior_pulmonary_vein_left",
    "inferior_pulmonary_vein_right", "heart_outline",
)  # fmt: skip


def _mediastinal(model: Anatomy) -> BoolArray:
    organs = union(model, MEDIASTINAL)
    organs |= model.groups["prevascular_fat"].mask(model.grid.shape)
    organs |= model.raw_mask("spine")
    return organs


def union(model: Anatomy, names: Iterable[str], offset_mm: float = 0.0) -> BoolArray:
    """Voxels of several shapes, each grown by ``offset_mm``."""
    result = np.zeros(model.grid.shape, bool)
    for name in names:
        patch = model.patches[name]
        result[patch.box] |= patch.sdf < offset_mm
    return result


def node_room(model: Anatomy) -> BoolArray:
    """Voxels in which a node may lie: within the pleura or the neck, out of every organ."""
    solid = union(model, [name for name in model.patches if name not in ("nodes", "tumor", "canal")], 0.6)
    solid |= union(model, ["trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius"], 2.4)
    for name in ("vertebral_arches", "ribs", "cartilage", "subclavian_veins", "neck_muscles"):
        solid |= model.groups[name].mask(model.grid.shape, 0.5)
    inside = (model.pleura < 6.0) & (model.cavity < -1) & (model.above_diaphragm > 2)
    neck = (wall.apex_distance(model.grid) > 4) & (model.skin < -14)
    return np.asarray((inside | neck) & ~solid, bool)


def _lung_vessels(model: Anatomy, rng: np.random.Generator) -> None:
    scale_a, scale_v = model.variation.artery, model.variation.vein
    bronchi = central.segmental_bronchi()
    # Each segmental bronchus is accompanied by an artery beside it.
    beside = np.array([2.6, -3.0, 2.0])
    arteries = [Tube(b.points + beside, b.radii * 1.35 * scale_a) for b in bronchi]
    goals = [b.points[-1] + (b.points[-1] - b.points[0]) * 1.5 for b in bronchi]
    trees = arteries + lungs.branch_tree(rng, [Tube(a.points, a.radii * 1.3) for a in arteries], goals)
    trees += lungs.branch_tree(rng, [Tube(a.points[:2], a.radii[:2] * 0.7) for a in arteries], goals[3:] + goals[:3])
    for side in (-1, 1):
        upper, lower = (side * 60.0, -12.0, -14.0), (side * 52.0, 36.0, -68.0)
        for stem, targets in (
            (upper, ((76, -20, 40), (88, -44, -10), (62, 10, 60), (84, -50, -60))),
            (lower, ((84, 20, -90), (70, 70, -100), (50, 78, -60), (90, 40, -60))),
        ):
            base = Tube(np.array([stem, stem]), np.array([3.4, 3.4]) * scale_v)
            trees += lungs.branch_tree(rng, [base] * len(targets), [(side * t[0], t[1], t[2]) for t in targets])
    model.groups["lung_vessels"] = merge([t.patch(model.grid, 2.5) for t in trees], outside_mm=2.5)
