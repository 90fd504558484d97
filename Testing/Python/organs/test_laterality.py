"""A mirrored chest is noticed with and without contrast; a chest as it should be never is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import REAL_CT
from phantoms import bare, scanned
from states import organs_on

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import working_grid
from LNStationLib.organs.laterality import SideIndicator, laterality_warning
from LNStationLib.state.settings import Settings
from LNStationLib.support.words import words

SPACING_MM, SYNTHETIC_MM = 3.0, 3.5
EXCHANGED = "Left and right are exchanged"


def indicators(*mirrored: bool | None) -> list[SideIndicator]:
    return [SideIndicator(f"organ {number}", one) for number, one in enumerate(mirrored)]


def exchanged(ct: sitk.Image) -> sitk.Image:
    """The CT with its columns in reverse order under the same header."""
    upright = sitk.DICOMOrient(ct, "LPS")
    image = sitk.GetImageFromArray(np.ascontiguousarray(sitk.GetArrayFromImage(upright)[:, :, ::-1]))
    image.CopyInformation(upright)
    return image


def warnings_of(ct: sitk.Image, spacing_mm: float = SPACING_MM) -> list[str]:
    found = organs_on(Case("sides", ct), working_grid(ct, spacing_mm), Settings())
    return [words(warning) for warning in found.warnings]


def real_ct(folder: str) -> sitk.Image:
    file = REAL_CT.parent / folder / Path("ct.nii.gz")
    if not file.is_file():
        pytest.skip(f"the real CT ../shared/data/{folder} is not here")
    return sitk.ReadImage(str(file), sitk.sitkInt16)


@pytest.mark.parametrize(
    "said",
    [
        (),
        (True, True),  # situs ambiguus, or a tumor beside the arch and a shifted heart
        (True, True, None, None, None),
        (True, True, True, False, False),
        (False, False, False, True, None),
    ],
)
def test_few_or_contradicting_indicators_do_not_warn(said: tuple[bool | None, ...]) -> None:
    assert laterality_warning(indicators(*said)) is None


@pytest.mark.parametrize("said", [(True, True, True), (True, True, True, False), (True,) * 5])
def test_three_indicators_with_at_most_one_against_warn_by_their_names(said: tuple[bool, ...]) -> None:
    warning = laterality_warning(indicators(*said))
    assert warning is not None
    assert words(warning).startswith(f"{EXCHANGED}: organ 0, organ 1")
    assert ("organ 3" in words(warning)) == (said[3:4] == (True,))


@pytest.mark.parametrize("contrast", [True, False])
def test_a_synthetic_patient_is_seen_to_be_mirrored_with_and_without_contrast(contrast: bool) -> None:
    ct = (bare() if contrast else scanned("unenhanced")).case.ct
    assert not any("mirrored" in warning for warning in warnings_of(ct, SYNTHETIC_MM))
    assert any(warning.startswith(EXCHANGED) for warning in warnings_of(exchanged(ct), SYNTHETIC_MM))


@pytest.mark.parametrize("folder", ["chest_ct_01", "chest_ct_02"])
def test_a_real_chest_is_seen_to_be_mirrored_with_and_without_contrast(folder: str) -> None:
    ct = real_ct(folder)
    assert not any("mirrored" in warning for warning in warnings_of(ct))
    assert any(warning.startswith(EXCHANGED) for warning in warnings_of(exchanged(ct)))
