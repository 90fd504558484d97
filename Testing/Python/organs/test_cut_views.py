"""Views that end anywhere: organs and stations, or one sentence, never a defect.

The short form cuts coarsely; ``LNSTATION_LONG=1`` cuts every 20 mm at each side.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import REAL_CT, make_thorax, real_case
from states import organs_on, said

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import working_grid
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.settings import Settings
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.support.errors import InputError

STEP_MM = 20.0 if os.environ.get("LNSTATION_LONG") else 60.0
COARSE_MM = 4.0
SIDES = [(axis, from_start) for axis in range(3) for from_start in (True, False)]
# Cuts of the real CT in mm by side: behind the carina, before the cava, before the azygos arch, beside the carina.
KNOWN_FAULTS = [((1, False), 39.0), ((1, False), 78.0), ((1, True), 58.0), ((1, True), 98.0), ((0, False), 78.0)]


def cut(image: sitk.Image, side: tuple[int, bool], length_mm: float) -> sitk.Image:
    """The image without what lies within some mm of one of its sides; ``side`` is an axis (x, y, z) and an end."""
    axis, from_start = side
    lost = round(length_mm / image.GetSpacing()[axis])
    start, size = [0, 0, 0], list(image.GetSize())
    size[axis] -= lost
    start[axis] = lost if from_start else 0
    return sitk.RegionOfInterest(image, size, start)


def cuts(image: sitk.Image, side: tuple[int, bool]) -> Iterator[sitk.Image]:
    """The image cut at a side by more and more, until a few slices are left."""
    axis = side[0]
    extent_mm = image.GetSize()[axis] * image.GetSpacing()[axis]
    for length_mm in np.arange(STEP_MM, extent_mm - 5 * image.GetSpacing()[axis], STEP_MM):
        yield cut(image, side, float(length_mm))


def organs_and_stations(case: Case, spacing_mm: float) -> OrganSet | None:
    """Organs of a case whose stations were parsed too; ``None`` where it was refused."""
    grid = working_grid(case.ct, spacing_mm)
    with warnings.catch_warnings(), suppress(InputError):
        # A mean of nothing is a landmark that is not a number.
        warnings.simplefilter("error", RuntimeWarning)
        organs = organs_on(case, grid, Settings())
        IaslcRules().parse(hu_on_grid(case.ct, grid), organs)
        return organs
    return None


def check(case: Case, spacing_mm: float) -> None:
    organs = organs_and_stations(case, spacing_mm)
    if organs is not None:
        for mark in organs.landmarks.values():
            assert np.isfinite(mark.point_mm).all(), mark.name


@pytest.mark.parametrize("side", SIDES)
def test_a_thorax_cut_at_any_side_ends_in_a_result_or_a_refusal(side: tuple[int, bool]) -> None:
    case = make_thorax().case()
    for part in cuts(case.ct, side):
        check(replace(case, ct=part), COARSE_MM)


@pytest.mark.parametrize(("side", "length_mm"), KNOWN_FAULTS)
def test_the_real_ct_cut_where_it_ended_in_a_defect_ends_in_a_result(
    side: tuple[int, bool], length_mm: float
) -> None:
    case = real_case(supplied=False)
    check(replace(case, ct=cut(case.ct, side, length_mm)), 3.0)


@pytest.mark.skipif(STEP_MM > 20.0, reason="the long sweep runs with LNSTATION_LONG=1")
@pytest.mark.parametrize("supplied", [False, True])
@pytest.mark.parametrize("side", SIDES)
def test_the_real_ct_cut_at_any_side_ends_in_a_result_or_a_refusal(side: tuple[int, bool], supplied: bool) -> None:
    case = real_case(supplied=supplied)
    for part in cuts(case.ct, side):
        check(replace(case, ct=part), 3.0)


def test_the_right_half_of_a_chest_keeps_its_right_lung_on_the_right() -> None:
    """The middle of the view lies in the right lung then; the trachea says where the patient's is."""
    thorax = make_thorax()
    case = thorax.case()
    organs = organs_and_stations(replace(case, ct=cut(case.ct, (0, False), 126.0)), thorax.grid.spacing_mm[0])
    assert organs is not None
    whole_ml = thorax.masks["lung_right"].sum() * thorax.grid.voxel_volume_ml
    assert organs["lung_right"].mask.sum() * organs.grid.voxel_volume_ml == pytest.approx(whole_ml, rel=0.1)
    assert any("left lung" in warning for warning in said(organs.warnings))


def test_a_view_that_ends_before_the_spinal_canal_has_no_spine_in_front_of_the_trachea() -> None:
    """The heart is soft with something brighter round it too."""
    path = REAL_CT.parent / "not_a_chest" / "heart_crop.nii.gz"
    if not path.is_file():
        pytest.skip("the cardiac CT ../shared/data/not_a_chest/heart_crop.nii.gz is not here")
    organs = organs_and_stations(Case("heart", sitk.ReadImage(str(path))), 3.0)
    assert organs is not None
    assert "trachea" in organs
    assert not {"spine", "esophagus"} & set(organs)
    assert any("spinal canal" in warning for warning in said(organs.warnings))
