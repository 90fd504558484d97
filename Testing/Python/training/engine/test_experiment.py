"""Rows times folds: run once, gone on with after a stop, held to their settings, and drawn as tables."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import yaml  # noqa: E402
from training.prepared import SPEC, write_prepared  # noqa: E402
from training.runs import SMALL  # noqa: E402

from lnstation_training.engine import experiment as module  # noqa: E402
from lnstation_training.engine.experiment import Experiment, plan, run_experiment  # noqa: E402
from lnstation_training.engine.experiment_files import read_rows, read_setting, setting_geometry  # noqa: E402
from lnstation_training.engine.loading import load_run  # noqa: E402
from lnstation_training.engine.module import TrainingDivergedError  # noqa: E402
from lnstation_training.engine.results import read_result, read_results, result_from_json, write_tables  # noqa: E402
from lnstation_training.engine.values import FoldResult  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from lnstation_training.tasks.station_classification.lightning_module import StationModule  # noqa: E402
from lnstation_training.tasks.station_classification.result_tables import pool, tables_markdown  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

TASK = task_named("station_classification")
SA_MOE = Path(__file__).resolve().parents[4] / "Training" / "experiments" / "sa_moe"
SETTING = {
    "title": "drawn regions, 1 epoch",
    "region": SPEC.model_dump(mode="json"),
    "folds": [0],
    "model": {"learning_rate": 2e-3},
    "trainer": {"max_epochs": 1, "accelerator": "cpu"},
    "network_arguments": {"mobilevitv2": SMALL, "mobilevitv2_sa_moe": SMALL},
    "rows": ["backbone", "attention_sa_moe"],
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Two rows on one fold."""
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "sa_moe").mkdir()
    shutil.copy(SA_MOE / "rows.yaml", folder / "sa_moe")
    (folder / "sa_moe" / "tiny.yaml").write_text(yaml.safe_dump(SETTING), encoding="utf-8")
    prepared = write_prepared(folder / "data")
    wanted = Experiment(TASK, folder / "sa_moe", "tiny", prepared, folder / "results", folder / "runs")
    assert run_experiment(wanted) == 2
    return wanted


def test_every_run_leaves_a_json_without_paths(done: Experiment) -> None:
    for row in ("backbone", "attention_sa_moe"):
        path = done.out / row / "fold_0.json"
        result = read_result(path, TASK)
        assert (result.row, result.fold, result.evaluation.part) == (row, 0, "test")
        assert len(result.evaluation.samples) == 18
        assert str(done.data) not in path.read_text(encoding="utf-8")
    assert result.config["model"]["network_arguments"] == SMALL
    assert result.evaluation.counts["train"].patients == 6


def test_what_is_there_is_not_run_again(done: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("it was run again")

    monkeypatch.setattr(module, "run_job", never)
    assert run_experiment(done) == 0


def test_a_missing_fold_is_the_only_one_that_is_run(done: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def noted(job: module.Job, progress: object = None) -> FoldResult:
        asked.append((job.row, job.fold))
        return read_result(done.out / job.row / "fold_0.json", TASK)

    monkeypatch.setattr(module, "run_job", noted)
    assert run_experiment(replace(done, folds=(0, 1))) == 2
    assert asked == [("backbone", 1), ("attention_sa_moe", 1)]


def test_a_run_that_diverges_ends_itself_and_those_that_start_from_it(
    done: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def diverging(job: module.Job, progress: object = None) -> FoldResult:
        asked.append((job.row, job.fold))
        if (job.row, job.fold) == ("stem", 0):
            raise TrainingDivergedError("The loss is nan in epoch 3.")
        return read_result(done.out / "backbone" / "fold_0.json", TASK)

    folder = tmp_path / "sa_moe"
    folder.mkdir()
    shutil.copy(SA_MOE / "rows.yaml", folder)
    setting = {**SETTING, "rows": ["backbone", "sa_moe"], "start_from": {"mobilevitv2_sa_moe": "stem"}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    monkeypatch.setattr(module, "run_job", diverging)
    wanted = replace(done, folder=folder, out=tmp_path / "results", runs=tmp_path / "runs", folds=(0, 1))
    told: list[str] = []
    with pytest.raises(
        TrainingDivergedError, match=r"the others are done. stem, fold 0: The loss is nan in epoch 3."
    ):
        run_experiment(wanted, lambda step, fraction: told.append(step))
    assert sorted(asked) == [("backbone", 0), ("backbone", 1), ("sa_moe", 1), ("stem", 0), ("stem", 1)]
    assert "stem, fold 0 came to no result (1 of 6)" in told


def test_results_of_other_settings_are_refused(done: Experiment) -> None:
    with pytest.raises(InputError, match=r"fold_0.json was made with other settings"):
        run_experiment(replace(done, trainer={"max_epochs": 3}))


def test_unknown_rows_and_settings_are_named(done: Experiment) -> None:
    with pytest.raises(InputError, match="unknown rows resnet19; there are resnet18"):
        plan(replace(done, rows=("resnet19",)))
    with pytest.raises(InputError, match="has no setting 'huge'; it has tiny"):
        plan(replace(done, setting="huge"))


def test_data_of_another_geometry_are_refused_with_the_way_out(done: Experiment, tmp_path: Path) -> None:
    shutil.copytree(SA_MOE, tmp_path / "sa_moe")
    with pytest.raises(InputError, match=r"prepare it with --setting .*reduced.yaml"):
        plan(replace(done, folder=tmp_path / "sa_moe", setting="reduced"))


def test_the_tables_say_what_was_run_and_what_was_not(done: Experiment) -> None:
    text = write_tables(done.folder, done.out, TASK).read_text(encoding="utf-8")
    assert "18 patients, 54 labeled stations. They are synthetic" in text
    assert "Folds run: 0; in each, 6 patients train" in text
    assert "Epochs: 1." in text
    lines = text.splitlines()
    assert any(line.startswith("| ResNet-18 | not run |") for line in lines)
    backbone = next(line for line in lines if line.startswith("| MobileViTv2 | 0.07 M |"))
    assert " to " in backbone
    columns = {len(line.split("|")) for line in lines[lines.index("## Table 1: networks") + 2 :][:12]}
    assert len(columns) == 1


def test_folds_are_taken_together_after_calibration(done: Experiment) -> None:
    first = read_result(done.out / "backbone" / "fold_0.json", TASK)
    shifted = json.loads(first.model_dump_json())
    shifted["fold"] = 1
    for sample in shifted["evaluation"]["samples"]:
        sample["logit"] += 100
        sample["patient"] += "b"
    content = json.loads(first.model_dump_json())
    content["evaluation"]["calibration"] = {"slope": 1.0, "intercept": 0.0, "fitted_on": "fold 0"}
    plain = result_from_json(content, TASK)
    shifted["evaluation"]["calibration"] = {"slope": 1.0, "intercept": -100.0, "fitted_on": "fold 1"}
    other = result_from_json(shifted, TASK)
    auc = plain.evaluation.summary.metric("auc").value
    assert pool([plain, other]).summary.metric("auc").value == pytest.approx(auc)


def test_results_that_do_not_go_together_make_no_table(done: Experiment, tmp_path: Path) -> None:
    for row in ("backbone", "attention_sa_moe"):
        content = json.loads((done.out / row / "fold_0.json").read_text(encoding="utf-8"))
        content["evaluation"]["epochs"] = 1 if row == "backbone" else 2
        (tmp_path / row).mkdir()
        (tmp_path / row / "fold_0.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="mixes results of different numbers of epochs: 1; 2"):
        read_results(tmp_path, TASK)
    rows = read_rows(SA_MOE)
    second = rows.rows["attention_sa_moe"].model_copy(update={"stage": "second"})
    staged = rows.model_copy(update={"rows": {**rows.rows, "attention_sa_moe": second}})
    assert set(read_results(tmp_path, TASK, staged)) == {"backbone", "attention_sa_moe"}


def test_the_papers_rows_and_tables_are_all_there_in_both_settings() -> None:
    rows = read_rows(SA_MOE)
    # The paper's four, and two beyond it.
    assert len(rows.tables) == 6
    assert len(rows.tables[0].lines) == 11
    for name in ("full", "gpu", "reduced", "routing"):
        setting = read_setting(SA_MOE, name)
        assert set(setting.rows) <= set(rows.rows)
    routing = set(read_setting(SA_MOE, "routing").rows)
    assert set(read_setting(SA_MOE, "full").rows) | routing == set(rows.rows)


@pytest.mark.parametrize("row", list(read_rows(SA_MOE).rows))
def test_every_row_of_the_reduced_setting_trains_a_step(row: str) -> None:
    rows, setting = read_rows(SA_MOE), read_setting(SA_MOE, "reduced")
    config = module._config(rows.rows[row], row, setting, {})
    task = StationModule(**config["model"])
    data = StationDataModule(Path("nowhere"), **config["data"])
    # Vision transformers are built for one size; the others are quicker on a smaller one.
    one_size = "t" in config["model"]["network"].split("_")
    size = setting_geometry(setting, TASK.geometry).size if one_size else (8, 24, 24)
    region = torch.zeros(2, 2, *size)
    region[:, 1, 4, 10:14, 10:14] = 1
    batch = {
        "region": region,
        "label": torch.tensor([0.0, 1.0]),
        "group": torch.tensor([0, data.n_groups - 1]),
        "owner": torch.tensor([0, 1]),
        "patient": ["a", "b"],
    }
    loss = task.losses(batch)[1].total
    loss.backward()
    assert torch.isfinite(loss)


def test_tables_need_no_data(done: Experiment) -> None:
    assert tables_markdown(read_rows(done.folder), read_results(done.out, TASK)).startswith("# Station metastasis")


@pytest.mark.parametrize("results", sorted((SA_MOE / "results").iterdir()), ids=lambda path: path.name)
def test_committed_tables_are_drawn_from_the_committed_results(results: Path) -> None:
    committed = (results / "tables.md").read_text(encoding="utf-8")
    assert committed == tables_markdown(read_rows(SA_MOE), read_results(results, TASK))
    assert "They are synthetic" in committed


def test_rows_start_from_the_row_that_the_setting_names_and_it_is_run_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sa_moe"
    folder.mkdir()
    shutil.copy(SA_MOE / "rows.yaml", folder)
    start = {"mobilevitv2": "stem", "mobilevitv2_sa_moe": "stem"}
    setting = {**SETTING, "rows": ["sa_moe"], "start_from": start, "model": {"learning_rate": 1e-12}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    prepared = write_prepared(tmp_path / "data")
    wanted = Experiment(
        TASK, folder, "tiny", prepared, tmp_path / "results", tmp_path / "runs", workers=2, folds=(0, 1)
    )
    spread_over = []

    def spread_here(work: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Iterator[tuple[Any, Any]]:
        """In this process: to start one takes longer than its training here (``support/test_processes.py``)."""
        spread_over.append((tuple(job.row for job in jobs), workers))
        for job in jobs:
            work_sent, job_sent = pickle.loads(pickle.dumps((work, job)))
            yield job, work_sent(job_sent)

    monkeypatch.setattr(module, "spread", spread_here)
    order = [(job.row, job.fold, job.start) for job in plan(wanted)]
    assert order == [("stem", 0, None), ("stem", 1, None), ("sa_moe", 0, "stem"), ("sa_moe", 1, "stem")]
    # One fold with two workers: the row must wait for its start though a worker is free.
    wanted = replace(wanted, folds=(1,))
    assert run_experiment(wanted) == 2
    assert spread_over == [(("stem",), 2), (("sa_moe",), 2)]
    stem, row = (load_run(wanted.runs / name / "fold_1", TASK).module.network for name in ("stem", "sa_moe"))
    torch.testing.assert_close(row.stem[0][0].weight, stem.stem[0][0].weight, atol=1e-6, rtol=0)
    assert read_result(wanted.out / "sa_moe" / "fold_1.json", TASK).config["start_from"] == "stem"
    assert str(tmp_path) not in (wanted.out / "sa_moe" / "fold_1.json").read_text(encoding="utf-8")
    assert run_experiment(wanted) == 0
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**setting, "start_from": {"mobilevitv2_sa_moe": "root"}}))
    with pytest.raises(InputError, match="unknown rows root"):
        plan(wanted)


def test_a_row_may_start_from_a_row_of_its_own_choice_and_be_of_a_later_stage(tmp_path: Path) -> None:
    folder = tmp_path / "paper"
    folder.mkdir()
    network = {"network": "mobilevitv2", "attention_weight": 0.0}
    rows = {
        "first": {"title": "1", "model": network},
        "second": {"title": "2", "model": network, "start_from": "first"},
    }
    setting = {**SETTING, "rows": ["second"], "folds": [0]}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    (folder / "rows.yaml").write_text(yaml.safe_dump({"title": "Two", "rows": rows, "tables": []}), encoding="utf-8")
    prepared = write_prepared(tmp_path / "data")
    wanted = Experiment(TASK, folder, "tiny", prepared, tmp_path / "results", tmp_path / "runs")
    assert [(job.row, job.start) for job in plan(wanted)] == [("first", None), ("second", "first")]
    rows["second"]["stage"] = "later"
    stages = {"later": {"model": {"learning_rate": 0.5}, "data": {"batch_size": 3}, "trainer": {"max_epochs": 7}}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**setting, "stages": stages}), encoding="utf-8")
    (folder / "rows.yaml").write_text(yaml.safe_dump({"title": "Two", "rows": rows, "tables": []}), encoding="utf-8")
    first, second = (job.config for job in plan(wanted))
    assert (second["model"]["learning_rate"], second["data"]["batch_size"]) == (0.5, 3)
    assert (first["trainer"]["max_epochs"], second["trainer"]["max_epochs"]) == (SETTING["trainer"]["max_epochs"], 7)
    assert first["model"].get("learning_rate") == setting.get("model", {}).get("learning_rate")
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**setting, "stages": {"last": {}}}), encoding="utf-8")
    with pytest.raises(InputError, match="setting tiny has the stage last, and no row is of it"):
        plan(wanted)
    rows["first"]["start_from"] = "backbone-file"
    rows["second"].pop("stage")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    (folder / "rows.yaml").write_text(yaml.safe_dump({"title": "Two", "rows": rows, "tables": []}), encoding="utf-8")
    wanted = replace(wanted, rows=["first", "second"])
    with pytest.raises(InputError, match="starts from the weights of a backbone"):
        plan(wanted)
    weights = tmp_path / "backbone.safetensors"
    jobs = plan(replace(wanted, backbone=weights))
    assert [(job.start_weights, job.needed_runs) for job in jobs] == [
        (weights, set()), (tmp_path / "runs" / "first" / "fold_0", {tmp_path / "runs" / "first" / "fold_0"})
    ]  # fmt: skip
    assert str(tmp_path) not in str(jobs[0].config)
    rows["second"]["start_from"] = "third"
    (folder / "rows.yaml").write_text(yaml.safe_dump({"title": "Two", "rows": rows, "tables": []}), encoding="utf-8")
    with pytest.raises(InputError, match="row second starts from the unknown row third"):
        plan(wanted)


def test_rows_name_their_task_and_rows_of_before_tasks_had_names_are_of_the_default_one(tmp_path: Path) -> None:
    assert task_named(read_rows(SA_MOE).task).name == "station_classification"
    rows = yaml.safe_load((SA_MOE / "rows.yaml").read_text(encoding="utf-8"))
    del rows["task"]
    (tmp_path / "rows.yaml").write_text(yaml.safe_dump(rows), encoding="utf-8")
    assert read_rows(tmp_path).task is None
    assert task_named(read_rows(tmp_path).task).name == "station_classification"
