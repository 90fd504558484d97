"""How far the dome of the liver lies apart on PET and CT."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from LNStationLib.imaging.grid import Grid
from LNStationLib.quality.pet_alignment import OFFSET, check_alignment, pet_offset_mm
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

GRID = Grid((70, 50, 60), (3.0, 3.0, 3.0), (-100.0, -75.0, -140.0))


def patient(offset_mm: float = 0.0, liver_suv: float = 2.3) -> tuple[sitk.Image, OrganSet]:
    """A lung over a dome, which PET shows higher by an offset."""
    z, y, x = np.meshgrid(*(GRID.coordinates_mm(axis) for axis in range(3)), indexing="ij")
    dome = -20 - ((x + 60) ** 2 + y**2) / 150
    organs = OrganSet(GRID)
    inside = (z > dome) & ((x + 60) ** 2 + y**2 < 50**2) & (z < 80)
    organs.add(Organ("lung_right", inside, OrganSource.IMAGE, Reason("drawn")))
    # The diaphragm lies between.
    uptake = gaussian_filter(np.where(z > dome + offset_mm - 2.5, 0.5, liver_suv), 6 / 2.355 / 3)
    noisy = uptake + np.random.default_rng(0).normal(0, 0.1, uptake.shape)
    return GRID.image(np.maximum(noisy, 0).astype(np.float32)), organs


@pytest.mark.parametrize("offset_mm", [-14.0, 0.0, 6.0, 14.0])
def test_an_offset_is_measured_to_a_millimeter(offset_mm: float) -> None:
    assert pet_offset_mm(*patient(offset_mm)) == pytest.approx(offset_mm, abs=1.0)


def test_pet_on_a_grid_of_its_own_gives_the_same() -> None:
    pet, organs = patient(14.0)
    coarse = sitk.Resample(
        pet, [40, 34, 52], sitk.Transform(), sitk.sitkLinear, (-139.0, -74.0, -99.0), (4.0, 4.0, 4.0)
    )
    assert pet_offset_mm(sitk.Flip(coarse, [True, False, True]), organs) == pytest.approx(14.0, abs=1.5)


def test_only_a_large_offset_is_a_warning_and_each_is_kept() -> None:
    record, warnings = check_alignment(*patient(14.0))
    assert record[OFFSET] == pytest.approx(14.0, abs=1.0)
    assert "14 mm higher on PET" in words(warnings[0])
    assert check_alignment(*patient(4.0))[1] == []
    assert "lower on PET" in words(check_alignment(*patient(-14.0))[1][0])


def test_what_cannot_be_measured_is_not_zero() -> None:
    pet, organs = patient()
    assert pet_offset_mm(patient(liver_suv=0.6)[0], organs) is None
    assert pet_offset_mm(sitk.RegionOfInterest(pet, [60, 50, 40], [0, 0, 30]), organs) is None
    assert pet_offset_mm(pet, OrganSet(GRID)) is None
    assert check_alignment(None, organs) == ({}, [])
