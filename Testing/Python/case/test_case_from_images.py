"""Images in memory to a case: the same checks as for files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import box_mask, chest, pet_tags, write_series
from states import said

from LNStationLib.case.from_memory import CaseImages, case_from_images
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.thorax_view import thorax_view
from LNStationLib.support.errors import GeometryError, InputError


def given(**changes: Any) -> CaseImages:
    return CaseImages(**({"case_id": "case 7/b", "ct": chest()} | changes))


def pet_counts(scale: float) -> sitk.Image:
    """High in the body, 0 outside."""
    ct = chest()
    values = np.clip(sitk.GetArrayFromImage(ct).astype(np.float32) + 1000, 0, 1000) * scale
    return like(values.astype(np.float32), ct)


def test_a_ct_alone_makes_a_case_with_a_safe_name() -> None:
    case = case_from_images(given())
    assert case.case_id == "case_7_b"
    assert case.ct.GetPixelID() == sitk.sitkInt16
    assert case.thorax == thorax_view(case.ct)
    assert (case.pet, case.nodes, case.tumor, case.organ_masks) == (None, None, None, {})


def test_what_is_no_chest_ct_is_refused() -> None:
    with pytest.raises(InputError, match="CT"):
        case_from_images(given(ct=pet_counts(0.01)))


@pytest.mark.parametrize("unit", [None, "", "Bq/ml", "suvbw"])
def test_a_pet_of_unknown_unit_is_refused_with_what_to_do(unit: str | None) -> None:
    with pytest.raises(InputError, match=r"PET: its values are not known to be SUV.*load it from DICOM"):
        case_from_images(given(pet=pet_counts(0.005), pet_unit=unit))


def test_a_pet_in_suv_passes_and_one_that_cannot_be_suv_does_not() -> None:
    case = case_from_images(given(pet=pet_counts(0.005), pet_unit="SUVbw"))
    assert case.pet is not None
    assert array_view(case.pet).max() == pytest.approx(5)
    with pytest.raises(InputError, match="outside the range of SUV"):
        case_from_images(given(pet=pet_counts(5.0), pet_unit="SUVbw"))


def test_dicom_files_of_a_pet_become_suv_by_their_headers(tmp_path: Path) -> None:
    counts = pet_counts(10.0)
    files = write_series(tmp_path, counts, "PT", tags=pet_tags())
    case = case_from_images(given(pet_files=tuple(reversed(files))))
    assert case.pet is not None
    # 70 kg over 350 MBq, halved by the time of the scan: 70 000 g / 175 MBq.
    expected = sitk.GetArrayFromImage(counts) * 70_000 / 175e6
    np.testing.assert_allclose(sitk.GetArrayFromImage(case.pet), expected, rtol=1e-3, atol=1e-3)
    assert case.pet.GetOrigin() == pytest.approx(chest().GetOrigin())


def test_dicom_files_that_are_no_pet_are_refused(tmp_path: Path) -> None:
    files = write_series(tmp_path, chest(), "CT")
    with pytest.raises(InputError, match="PET: no PT series"):
        case_from_images(given(pet_files=tuple(files)))


def test_organs_go_by_the_names_of_the_table_and_pieces_are_united() -> None:
    ct = chest()
    upper, lower = box_mask(ct, (40, 50, 20), (45, 55, 24)), box_mask(ct, (40, 50, 10), (45, 55, 14))
    case = case_from_images(given(organs={"Vertebrae T5": upper, "vertebrae_T7": lower, "trachea": upper}))
    assert set(case.organ_masks) == {"spine", "trachea"} == set(case.organ_origins)
    both = sum(int(array_view(mask).sum()) for mask in (upper, lower))
    assert int(array_view(case.organ_masks["spine"]).sum()) == both


def test_an_unknown_organ_is_refused_and_an_empty_one_told() -> None:
    ct = chest()
    with pytest.raises(InputError, match="no organ 'appendix'"):
        case_from_images(given(organs={"appendix": box_mask(ct, (1, 1, 1), (4, 4, 4))}))
    case = case_from_images(given(organs={"trachea": box_mask(ct, (0, 0, 0), (0, 0, 0))}))
    assert case.organ_masks == {}
    assert any("empty" in warning for warning in said(case.warnings))


def test_left_and_right_that_look_swapped_are_told() -> None:
    ct = chest()
    low, high = box_mask(ct, (10, 30, 20), (20, 40, 24)), box_mask(ct, (60, 30, 20), (70, 40, 24))
    swapped = case_from_images(given(organs={"lung_left": low, "lung_right": high}))
    assert any("mirrored" in warning for warning in said(swapped.warnings))
    right = case_from_images(given(organs={"lung_left": high, "lung_right": low}))
    assert not any("mirrored" in warning for warning in said(right.warnings))


def test_nodes_keep_their_values_and_a_binary_mask_stays_binary() -> None:
    ct = chest()
    several = box_mask(ct, (10, 10, 10), (12, 12, 12), 3) + box_mask(ct, (20, 20, 20), (22, 22, 22), 9)
    case = case_from_images(given(nodes=several, tumor=box_mask(ct, (30, 30, 20), (34, 34, 24))))
    assert case.nodes is not None
    assert set(np.unique(array_view(case.nodes))) == {0, 3, 9}
    assert case.nodes.GetPixelID() == sitk.sitkUInt16
    assert case.tumor is not None
    assert case.tumor.GetPixelID() == sitk.sitkUInt8
    empty = case_from_images(given(nodes=box_mask(ct, (0, 0, 0), (0, 0, 0))))
    assert empty.nodes is None


def test_a_mask_far_from_the_ct_is_refused() -> None:
    mask = box_mask(chest(), (10, 10, 10), (12, 12, 12))
    mask.SetOrigin((5000.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="nodes"):
        case_from_images(given(nodes=mask))
