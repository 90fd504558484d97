"""Patches of PET/CT: scaling, place, orientation, and PET that does not reach."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.sampling.station_patch import StationPatchSpec, pet_ct_volume

SPEC = StationPatchSpec(size=(4, 6, 8), spacing_mm=(2.0, 2.0, 2.0))
FOUR_R, SEVEN = (anatomy.station(name).label_value for name in ("4R", "7"))


def images(spacing: tuple[float, float, float] = (2.0, 2.0, 4.0)) -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """CT at 100 HU with a bright voxel block in 4R, PET of SUV 2 with 12 there, and two stations as boxes."""
    shape = (14, 30, 40)
    ct, pet, stations = np.full(shape, 100.0, np.float32), np.full(shape, 2.0, np.float32), np.zeros(shape, np.uint8)
    stations[4:9, 10:20, 8:14], stations[4:9, 10:20, 24:30] = FOUR_R, SEVEN
    ct[5:8, 13:17, 9:13], pet[5:8, 13:17, 9:13] = 400.0, 12.0
    found = []
    for array in (ct, pet, stations):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        image.SetOrigin((-30.0, -20.0, 50.0))
        found.append(image)
    return found[0], found[1], found[2]


def test_a_patch_holds_scaled_ct_and_uptake_of_its_station() -> None:
    volume = pet_ct_volume(*images(), SPEC)
    assert volume is not None
    centers = volume.centers(SPEC.spacing_mm)
    hot, cold = (volume.patch(centers[value], SPEC.size) for value in (FOUR_R, SEVEN))
    assert hot.shape == (2, *SPEC.size)
    # 400 HU is the upper end of the window, SUV 12 is 3 and not clipped; 100 HU lies in the middle.
    assert hot[0].max() == pytest.approx(1.0, abs=0.01)
    assert hot[1].max() == pytest.approx(3.0, abs=0.01)
    np.testing.assert_allclose(cold[0], 0.5, atol=0.01)
    np.testing.assert_allclose(cold[1], 0.5, atol=0.01)


def test_a_flipped_and_rotated_image_of_the_same_patient_gives_the_same_patches() -> None:
    # No voxel of the grid lies halfway between two of the images, where the nearest would be either.
    given = images((2.1, 1.9, 4.3))
    plain = pet_ct_volume(*given, SPEC)
    turned = pet_ct_volume(
        *(sitk.PermuteAxes(sitk.Flip(each, (True, False, True)), (2, 0, 1)) for each in given), SPEC
    )
    assert plain is not None
    assert turned is not None
    assert plain.grid == turned.grid
    np.testing.assert_allclose(plain.channels, turned.channels, atol=1e-5)
    np.testing.assert_array_equal(plain.stations, turned.stations)


def test_every_voxel_of_a_station_can_be_the_middle_of_a_patch() -> None:
    volume = pet_ct_volume(*images((2.0, 2.0, 5.0)), SPEC)
    assert volume is not None
    low, high = (np.argwhere(volume.stations).min(axis=0), np.argwhere(volume.stations).max(axis=0))
    for place in (low, high):
        assert volume.patch(tuple(int(n) for n in place), SPEC.size).shape == (2, *SPEC.size)


def test_a_cut_pet_is_known_by_station_and_never_taken_for_no_uptake() -> None:
    ct, pet, stations = images()
    volume = pet_ct_volume(ct, pet[:20], stations, SPEC)
    assert volume is not None
    assert volume.covered[FOUR_R] == pytest.approx(1.0)
    assert volume.covered[SEVEN] == pytest.approx(0.0)


def test_a_patient_without_stations_has_no_volume() -> None:
    ct, pet, stations = images()
    assert pet_ct_volume(ct, pet, stations * 0, SPEC) is None
