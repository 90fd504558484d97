"""Rows and settings of the experiment on PET/CT, and the tables drawn from its committed results."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'training' packages are not installed")

from lnstation_training.cohorts.info import CohortInfo  # noqa: E402
from lnstation_training.engine.experiment import Experiment, plan  # noqa: E402
from lnstation_training.engine.experiment_files import (  # noqa: E402
    TableLine,
    TableSpec,
    read_rows,
    read_setting,
    setting_geometry,
)
from lnstation_training.engine.prepared import claim_folder  # noqa: E402
from lnstation_training.engine.results import TABLES_FILE, read_results  # noqa: E402
from lnstation_training.engine.values import FoldResult  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.station_patches.result_tables import tables_markdown  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

FOLDER = Path(__file__).resolve().parents[4] / "Training" / "experiments" / "petct"
RESULTS = FOLDER / "results" / "reduced_2026_11_27"


@pytest.mark.parametrize("setting", ["reduced", "reduced_warped", "full"])
def test_rows_of_both_tasks_start_from_the_stations(setting: str, tmp_path: Path) -> None:
    task, rows = task_named("station_patches"), read_rows(FOLDER)
    geometry = setting_geometry(read_setting(FOLDER, setting), task.geometry)
    claim_folder(tmp_path, "n_staging", CohortInfo(title="drawn", synthetic=True), geometry)
    own = {name: task_named(row.task) for name, row in rows.rows.items() if row.task is not None}
    jobs = plan(Experiment(task, FOLDER, setting, tmp_path, tmp_path / "out", tmp_path / "runs", row_tasks=own))
    assert [job.row for job in jobs[:10]] == ["ts1", "ts1_pn"] * 5
    assert {job.row: job.task.name for job in jobs} == {
        "ts1": "station_patches",
        "ts1_centered": "station_patches",
        "ts2": "n_staging",
        "ts3": "n_staging",
        "ts2_without_pseudo": "n_staging",
        "ts1_pn": "station_patches",
        "ts2_pn": "n_staging",
        "ts3_pn": "n_staging",
    }
    of_pathology = {job.row for job in jobs if job.config["data"].get("target") == "pathology"}
    assert of_pathology == {"ts1_pn", "ts2_pn", "ts3_pn"}
    for job in jobs:
        if job.task.name == "n_staging":
            assert job.start == ("ts1_pn" if job.row in of_pathology else "ts1")


def test_committed_tables_are_those_of_the_committed_results() -> None:
    results = read_results(RESULTS, task_named("station_patches"))
    text = tables_markdown(read_rows(FOLDER), results)
    assert text == (RESULTS / TABLES_FILE).read_text(encoding="utf-8")
    assert "They are synthetic" in text


def test_rows_of_pathology_have_a_table_of_their_own_and_are_named_in_what_was_run() -> None:
    rows, results = read_rows(FOLDER), read_results(RESULTS, task_named("station_patches"))
    aimed = [of_pathology(result) for result in results["ts1"]]
    text = tables_markdown(rows, {**results, "ts1_pn": aimed})
    assert "The truth is imaging's (cN), of ts1_pn pathology's (pN)." in text
    table = text.split("## Sec. 5: pathology as the truth (pN)")[1].split("##")[0]
    assert "| TS 1: stations, N by rules (pN) |" in table
    assert "| SUVmax threshold |" in table


def test_rows_of_two_truths_are_not_tested_against_each_other() -> None:
    rows, results = read_rows(FOLDER), read_results(RESULTS, task_named("station_patches"))
    line = TableLine(rows=["ts2_pn"])
    table = TableSpec(title="mixed", kind="rows", reference="ts1", lines=[line])
    mixed = rows.model_copy(update={"tables": [table]})
    text = tables_markdown(mixed, {"ts1": results["ts1"], "ts2_pn": [of_pathology(each) for each in results["ts2"]]})
    assert text.split("## mixed")[1].strip().splitlines()[2].endswith("|  |  |  |  |")


def of_pathology(result: FoldResult) -> FoldResult:
    return result.model_copy(update={"evaluation": result.evaluation.model_copy(update={"target": "pathology"})})


def test_a_table_of_another_kind_is_refused() -> None:
    rows = read_rows(FOLDER)
    table = rows.tables[0].model_copy(update={"kind": "pie"})
    with pytest.raises(InputError, match="choose with_baselines, rows, confusion"):
        tables_markdown(rows.model_copy(update={"tables": [table]}), {})
