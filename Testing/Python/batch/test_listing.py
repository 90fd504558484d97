"""Which cases a batch has: tables and folders, with their faults in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from LNStationLib.batch.listing import cases_of_folder, cases_of_table, check_ids, unused_columns
from LNStationLib.batch.sources import FileSource
from LNStationLib.support.csv_rows import TableError
from LNStationLib.support.errors import InputError


def table(folder: Path, *lines: str) -> Path:
    path = folder / "cases.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def source_of(case: object) -> FileSource:
    source = getattr(case, "source", None)
    assert isinstance(source, FileSource)
    return source


@pytest.mark.parametrize("column", ["case", "case_id", "patient"])
def test_rows_of_a_table_are_cases_with_paths_from_its_folder(tmp_path: Path, column: str) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"ct")
    path = table(
        tmp_path, f"{column},ct,organs,cancer,tumor_side,extra", "p1,a.nii.gz,organs,lung,R,x", "p2,/b.nii,,,,"
    )
    first, second = cases_of_table(path)
    request = source_of(first).request
    assert (request.ct, request.organs, request.case_id) == (tmp_path / "a.nii.gz", tmp_path / "organs", "p1")
    assert (request.cancer, request.tumor_side) == ("lung", "R")
    assert source_of(first).inputs()["ct"] == {"a.nii.gz": tmp_path / "a.nii.gz"}
    assert source_of(second).inputs() == {"ct": {}}
    assert unused_columns(path) == ["extra"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("case",), "has no column ct"),
        (("ct", "a.nii"), "needs one column that names the cases"),
        (("case,patient,ct", "a,b,c"), "needs one column that names the cases, .* and has 2"),
        (("case,ct",), "has no cases"),
        (("case,ct", "p1,a", "P1,b"), "line 3, column case: P1 is already in the table"),
        (("case,ct", "../up,a"), "column case: '../up' cannot name a file"),
        (("case,ct", "_p,a"), "column case: '_p' cannot name a case"),
        (("case,ct", f"{'x' * 65},a"), "cannot name a case: use at most 64"),
        (("case,ct,cancer", "p1,a,liver"), "line 2, column cancer: 'liver' is not lung or esophagus"),
    ],
)
def test_faults_of_a_table_are_listed_by_line_and_column(tmp_path: Path, lines: tuple[str, ...], fault: str) -> None:
    with pytest.raises(TableError, match=fault):
        cases_of_table(table(tmp_path, *lines))


def test_a_table_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        cases_of_table(tmp_path / "none.csv")


def test_case_folders_at_any_depth_are_named_by_their_paths(tmp_path: Path) -> None:
    for name in ("cohort/a/p1", "cohort/b/p1", "cohort/p2"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "ct.nii.gz").write_bytes(b"ct")
    (tmp_path / "cohort" / "p3" / "ct").mkdir(parents=True)
    (tmp_path / "cohort" / "p3" / "organs").mkdir()
    (tmp_path / "cohort" / "of_an_archive" / "ct").mkdir(parents=True)
    (tmp_path / "cohort" / "truth").mkdir()
    assert [case.case_id for case in cases_of_folder(tmp_path)] == ["a_p1", "b_p1", "p2", "p3"]
    assert source_of(cases_of_folder(tmp_path)[0]).request.case_id == "a_p1"
    assert [case.case_id for case in cases_of_folder(tmp_path / "cohort" / "p2")] == ["p2"]


def test_a_faulty_case_file_is_the_fault_of_its_case_alone(tmp_path: Path) -> None:
    for name, text in (("good", '{"ct": null}'), ("worse", "no JSON")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ct.nii.gz").write_bytes(b"ct")
        (tmp_path / name / "case.json").write_text(text)
    (tmp_path / "good" / "case.json").unlink()
    good, worse = cases_of_folder(tmp_path)
    assert (good.problem, worse.source) == ("", None)
    assert worse.problem.startswith("case.json: cannot be read as JSON")
    assert str(tmp_path) not in worse.problem


def test_folders_that_would_share_a_name_are_refused(tmp_path: Path) -> None:
    for name in ("a b", "a_b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ct.nii.gz").write_bytes(b"ct")
    with pytest.raises(InputError, match=r"would have the same name \(a_b\)"):
        cases_of_folder(tmp_path)
    with pytest.raises(ValueError, match="unique"):
        check_ids([*cases_of_folder(tmp_path / "a b"), *cases_of_folder(tmp_path / "a b")])


def test_what_belongs_to_an_image_beside_it_counts_as_input(tmp_path: Path) -> None:
    for name in ("ct.nii.gz", "organs.nii.gz", "organs.json", "labels.json", "other.json"):
        (tmp_path / name).write_bytes(b"x")
    inputs = source_of(cases_of_folder(tmp_path)[0]).inputs()
    assert set(inputs["organs"]) == {"organs.nii.gz", "organs.json", "labels.json"}
