from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import PET_DOSE, oblique, pet_tags, wrapped, write_series
from pydicom import dcmread

from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.imaging.pet import suv_from_dicom, suv_from_file
from LNStationLib.support.errors import InputError

SUV = np.random.default_rng(2).uniform(0, 12, (24, 22, 20)).astype(np.float32)


def image(values: np.ndarray = SUV) -> sitk.Image:
    return wrapped(values, (4, 4, 5), (1, 2, 3), oblique())


def test_a_dicom_series_becomes_suv_slice_by_slice_on_its_own_grid(tmp_path: Path) -> None:
    slopes = [0.5 + 0.01 * k for k in range(24)]
    write_series(tmp_path, image(SUV / 4e-4), "PT", slopes=slopes, tags=pet_tags())
    volume = read_series(tmp_path, "PT", "PET", [].append)
    suv = suv_from_dicom(volume, "PET", [].append)
    assert suv.GetPixelID() == sitk.sitkFloat32
    assert np.abs(sitk.GetArrayFromImage(suv) - SUV).max() < 4e-4 * 0.5
    assert suv.GetOrigin() == pytest.approx((1, 2, 3), abs=1e-4)


def test_slices_without_decay_correction_get_their_own_factors_in_their_own_order(tmp_path: Path) -> None:
    files = write_series(tmp_path, image(np.full(SUV.shape, 5000.0)), "PT", tags=pet_tags(DecayCorrection="NONE"))
    for k, file in enumerate(files):
        header = dcmread(file)
        header.AcquisitionTime = f"09{30 + k:02d}00"
        header.save_as(file)
    volume = read_series(tmp_path, "PT", "PET", [].append)
    volume.image.SetPixel([0, 0, 0], 4999.0)
    suv = sitk.GetArrayFromImage(suv_from_dicom(volume, "PET", [].append))
    minutes = np.array([90.0 + k for k in range(24)])
    assert suv[:, 5, 5] == pytest.approx(5000 * 2e-4 * 2 ** (minutes * 60 / 6586.2), rel=1e-5)


def test_a_file_without_declared_units_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="--pet-units suvbw"):
        suv_from_file(image(), None, None, "PET", [].append)


def test_declared_suv_passes_through() -> None:
    suv = suv_from_file(image(SUV.astype(np.float64)), "suvbw", None, "PET", [].append)
    assert suv.GetPixelID() == sitk.sitkFloat32
    assert np.array_equal(sitk.GetArrayFromImage(suv), SUV)


def test_becquerels_need_a_dose_and_become_suv_with_one() -> None:
    with pytest.raises(InputError, match="pet_dose"):
        suv_from_file(image(SUV / 4e-4), "bqml", None, "PET", [].append)
    suv = suv_from_file(image(SUV / 4e-4), "bqml", PET_DOSE, "PET", [].append)
    assert np.abs(sitk.GetArrayFromImage(suv) - SUV).max() < 1e-5


@pytest.mark.parametrize("scale", [2500.0, 0.01])
def test_values_that_are_no_suv_are_refused(scale: float) -> None:
    with pytest.raises(InputError, match="outside the range of SUV"):
        suv_from_file(image(SUV * scale), "suvbw", None, "PET", [].append)


def test_negative_values_become_zero_and_large_ones_are_told() -> None:
    said = Heard()
    values = SUV.copy()
    values[0, 0, 0] = -0.05
    assert sitk.GetArrayFromImage(suv_from_file(image(values), "suvbw", None, "PET", said.append)).min() == 0
    assert said == []
    values[0, 0, 1] = -3
    suv_from_file(image(values), "suvbw", None, "PET", said.append)
    assert "negative values down to -3" in said[0]


def test_an_empty_or_broken_pet_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        suv_from_file(image(np.zeros_like(SUV)), "suvbw", None, "PET", [].append)
    with pytest.raises(InputError, match="not numbers"):
        suv_from_file(image(np.where(SUV > 6, np.nan, SUV)), "suvbw", None, "PET", [].append)
