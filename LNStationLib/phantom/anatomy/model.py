"""All shapes of one patient, rasterized and fitted to each other on one grid (frame of ``central``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import abdomen, arms, lung_trees, lungs, muscles, skeleton, wall
from LNStationLib.phantom.anatomy.shape_tables import group_shapes, organ_shapes
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch, Shape, box_around, merge, smooth_minimum
from LNStationLib.phantom.anatomy.variants import pleural_space, shifts
from LNStationLib.phantom.anatomy.variants.apply import HERNIA
from LNStationLib.phantom.anatomy.variants.neck import DEEP_MUSCLES, NECK_VEINS
from LNStationLib.phantom.anatomy.variants.resection import resect
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.support.types import BoolArray, LabelArray

PERICARDIUM_TOP_MM = 4.0
"""The pericardium's reflection on the ascending aorta and the pulmonary trunk."""
LUNG_END_POINTS = 4400
"""End points of the trees in both lungs: vessels down to 1.3 mm wide, as CT shows them."""
_PARTITIONS = (
    ("ascending_aorta", "aortic_arch", "descending_aorta"),
    ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right"),
    ("azygos_arch", "azygos_vein"),
)
"""Parts of one tube; where neighbors overlap the first has the voxel."""


@dataclass
class Anatomy:
    """One patient on one grid.

    Attributes:
        grid: In the frame of the anatomy tables, hence with spacings of the average adult.
        variation: The patient's traits.
        patches: Signed distances by name; canonical organ names and a few parts of the body that are not organs.
        groups: Shapes that only the painting needs (ribs, cartilage, vessels in the lung, ...), by name.
        cavity: Distance in mm from the inner chest wall, negative inside.
        skin: Distance in mm from the skin, negative inside.
        above_diaphragm: Height in mm above the diaphragm.
        liver: Distance in mm from the liver, negative inside.
        pleura: Distance in mm from the mediastinal pleura, negative in the mediastinum; before ``fit_lungs`` it
            leaves room for nodes at the hila.
        contents: Fluid and airless lung; ``None`` where the lungs fill the pleural cavities.
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
    contents: pleural_space.PleuralContents | None = None
    _chest: Float32Array | None = field(default=None, repr=False)
    _lung: tuple[Float32Array, Float32Array] | None = field(default=None, repr=False)
    """The pleura and the lungs' space that follows from it."""
    _lobes: LabelArray | None = field(default=None, repr=False)

    def raw_mask(self, name: str, offset_mm: float = 0.0) -> BoolArray:
        """Voxels inside one shape before it is fitted to its neighbors."""
        return self.patches[name].mask(self.grid.shape, offset_mm)

    def chest_space(self) -> Float32Array:
        """Distance in mm from the surface of the thoracic cavity above the diaphragm, negative inside."""
        if self._chest is None:
            space = -self.above_diaphragm
            np.maximum(self.cavity, space, out=space)
            self._chest = np.maximum(space, wall.apex_distance(self.grid), out=space)
        return self._chest

    def lobes(self) -> LabelArray:
        """``lungs.lobe_labels`` of the grid."""
        if self._lobes is None:
            self._lobes = lungs.lobe_labels(self.grid, self.variation)
        return self._lobes

    def pleural_space(self) -> Float32Array:
        """Distance in mm from the surface of both pleural cavities, negative inside."""
        space = -self.pleura
        return np.maximum(self.chest_space(), space, out=space)

    def lung_space(self) -> Float32Array:
        """Distance in mm from the surface of both lungs, negative inside."""
        if self._lung is None or self._lung[0] is not self.pleura:
            space = self.pleural_space()
            if self.contents is not None:
                np.maximum(space, -self.contents.fluid, out=space)
            # Painting, truth and uptake ask again; all of them only read.
            self._lung = (self.pleura, space)
        return self._lung[1]

    def airless(self) -> Float32Array | None:
        """Distance in mm from the surface of lung without air, negative inside; ``None`` where all lung has air."""
        lobe = pleural_space.collapsed_lobe(self.variation)
        fields = [] if self.contents is None else [self.contents.airless]
        if lobe is not None:
            planes = lungs.fissure_distances(self.grid, self.variation)
            left = pleural_space.side_distance(self.grid, self.variation, 1)
            fields.append(pleural_space.airless_lobe(planes, left, lobe))
        return np.maximum(np.minimum.reduce(fields), self.lung_space()) if fields else None


def bare(grid: Grid, variation: Variation, tumor: Shape | None = None) -> Anatomy:
    """Make a patient without nodes and without vessels in the lungs.

    Args:
        grid: In the frame of the anatomy tables.
        variation: The patient's traits.
        tumor: Instead of the demo's.
    """
    model = Anatomy(grid, variation)
    _walls(model)
    shapes = organ_shapes(variation)
    if tumor is not None:
        field = shifts.mediastinal_field(variation)
        shapes["tumor"] = tumor if field is None else shifts.moved(tumor, field)
    for name, shape in shapes.items():
        model.patches[name] = shape.patch(grid)
    for name, parts in group_shapes(variation).items():
        model.groups[name] = merge([shape.patch(grid) for shape in parts])
    resect(model.patches, grid, variation)
    _bones(model)
    _partition(model)
    _cut_heart(model)
    _abdomen(model)
    _sheets(model)
    model.pleura = lungs.pleural_distance(_mediastinal(model), grid, variation.mediastinal_fat_mm)
    return model


def fit_lungs(model: Anatomy, rng: np.random.Generator, placed: Sequence[Shape]) -> None:
    """Bring nodes into the model: the pleura goes around them, then vessels and airways grow into the lungs."""
    organs = _mediastinal(model)
    if placed:
        model.patches["nodes"] = merge([shape.patch(model.grid) for shape in placed])
        organs |= model.raw_mask("nodes")
    model.pleura = lungs.fitted_pleural_distance(organs, model.grid, model.variation.mediastinal_fat_mm)
    _grow_trees(model, rng)


def _walls(model: Anatomy) -> None:
    grid, traits = model.grid, model.variation
    model.cavity = wall.cavity_distance(grid)
    behind = skeleton.paraspinal().patch(grid)
    model.cavity[behind.box] = np.maximum(model.cavity[behind.box], -behind.sdf)
    _skin(model)
    height = wall.diaphragm_height(grid, traits.dome_mm, shifts.dome_raise_mm(traits))
    z = grid.coordinates_mm(0).astype(np.float32)[:, None, None]
    # The domes slope; 0.8 makes the vertical distance roughly that from the surface.
    model.above_diaphragm = (z - height[None]) * np.float32(0.8)
    model.liver = wall.liver_distance(grid, model.cavity, model.above_diaphragm)
    model.contents = pleural_space.contents(grid, traits, model.above_diaphragm)


def _skin(model: Anatomy) -> None:
    """Trunk, shoulders and breasts under one skin."""
    grid, traits = model.grid, model.variation
    model.skin = wall.body_distance(grid, traits.fat_mm)
    for side in (-1, 1):
        arm: tuple[Shape, float] = (muscles.arm_skin(side, traits.fat_mm, raised=traits.arms == "up"), 16.0)
        if traits.arms == "beside":
            arm = (arms.skin(side, traits.fat_mm), arms.BLEND_MM)
        parts = [arm]
        if traits.breast_ml > 0:
            whole, gland = muscles.breast(side, traits.breast_ml, traits.fat_mm)
            parts.append((whole, 14.0))
            model.groups[f"gland_{'left' if side > 0 else 'right'}"] = gland.patch(grid)
        for shape, radius in parts:
            patch = shape.patch(grid, radius + 5)
            part = model.skin[patch.box]
            model.skin[patch.box] = smooth_minimum(part, patch.sdf, radius)


def _abdomen(model: Anatomy) -> None:
    below = np.maximum(model.cavity, model.above_diaphragm)
    model.groups |= abdomen.patches(model.grid, below, shifts.dome_raise_mm(model.variation)[1])
    model.patches["stomach"] = model.groups.pop("stomach")
    if HERNIA in model.groups:
        model.patches["stomach"] = merge([model.patches["stomach"], model.groups[HERNIA]])
    low = box_around(model.grid, (-170, -140, -300), (120, 140, _highest_dome_mm(model.variation)))
    model.patches["liver"] = Patch(low, model.liver[low])


def _highest_dome_mm(variation: Variation) -> float:
    """A height above both domes."""
    return -70 + variation.dome_mm + max(shifts.dome_raise_mm(variation))


def _sheets(model: Anatomy) -> None:
    """Diaphragm, 3 mm thick, and the pericardial sac around heart, aortic root and pulmonary trunk."""
    low = box_around(model.grid, (-200, -200, -300), (200, 200, _highest_dome_mm(model.variation)))
    height = model.above_diaphragm[low]
    model.patches["diaphragm"] = Patch(low, np.maximum(np.abs(height + 1.5) - 1.5, model.cavity[low]))
    sac = merge([model.patches[name] for name in ("heart_outline", "ascending_aorta", "pulmonary_trunk")], 6.0)
    z = model.grid.coordinates_mm(0)[sac.box[0]].astype(np.float32)[:, None, None]
    model.patches["pericardium"] = Patch(sac.box, np.maximum(sac.sdf - 1.5, z - PERICARDIUM_TOP_MM))


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
    discs = np.asarray(skeleton.DISC_Z_MM)
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
    from_disc = np.abs(z[:, None] - np.asarray(skeleton.DISC_Z_MM)[None]).min(1)
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
    for name, offset in zip(names, (1.5, 2.0, 6.5, 12.0, 5.0), strict=True):
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
"""Organs over which the mediastinal pleura closes."""


def _mediastinal(model: Anatomy) -> BoolArray:
    organs = union(model, MEDIASTINAL)
    organs |= model.groups["mediastinal_fat"].mask(model.grid.shape)
    if HERNIA in model.groups:
        organs |= model.groups[HERNIA].mask(model.grid.shape)
    organs |= model.raw_mask("spine")
    return organs


def union(model: Anatomy, names: Iterable[str], offset_mm: float = 0.0) -> BoolArray:
    """Voxels of several shapes, each grown by ``offset_mm``."""
    result = np.zeros(model.grid.shape, bool)
    for name in names:
        patch = model.patches[name]
        result[patch.box] |= patch.sdf < offset_mm
    return result


_NOT_SOLID = ("nodes", "tumor", "canal", "pericardium", "diaphragm")
"""Shapes that are no tissue, or in which nodes may lie."""
_SOLID_GROUPS = (
    "vertebral_arches", "ribs", "cartilage", "subclavian_veins", "neck_muscles", "back_muscles", "small_arteries",
    "hemiazygos",
)  # fmt: skip
"""Groups in which no node may lie."""
_RARE_SOLID_GROUPS = (NECK_VEINS, DEEP_MUSCLES)
"""The same that only patients with a trait have."""


def node_room(model: Anatomy) -> BoolArray:
    """Voxels in which a node may lie: within the pleura or the neck, out of every organ."""
    solid = union(model, [name for name in model.patches if name not in _NOT_SOLID], 0.6)
    solid |= union(model, ["trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius"], 2.4)
    for name in (*_SOLID_GROUPS, *(name for name in _RARE_SOLID_GROUPS if name in model.groups)):
        solid |= model.groups[name].mask(model.grid.shape, 0.5)
    inside = (model.pleura < 6.0) & (model.cavity < -1) & (model.above_diaphragm > 2)
    neck = (wall.apex_distance(model.grid) > 4) & (model.skin < -14)
    return np.asarray((inside | neck) & ~solid, bool)


def _grow_trees(model: Anatomy, rng: np.random.Generator) -> None:
    grid, traits = model.grid, model.variation
    shares = {root.label: root.share for root in lung_trees.ROOTS}
    ends = lungs.end_points(rng, model.lung_space(), model.lobes(), grid, shares, LUNG_END_POINTS)
    trees = lung_trees.grow(rng, ends, traits.artery, traits.vein, shifts.mediastinal_field(traits))
    model.groups["lung_arteries"] = lung_trees.rasterize(trees.arteries, grid)
    model.groups["lung_veins"] = lung_trees.rasterize(trees.veins, grid)
    model.groups["segmental_bronchi"] = merge([t.patch(grid, 3.0) for t in trees.bronchi], outside_mm=3.0)
