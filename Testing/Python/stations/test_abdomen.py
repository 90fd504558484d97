"""The organs of the abdomen and the level of the diaphragm on drawn organs."""

from __future__ import annotations

import numpy as np
import pytest

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.stations.iaslc_rules.abdomen import abdominal_organs, under_diaphragm
from LNStationLib.stations.iaslc_rules.borders import MissingAnatomyError
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.levels import Levels
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray
from LNStationLib.support.words import words

GRID = Grid((100, 80, 100), (1.5, 1.5, 1.5), (-150.0, -60.0, -75.0))
DOME_MM = -100.0
"""Top of the drawn liver and stomach."""
_TOP_MM = -40.0
_LIVER_HU, _FLUID_HU, _FAT_HU, _BLOOD_HU = 60, 12, -95, 250


def box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> BoolArray:
    zs, ys, xs = (GRID.coordinates_mm(axis) for axis in range(3))
    inside = [(c >= low) & (c <= high) for c, (low, high) in ((zs, z), (ys, y), (xs, x))]
    return np.asarray(inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :])


LIVER = box((-70, 2), (-50, 16), (-150, DOME_MM))
STOMACH = box((16, 70), (-50, 16), (-150, DOME_MM))
ESOPHAGUS = box((4, 14), (8, 18), (-150, 0))


def frame(
    *,
    heart_bottom: float = DOME_MM,
    heart_back: float = 4.0,
    low: float = -150.0,
    lung_base: float | None = None,
    **drawn: tuple[BoolArray, int],
) -> Frame:
    """Fat with the drawn ``(mask, HU)`` pieces; slices below ``low`` are cut off."""
    hu = np.full(GRID.shape, _FAT_HU, np.int16)
    for mask, value in drawn.values():
        hu[mask] = value
    masks = {"esophagus": ESOPHAGUS, "heart": box((-40, 40), (-50, heart_back), (heart_bottom, -20))}
    first = int(np.searchsorted(GRID.coordinates_mm(0), low))
    grid = Grid((GRID.shape[0] - first, *GRID.shape[1:]), GRID.spacing_mm, (low, *GRID.origin_mm[1:]))
    organs = OrganSet(grid)
    if lung_base is not None:
        masks["lung_left"] = box((45, 70), (-50, 50), (lung_base, 0))
    for name, mask in masks.items():
        organs.add(Organ(name, mask[first:], OrganSource.SUPPLIED, Reason("test")))
    organs.landmarks["carina"] = Landmark("carina", (0.0, 0.0, 0.0), OrganSource.SUPPLIED)
    return Frame(grid, (0, 0, 0), hu[first:], organs)


def covered(found: BoolArray, part: BoolArray) -> float:
    return float(found[part].mean())


def test_liver_and_stomach_are_found_and_fat_is_not() -> None:
    found = abdominal_organs(frame(liver=(LIVER, _LIVER_HU), stomach=(STOMACH, _LIVER_HU)), _TOP_MM)
    assert covered(found, LIVER) > 0.85
    assert covered(found, STOMACH) > 0.85
    assert not (found & ~(LIVER | STOMACH)).any()


def test_a_node_beside_the_esophagus_is_no_organ_of_the_abdomen() -> None:
    node = box((16, 28), (6, 18), (-92, -80))
    found = abdominal_organs(frame(liver=(LIVER, _LIVER_HU), node=(node, 50)), _TOP_MM)
    assert covered(found, node) == 0


def test_pleural_fluid_is_no_organ_of_the_abdomen() -> None:
    fluid = box((20, 70), (-10, 50), (-150, -60))
    found = abdominal_organs(frame(fluid=(fluid, _FLUID_HU)), _TOP_MM)
    assert not found.any()


def test_a_view_that_ends_above_the_abdomen_shows_none() -> None:
    assert not abdominal_organs(frame(liver=(LIVER, _LIVER_HU), low=-90.0), _TOP_MM).any()


def test_a_given_liver_counts_where_its_image_does_not_show_it() -> None:
    steatotic = frame(liver=(LIVER, -10))
    steatotic.organs.add(Organ("liver", LIVER, OrganSource.SUPPLIED, Reason("test")))
    assert covered(abdominal_organs(steatotic, _TOP_MM), LIVER) == 1


def test_hiatus_is_where_liver_and_stomach_flank_the_esophagus() -> None:
    border = Levels(frame(liver=(LIVER, _LIVER_HU), stomach=(STOMACH, _LIVER_HU), heart_bottom=-92.0)).diaphragm
    assert border.position_mm.item() == pytest.approx(DOME_MM, abs=3.0)
    assert border.surrogate
    assert "abdomen" in words(border.rests_on)


@pytest.mark.parametrize("view_from", [-150.0, -96.0])
def test_without_abdominal_organs_in_view_the_heart_places_the_diaphragm(view_from: float) -> None:
    border = Levels(frame(heart_bottom=-90.0, low=view_from)).diaphragm
    assert border.position_mm.item() == pytest.approx(-90.0, abs=1.6)
    assert "heart" in words(border.rests_on)


def test_the_diaphragm_is_never_placed_below_the_bases_of_the_lungs() -> None:
    """A heart whose mask runs on into the abdomen says nothing of the hiatus."""
    border = Levels(frame(heart_bottom=-145.0, lung_base=-120.0)).diaphragm
    assert border.position_mm.item() == pytest.approx(-120.0, abs=1.6)
    assert "bases of the lungs" in words(border.rests_on)
    assert "heart" in words(Levels(frame(heart_bottom=-90.0, lung_base=-120.0)).diaphragm.rests_on)


def test_solid_lung_far_above_the_heart_s_lower_border_does_not_raise_the_diaphragm() -> None:
    solid = box((-70, 70), (-50, 30), (-150, -55)) & ~ESOPHAGUS
    border = Levels(frame(solid=(solid, _LIVER_HU), heart_back=-25.0)).diaphragm
    assert border.position_mm.item() == pytest.approx(DOME_MM, abs=1.6)
    assert "heart" in words(border.rests_on)


def test_vena_cava_between_liver_and_heart_lies_under_the_diaphragm_s_cover() -> None:
    cava = box((-34, -12), (-8, 14), (-150, -80))
    body = frame(liver=(LIVER, _LIVER_HU), cava=(cava, _LIVER_HU), heart_bottom=-86.0)
    found = under_diaphragm(body, abdominal_organs(body, _TOP_MM), DOME_MM)
    above_liver = cava & (GRID.coordinates_mm(0) > DOME_MM)[:, None, None] & ~body.union("heart")
    assert covered(found, above_liver) > 0.95
    # The fat beside the esophagus stays.
    assert covered(found, box((16, 40), (8, 18), (-92, -80))) == 0


def test_without_contrast_a_heart_that_was_not_found_is_no_liver() -> None:
    """It lies on the liver, has its HU and is as thick: nothing in the image tells the two apart."""
    heart = box((-40, 40), (-50, 4), (DOME_MM, -20))
    unenhanced = frame(liver=(LIVER, _LIVER_HU), stomach=(STOMACH, _LIVER_HU), heart=(heart, 45))
    del unenhanced.organs.organs["heart"]
    assert not abdominal_organs(unenhanced, _TOP_MM).any()
    with pytest.raises(MissingAnatomyError, match="heart"):
        _ = Levels(unenhanced).diaphragm


def test_a_heart_that_contrast_shows_is_no_liver() -> None:
    heart = box((-40, 40), (-50, 4), (DOME_MM, -20))
    enhanced = frame(liver=(LIVER, _LIVER_HU), stomach=(STOMACH, _LIVER_HU), heart=(heart, _BLOOD_HU))
    del enhanced.organs.organs["heart"]
    aorta = box((20, 40), (18, 40), (-150, 0))
    enhanced.hu[aorta] = _BLOOD_HU
    enhanced.organs.add(Organ("descending_aorta", aorta, OrganSource.IMAGE, Reason("test")))
    found = abdominal_organs(enhanced, _TOP_MM)
    assert covered(found, LIVER) > 0.8
    assert covered(found, heart & ~box((-40, 40), (-50, 4), (DOME_MM, DOME_MM + 3))) == 0
