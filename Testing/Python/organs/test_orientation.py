"""An image that is upside down or front to back is refused; every true position of a patient is not."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import Thorax, find_in, real_case
from states import organs_on

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import working_grid
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import GeometryError

COARSE_MM = 3.0


def turned(thorax: Thorax, axis: int) -> Thorax:
    """The thorax with one axis of its voxels reversed under the same header."""
    masks = {name: np.ascontiguousarray(np.flip(mask, axis)) for name, mask in thorax.masks.items()}
    return Thorax(np.ascontiguousarray(np.flip(thorax.hu, axis)), masks, thorax.grid)


def real_ct_turned(axis: int) -> sitk.Image:
    """The real CT with one axis of its voxels, z, y or x, reversed under the same header."""
    ct = sitk.DICOMOrient(real_case(supplied=False).ct, "LPS")
    image = sitk.GetImageFromArray(np.ascontiguousarray(np.flip(sitk.GetArrayFromImage(ct), axis)))
    image.CopyInformation(ct)
    return image


def test_an_image_that_is_upside_down_is_refused(thorax: Thorax) -> None:
    with pytest.raises(GeometryError, match="upside down"):
        find_in(turned(thorax, 0))


def test_an_image_that_is_front_to_back_is_refused(thorax: Thorax) -> None:
    with pytest.raises(GeometryError, match="front to back"):
        find_in(turned(thorax, 1))


@pytest.mark.parametrize(("axis", "words"), [(0, "upside down"), (1, "front to back")])
def test_the_real_ct_with_an_axis_reversed_is_refused(axis: int, words: str) -> None:
    image = real_ct_turned(axis)
    with pytest.raises(GeometryError, match=words):
        organs_on(Case("turned", image), working_grid(image, COARSE_MM), Settings())


def test_contrast_in_the_heart_is_not_taken_for_a_spine(thorax: Thorax) -> None:
    bright = np.where(thorax.masks["heart"], 600, thorax.hu).astype(np.int16)
    assert "spine" in find_in(Thorax(bright, thorax.masks, thorax.grid))
