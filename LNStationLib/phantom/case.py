"""Synthetic patients as cases, with and without their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk

from LNStationLib.case import Case, CaseFacts
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import anatomy_model, ct, pet, rasterize
from LNStationLib.phantom.nodes import NodeTruth
from LNStationLib.phantom.variation import Variation, draw_variation
from LNStationLib.types import BoolArray, InstanceArray, PointMm

Organs = Literal["key", "all", "none"]
FIELD_OF_VIEW_MM = (352.0, 264.0, 316.0)
"""Width, depth and height of the field of view in mm; the top lies in the neck at the cricoid."""
_TOP_MM = 124.0
_FRONT_MM = -134.0

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
    """

    case: Case
    grid: Grid
    organs: dict[str, BoolArray]
    landmarks: dict[str, PointMm]
    nodes: tuple[NodeTruth, ...]
    variation: Variation


def demo_case(
    seed: int = 0,
    *,
    spacing_mm: tuple[float, float, float] = (1.1, 1.1, 2.5),
    with_pet: bool = True,
    organs: Organs = "key",
    mirrored: bool = False,
) -> Case:
    """A synthetic patient with lung cancer of the right upper lobe and metastases in 4R, 7 and 10R.

    Args:
        seed: Decides everything; the same seed gives the same bytes.
        spacing_mm: Voxel size ``(x, y, z)`` of the CT in mm.
        with_pet: Whether the case has a PET.
        organs: ``"key"`` for what a segmentation network usually gives (not airways, lungs, azygos), ``"all"`` for
            the whole truth, ``"none"`` for no masks.
        mirrored: Situs inversus: the patient reflected in the sagittal plane, sides in names swapped with it.

    Raises:
        ValueError: An argument is not one of those above.
    """
    return thorax(seed, spacing_mm=spacing_mm, with_pet=with_pet, organs=organs, mirrored=mirrored).case


def thorax(
    seed: int = 0,
    *,
    spacing_mm: tuple[float, float, float] = (1.1, 1.1, 2.5),
    with_pet: bool = True,
    organs: Organs = "key",
    mirrored: bool = False,
) -> PhantomCase:
    """A synthetic patient together with its truth; arguments as for ``demo_case``."""
    if organs not in ("key", "all", "none"):
        raise ValueError(f"organs must be 'key', 'all' or 'none', got {organs!r}")
    if not all(0.5 <= s <= 10 for s in spacing_mm):
        raise ValueError(f"spacing_mm must be from 0.5 to 10 mm, got {spacing_mm}")
    rng = np.random.default_rng(seed)
    variation = draw_variation(rng)
    grid = _ct_grid(spacing_mm)
    model = anatomy_model.build(_model_grid(grid, variation), variation, rng)
    node_hu = [float(v) for v in rng.uniform(48, 84, len(model.nodes))]
    node_suv = [_node_suv(plan.suv, rng) for plan, _ in model.nodes]
    painted = ct.paint(model, rng, node_hu)
    masks = rasterize.truth_masks(model)
    points = {
        _side_name(name, mirrored): _to_patient(p, variation, mirrored)
        for name, p in rasterize.landmarks(masks, model.grid).items()
    }
    truth = {_side_name(name, mirrored): _flip(mask, mirrored) for name, mask in masks.items()}
    case = _case(
        grid,
        hu=_flip(painted, mirrored),
        pet_image=_pet(model, node_suv, grid, rng, mirrored) if with_pet else None,
        organs=_chosen(truth, organs, grid),
        nodes=_flip(_node_labels(model), mirrored),
        tumor=_flip(model.raw_mask("tumor"), mirrored),
        mirrored=mirrored,
    )
    return PhantomCase(case, grid, truth, points, _node_table(model, node_hu, node_suv, mirrored), variation)


def _ct_grid(spacing_mm: tuple[float, float, float]) -> Grid:
    size = [max(round(extent / s), 1) for extent, s in zip(FIELD_OF_VIEW_MM, spacing_mm, strict=True)]
    # Symmetric about x = 0, so that a reflected patient fills the same grid.
    origin = (
        _TOP_MM - (size[2] - 1) * spacing_mm[2],
        _FRONT_MM,
        -(size[0] - 1) * spacing_mm[0] / 2,
    )
    return Grid((size[2], size[1], size[0]), (spacing_mm[2], spacing_mm[1], spacing_mm[0]), origin)


def _model_grid(grid: Grid, variation: Variation) -> Grid:
    """The CT's grid in the frame of the average adult."""
    scale = (variation.length, variation.size, variation.size)
    spacing = [s / k for s, k in zip(grid.spacing_mm, scale, strict=True)]
    origin = [o / k for o, k in zip(grid.origin_mm, scale, strict=True)]
    return Grid(grid.shape, (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2]))


def _to_patient(point: PointMm, variation: Variation, mirrored: bool) -> PointMm:
    x, y, z = point
    return (-x if mirrored else x) * variation.size, y * variation.size, z * variation.length


def _flip(array: np.ndarray, mirrored: bool) -> np.ndarray:
    return np.ascontiguousarray(array[:, :, ::-1]) if mirrored else array


def _side_name(name: str, mirrored: bool) -> str:
    if not mirrored:
        return name
    for this, other in (("left", "right"), ("right", "left")):
        if name.endswith(f"_{this}"):
            return f"{name.removesuffix(this)}{other}"
        if name.startswith(f"{this}_"):
            return f"{other}{name.removeprefix(this)}"
    return name


def _station_name(name: str, mirrored: bool) -> str:
    swap = {"L": "R", "R": "L"}
    return name[:-1] + swap[name[-1]] if mirrored and name[-1] in swap else name


def _node_suv(planned: float, rng: np.random.Generator) -> float:
    return float(planned * rng.uniform(0.88, 1.12))


def _node_labels(model: anatomy_model.Anatomy) -> InstanceArray:
    labels = np.zeros(model.grid.shape, np.uint16)
    for number, (_, ellipsoid) in enumerate(model.nodes, start=1):
        patch = ellipsoid.patch(model.grid)
        labels[patch.box][patch.sdf < 0] = number
    return labels


def _node_table(
    model: anatomy_model.Anatomy, node_hu: list[float], node_suv: list[float], mirrored: bool
) -> tuple[NodeTruth, ...]:
    size = model.variation.size
    return tuple(
        NodeTruth(
            node_id=number,
            station=_station_name(plan.station, mirrored),
            center_mm=_to_patient(ellipsoid.center, model.variation, mirrored),
            short_axis_mm=2 * min(ellipsoid.semi_axes) * size,
            long_axis_mm=2 * max(ellipsoid.semi_axes) * size,
            malignant=plan.malignant,
            suv=suv,
            hu=hu,
        )
        for number, ((plan, ellipsoid), hu, suv) in enumerate(
            zip(model.nodes, node_hu, node_suv, strict=True), start=1
        )
    )


def _pet(
    model: anatomy_model.Anatomy, node_suv: list[float], grid: Grid, rng: np.random.Generator, mirrored: bool
) -> sitk.Image:
    suv = pet.activity(model, node_suv, myocardium_suv=float(rng.uniform(1.8, 4.5)))
    return pet.acquire(_flip(suv, mirrored), grid, rng)


def _chosen(truth: dict[str, BoolArray], organs: Organs, grid: Grid) -> dict[str, sitk.Image]:
    names = {"key": KEY_ORGANS, "all": tuple(truth), "none": ()}[organs]
    return {name: grid.image(truth[name]) for name in names if name in truth}


def _case(
    grid: Grid,
    *,
    hu: np.ndarray,
    pet_image: sitk.Image | None,
    organs: dict[str, sitk.Image],
    nodes: InstanceArray,
    tumor: BoolArray,
    mirrored: bool,
) -> Case:
    side: Literal["L", "R"] = "L" if mirrored else "R"
    return Case(
        case_id="synthetic-demo",
        ct=grid.image(hu),
        pet=pet_image,
        organ_masks=organs,
        organ_origins=dict.fromkeys(organs, "truth of the synthetic patient"),
        nodes=grid.image(nodes),
        tumor=grid.image(tumor),
        facts=CaseFacts(
            cancer="lung", tumor_side=side, tumor_site="left upper lobe" if mirrored else "right upper lobe"
        ),
        synthetic=True,
    )
