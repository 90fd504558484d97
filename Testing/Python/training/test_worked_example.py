"""From nothing to a package by the commands of Training/README.md, in a tiny setting."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import SimpleITK as sitk
from states import called, with_stations
from training.drawn_cohort import STATIONS, write_cohort
from typer.testing import CliRunner

from lnstation_training.cli import app
from LNStationLib.case.case import Case
from LNStationLib.models.package import read_package
from LNStationLib.state.settings import Settings

TITLE = ("--title", "Twelve boxes")


def call(*arguments: object) -> str:
    """Run a command and return what it printed."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("worked") / "cohort")


def prepare(cohort: Path, out: Path, *more: object) -> str:
    tables = ("--patients", cohort / "patients.csv", "--pathology", cohort / "pathology.csv")
    return call("prepare", *tables, "--size", "8,24,24", "--spacing", "5,2,2", "--folds", 3, "--out", out, *more)


@pytest.fixture(scope="module")
def prepared(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worked") / "prepared"
    said = prepare(cohort, folder, *TITLE)
    assert "12 patients, 12 of them with a labeled station, in 3 folds" in said
    return folder


def test_from_tables_to_a_package_that_tells_bright_nodes(cohort: Path, prepared: Path, tmp_path: Path) -> None:
    small = '{"width": 0.1}'
    fit = ("--data.batch_size", 8, "--model.learning_rate", 3e-3, "--trainer.max_epochs", 12)
    quiet = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
    where = ("--data.folder", prepared, "--out", tmp_path / "run", "--trainer.accelerator", "cpu")
    call("fit", *where, *fit, *quiet, "--model.network_arguments", small)
    assert "AUC of the largest short axis alone" in call("evaluate", tmp_path / "run", "--plots", "svg")
    call(
        "export",
        tmp_path / "run",
        "--out",
        tmp_path / "m.zip",
        "--id",
        "boxes",
        "--title",
        "Boxes",
        "--license",
        "CC0",
    )

    results = json.loads((tmp_path / "run" / "evaluation_test" / "results.json").read_text(encoding="utf-8"))
    assert {path.name for path in (tmp_path / "run" / "evaluation_test").glob("*.svg")} == {
        "roc.svg",
        "calibration.svg",
        "router_confusion.svg",
        "attention_inside.svg",
    }
    card = read_package(tmp_path / "m.zip").manifest
    assert (card.cohort.title, card.trained_on) == ("Twelve boxes", "clinical")
    auc = next(each["value"] for each in results["summary"]["metrics"] if each["metric"] == "auc")
    assert auc > 0.8
    # So small a training tells stations apart by rank alone; here it counts that an assessment takes the package.
    probabilities = judged(tmp_path / "m.zip", cohort / "P00")
    assert probabilities.keys() == set(STATIONS)
    assert all(0 < value < 1 for value in probabilities.values())


def judged(package: Path, folder: Path) -> dict[str, float]:
    """What the package says of a patient's stations, by the step of the pipeline that an assessment runs."""
    ct, stations, nodes = (sitk.ReadImage(str(folder / f"{name}.nii.gz")) for name in ("ct", "stations", "nodes"))
    case = Case(folder.name, ct, nodes=nodes)
    settings = Settings(metastasis="sa_moe", model=str(package), device="cpu", nodes="supplied")
    result = called(with_stations(case, stations, settings))
    probabilities = {name: result.stations[name].probability for name in STATIONS}
    assert None not in probabilities.values()
    return {name: float(value or 0) for name, value in probabilities.items()}


def test_a_station_without_pathology_is_cut_out_and_stays_unlabeled(prepared: Path) -> None:
    with (prepared / "samples.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["patient"], row["station"]): row for row in csv.DictReader(file)}
    assert len(rows) == 48
    assert rows["P00", "8"]["label"] == ""
    assert rows["P01", "8"]["label"] in ("0", "1")
    # A square of 5 x 5 pixels of 2 mm, whose diagonals are 14.1 mm.
    assert 10 <= float(rows["P00", "7"]["short_axis_mm"]) <= 14.2


def test_prepare_goes_on_where_it_stopped_and_more_workers_change_nothing(
    cohort: Path, prepared: Path, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    shutil.copytree(prepared, stopped)
    for path in sorted((stopped / "regions").glob("P0[3-9]*")):
        path.unlink()
    kept = (stopped / "regions" / "P01_ct.npy").stat().st_mtime_ns
    prepare(cohort, stopped, *TITLE, "--workers", 2)
    assert (stopped / "regions" / "P01_ct.npy").stat().st_mtime_ns == kept
    whole = sorted((prepared / "regions").glob("*.npy"))
    assert len(whole) > 12
    for path in whole:
        assert path.read_bytes() == (stopped / "regions" / path.name).read_bytes()
    assert (stopped / "samples.csv").read_bytes() == (prepared / "samples.csv").read_bytes()


def test_every_patient_whose_images_cannot_be_used_is_listed(cohort: Path, tmp_path: Path) -> None:
    far = sitk.ReadImage(str(cohort / "P02" / "stations.nii.gz"))
    other = tmp_path / "bad"
    other.mkdir()
    empty = sitk.Image(far.GetSize(), sitk.sitkUInt8)
    empty.CopyInformation(far)
    sitk.WriteImage(empty, str(other / "empty.nii.gz"))
    (other / "broken.nii.gz").write_bytes(b"no image")
    lines = ["patient,ct,stations"]
    for name, stations in (("A", "empty.nii.gz"), ("B", "broken.nii.gz"), ("C", "good.nii.gz")):
        lines.append(f"{name},ct.nii.gz,{stations}")
    sitk.WriteImage(far, str(other / "good.nii.gz"))
    sitk.WriteImage(sitk.ReadImage(str(cohort / "P02" / "ct.nii.gz")), str(other / "ct.nii.gz"))
    (other / "patients.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (other / "pathology.csv").write_text("patient,station,nodes_taken,nodes_positive\nA,7,1,0\n", encoding="utf-8")
    tables = ["--patients", str(other / "patients.csv"), "--pathology", str(other / "pathology.csv")]
    result = CliRunner().invoke(app, ["prepare", *tables, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "patient A: " in result.output
    assert "patient B: " in result.output
    assert "patient C: " not in result.output
