"""The stations of a batch as a column of a cohort's table: paths, patients without a map, what stays as it was."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")
pytest.importorskip("distributed", reason="the 'batch' packages are not installed")

from batch.toy_batch import toy_files, toy_request, toy_settings
from typer.testing import CliRunner

from lnstation_training.cli.app import app
from lnstation_training.cohorts.batch_stations import batch_stations, write_with_stations
from lnstation_training.cohorts.tables import read_cohort
from LNStationLib.batch.run import run_batch
from LNStationLib.support.errors import InputError


def make_batch(folder: Path, *formats: str) -> Path:
    """Of case 1, which the toy methods assess, and case 2, which is refused."""
    with toy_settings() as settings:
        request = toy_request(toy_files(folder / "in", "good", "bad image"), folder / "batches" / "atlases", settings)
        run_batch(replace(request, formats=("json", *formats)))
    return folder / "batches" / "atlases"


def make_table(folder: Path) -> Path:
    """Of cases 1 to 3, as a spreadsheet may write it, with a column of somebody's own."""
    folder.mkdir()
    (folder / "ct.nii.gz").touch()
    path = folder / "patients.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        rows = [(f"case-{number}", "ct.nii.gz", f"note {number}") for number in (1, 2, 3)]
        csv.writer(file).writerows([("patient", "ct", "note"), *rows, ("", "", "")])
    return path


def test_patients_of_a_batch_get_its_stations_and_the_others_are_named_with_the_reason(tmp_path: Path) -> None:
    batch, table = make_batch(tmp_path, "nifti"), make_table(tmp_path / "cohort")
    done = CliRunner().invoke(app, ["use-stations", str(batch), "--patients", str(table)])
    assert done.exit_code == 0, done.output
    assert "1 of 3 patients have stations by toy." in done.output
    assert "No stations: case-2: CT" in done.output
    assert "No stations: case-3: the batch has no whole result" in done.output
    written = table.with_name("patients_atlases.csv")
    first, *others = read_cohort(written, needs=())
    assert first.stations is not None
    assert first.stations.resolve() == (batch / "cases" / "case-1" / "stations.nii.gz").resolve()
    assert [each.stations for each in others] == [None, None]
    with written.open(newline="", encoding="utf-8") as file:
        assert [row["note"] for row in csv.DictReader(file)] == ["note 1", "note 2", "note 3"]
    assert "../batches/atlases/cases/case-1/stations.nii.gz" in written.read_text(encoding="utf-8")


def test_a_batch_without_label_maps_and_a_folder_without_a_batch_are_refused(tmp_path: Path) -> None:
    batch = make_batch(tmp_path)
    with pytest.raises(InputError, match=r"stations of none of the 1 patients: case-1: .* nifti among --formats"):
        batch_stations(batch, ["case-1"])
    with pytest.raises(InputError, match=r"holds no batch \(batch.json is missing\)"):
        batch_stations(tmp_path, ["case-1"])


def test_the_new_table_lies_beside_the_old_one_and_never_in_its_place(tmp_path: Path) -> None:
    table = make_table(tmp_path / "cohort")
    for out in (table, tmp_path / "patients.csv"):
        with pytest.raises(InputError, match=r"must be another file beside patients\.csv"):
            write_with_stations(table, out, [])
