"""Bones, the split of the great arteries, contrast, veins and esophagus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from organs.organ_cases import (
    CANAL,
    MANUBRIUM_TOP_Z,
    SPINE_FRONT_Y,
    Thorax,
    dice,
    find_in,
    found_in_thorax,
    make_thorax,
)
from states import organs_on, said

from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.aorta import split_aorta
from LNStationLib.organs.blood import blood_hu, enhanced_blood
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.settings import Settings
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

PARTS = ("ascending_aorta", "aortic_arch", "descending_aorta")


def test_front_of_the_spine_lies_where_the_vertebral_bodies_end(organs: OrganSet) -> None:
    grid, spine = organs.grid, organs["spine"].mask
    column = round(grid.index((CANAL[0], 0.0, 0.0))[2])
    for z in range(20, 110, 10):
        front = grid.origin_mm[1] + grid.spacing_mm[1] * float(np.flatnonzero(spine[z, :, column])[0])
        assert abs(front - SPINE_FRONT_Y) <= 4.0, z


def test_one_supplied_vertebra_is_completed_to_a_spine(thorax: Thorax, organs: OrganSet) -> None:
    whole = organs["spine"].mask
    vertebra = whole.copy()
    vertebra[:20] = vertebra[32:] = False
    case = thorax.case("aorta")
    case = replace(case, organ_masks={**case.organ_masks, "spine": thorax.grid.image(vertebra)})
    completed = organs_on(case, thorax.grid, Settings(working_spacing_mm=thorax.grid.spacing_mm[0]))["spine"]
    assert dice(completed.mask, whole) > 0.95
    assert completed.source is OrganSource.IMAGE
    assert completed.how.code == "spine_completed"


def test_spinal_canal_is_followed(organs: OrganSet) -> None:
    z, y, x = np.nonzero(organs["spinal_cord"].mask)
    middle = organs.grid.point_mm((float(z.mean()), float(y.mean()), float(x.mean())))
    assert np.hypot(middle[0] - CANAL[0], middle[1] - CANAL[1]) <= 4.0


def test_sternum_and_clavicles_are_found(organs: OrganSet, thorax: Thorax) -> None:
    assert dice(organs["sternum"].mask, thorax.masks["sternum"]) > 0.75
    assert abs(organs.landmarks["manubrium_top"].point_mm[2] - MANUBRIUM_TOP_Z) <= 4.0
    for name in ("clavicle_left", "clavicle_right"):
        assert dice(organs[name].mask, thorax.masks[name]) > 0.8, name
    assert not (organs["manubrium"].mask & ~organs["sternum"].mask).any()


@pytest.mark.parametrize("supplied", [True, False])
def test_bone_holds_no_contrast_filled_vessel(
    organs: OrganSet, image_organs: OrganSet, thorax: Thorax, supplied: bool
) -> None:
    bone = (organs if supplied else image_organs)["bone"].mask
    for name in ("aorta", "heart", "pulmonary_artery"):
        assert (bone & thorax.masks[name]).sum() < 0.02 * thorax.masks[name].sum(), name


def test_parts_of_the_aorta_are_the_aorta_cut_in_three(organs: OrganSet, thorax: Thorax) -> None:
    masks = [organs[name].mask for name in PARTS]
    assert np.array_equal(np.logical_or.reduce(masks), thorax.masks["aorta"])
    assert sum(int(mask.sum()) for mask in masks) == int(thorax.masks["aorta"].sum())
    assert all(organs[name].source is OrganSource.DERIVED for name in PARTS)


def test_arch_lies_above_both_columns_and_the_ascending_part_in_front(organs: OrganSet) -> None:
    ascending, arch, descending = (np.argwhere(organs[name].mask) for name in PARTS)
    assert arch[:, 0].min() > max(ascending[:, 0].max(), descending[:, 0].max())
    assert ascending[:, 1].mean() < descending[:, 1].mean() - 20
    top, under = (organs.landmarks[f"aortic_arch_{name}"].point_mm for name in ("top", "underside"))
    # Made with its axis rising to z = 194 and a radius of 13 mm: underside 181, top 207.
    assert abs(under[2] - 181) <= 4.0
    assert abs(top[2] - 207) <= 4.0


@settings(max_examples=12)
@given(radius=st.integers(4, 7), gap=st.integers(18, 30), rise=st.integers(10, 16), x=st.integers(10, 40))
def test_any_cane_shaped_aorta_is_cut_into_disjoint_parts(radius: int, gap: int, rise: int, x: int) -> None:
    z, y, columns = np.ogrid[:60, :60, :50]
    front, back, base = 12, 12 + gap, 25
    ring = np.abs(np.hypot((y - (front + back) / 2), (z - base) * gap / (2.0 * rise)) - gap / 2) <= radius
    legs = ((np.abs(y - front) <= radius) | (np.abs(y - back) <= radius)) & (z <= base)
    cane = ((ring & (z > base)) | legs) & (np.abs(columns - x) <= radius)
    grid = Grid(cane.shape, (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    scan = Scan(np.zeros(cane.shape, np.int16), np.ones(cane.shape, bool), grid)
    found = {
        organ.name: organ.mask for organ in split_aorta(cane, scan, OrganSource.DERIVED, Reason("cane"), None).organs
    }
    assert set(found) == set(PARTS)
    assert sum(mask.astype(int) for mask in found.values()).max() == 1
    assert np.array_equal(np.logical_or.reduce(list(found.values())), cane)


def test_pulmonary_artery_is_split_with_its_upper_rim(organs: OrganSet, thorax: Thorax) -> None:
    whole = thorax.masks["pulmonary_artery"]
    parts = [organs[name].mask for name in ("pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")]
    assert sum(int(part.sum()) for part in parts) == int(whole.sum())
    left, right = (float(np.argwhere(part)[:, 2].mean()) for part in parts[1:])
    assert left > right
    assert abs(organs.landmarks["left_pulmonary_artery_top"].point_mm[2] - 143.0) <= 4.0


def test_aorta_and_heart_are_found_by_their_contrast(image_organs: OrganSet, thorax: Thorax) -> None:
    assert image_organs["aorta"].source is OrganSource.IMAGE
    z = round(thorax.grid.index((0.0, 0.0, 110.0))[0])
    assert dice(image_organs["aorta"].mask[z:], thorax.masks["aorta"][z:]) > 0.85
    assert dice(image_organs["heart"].mask, thorax.masks["heart"]) > 0.8
    assert set(PARTS) <= set(image_organs)


def test_without_contrast_no_vessel_is_invented() -> None:
    found = found_in_thorax(contrast_hu=42.0)
    assert not {"aorta", "pulmonary_artery", "heart"} & set(found)
    assert not enhanced_blood(make_thorax(42.0).hu, found).any()
    assert any("no contrast" in warning for warning in said(found.warnings))


def test_enhanced_blood_holds_the_vessels_and_no_bone(organs: OrganSet, thorax: Thorax) -> None:
    blood = enhanced_blood(thorax.hu, organs)
    assert blood_hu(thorax.hu, organs) == pytest.approx(300, abs=15)
    assert (blood & thorax.masks["aorta"]).sum() > 0.8 * thorax.masks["aorta"].sum()
    assert not (blood & organs["bone"].mask).any()


def test_blood_without_contrast_is_empty(thorax: Thorax) -> None:
    plain = make_thorax(contrast_hu=42.0)
    found = find_in(plain, "aorta")
    assert not enhanced_blood(plain.hu, found).any()


def test_esophagus_runs_along_its_true_course(organs: OrganSet, thorax: Thorax) -> None:
    found = organs["esophagus"]
    assert found.source is OrganSource.SURROGATE
    for z in range(25, 125, 10):
        true, guess = (np.argwhere(mask[z]).mean(axis=0) for mask in (thorax.masks["esophagus"], found.mask))
        assert np.hypot(*(true - guess)) * 2.0 <= 8.0, z


def test_azygos_arch_lies_right_of_the_trachea_above_the_right_main_bronchus(organs: OrganSet) -> None:
    z, _, x = np.argwhere(organs["azygos_arch"].mask).mean(axis=0)
    carina = organs.grid.index(organs.landmarks["carina"].point_mm)
    assert z > carina[0]
    assert x < carina[2]


def test_every_organ_is_on_the_grid_and_says_where_it_came_from(organs: OrganSet) -> None:
    for name, organ in organs.items():
        assert organ.mask.any(), name
        assert words(organ.how), name
    assert organs["aorta"].source is OrganSource.SUPPLIED


def test_known_vessels_airways_and_lungs_stay_out_of_veins_and_esophagus(organs: OrganSet, thorax: Thorax) -> None:
    for name in ("superior_vena_cava", "brachiocephalic_vein_left", "azygos_arch", "esophagus"):
        for other in ("aorta", "pulmonary_artery", "trachea", "lung_left", "lung_right", "bone"):
            assert not (organs[name].mask & organs[other].mask).any(), (name, other)


def test_underside_of_a_supplied_arch_is_where_the_limbs_part_not_its_lowest_voxel(
    organs: OrganSet, thorax: Thorax
) -> None:
    """Supplied arches often run a little down into both limbs."""
    parts = {name: organs[name].mask for name in PARTS}
    reach = 6
    lowest = int(np.flatnonzero(parts["aortic_arch"].any(axis=(1, 2)))[0])
    long_arch = thorax.masks["aorta"].copy()
    long_arch[: lowest - reach] = False
    masks = {"aortic_arch": long_arch}
    masks |= {name: parts[name] & ~long_arch for name in ("ascending_aorta", "descending_aorta")}
    case = replace(thorax.case(), organ_masks={name: thorax.grid.image(mask) for name, mask in masks.items()})
    found = organs_on(case, thorax.grid, Settings(working_spacing_mm=thorax.grid.spacing_mm[0]))
    expected = organs.landmarks["aortic_arch_underside"].point_mm[2]
    assert found.landmarks["aortic_arch_underside"].point_mm[2] == pytest.approx(expected, abs=2.1)
