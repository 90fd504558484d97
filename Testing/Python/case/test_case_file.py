from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from LNStationLib.case.case_file import read_case_file, request_from_folder
from LNStationLib.support.errors import InputError


def folder_with(tmp_path: Path, case: Any = None, *names: str) -> Path:
    folder = tmp_path / "case 7"
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if case is not None:
        text = case if isinstance(case, str) else json.dumps(case)
        (folder / "case.json").write_text(text)
    return folder


def test_well_known_names_need_no_case_file(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path, None, "ct.nii.gz", "pet.mha", "organs/aorta.nii.gz", "nodes.seg.nrrd", "TUMOR.nrrd"
    )
    request = request_from_folder(folder)
    assert request.ct == folder / "ct.nii.gz"
    assert request.pet == folder / "pet.mha"
    assert request.organs == folder / "organs"
    assert request.nodes == folder / "nodes.seg.nrrd"
    assert request.tumor == folder / "TUMOR.nrrd"
    assert request.case_id == "case 7"
    assert request.pet_units is None


def test_every_field_reaches_the_request(tmp_path: Path) -> None:
    dose = {
        "weight_kg": 70,
        "injected_dose_bq": 3.5e8,
        "half_life_s": 6586.2,
        "injection_to_scan_s": 3600,
        "decay_corrected_to": "scan_start",
    }
    facts = {
        "case_id": "A1",
        "pet_units": "bqml",
        "cancer": "lung",
        "tumor_side": "R",
        "tumor_site": "right upper lobe",
        "sex": "F",
        "age_years": 63,
        "synthetic": True,
    }
    paths = {"ct": "img/c.nii", "pet": "img/p.nii", "organs": "o", "nodes": "n.nii", "tumor": "t.nii"}
    names = [path if path != "o" else "o/aorta.nii" for path in paths.values()]
    folder = folder_with(tmp_path, {**paths, **facts, "pet_dose": dose}, *names)
    request = request_from_folder(folder)
    for field, value in facts.items():
        assert getattr(request, field) == value
    for field, value in paths.items():
        assert getattr(request, field) == folder / value
    assert request.pet_dose is not None
    assert request.pet_dose.model_dump() == dose


def test_null_keeps_a_well_known_file_out(tmp_path: Path) -> None:
    assert request_from_folder(folder_with(tmp_path, {"nodes": None}, "ct.nii", "nodes.nii")).nodes is None


def test_two_files_for_one_well_known_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"both ct\.nii and ct\.nrrd"):
        request_from_folder(folder_with(tmp_path, None, "ct.nii", "ct.nrrd"))


def test_a_folder_without_a_ct_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name it ct\.nii\.gz"):
        request_from_folder(folder_with(tmp_path, {"cancer": "lung"}))
    with pytest.raises(InputError, match="there is no folder"):
        request_from_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "path", ["../ct.nii", "a/../../ct.nii", "/etc/hosts", "C:\\ct.nii", "\\\\server\\ct.nii", "..\\ct.nii", ""]
)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "ct.nii").touch()
    with pytest.raises(InputError, match="give a path relative to the case folder and inside it"):
        request_from_folder(folder_with(tmp_path, {"ct": path}))


@pytest.mark.parametrize("case", [{"ct": "ct.nii"}, {"ct": "link/ct.nii"}, None])
def test_links_that_leave_the_folder_are_refused(tmp_path: Path, case: Any) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "ct.nii").touch()
    folder = folder_with(tmp_path, case)
    (folder / "ct.nii").symlink_to(outside / "ct.nii")
    (folder / "link").symlink_to(outside)
    with pytest.raises(InputError, match="link that leaves the case folder"):
        request_from_folder(folder)


def test_a_link_inside_a_mask_folder_that_leaves_the_case_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, None, "ct.nii", "organs/aorta.nii")
    (tmp_path / "heart.nii").touch()
    (folder / "organs" / "heart.nii").symlink_to(tmp_path / "heart.nii")
    with pytest.raises(InputError, match=r"heart\.nii\) is a link"):
        request_from_folder(folder)


def test_a_link_within_the_folder_is_fine(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, None, "images/a.nii")
    (folder / "ct.nii").symlink_to(folder / "images" / "a.nii")
    assert request_from_folder(folder).ct == folder / "ct.nii"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tumour_side": "R"}, r"case\.json: unknown field 'tumour_side' \(did you mean 'tumor_side'\?\)"),
        ({"zzz": "x"}, "unknown field 'zzz' .*allowed are case_id"),
        ({"pet_dose": {"weight": 70}}, "did you mean 'weight_kg'"),
        ({"tumor_side": "left"}, "tumor_side: input should be 'L' or 'R'"),
        ({"cancer": "breast"}, "cancer: input should be 'lung' or 'esophagus'"),
        ({"pet_units": "suv"}, "pet_units: input should be 'suvbw' or 'bqml'"),
        ({"age_years": 200}, "age_years"),
        ("{not json", "cannot be read as JSON"),
        ("[1]", "must be one object"),
    ],
)
def test_a_faulty_case_file_is_refused_in_one_sentence(tmp_path: Path, content: Any, message: str) -> None:
    folder = folder_with(tmp_path, content, "ct.nii")
    with pytest.raises(InputError, match=message) as caught:
        read_case_file(folder / "case.json")
    assert "\n" not in str(caught.value)


def test_a_named_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ct names 'b\.nii', which is not in the case folder"):
        request_from_folder(folder_with(tmp_path, {"ct": "b.nii"}, "ct.nii"))


def test_links_that_lead_to_each_other_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {"ct": "ct.nii", "organs": "organs"}, "ct.nii", "organs/heart.nii")
    (folder / "organs" / "aorta.nii").symlink_to(folder / "organs" / "aorta.nii")
    with pytest.raises(InputError, match=r"aorta\.nii\) is a link"):
        request_from_folder(folder)


@pytest.mark.parametrize("text", ["[" * 20_000, '{"ct": ' + "9" * 6000 + "}"])
def test_json_that_python_cannot_follow_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="cannot be read as JSON"):
        request_from_folder(folder_with(tmp_path, text))
