from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import chest, oblique, wrapped

from LNStationLib.imaging.checks import as_volume
from LNStationLib.imaging.ct import MAX_HU, hounsfield_image
from LNStationLib.imaging.masks import on_ct_space
from LNStationLib.support.errors import GeometryError, InputError

HU = sitk.GetArrayFromImage(chest())


def load(array: np.ndarray, said: list[str] | None = None) -> np.ndarray:
    image = hounsfield_image(wrapped(array, (4, 4, 5)), "CT a.nii", (said if said is not None else []).append)
    assert image.GetPixelID() == sitk.sitkInt16
    return sitk.GetArrayFromImage(image)


def test_hounsfield_units_pass_through_whatever_the_pixel_type() -> None:
    for dtype in (np.int16, np.int32, np.float32, np.float64):
        assert np.array_equal(load(HU.astype(dtype)), np.maximum(HU, -1024))


def test_a_ct_in_floating_point_is_not_copied_as_such() -> None:
    """At 512 x 512 x 620 each copy takes 650 MB; numpy's memory is told apart from SimpleITK's."""
    image = wrapped(np.repeat(HU, 4, axis=0).astype(np.float32), (4, 4, 1.25))
    bytes_of_floats = 4 * image.GetNumberOfPixels()
    tracemalloc.start()
    hounsfield_image(image, "CT", [].append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < bytes_of_floats


def test_a_volume_that_needs_no_mending_is_passed_on_and_not_changed_later() -> None:
    image = wrapped(HU, (4, 4, 5))
    assert as_volume(image, "CT") is image
    ct = wrapped(HU, (4, 4, 5), (0.01, 0, 0))
    assert on_ct_space(image, ct, "mask").GetOrigin() == ct.GetOrigin()
    assert image.GetOrigin() == (0, 0, 0)


def test_padding_and_metal_are_clipped() -> None:
    array = HU.astype(np.int32)
    array[:, :10] = -3024
    array[0, 20, 20] = 20000
    loaded = load(array)
    assert loaded.min() == -1024
    assert loaded[0, 20, 20] == MAX_HU
    assert np.array_equal(loaded[1:, 12:], HU[1:, 12:].clip(-1024))


def test_the_grid_of_an_oblique_ct_is_kept() -> None:
    image = wrapped(HU, (4, 4.5, 5), (1, 2, 3), oblique())
    loaded = hounsfield_image(image, "CT", [].append)
    assert loaded.GetOrigin() == image.GetOrigin()
    assert loaded.GetSpacing() == image.GetSpacing()
    assert loaded.GetDirection() == pytest.approx(image.GetDirection())


def test_few_nans_become_air_with_a_warning() -> None:
    array = HU.astype(np.float32)
    array[20, 30, 30:35] = np.nan
    said = Heard()
    assert (load(array, said)[20, 30, 30:35] == -1024).all()
    assert len(said) == 1


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ((HU.astype(int) + 1024).astype(np.uint16), "stored values without rescale"),
        (np.maximum(HU.astype(int) + 1000, 0).astype(np.uint16), "stored values without rescale"),
        (np.where(np.arange(HU.shape[2]) < 5, -2000, HU.astype(int) + 1030), "stored values without rescale"),
        (np.clip((HU + 1000) / 1400.0, 0, 1), "windowing or normalization"),
        (np.clip((HU + 1000) / 1400.0 * 255, 0, 255).astype(np.uint8), "windowing or normalization"),
        (np.clip(HU, -160, 240), "no air in view"),
        (HU.astype(int) - 1024, "hardly any value lies between"),
        (np.full(HU.shape, -3000), "empty"),
        (np.where(HU > 0, -3000, -2000), "only padding values"),
    ],
)
def test_values_that_are_no_hounsfield_units_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(array)
    assert str(caught.value).startswith("CT a.nii: ")


def test_a_tiny_or_misscaled_ct_is_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        hounsfield_image(wrapped(HU, (0.5, 0.5, 0.5)), "CT", [].append)
    with pytest.raises(GeometryError, match="implausible"):
        hounsfield_image(wrapped(HU, (0.004, 0.004, 0.005)), "CT", [].append)
