"""Synthetic patients as cases, with and without their truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk

from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.imaging.boxes import bounding_box
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import model as anatomy_model
from LNStationLib.phantom.anatomy import rasterize
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.mask_table import MaskTable
from LNStationLib.phantom.anatomy.sides import mirrored_name, mirrored_side, mirrored_site, mirrored_station
from LNStationLib.phantom.anatomy.variation import Variation, draw_variation, fixed_by
from LNStationLib.phantom.images import ct, pet, scanner
from LNStationLib.phantom.images.bedding import Bedding, bedding_of, lay_bedding
from LNStationLib.phantom.images.beyond_chest.whole_body import WholeBody
from LNStationLib.phantom.images.contents import Placed, bring_in, paint_contents, stamp_contents
from LNStationLib.phantom.images.physiology import draw_physiology
from LNStationLib.phantom.nodes.look_alikes import LookAlike
from LNStationLib.phantom.nodes.node import NodeTruth, PlacedNode, axial_diameters_mm, node_truth
from LNStationLib.phantom.nodes.tumor import tumor_shape
from LNStationLib.phantom.nodes.uptake_model import with_calls, with_uptake
from LNStationLib.phantom.patient import PatientPlan
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.scan_traits import variation_of
from LNStationLib.support.types import HuArray, InstanceArray, PointMm

Organs = Literal["key", "all", "none"]
FIELD_OF_VIEW_MM = (366.0, 296.0, 316.0)
"""Width, depth and height of the compact field of view in mm; the top lies in the neck at the cricoid."""
WIDE_FIELD_OF_VIEW_MM = (500.0, 430.0, 316.0)
"""The same of the wide field of view: as wide as a scanner's bore shows, with couch and bedding."""
_TOP_MM = 124.0
"""Highest slice of the compact and of the wide field of view: the neck at the cricoid."""
_FRONT_MM = -150.0
"""Front row (y) of the compact field of view, in front of the breastbone and its skin."""
_WIDE_FRONT_MM = -205.0
"""The same of the wide field of view, with room for breasts and a blanket."""
_SHOULDER_MM = 88.0
"""Top of the shoulders of an average adult, in the frame of ``central``."""

KEY_ORGANS = (
    "aorta", "heart", "esophagus", "pulmonary_artery", "pulmonary_vein", "superior_vena_cava", "inferior_vena_cava",
    "brachiocephalic_vein_left", "brachiocephalic_vein_right", "brachiocephalic_trunk", "subclavian_artery_left",
    "subclavian_artery_right", "common_carotid_artery_left", "common_carotid_artery_right", "atrial_appendage_left",
    "thyroid_gland", "sternum", "clavicle_left", "clavicle_right",
)  # fmt: skip
"""What a usual run of TotalSegmentator gives, without airways and lungs: those are found in the image."""


@dataclass(frozen=True)
class PhantomCase:
    """A case and the truth about it, on the CT's grid.

    Attributes:
        case: What a reader would get.
        grid: The CT's grid.
        organs: Every organ's true mask ``[z, y, x]`` by canonical name; only wholes and their parts overlap.
        landmarks: LPS points in mm by name, e.g. ``"carina"``.
        nodes: One row a node.
        variation: The patient's traits.
        node_labels: Every node, visible or not, by its number ``[z, y, x]``; the case holds the visible ones.
        look_alikes: What looks like a node and is not.
        look_alike_labels: Where those lie, by their place in ``look_alikes`` from 1, ``[z, y, x]``.
        chest: First slice that shows the chest and the first above it; ``None`` where all do.
    """

    case: Case
    grid: Grid
    organs: MaskTable
    landmarks: dict[str, PointMm]
    nodes: tuple[NodeTruth, ...]
    variation: Variation
    node_labels: InstanceArray
    look_alikes: tuple[LookAlike, ...] = ()
    look_alike_labels: InstanceArray | None = None
    chest: tuple[int, int] | None = None


def in_bed(phantom: PhantomCase, bedding: Bedding, seed: int = 0) -> PhantomCase:
    """The same patient with bedding, without rendering it again; for tests and trials.

    Args:
        phantom: Best in the wide field of view and without bedding so far.
        bedding: What to lay.
        seed: Of folds and texture.
    """
    hu = sitk.GetArrayFromImage(phantom.case.ct)
    laid = lay_bedding(
        hu,
        phantom.grid,
        bedding,
        np.random.default_rng(seed),
        patient=phantom.organs["body"],
        shoulder_z_mm=_SHOULDER_MM * phantom.variation.length,
    )
    return replace(phantom, case=replace(phantom.case, ct=phantom.grid.image(laid.hu)))


def render(
    plan: PatientPlan,
    *,
    organs: Organs = "key",
    mirrored: bool = False,
    traits: Mapping[str, Any] | None = None,
) -> PhantomCase:
    """Make the anatomy and the images of a planned patient.

    Args:
        plan: What the patient is; decides everything.
        organs: As for ``demo_case``.
        mirrored: As for ``demo_case``.
        traits: Traits of ``Variation`` that are given, not drawn; sex and contrast are the plan's unless named here.

    Raises:
        ValueError: An argument is not one of those above.
    """
    if organs not in ("key", "all", "none"):
        raise ValueError(f"organs must be 'key', 'all' or 'none', got {organs!r}")
    if not all(0.5 <= s <= 10 for s in plan.spacing_mm):
        raise ValueError(f"spacing_mm must be from 0.5 to 10 mm, got {plan.spacing_mm}")
    rng = plan.generator("anatomy")
    fixed = {"sex": plan.sex, "contrast": plan.contrast} | dict(traits or {}) | variation_of(plan.scan_traits)
    fixed |= fixed_by(plan.present_traits())
    variation = draw_variation(rng, **fixed)
    grid = _ct_grid(plan, variation)
    frame = Frame.of(grid, variation, _widest(plan, variation))
    model = anatomy_model.bare(frame.model_grid, variation, tumor_shape(plan.tumor))
    placed = bring_in(model, plan, rng)
    whole = WholeBody.around(frame, plan.generator("extent")) if plan.extent == "head_to_thigh" else None
    hu, suv = _images(model, placed, plan, frame, rng, mirrored, whole)
    truth, labels = rasterize.truth_on_ct(model, frame), _node_labels(placed.nodes, model, frame)
    alike = _node_labels([node for _, node in placed.look_alikes], model, frame)
    tumor = frame.patch(model.patches["tumor"]).mask(grid.shape)
    if whole:
        grid, truth = whole.grid, whole.organs(truth)
        labels, alike, tumor = whole.padded(labels), whole.padded(alike), whole.padded(tumor)
    hu = _flip(_in_bed(hu, grid, truth, plan, variation), mirrored)
    marks = rasterize.landmarks(rasterize.truth_masks(model), model.grid)
    if mirrored:
        truth = truth.mirrored({name: mirrored_name(name) for name in truth})
    nodes = _node_table(placed.nodes, plan, frame, mirrored)
    labels = _flip(labels, mirrored)
    case = Case(
        case_id=plan.patient_id,
        ct=grid.image(hu),
        pet=suv,
        organ_masks=(masks := _chosen(truth, organs, grid)),
        organ_origins=dict.fromkeys(masks, "truth of the synthetic patient"),
        nodes=_given_nodes(labels, nodes, grid),
        tumor=grid.image(_flip(tumor, mirrored)),
        facts=_facts(plan, mirrored),
        synthetic=True,
    )
    points = {mirrored_name(k) if mirrored else k: _to_patient(p, frame, mirrored) for k, p in marks.items()}
    look_alikes = tuple(_look_alike(kind, node, frame, mirrored) for kind, node in placed.look_alikes)
    chest = (whole.chest.start, whole.chest.stop) if whole else None
    return PhantomCase(
        case, grid, truth, points, nodes, variation, labels, look_alikes, _flip(alike, mirrored), chest
    )


def _images(
    model: anatomy_model.Anatomy,
    placed: Placed,
    plan: PatientPlan,
    frame: Frame,
    rng: np.random.Generator,
    mirrored: bool,
    whole: WholeBody | None,
) -> tuple[np.ndarray, sitk.Image | None]:
    """CT, not mirrored yet, and PET, mirrored where asked for."""
    painted = ct.paint(model, rng)
    paint_contents(painted, model, placed)
    couch = "mattress" not in plan.scan_traits
    hu = ct.scan(painted, frame, rng, couch=couch)
    beyond = plan.generator("extent")
    if whole:
        back = scanner.back_of(frame.image(painted, scanner.AIR_HU), frame.ct_grid)
        hu = whole.ct(hu, beyond, back_mm=back, couch=couch)
    if not plan.has_pet:
        return hu, None
    body = draw_physiology(rng)
    suv = pet.activity(model, body)
    stamp_contents(suv, model, placed, plan.tumor)
    image = pet.scan(suv, frame, rng, noise_sd=body.noise, mirrored=mirrored)
    return hu, whole.pet(image, body, beyond, noise_sd=body.noise, mirrored=mirrored) if whole else image


def _in_bed(hu: HuArray, grid: Grid, truth: MaskTable, plan: PatientPlan, variation: Variation) -> HuArray:
    bedding = bedding_of(plan.scan_traits)
    if bedding == Bedding():
        return hu
    shoulder = _SHOULDER_MM * variation.length
    rng = plan.generator("bedding")
    return lay_bedding(hu, grid, bedding, rng, patient=truth["body"], shoulder_z_mm=shoulder).hu


def _widest(plan: PatientPlan, variation: Variation) -> Variation:
    """The traits that the internal grid must hold: in the wide field of view the arms may lie beside the chest."""
    return replace(variation, arms="beside") if plan.field_of_view == "wide" else variation


def _ct_grid(plan: PatientPlan, variation: Variation) -> Grid:
    if plan.field_of_view == "clinical":
        # A technician centers on the chest: arms beside it are cut by the field of view.
        held = replace(variation, arms="up") if variation.arms == "beside" else variation
        return Frame.clinical_grid(held, in_plane_mm=plan.spacing_mm[0], slice_mm=plan.spacing_mm[2])
    if plan.field_of_view == "wide":
        return _grid(plan.spacing_mm, WIDE_FIELD_OF_VIEW_MM, _WIDE_FRONT_MM)
    return compact_grid(plan.spacing_mm)


def compact_grid(spacing_mm: tuple[float, float, float]) -> Grid:
    """The grid of the compact field of view with a voxel size ``(x, y, z)`` in mm, whoever the patient is."""
    return _grid(spacing_mm, FIELD_OF_VIEW_MM, _FRONT_MM)


def _grid(spacing_mm: tuple[float, float, float], field_mm: tuple[float, float, float], front_mm: float) -> Grid:
    size = [max(round(extent / s), 1) for extent, s in zip(field_mm, spacing_mm, strict=True)]
    # Symmetric about x = 0, so that a reflected patient fills the same grid.
    origin = (
        _TOP_MM - (size[2] - 1) * spacing_mm[2],
        front_mm,
        -(size[0] - 1) * spacing_mm[0] / 2,
    )
    return Grid((size[2], size[1], size[0]), (spacing_mm[2], spacing_mm[1], spacing_mm[0]), origin)


def _to_patient(point: PointMm, frame: Frame, mirrored: bool) -> PointMm:
    x, y, z = frame.to_patient(point)
    return -x if mirrored else x, y, z


def _flip(array: np.ndarray, mirrored: bool) -> np.ndarray:
    return np.ascontiguousarray(array[:, :, ::-1]) if mirrored else array


def _node_labels(nodes: Sequence[PlacedNode], model: anatomy_model.Anatomy, frame: Frame) -> InstanceArray:
    labels = np.zeros(frame.ct_grid.shape, np.uint16)
    for number, node in enumerate(nodes, start=1):
        patch = frame.patch(node.shape().patch(model.grid))
        labels[patch.box][patch.sdf < 0] = number
    return labels


def _node_table(
    nodes: Sequence[PlacedNode], plan: PatientPlan, frame: Frame, mirrored: bool
) -> tuple[NodeTruth, ...]:
    rows = [
        node_truth(number, node.plan, frame.scale_at(node.ellipsoid.center),
                   _to_patient(node.ellipsoid.center, frame, mirrored))
        for number, node in enumerate(nodes, start=1)
    ]  # fmt: skip
    seen = with_calls(with_uptake(rows, plan.has_pet, plan.generator("uptake")), load_preset(plan.preset).imaging)
    if not mirrored:
        return tuple(seen)
    return tuple(replace(row, station=mirrored_station(row.station), side=mirrored_side(row.side)) for row in seen)


def _look_alike(kind: str, node: PlacedNode, frame: Frame, mirrored: bool) -> LookAlike:
    center = node.ellipsoid.center
    short = axial_diameters_mm(node.ellipsoid, frame.scale_at(center))[0]
    station = mirrored_station(node.plan.station) if mirrored else node.plan.station
    return LookAlike(kind, station, short, node.plan.hu, _to_patient(center, frame, mirrored))


def _given_nodes(labels: InstanceArray, nodes: Sequence[NodeTruth], grid: Grid) -> sitk.Image | None:
    """The masks of visible nodes, as a reader would draw them; ``None`` without any."""
    table = np.zeros(len(nodes) + 1, np.uint16)
    for node in nodes:
        table[node.node_id] = node.node_id if node.visible else 0
    visible, box = np.zeros_like(labels), bounding_box(labels)
    if box is not None:
        visible[box] = table[labels[box]]
    return grid.image(visible) if visible.any() else None


def _chosen(truth: MaskTable, organs: Organs, grid: Grid) -> dict[str, sitk.Image]:
    names = {"key": KEY_ORGANS, "all": tuple(truth), "none": ()}[organs]
    whole, images = np.zeros(grid.shape, np.uint8), {}
    for name in names:
        if name in truth:
            # Every image is a copy, so one array serves all of them.
            box, mask = truth.crops[name]
            whole[box] = mask
            images[name] = grid.image(whole)
            whole[box] = 0
    return images


def _facts(plan: PatientPlan, mirrored: bool) -> CaseFacts:
    tumor = plan.tumor
    return CaseFacts(
        cancer=tumor.cancer,
        tumor_side=mirrored_side(tumor.side) if mirrored else tumor.side,
        tumor_site=mirrored_site(tumor.site) if mirrored else tumor.site,
        sex=plan.sex,
        age_years=plan.age_years,
    )
