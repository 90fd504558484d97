"""DeepStationing's rows: each goes together, and a tiny experiment fills the tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import yaml  # noqa: E402
from training.station_segmentation.drawn_volumes import SPACING_MM, write_volumes  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli import app  # noqa: E402
from lnstation_training.engine.experiment_files import read_rows, read_setting, setting_geometry  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402

FOLDER = Path(__file__).parents[4] / "Training" / "experiments" / "deepstationing"
TASK = task_named("station_segmentation")
ROWS = read_rows(FOLDER)
TINY = {"filters": [4, 4, 4], "strides": [1, 2, 2]}


@pytest.mark.parametrize("name", ROWS.rows)
def test_a_row_has_a_network_and_as_many_channels_as_its_data_give(name: str) -> None:
    row = ROWS.rows[name]
    module = TASK.module(**{**row.model, "network_arguments": TINY})
    TASK.check_settings(module, TASK.data(Path("nowhere"), **row.data))
    assert len(module.channels) == 2 + row.model["n_organs"]


@pytest.mark.parametrize("setting", ["full", "reduced"])
def test_a_setting_runs_the_search_before_the_rows_that_follow_it(setting: str) -> None:
    read = read_setting(FOLDER, setting)
    setting_geometry(read, TASK.geometry)
    assert set(read.rows) <= set(ROWS.rows)
    assert read.rows[0] == "search"
    assert {"ct_only", "all_true", "all_predicted", "searched_6"} <= set(read.rows)


def test_the_papers_columns_ablations_and_numbers_of_organs_are_there() -> None:
    assert [ROWS.rows[f"searched_{n}"].data["n_organs"] for n in range(3, 22, 3)] == list(range(3, 22, 3))
    lines = {table.title: [line.rows[0] for line in table.lines] for table in ROWS.tables}
    assert lines["Table 1: Dice, HD and ASD by station"] == ["ct_only", "all_true", "all_predicted", "searched_6"]
    assert len(lines["Ablations"]) == 7
    assert len(lines["Backbones"]) == 3


def test_a_tiny_experiment_searches_trains_anew_and_draws_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_in, labels = set(), TASK.module.labels

    def recorded(module: object, batch: object) -> object:
        drawn_in.add(torch.is_autocast_enabled("cpu"))
        return labels(module, batch)

    monkeypatch.setattr(TASK.module, "labels", recorded)
    volumes = write_volumes(tmp_path / "volumes")
    folder = tmp_path / "experiment"
    folder.mkdir()
    shutil.copy(FOLDER / "rows.yaml", folder)
    setting = {
        "title": "tiny", "region": {"spacing_mm": list(SPACING_MM)}, "folds": [0], "model": {"window": [8, 16, 16]},
        "data": {"patch": [8, 16, 16], "batch_size": 1, "patches_per_epoch": 2, "validation_patients": 1,
                 "augment": False},
        "trainer": {"max_epochs": 1, "accelerator": "cpu", "precision": "bf16-mixed"},
        "network_arguments": {"dynunet": TINY},
        "rows": ["search", "searched_6"],
    }  # fmt: skip
    (folder / "tiny.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    flags = ["--data", str(volumes), "--out", str(tmp_path / "results"), "--setting", "tiny", "--threads", "1"]
    done = CliRunner().invoke(app, ["experiment", str(folder), *flags])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "results" / "tables.md").read_text(encoding="utf-8")
    assert drawn_in == {True}, "validation and test run in the precision of the training"
    assert "## Search: organs by weight" in text
    assert "| CT only | not run |" in text
    assert "| CT + searched 6, predicted | 6 |" in text
