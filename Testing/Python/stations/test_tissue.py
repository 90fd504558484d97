"""Which tissue can hold a node, on boxes."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.tissue import mediastinum, node_tissue
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

GRID = Grid((40, 80, 90), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
ARCH_TOP_SLICE = 20
_FAT_HU, _SOFT_HU, _BLOOD_HU, _LUNG_HU = -100, 50, 280, -850


def box(z: tuple[int, int], y: tuple[int, int], x: tuple[int, int]) -> BoolArray:
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


def frame(hu: np.ndarray, source: OrganSource = OrganSource.SUPPLIED, **masks: BoolArray) -> Frame:
    organs = OrganSet(GRID)
    for name, mask in masks.items():
        organs.add(Organ(name, mask, source, Reason("test")))
    point = (67.0, 60.0, ARCH_TOP_SLICE * 1.5)
    organs.landmarks["aortic_arch_top"] = Landmark("aortic_arch_top", point, OrganSource.SUPPLIED)
    return Frame(GRID, (0, 0, 0), hu.astype(np.int16), organs)


def fat() -> np.ndarray:
    return np.full(GRID.shape, _FAT_HU)


@pytest.fixture
def inlet() -> BoolArray:
    """Mediastinum of a chest whose lungs lie behind row 40 at all heights, in front of it fat and a manubrium."""
    whole = (0, 40)
    return mediastinum(
        frame(
            fat(),
            lung_right=box(whole, (40, 75), (5, 30)),
            lung_left=box(whole, (40, 75), (60, 85)),
            trachea=box(whole, (35, 45), (40, 50)),
            brachiocephalic_vein_right=box(whole, (30, 34), (19, 23)),
            subclavian_artery_left=box(whole, (30, 34), (68, 71)),
            manubrium=box((0, 30), (10, 16), (10, 80)),
        )
    )


def test_above_the_arch_the_mediastinum_lies_between_the_great_vessels(inlet: BoolArray) -> None:
    above = ARCH_TOP_SLICE + 4
    assert inlet[above, 25, 20:70].all()
    assert not inlet[above, 25, :17].any()
    assert not inlet[above, 25, 73:].any()


def test_beside_the_arch_the_lungs_bound_it(inlet: BoolArray) -> None:
    assert not inlet[ARCH_TOP_SLICE - 4, 25].any()


def test_it_ends_at_the_back_of_the_manubrium(inlet: BoolArray) -> None:
    assert not inlet[ARCH_TOP_SLICE + 4, :10].any()


def test_the_layer_behind_the_sternum_counts_where_no_lung_lies_behind_it() -> None:
    whole = (0, 40)
    found = mediastinum(
        frame(
            fat(),
            lung_right=box(whole, (20, 75), (5, 35)),
            lung_left=box(whole, (20, 75), (55, 85)),
            sternum=box(whole, (5, 12), (25, 65)),
        )
    )
    assert found[5, 15:20, 40:50].all()
    assert not found[5, 12:19, 26:34].any()


def test_the_wall_of_a_supplied_vessel_is_in_its_mask_and_that_of_other_blood_is_not() -> None:
    hu = fat()
    vessel = box((0, 40), (30, 50), (30, 50))
    hu[vessel] = _BLOOD_HU
    outside = 50
    given = frame(hu, aorta=vessel)
    found = frame(hu, OrganSource.IMAGE, aorta=vessel)
    assert node_tissue(given)[20, 40, outside]
    assert not node_tissue(found)[20, 40, outside]
    assert not (node_tissue(given) & vessel).any()


def test_a_supplied_esophagus_is_cut_out_whole() -> None:
    tube = box((0, 40), (40, 50), (40, 50))
    hu = np.where(tube, _SOFT_HU, _FAT_HU)
    assert not (node_tissue(frame(hu, esophagus=tube)) & tube).any()


def test_a_surrogate_esophagus_keeps_its_rim_where_soft_tissue_hides_its_wall() -> None:
    tube, node = box((0, 40), (40, 50), (40, 50)), box((10, 30), (40, 50), (50, 60))
    hu = np.where(tube | node, _SOFT_HU, _FAT_HU)
    tissue = node_tissue(frame(hu, OrganSource.SURROGATE, esophagus=tube))
    assert not tissue[20, 45, 40:49].any()
    assert tissue[20, 45, 49:60].all()


def test_other_surrogates_are_not_cut_out() -> None:
    tube = box((0, 40), (40, 50), (40, 50))
    hu = np.where(tube, _SOFT_HU, _FAT_HU)
    assert node_tissue(frame(hu, OrganSource.SURROGATE, azygos_arch=tube))[20, 45, 45]


def beside_lung(fat_columns: int) -> BoolArray:
    """Tissue of a vessel and a lung with that many columns of fat between them, from column 50 on."""
    vessel, lung = box((0, 40), (20, 60), (30, 50)), box((0, 40), (0, 80), (50 + fat_columns, 90))
    hu = fat()
    hu[vessel], hu[lung] = _BLOOD_HU, _LUNG_HU
    return node_tissue(frame(hu, aorta=vessel, lung_left=lung))


def test_a_film_between_a_vessel_and_the_lung_is_no_tissue_and_a_layer_of_3_mm_is() -> None:
    assert not beside_lung(1)[20, 25:55, 50:].any()
    assert beside_lung(2)[20, 25:55, 50:52].all()


def test_a_film_away_from_the_lung_stays() -> None:
    vessels = box((0, 40), (20, 60), (30, 50)) | box((0, 40), (20, 60), (51, 70))
    hu = np.where(vessels, _BLOOD_HU, _FAT_HU)
    assert node_tissue(frame(hu, aorta=vessels))[20, 25:55, 50].all()


def test_tissue_ends_where_a_voxel_is_half_lung() -> None:
    lung = box((0, 40), (0, 80), (50, 90))
    hu = np.where(lung, _LUNG_HU, _FAT_HU)
    hu[:, :, 50] = 0.75 * _FAT_HU + 0.25 * _LUNG_HU
    assert node_tissue(frame(hu))[20, 40, 50]
    hu[:, :, 50] = 0.25 * _FAT_HU + 0.75 * _LUNG_HU
    assert not node_tissue(frame(hu))[20, 40, 50]


@pytest.mark.parametrize("left_lung", [(), (36, 40)])
def test_a_lung_without_air_is_bounded_by_the_mirror_image_of_the_other(left_lung: tuple[int, int]) -> None:
    """The space between the lungs is there whether or not both hold air; solid lung is no part of it."""
    lungs = {"lung_right": box((0, 40), (40, 75), (5, 30))}
    if left_lung:
        lungs["lung_left"] = box(left_lung, (40, 75), (60, 85))
    spine = box((0, 40), (66, 80), (38, 52))
    found = mediastinum(frame(np.full(GRID.shape, _SOFT_HU), spine=spine, **lungs))
    assert found[10, 50, 32:58].all()
    assert not found[10, 50, 62:].any()


def test_a_lung_that_reaches_a_little_lower_than_the_other_is_not_mirrored() -> None:
    lungs = {"lung_right": box((0, 40), (40, 75), (5, 30)), "lung_left": box((15, 40), (40, 75), (60, 85))}
    found = mediastinum(frame(fat(), spine=box((0, 40), (66, 80), (38, 52)), **lungs))
    assert found[20].any()
    assert not found[10].any()


def test_a_mirrored_lung_leaves_room_for_esophagus_and_aorta_beside_the_spine() -> None:
    """The right lung reaches to the midline behind the heart; the left one, which holds no air, did not."""
    whole = (0, 40)
    organs = {
        "lung_right": box(whole, (20, 75), (5, 44)) & ~box(whole, (50, 75), (35, 44)),
        "spine": box(whole, (50, 70), (36, 54)),
        "esophagus": box(whole, (40, 46), (46, 52)),
        "descending_aorta": box(whole, (42, 56), (55, 66)),
    }
    found = mediastinum(frame(fat(), **organs))
    assert found[20, 46:50, 47:55].all()
    assert not found[20, 30, 60:84].any()
