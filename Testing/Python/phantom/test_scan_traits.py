"""Traits of real scans: each is what it says, and the chest of the same patient stays what it was."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import scanned, small
from scipy import ndimage

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom import PhantomCase, thorax
from LNStationLib.phantom.case import in_bed
from LNStationLib.phantom.images.bedding import (
    MATTRESS_MM,
    POCKET_HU,
    Bedded,
    Bedding,
    Material,
    bedding_of,
    lay_bedding,
    patient_mask,
    shoulder_height,
)
from LNStationLib.phantom.images.scanner import with_lung_kernel
from LNStationLib.phantom.patient import scanned_with, venous_hu
from LNStationLib.phantom.samples import demo_plan
from LNStationLib.phantom.scan_traits import ScanTrait, check_traits

EVERYTHING = Bedding(gown=True, blanket="closed", pillow=True, mattress=True)
REAL_CT = Path(__file__).resolve().parents[4] / "shared" / "data" / "chest_ct_02"


def hu(patient: PhantomCase) -> np.ndarray:
    return sitk.GetArrayFromImage(patient.case.ct)


def undressed() -> PhantomCase:
    """The patient that beds are laid for: cloth and skin are told apart in finer pixels."""
    return scanned(pixel_mm=3.0)


@cache
def laid(bedding: Bedding, seed: int = 0) -> Bedded:
    plain = undressed()
    # The patient without the couch.
    bare = np.where(plain.organs["body"], hu(plain), np.int16(-1000))
    return lay_bedding(bare, plain.grid, bedding, np.random.default_rng(seed), patient=plain.organs["body"])


def liters(mask: np.ndarray, grid: Grid) -> float:
    return float(mask.sum()) * grid.voxel_volume_ml / 1000


@pytest.mark.parametrize("trait", ["gown", "blanket", "open_blanket", "pillow", "mattress"])
def test_bedding_changes_no_voxel_of_the_patient(trait: ScanTrait) -> None:
    plain = scanned()
    body, other = plain.organs["body"], hu(in_bed(plain, bedding_of((trait,))))
    assert np.array_equal(hu(plain)[body], other[body])
    assert (hu(plain)[~body] != other[~body]).sum() > 2000


def test_a_patient_rendered_with_bedding_is_the_patient_with_bedding_laid_afterward() -> None:
    plain, other = scanned(), scanned("gown", "mattress")
    inside = ndimage.binary_erosion(plain.organs["body"], iterations=2)
    assert np.array_equal(hu(plain)[inside], hu(other)[inside])
    outside = ~ndimage.binary_dilation(plain.organs["body"], iterations=1)
    assert (np.abs(hu(other)[outside] + 925) < 100).sum() > 5000


@pytest.mark.parametrize("trait", ["arms_down", "lung_kernel", "unenhanced"])
def test_no_trait_moves_an_organ_of_the_chest(trait: ScanTrait) -> None:
    plain, other = scanned(), scanned(trait)
    for name in ("lung_left", "lung_right", "aorta", "trachea", "heart", "esophagus", "mediastinum"):
        a, b = plain.organs[name], other.organs[name]
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) == pytest.approx(1.0, abs=0.005), name
    left = [np.argwhere(p.organs["lung_left"]).mean(0)[2] for p in (plain, other)]
    assert left[0] == pytest.approx(left[1], abs=0.1)


def test_a_mirrored_patient_lies_in_a_mirrored_bed() -> None:
    one, other = (
        thorax(2, spacing_mm=(4.0, 4.0, 6.0), with_pet=False, organs="none", scan_traits=("gown", "open_blanket"),
               mirrored=mirrored)
        for mirrored in (False, True)
    )  # fmt: skip
    assert np.array_equal(hu(one), hu(other)[:, :, ::-1])


def test_the_same_seed_lays_the_same_bed_and_another_seed_another() -> None:
    again = laid.__wrapped__(EVERYTHING, 0)
    assert np.array_equal(laid(EVERYTHING, 0).hu, again.hu)
    assert not np.array_equal(laid(EVERYTHING, 1).material, again.material)


@pytest.mark.parametrize(
    ("material", "low", "high", "spread"),
    [
        (Material.GOWN_AIR, -930, -890, (20, 50)), (Material.POCKET_AIR, *POCKET_HU, (15, 40)),
        (Material.FABRIC, -730, -670, (15, 60)), (Material.FOAM, -950, -930, (12, 30)),
        (Material.SHELL, -200, 100, (10, 60)),
    ],
)  # fmt: skip
def test_materials_attenuate_as_measured_in_real_scans(
    material: Material, low: float, high: float, spread: tuple[float, float]
) -> None:
    bed = laid(EVERYTHING)
    values = bed.hu[bed.mask(material)]
    assert values.size > 1000
    assert low <= np.median(values) <= high
    assert spread[0] <= values.std() <= spread[1]


def test_what_is_laid_lies_outside_the_patient() -> None:
    assert not (laid(EVERYTHING).material[undressed().organs["body"]] > 0).any()


def test_a_gown_holds_its_air_within_15_mm_of_the_skin_and_is_no_perfect_shell() -> None:
    bed, plain = laid(Bedding(gown=True)), undressed()
    body, grid = plain.organs["body"], plain.grid
    air = bed.mask(Material.GOWN_AIR)
    distance = ndimage.distance_transform_edt(~body, sampling=grid.spacing_mm)
    assert distance[air].max() < 15.5
    assert 0.3 < liters(air, grid) < 3.0
    shell = (distance > 0) & (distance < 4) & (grid.coordinates_mm(0) < 60)[:, None, None]
    assert 0.05 < (bed.material[shell] == Material.NONE).mean() < 0.5


def enclosed_in_plane(bed: Bedded, body: np.ndarray) -> np.ndarray:
    """Air that the cloth, the couch and the patient close off in its axial slice."""
    solid = body | bed.mask(Material.FABRIC, Material.FOAM, Material.SHELL)
    open_air = np.zeros_like(solid)
    for k, plane in enumerate(solid):
        labels, _ = ndimage.label(~plane)
        border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        open_air[k] = np.isin(labels, border[border > 0])
    return ~solid & ~open_air


def test_a_blanket_holds_liters_of_air_and_touches_the_skin_in_places() -> None:
    plain, bed = undressed(), laid(Bedding(blanket="closed", mattress=True))
    body, grid = plain.organs["body"], plain.grid
    assert 2.0 < liters(bed.mask(Material.POCKET_AIR), grid) < 20.0
    assert liters(enclosed_in_plane(bed, body), grid) > 1.5
    touching = ndimage.binary_dilation(body, np.ones((1, 3, 1))) & bed.mask(Material.FABRIC)
    assert touching.any(axis=1).sum() > 300


def test_an_open_blanket_lets_room_air_in_on_one_side() -> None:
    plain = undressed()
    body, grid = plain.organs["body"], plain.grid
    middle = grid.shape[2] // 2
    closed, opened = (laid(Bedding(blanket=kind, mattress=True)) for kind in ("closed", "open"))
    sides = [liters(enclosed_in_plane(bed, body)[:, :, half], grid)
             for bed in (closed, opened) for half in (slice(0, middle), slice(middle, None))]  # fmt: skip
    assert min(sides[2:]) < 0.3 * min(sides[:2])
    assert liters(opened.mask(Material.POCKET_AIR), grid) > 1.0


def test_a_mattress_is_40_mm_of_foam_on_a_thin_shell_under_the_back() -> None:
    plain, bed = undressed(), laid(Bedding(mattress=True))
    body, grid = plain.organs["body"], plain.grid
    column = bed.material[len(body) // 2, :, grid.shape[2] // 2]
    shell = np.flatnonzero(column == Material.SHELL)
    back = np.flatnonzero(body[len(body) // 2, :, grid.shape[2] // 2])[-1]
    deepest = np.flatnonzero(body[:, :, grid.shape[2] // 2].any(0))[-1]
    step = grid.spacing_mm[1]
    assert (shell[0] - deepest) * step == pytest.approx(MATTRESS_MM - 9, abs=2 * step)
    assert 1 <= len(shell) <= 4
    assert (column[back + 1 : shell[0]] != Material.SHELL).all()


def test_a_pillow_lies_under_the_head_only() -> None:
    plain, bed = undressed(), laid(Bedding(pillow=True))
    z = plain.grid.coordinates_mm(0)
    foam = bed.mask(Material.FOAM)
    assert liters(foam, plain.grid) > 0.5
    assert z[foam.any((1, 2))].min() > shoulder_height(plain.organs["body"], plain.grid) - 60


def test_arms_lie_beside_the_chest_with_air_between_and_are_cut_by_the_view() -> None:
    patient = scanned("arms_down")
    body, z = patient.organs["body"], patient.grid.coordinates_mm(0)
    assert body[..., 0].any()
    assert body[..., -1].any()
    parts = [ndimage.label(plane)[1] for plane in body[z < -20]]
    # Both arms apart, and where the right one touches the flank above the elbow.
    assert {2, 3} <= set(parts)
    assert patient.variation.arms == "beside"


def test_a_lung_kernel_has_the_noise_of_one_in_soft_tissue() -> None:
    plain, sharp = scanned(), scanned("lung_kernel")
    muscle = ndimage.binary_erosion(plain.organs["liver"], iterations=2)
    # Pixels of 4 mm average a little of it away.
    assert 55 <= hu(sharp)[muscle].std() <= 125
    assert np.median(hu(sharp)[muscle]) == pytest.approx(np.median(hu(plain)[muscle]), abs=3)


def test_any_ct_can_be_given_the_noise_of_a_lung_kernel() -> None:
    plain = undressed()
    noisy = with_lung_kernel(hu(plain), plain.grid, np.random.default_rng(0), 90.0)
    liver = ndimage.binary_erosion(plain.organs["liver"], iterations=2)
    assert noisy[liver].std() == pytest.approx(90, rel=0.2)


def test_unenhanced_blood_is_as_dense_as_muscle_and_nodes_are_as_without_contrast() -> None:
    patient = scanned("unenhanced")
    assert np.median(hu(patient)[patient.organs["aorta"]]) == pytest.approx(42, abs=6)
    plan = demo_plan(2)
    plain = scanned_with(plan, ["unenhanced"])
    assert plain.contrast == "none"
    for before, after in zip(plan.nodes, plain.nodes, strict=True):
        assert venous_hu(after.hu, "none") == pytest.approx(venous_hu(before.hu, "venous"))


# Means of 3 x 3 x 3 blocks of the demo's CT (HU) and PET (SUV) before there were scan traits.
_BLOCKS_HU = (
    -746.17, -450.54, -748.01, -342.34, -89.22, -416.32, -670.85, -409.72, -683.55, -828.91, -616.85, -823.2, -584.82,
    -305.88, -576.2, -667.91, -407.03, -671.69, -959.57, -844.6, -955.26, -314.06, -253.01, -306.97, -677.78, -460.08,
    -688.3,
)  # fmt: skip
_BLOCKS_SUV = (
    0.18, 0.55, 0.2, 0.74, 1.31, 0.62, 0.2, 0.43, 0.21, 0.1, 0.28, 0.12, 0.41, 0.84, 0.38, 0.17, 0.41, 0.19, 0.02,
    0.09, 0.03, 0.35, 0.65, 0.34, 0.11, 0.28, 0.12,
)  # fmt: skip


def block_means(image: sitk.Image) -> list[float]:
    array = sitk.GetArrayFromImage(image).astype(float)
    thirds = [[slice(n * i // 3, n * (i + 1) // 3) for i in range(3)] for n in array.shape]
    return [float(array[block].mean()) for block in itertools.product(*thirds)]


def test_without_traits_the_patients_are_what_they_were() -> None:
    patient = small(0)
    assert block_means(patient.case.ct) == pytest.approx(_BLOCKS_HU, abs=0.5)
    assert block_means(patient.case.pet) == pytest.approx(_BLOCKS_SUV, abs=0.02)


def test_unknown_and_contradictory_traits_are_refused() -> None:
    with pytest.raises(ValueError, match="got duvet"):
        check_traits(["duvet"])
    with pytest.raises(ValueError, match="both"):
        check_traits(["blanket", "open_blanket"])
    assert check_traits(["pillow", "gown", "gown"]) == ("gown", "pillow")


def test_every_trait_of_bedding_is_laid() -> None:
    assert bedding_of(("gown", "blanket", "pillow", "mattress")) == EVERYTHING
    assert bedding_of(("open_blanket",)) == Bedding(blanket="open")
    assert bedding_of(("arms_down", "lung_kernel")) == Bedding()


def test_the_patient_is_found_in_an_image_with_a_couch() -> None:
    patient = scanned("gown", "mattress")
    found, true = patient_mask(hu(patient), patient.grid), patient.organs["body"]
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.98


def test_an_image_full_of_patient_comes_back_as_it_is() -> None:
    grid = Grid((4, 20, 20), (5.0, 5.0, 5.0), (0.0, 0.0, 0.0))
    soft = np.full(grid.shape, 40, np.int16)
    assert np.array_equal(lay_bedding(soft, grid, EVERYTHING, np.random.default_rng(0)).hu, soft)


def test_a_real_ct_can_be_put_to_bed() -> None:
    path = REAL_CT / "ct.nii.gz"
    if not path.is_file():
        pytest.skip("the real CT ../shared/data/chest_ct_02 is not here")
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")[::3, ::3, ::2]
    array = sitk.GetArrayFromImage(image).astype(np.int16)
    grid = Grid(array.shape, image.GetSpacing()[::-1], image.GetOrigin()[::-1])
    body = patient_mask(array, grid)
    bed = lay_bedding(array, grid, replace(EVERYTHING, mattress=False), np.random.default_rng(0), patient=body)
    assert np.array_equal(bed.hu[body], array[body])
    assert liters(bed.enclosed_air(), grid) > 0.5
