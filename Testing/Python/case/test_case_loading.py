from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import (
    REAL_CASE,
    REPOSITORY,
    abdomen,
    box_mask,
    chest,
    pet_tags,
    points_mm,
    wrapped,
    write_series,
)
from states import said

from LNStationLib.case.case import Case
from LNStationLib.case.case_file import CaseFile
from LNStationLib.case.from_files import CaseRequest, load_case, load_case_folder
from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.errors import GeometryError, InputError

CT = chest()
NODE = box_mask(CT, (40, 30, 20), (44, 33, 22))


def pet(scale: float = 1.0, shift: tuple[float, float, float] = (0, 0, 0)) -> sitk.Image:
    """A PET on a coarser grid around the chest, with one hot voxel of 9 at the chest's middle."""
    values = np.full((60, 56, 72), 1.5, np.float32)
    values[30, 28, 36] = 9
    return wrapped(values * scale, (5.3, 5.3, 4), np.add((-190, -148, -310), shift))


def case_folder(folder: Path, case: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "organs").mkdir()
    sitk.WriteImage(CT, folder / "ct.nii.gz")
    sitk.WriteImage(pet(), folder / "pet.nii.gz")
    sitk.WriteImage(NODE, folder / "nodes.nii.gz")
    sitk.WriteImage(box_mask(CT, (20, 30, 20), (28, 36, 25)), folder / "tumor.nii.gz")
    sitk.WriteImage(box_mask(CT, (42, 36, 5), (47, 41, 40)), folder / "organs" / "aorta.nii.gz")
    if case is not None:
        (folder / "case.json").write_text(json.dumps(case))
    return folder


def example_of_the_guide() -> dict[str, Any]:
    text = (REPOSITORY / "docs" / "case_format.md").read_text(encoding="utf-8")
    return json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])


def test_the_example_of_the_guide_loads(tmp_path: Path) -> None:
    case = load_case_folder(case_folder(tmp_path / "x", example_of_the_guide()))
    assert case.case_id == "patient_a"
    assert case.facts.tumor_side == "R"
    assert case.facts.age_years == 63
    assert case.pet is not None
    assert case.pet.GetPixelID() == sitk.sitkFloat32
    assert case.nodes is not None
    assert array_view(case.nodes).sum() == array_view(NODE).sum()
    assert case.tumor is not None
    assert set(case.organ_masks) == {"aorta"}
    assert case.warnings == ()


def test_the_guide_names_every_field_of_the_case_file() -> None:
    text = (REPOSITORY / "docs" / "case_format.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in rows.splitlines()))) == set(
        CaseFile.model_fields
    )


def test_the_dose_example_of_the_guide_is_valid() -> None:
    text = (REPOSITORY / "docs" / "case_format.md").read_text(encoding="utf-8")
    dose = CaseFile.model_validate_json(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[1]).pet_dose
    assert dose is not None
    assert dose.factor() == pytest.approx(70e3 / (3.5e8 * 0.5 ** (3600 / 6586.2)))


def test_a_folder_without_a_case_file_works_but_the_pet_needs_units(tmp_path: Path) -> None:
    folder = case_folder(tmp_path / "patient 1")
    with pytest.raises(InputError, match="--pet-units suvbw"):
        load_case_folder(folder)
    case = load_case_folder(folder, pet_units="suvbw", cancer=None)
    assert case.case_id == "patient_1"
    assert case.facts.cancer is None


def test_overrides_take_the_place_of_the_folders_fields(tmp_path: Path) -> None:
    folder = case_folder(tmp_path / "x", {"tumor_side": "L", "cancer": "lung", "pet_units": "suvbw"})
    case = load_case_folder(folder, tumor_side="R", cancer=None, case_id="mine")
    assert (case.facts.tumor_side, case.facts.cancer, case.case_id) == ("R", "lung", "mine")


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("anna/ct.nii.gz", None, "anna"),
        ("anna/thorax 3.nii.gz", None, "thorax_3"),
        ("anna/ct.nii.gz", "../évil name", "vil_name"),
        ("anna/ct.nii.gz", "???", "case"),
    ],
)
def test_the_case_is_named_after_its_file_or_folder(
    tmp_path: Path, path: str, given: str | None, expected: str
) -> None:
    (tmp_path / "anna").mkdir()
    sitk.WriteImage(CT, tmp_path / path)
    assert load_case(CaseRequest(ct=tmp_path / path, case_id=given)).case_id == expected


def test_a_dicom_folder_names_no_case_but_its_series_does(tmp_path: Path) -> None:
    names = []
    for patient in ("DOE^JANE", "ROE^RICHARD"):
        write_series(tmp_path / patient / "ct", CT)
        names.append(load_case(CaseRequest(ct=tmp_path / patient / "ct")).case_id)
    assert names[0] != names[1]
    assert all(re.fullmatch(r"series-[0-9a-f]{8}", name) for name in names)


def dicom_case(tmp_path: Path, **pet_changes: Any) -> CaseRequest:
    write_series(tmp_path / "Secret Name" / "ct", CT)
    write_series(tmp_path / "Secret Name" / "pet", pet(1 / 4e-4), "PT", tags=pet_tags(**pet_changes))
    return CaseRequest(ct=tmp_path / "Secret Name" / "ct", pet=tmp_path / "Secret Name" / "pet", case_id="a")


@pytest.mark.parametrize(
    ("drug", "tracer", "words"),
    [
        ("FDG", "fdg", None),
        (None, None, "do not name the tracer"),
        ("Ga-68 PSMA-11", "psma", "its tracer is a PSMA ligand, and not FDG"),
        ("Study drug 7", "other", "and not FDG"),
    ],
)
def test_the_tracer_is_read_from_the_header_and_another_than_fdg_is_told(
    tmp_path: Path, drug: str | None, tracer: str | None, words: str | None
) -> None:
    case = load_case(dicom_case(tmp_path, Radiopharmaceutical=drug))
    assert case.pet_tracer == tracer
    assert (case.fdg_pet is None) is (tracer not in ("fdg", None))
    told = [sentence for sentence in said(case.warnings) if "tracer" in sentence]
    assert len(told) == (words is not None)
    assert words is None or words in told[0]


def test_the_tracer_of_a_file_may_be_declared_and_need_not_be(tmp_path: Path) -> None:
    declared = case_folder(tmp_path / "x", {"pet_units": "suvbw", "pet_tracer": "68Ga-PSMA-11"})
    case = load_case_folder(declared)
    assert (case.pet_tracer, case.fdg_pet) == ("psma", None)
    assert any("its tracer is a PSMA ligand" in sentence for sentence in said(case.warnings))
    silent = load_case_folder(declared, pet_tracer="18F-FDG")
    assert silent.pet_tracer == "fdg"
    assert not any("tracer" in sentence for sentence in said(silent.warnings))


def test_dicom_folders_become_hu_and_suv_at_their_places(tmp_path: Path) -> None:
    case = load_case(dicom_case(tmp_path))
    assert np.array_equal(sitk.GetArrayFromImage(case.ct), np.maximum(sitk.GetArrayFromImage(CT), -1024))
    assert np.abs(points_mm(case.ct) - points_mm(CT)).max() < 1e-3
    assert case.pet is not None
    hot = np.unravel_index(sitk.GetArrayFromImage(case.pet).argmax(), pet().GetSize()[::-1])
    assert hot == (30, 28, 36)
    assert sitk.GetArrayFromImage(case.pet)[hot] == pytest.approx(9, rel=1e-4)
    assert any("frames of reference" in sentence for sentence in said(case.warnings))


def test_nothing_that_identifies_the_patient_gets_into_a_case(tmp_path: Path) -> None:
    case = load_case(dicom_case(tmp_path))
    assert (case.facts.sex, case.facts.age_years, case.facts.study_date) == ("F", 63, None)
    text = repr(dataclasses.replace(case, ct=None, pet=None)).lower()
    assert "secret" not in text
    assert not any(image.GetMetaDataKeys() for image in (case.ct, case.pet))


def test_the_study_date_is_kept_only_on_demand_and_given_facts_win(tmp_path: Path) -> None:
    request = dataclasses.replace(dicom_case(tmp_path), keep_study_date=True, sex="M", age_years=0, pet=None)
    facts = load_case(request).facts
    assert (facts.study_date, facts.sex, facts.age_years) == ("2024-01-02", "M", 0)


def test_ct_and_pet_of_different_patients_are_refused_without_naming_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="another patient") as caught:
        load_case(dicom_case(tmp_path, PatientID="SECRET-2"))
    assert "secret" not in str(caught.value).lower()


def test_a_pet_without_its_weight_is_refused_by_name_unless_the_dose_is_given(tmp_path: Path) -> None:
    request = dicom_case(tmp_path, PatientWeight=None)
    with pytest.raises(InputError, match=r"PET: SUV needs Patient's Weight \(0010,1030\)"):
        load_case(request)
    dose = CaseFile.model_validate(
        {
            "pet_dose": {
                "weight_kg": 70,
                "injected_dose_bq": 3.5e8,
                "half_life_s": 6586.2,
                "injection_to_scan_s": 6586.2,
                "decay_corrected_to": "scan_start",
            }
        }
    ).pet_dose
    case = load_case(dataclasses.replace(request, pet_dose=dose))
    assert case.pet is not None
    assert sitk.GetArrayFromImage(case.pet).max() == pytest.approx(9, rel=1e-4)


def test_a_pet_elsewhere_is_refused_and_a_partial_one_warned_of(tmp_path: Path) -> None:
    sitk.WriteImage(CT, tmp_path / "ct.nii")
    sitk.WriteImage(pet(shift=(0, 0, 1000)), tmp_path / "far.nii")
    request = CaseRequest(ct=tmp_path / "ct.nii", pet=tmp_path / "far.nii", pet_units="suvbw")
    with pytest.raises(GeometryError, match=r"PET far\.nii: does not overlap the CT .*7\d\d mm apart"):
        load_case(request)
    sitk.WriteImage(pet(shift=(0, 0, 120)), tmp_path / "half.nii")
    case = load_case(dataclasses.replace(request, pet=tmp_path / "half.nii"))
    assert any("of the CT" in sentence for sentence in said(case.warnings))


def test_an_abdomen_is_refused_in_one_sentence(tmp_path: Path) -> None:
    sitk.WriteImage(abdomen(), tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match=r"CT ct\.nii\.gz: no lungs in view.*abdomen"):
        load_case(CaseRequest(ct=tmp_path / "ct.nii.gz"))


def test_progress_is_told_from_start_to_end(tmp_path: Path) -> None:
    told: list[float] = []
    load_case_folder(case_folder(tmp_path / "x", {"pet_units": "suvbw"}), lambda step, done: told.append(done))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 1)


@pytest.mark.skipif(not REAL_CASE.is_dir(), reason="the real CT is not beside the repository")
def test_the_real_case_loads_with_all_its_organs() -> None:
    case: Case = load_case_folder(REAL_CASE, cancer="lung")
    assert case.case_id == "chest_ct_01"
    assert case.ct.GetSize() == (120, 126, 164)
    array = array_view(case.ct)
    assert (array.min(), array.max()) == (-1024, 3071)
    assert case.organ_origins["spine"] == "vertebrae_T12.nii.gz"
    assert set(case.organ_masks) == {
        "aorta",
        "brachiocephalic_trunk",
        "common_carotid_artery_left",
        "heart",
        "pulmonary_artery",
        "spine",
        "subclavian_artery_left",
    }
    for name, file in (("aorta", "aorta"), ("heart", "heart")):
        raw = sitk.GetArrayFromImage(sitk.ReadImage(str(REAL_CASE / "organs" / f"{file}.nii.gz")))
        moved = sitk.Resample(case.organ_masks[name], case.ct, sitk.Transform(), sitk.sitkNearestNeighbor)
        assert np.array_equal(sitk.GetArrayFromImage(moved), raw)
    assert case.warnings == ()
