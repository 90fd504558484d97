"""Laws of anatomy, CT and PET of the synthetic patient that need no nodes."""

from __future__ import annotations

from dataclasses import replace

import edt
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.ndimage import affine_transform

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import frame, rasterize
from LNStationLib.phantom.anatomy.frame import COUCH_MM, Frame, body_bounds
from LNStationLib.phantom.anatomy.mask_table import MaskTable
from LNStationLib.phantom.anatomy.model import Anatomy, bare, fit_lungs
from LNStationLib.phantom.anatomy.shapes import Ellipsoid, box_around
from LNStationLib.phantom.anatomy.variation import ARCH_FREQUENCIES, Variation, draw_variation
from LNStationLib.phantom.images import contrast, pet, scanner
from LNStationLib.phantom.images.physiology import Physiology, draw_physiology


def traits(seed: int = 0, **fixed: object) -> Variation:
    return draw_variation(np.random.default_rng(seed), **fixed)


def coarse_frame(variation: Variation) -> Frame:
    return Frame.of(Frame.clinical_grid(variation, in_plane_mm=0.75, slice_mm=5.0), variation)


@pytest.fixture(scope="module")
def model() -> Anatomy:
    variation = traits(4, arms="up", sex="F")
    grid = Frame.clinical_grid(variation, in_plane_mm=0.75, slice_mm=5.0)
    ct = replace(
        grid,
        shape=(grid.shape[0], 160, 180),
        spacing_mm=(5.0, 2.1, 2.1),
        origin_mm=(grid.origin_mm[0], -165.0, -188.0),
    )
    made = bare(Frame.of(ct, variation).model_grid, variation)
    fit_lungs(made, np.random.default_rng(1), [])
    return made


@given(seed=st.integers(0, 500), x=st.floats(-120, 120), y=st.floats(-80, 80), z=st.floats(-180, 110))
@settings(max_examples=40, deadline=None)
def test_a_point_goes_to_the_scanner_and_back(seed: int, x: float, y: float, z: float) -> None:
    frame = coarse_frame(traits(seed))
    assert frame.to_model(frame.to_patient((x, y, z))) == pytest.approx((x, y, z), abs=1e-6)


def test_a_shape_carried_to_the_ct_keeps_its_place_and_volume() -> None:
    frame = coarse_frame(traits(3, rotation_deg=4.0, kyphosis_mm=8.0))
    center = (-60.0, 20.0, -40.0)
    patch = frame.patch(Ellipsoid(center, (18, 14, 20)).patch(frame.model_grid))
    index = np.argwhere(patch.sdf < 0) + [part.start for part in patch.box]
    found = frame.ct_grid.point_mm(tuple(index.mean(0)))
    assert np.allclose(found, frame.to_patient(center), atol=1.0)
    volume = len(index) * frame.ct_grid.voxel_volume_ml
    expected = 4 / 3 * np.pi * 18 * 14 * 20 / 1000 * np.prod(frame.scale_at(center))
    assert volume == pytest.approx(expected, rel=0.06)


def test_sampling_a_plane_agrees_with_scipy() -> None:
    plane = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    matrix, offset = np.array([[0.5, 0.02], [-0.02, 0.5]]), np.array([-3.0, 2.0])
    expected = affine_transform(plane, matrix, offset, (140, 150), order=1, cval=9.0)
    assert np.allclose(frame._bilinear(plane, matrix, offset, (140, 150), 9.0), expected, atol=2e-3)


@pytest.mark.parametrize("arms", ["up", "down"])
@pytest.mark.parametrize("fat_mm", [4.0, 28.0])
def test_a_clinical_grid_is_512_wide_and_holds_the_body_and_the_couch(arms: str, fat_mm: float) -> None:
    variation = traits(2, arms=arms, fat_mm=fat_mm, sex="F", breast_ml=1000.0)
    grid = Frame.clinical_grid(variation, in_plane_mm=0.7, slice_mm=3.5)
    assert grid.shape[1:] == (512, 512)
    assert 80 <= grid.shape[0] <= 100
    assert 0.7 <= grid.spacing_mm[1] == grid.spacing_mm[2] <= 1.0
    wide = Grid((24, 100, 140), (13.0, 4.5, 4.0), (-180.0, -230.0, -280.0))
    skin = bare(wide, variation).skin < 0
    z, y, x = (wide.coordinates_mm(axis)[index] for axis, index in enumerate(np.nonzero(skin)))
    seen = z < 124
    low, high = body_bounds(variation)
    assert (np.abs(x[seen]) < high[0]).all()
    assert low[1] < y[seen].min() < y[seen].max() < high[1]
    frame = Frame(grid, grid, variation)
    points = np.stack([x[seen], y[seen], z[seen]], axis=1)[::7].tolist()
    back = max(frame.to_patient((a, b, c))[1] for a, b, c in points)
    assert back + COUCH_MM - 6 < grid.coordinates_mm(1)[-1]


def test_the_fat_around_the_hilar_vessels_is_a_few_millimetres_thin() -> None:
    variation = traits(3, arms="up", mediastinal_fat_mm=2.0)
    grid = Frame.of(Frame.clinical_grid(variation, in_plane_mm=0.9, slice_mm=5.0), variation).model_grid
    made = bare(grid, variation)
    roomy = made.lung_space() < 0
    fit_lungs(made, np.random.default_rng(0), [])
    fitted = made.lung_space() < 0
    hila = box_around(grid, (-75, -20, -60), (75, 60, -5))
    assert (fitted & ~roomy)[hila].sum() * grid.voxel_volume_ml > 25
    lung = edt.edt(~fitted[hila], anisotropy=grid.spacing_mm)
    for name, x in (("pulmonary_artery_left", 44), ("pulmonary_artery_right", -34), ("bronchus_intermedius", 0)):
        outer = made.raw_mask(name, 0.7)[hila] & ~made.raw_mask(name)[hila]
        beyond = grid.coordinates_mm(2)[hila[2]]
        outer &= ((beyond > x) if x > 0 else (beyond < x))[None, None, :]
        # Somewhere around it lung is near, and mostly it is no further than a fold of fat.
        assert lung[outer].min() < 3.5, name


def test_uptake_of_healthy_tissue_is_spread_as_in_patients() -> None:
    bodies = [draw_physiology(np.random.default_rng(seed)) for seed in range(600)]
    blood, liver = (np.array([getattr(body, name) for body in bodies]) for name in ("blood", "liver"))
    assert (blood.mean(), blood.std()) == pytest.approx((1.55, 0.38), abs=0.08)
    assert (liver.mean(), liver.std()) == pytest.approx((2.17, 0.44), abs=0.1)
    assert np.mean([body.myocardium > 2.5 for body in bodies]) == pytest.approx(0.62, abs=0.08)
    assert np.mean([body.thyroid > 2.9 for body in bodies]) < 0.06
    assert all(0.1 < body.noise < 0.24 for body in bodies)


def test_reflux_is_seen_in_the_lower_esophagus_alone() -> None:
    variation = traits(0)
    model = bare(
        Frame.of(Frame.clinical_grid(variation, in_plane_mm=2.2, slice_mm=5.0), variation).model_grid, variation
    )
    plain, reflux = (pet.activity(model, Physiology(distal_esophagus=value)) for value in (2.3, 7.0))
    heights = model.grid.coordinates_mm(0)[np.flatnonzero((reflux - plain > 1).any((1, 2)))]
    assert -165 < heights.min() < -100
    assert -75 < heights.max() < -60


def test_fixing_one_trait_leaves_the_others_as_they_were() -> None:
    free, fixed = traits(9), traits(9, contrast="none", arms="down")
    assert replace(fixed, contrast=free.contrast, arms=free.arms) == free
    with pytest.raises(TypeError):
        traits(9, hat=True)


def test_variants_of_the_arch_have_their_published_frequency() -> None:
    drawn = [traits(seed).arch for seed in range(1500)]
    for name, frequency in ARCH_FREQUENCIES.items():
        spread = 4 * np.sqrt(frequency * (1 - frequency) / len(drawn))
        assert abs(drawn.count(name) / len(drawn) - frequency) < spread, name


def test_only_women_have_breasts() -> None:
    assert all((v.breast_ml > 0) == (v.sex == "F") for v in map(traits, range(60)))


def test_all_organs_that_the_network_needs_are_there(model: Anatomy) -> None:
    masks = rasterize.truth_masks(model)
    wanted = {row.name for row in anatomy.organs() if row.deepstationing_rank is not None}
    wanted |= {
        "pericardium",
        "diaphragm",
        "stomach",
        "ligamentum_arteriosum",
        "azygos_arch",
        "airways",
        "heart_myocardium",
    }
    assert wanted <= set(masks)


def test_lobes_fill_the_lungs(model: Anatomy) -> None:
    masks = rasterize.truth_masks(model)
    lobes = [name for name in masks if name.startswith("lung_") and "_lobe_" in name]
    assert len(lobes) == 5
    assert np.array_equal(np.sum([masks[name] for name in lobes], axis=0), masks["lung_left"] | masks["lung_right"])


def test_the_lungs_hold_vessels_and_airways_out_to_the_periphery(model: Anatomy) -> None:
    deep = model.lung_space()
    for group in ("lung_arteries", "lung_veins"):
        inside = model.groups[group].mask(model.grid.shape) & (deep < 0)
        assert inside.sum() > 1500
        assert (deep[inside] > -14).any()


def test_contrast_is_dense_only_on_the_injected_side() -> None:
    left = contrast.blood_hu(traits(2, contrast="arterial", injected_left=True))
    right = contrast.blood_hu(traits(2, contrast="arterial", injected_left=False))
    assert left["brachiocephalic_vein_left"] > 700 > 100 > left["brachiocephalic_vein_right"]
    assert right["brachiocephalic_vein_right"] > 700 > 100 > right["brachiocephalic_vein_left"]
    assert set(contrast.blood_hu(traits(2, contrast="none")).values()) == {contrast.BLOOD_HU}


def test_noise_has_the_level_asked_for_and_is_correlated() -> None:
    variation = traits(0, kernel="soft", noise_hu=12.0, contrast="none")
    frame = Frame.of(Frame.clinical_grid(variation, in_plane_mm=0.8, slice_mm=60.0), variation)
    water = np.full(frame.model_grid.shape, 0.0, np.float32)
    hu = scanner.scan(water, frame, np.random.default_rng(0)).astype(float)[2, 200:300, 200:300]
    assert hu.std() == pytest.approx(12.0 * 0.5, rel=0.25)
    assert 0.1 < np.corrcoef(hu[:, :-1].ravel(), hu[:, 1:].ravel())[0, 1] < 0.95


def test_pet_recovers_large_shapes_and_loses_small_ones() -> None:
    variation = traits(0, breathing_mm=(0.0, 0.0, 0.0), rotation_deg=0.0)
    frame = Frame.of(Frame.clinical_grid(variation, in_plane_mm=1.0, slice_mm=5.0), variation)
    peaks = []
    for radius in (3.0, 5.0, 8.0, 14.0):
        suv = np.zeros(frame.model_grid.shape, np.float32)
        patch = Ellipsoid((0.0, 0.0, -20.0), (radius,) * 3).patch(frame.model_grid)
        suv[patch.box] = 10 * patch.coverage()
        peaks.append(float(sitk.GetArrayFromImage(pet.scan(suv, frame, np.random.default_rng(0))).max()))
    assert peaks == sorted(peaks)
    assert peaks[0] < 5.5
    assert peaks[-1] == pytest.approx(10.0, abs=1.0)


def test_breathing_moves_the_liver_and_not_the_neck() -> None:
    variation = traits(0, breathing_mm=(0.0, 0.0, -8.0), pitch_deg=0.0)
    frame = Frame.of(Frame.clinical_grid(variation, in_plane_mm=1.0, slice_mm=5.0), variation)
    moved = {}
    for z in (90.0, -130.0):
        suv = np.zeros(frame.model_grid.shape, np.float32)
        patch = Ellipsoid((0.0, 0.0, z), (12.0, 12.0, 12.0)).patch(frame.model_grid)
        suv[patch.box] = 10 * patch.coverage()
        image = pet.scan(suv, frame, np.random.default_rng(0))
        index = np.argwhere(sitk.GetArrayFromImage(image) > 5).mean(0)
        height = image.TransformContinuousIndexToPhysicalPoint([float(v) for v in index[::-1]])[2]
        moved[z] = height - frame.to_patient((0.0, 0.0, z))[2]
    assert abs(moved[90.0]) < 1.0
    assert moved[-130.0] == pytest.approx(-8.0, abs=1.5)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_mask_table_gives_back_what_was_put_in(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((4, 5, 6)) > 0.8
    table = MaskTable(mask.shape)
    table.put("a_left", (slice(0, 4), slice(0, 5), slice(0, 6)), mask)
    if mask.any():
        assert np.array_equal(table["a_left"], mask)
        assert np.array_equal(table.mirrored({"a_left": "a_right"})["a_right"], mask[:, :, ::-1])
    else:
        assert "a_left" not in table


@pytest.mark.parametrize("seed", [3, 5])
def test_no_lung_hides_in_the_mediastinum_of_a_lean_patient(seed: int) -> None:
    variation = traits(seed, arms="up", mediastinal_fat_mm=0.5)
    grid = Frame.of(Frame.clinical_grid(variation, in_plane_mm=2.2, slice_mm=5.0), variation).model_grid
    made = bare(grid, variation)
    fit_lungs(made, np.random.default_rng(0), [])
    lung = made.lung_space() < 0
    heights = grid.coordinates_mm(0)
    for k in np.flatnonzero((heights > -90) & (heights < 40)):
        parts, count = ndimage.label(lung[k])
        for part in range(1, count + 1):
            _, x = np.nonzero(parts == part)
            area = len(x) * grid.spacing_mm[1] * grid.spacing_mm[2]
            middle = grid.coordinates_mm(2)[x].mean()
            assert area < 40 or area > 1200 or abs(middle) > 50, f"pocket at z = {heights[k]:.0f}, x = {middle:.0f}"
