"""What every task promises, and that a task from outside needs no change of the library.

Each task goes the whole way by the commands of ``run.py train``: prepare, fit, evaluate, export; then its package is
loaded, predicts what the run predicts, and assesses a case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import yaml  # noqa: E402
from contracts.toy_task import ToySection, ToyTask, write_toy_cohort  # noqa: E402
from edited_patient import COARSE_MM, parsed, patient  # noqa: E402
from training.drawn_cohort import write_cohort  # noqa: E402
from training.drawn_nodes import write_node_cohort  # noqa: E402
from training.drawn_organs import write_organ_cohort  # noqa: E402
from training.drawn_pet_ct import write_pet_ct_cohort  # noqa: E402
from training.node_detection.drawn_patients import write_detection_cohort  # noqa: E402
from training.station_segmentation.drawn_tables import write_station_cohort  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli import app  # noqa: E402
from lnstation_training.cohorts.splits import SPLITS_FILE, read_splits  # noqa: E402
from lnstation_training.engine.evaluate import as_json, evaluate_run  # noqa: E402
from lnstation_training.engine.export import round_weights  # noqa: E402
from lnstation_training.engine.loading import load_packaged, load_run  # noqa: E402
from lnstation_training.engine.prepared import PREPARED_FILE  # noqa: E402
from lnstation_training.engine.runs import Run, read_config  # noqa: E402
from lnstation_training.engine.task import Task  # noqa: E402
from lnstation_training.tasks import register_task, task_named, task_names, task_of_run, unregister_task  # noqa: E402
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.assessment.assess import assess, judge_case  # noqa: E402
from LNStationLib.assessment.methods import REGISTRIES, check_methods, settings_for_package  # noqa: E402
from LNStationLib.case.case import Case  # noqa: E402
from LNStationLib.models.package import PackageError, read_manifest, register_section  # noqa: E402
from LNStationLib.models.package import sections as package_sections  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

TOY = ToyTask()
SIZE = {
    "station_classification": ("--size", "8,24,24", "--spacing", "5,2,2"),
    "node_classification": ("--size", "4,32,32", "--spacing", "5,2,2"),
    "organ_segmentation": ("--spacing", "5,4,4"),
    "station_segmentation": ("--spacing", "5,4,4"),
    "node_detection": ("--spacing", "5,4,4"),
    "node_candidates": ("--spacing", "5,4,4"),
    "station_patches": ("--size", "4,8,8", "--spacing", "5,4,4"),
    "n_staging": ("--size", "4,8,8", "--spacing", "5,4,4"),
    TOY.name: (),
}
COHORTS: dict[str, Callable[[Path], Path]] = {
    "station_classification": write_cohort,
    "node_classification": write_node_cohort,
    "organ_segmentation": write_organ_cohort,
    "station_segmentation": write_station_cohort,
    "node_detection": write_detection_cohort,
    "node_candidates": write_detection_cohort,
    "station_patches": write_pet_ct_cohort,
    "n_staging": write_pet_ct_cohort,
    TOY.name: write_toy_cohort,
}
"""How to draw a cohort for each task: a new task adds a line."""
SMALL = {
    "station_classification": ("--model.network_arguments", '{"width": 0.1}'),
    "node_classification": ("--model.network_arguments", '{"width": 0.1, "n_sets": 2, "fused": 8}'),
    "organ_segmentation": (
        *(
            "--model.network_arguments",
            '{"filters": [4, 4, 4], "strides": [1, 2, 2]}',
            "--model.window",
            "[32, 32, 32]",
        ),
        *("--data.patch", "[16, 16, 16]", "--data.patches_per_epoch", "2"),
    ),
    "station_segmentation": (
        *("--model.network_arguments", '{"filters": [4, 4, 4], "strides": [1, 2, 2]}', "--model.n_organs", "6"),
        *("--model.window", "[16, 16, 16]", "--data.patch", "[16, 16, 16]", "--data.patches_per_epoch", "2"),
        *("--data.organs", "oncologists", "--data.organ_source", "true"),
    ),
    "node_detection": (
        *("--model.network_arguments", '{"filters": [4, 4, 4], "strides": [1, 2, 2]}'),
        *("--model.spacing_mm", "[5.0, 4.0, 4.0]", "--model.window", "[16, 16, 16]"),
        *("--data.patch", "[16, 16, 16]", "--data.patches_per_epoch", "2"),
    ),
    "node_candidates": (
        *("--model.network_arguments", '{"filters": [4, 4], "features": 8}', "--data.size", "[8, 12, 12]"),
        *("--data.margin", "2", "--data.jitter", "1"),
    ),
    "station_patches": ("--model.network_arguments", '{"filters": [4, 4]}'),
    "n_staging": ("--model.network_arguments", '{"filters": [4, 4]}'),
    TOY.name: ("--model.network_arguments", '{"width": 0.1}'),
}
"""A network of a second for each task."""
TASKS = [*task_names(), TOY.name]


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[None]:
    register_task(TOY)
    register_section(ToySection)
    yield
    unregister_task(TOY.name)
    del package_sections._SECTIONS[ToySection.task]


@dataclass(frozen=True)
class Journey:
    """What the commands left of one task."""

    task: Task
    prepared: Path
    run: Path
    package: Path

    def loaded(self) -> Run:
        return load_run(self.run, self.task)


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def tables(cohort: Path) -> list[object]:
    flags = {"--pathology": cohort / "pathology.csv", "--node-pathology": cohort / "node_pathology.csv"}
    given = [part for flag, path in flags.items() if path.exists() for part in (flag, path)]
    return ["--patients", cohort / "patients.csv", *given]


def fit_flags(prepared: Path, run: Path, task: str) -> list[object]:
    network = SMALL[task]
    quiet = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
    where = ("--data.folder", prepared, "--out", run, "--trainer.accelerator", "cpu")
    return [*where, *quiet, *network, "--trainer.max_epochs", 1]


@pytest.fixture(scope="module", params=TASKS)
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    task, folder = task_named(request.param), tmp_path_factory.mktemp(request.param)
    cohort, prepared, run, package = (folder / name for name in ("cohort", "prepared", "run", "package.zip"))
    COHORTS[task.name](cohort)
    call("prepare", "--task", task.name, *tables(cohort), "--folds", 3, "--out", prepared, *SIZE[task.name])
    call("fit", "--task", task.name, *fit_flags(prepared, run, task.name))
    call("evaluate", run)
    call("export", run, "--out", package, "--id", "drawn", "--title", "Drawn", "--license", "CC0")
    return Journey(task, prepared, run, package)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_declares_what_the_engine_asks_for(name: str) -> None:
    task = task_named(name)
    assert task.name == name
    assert task.title
    assert task.unit == task.data.unit
    assert task.monitor.mode in ("min", "max")
    assert task.geometry() == task.geometry.model_validate({})
    assert name in COHORTS, f"draw a cohort for {name} in COHORTS"


def test_prepared_data_name_their_task_and_hold_folds_of_patients(journey: Journey) -> None:
    content = json.loads((journey.prepared / PREPARED_FILE).read_text(encoding="utf-8"))
    assert content["task"] == journey.task.name
    assert journey.task.geometry.model_validate(content["region"])
    assert read_splits(journey.prepared / SPLITS_FILE).n_folds == 3


def test_samples_are_labeled_and_of_the_patients_of_the_folds(journey: Journey) -> None:
    data = journey.loaded().data
    data.setup()
    for part, dataset in data.datasets.items():
        assert len(dataset) == len(dataset.samples) > 0
        item = dataset[0]
        assert item["patient"] == dataset.samples[0].patient, part
        assert float(item["label"]) == dataset.samples[0].label


def test_a_step_of_fit_logs_what_is_monitored_and_keeps_the_best_epoch(journey: Journey) -> None:
    header = (journey.run / "logs" / "metrics.csv").read_text(encoding="utf-8").splitlines()[0]
    assert journey.task.monitor.metric in header.split(",")
    assert (journey.run / "checkpoints" / "best.ckpt").exists()
    assert read_config(journey.run)["task"] == journey.task.name
    assert task_of_run(journey.run).name == journey.task.name


def test_an_evaluation_comes_back_from_json_and_fills_its_table(journey: Journey) -> None:
    found = evaluate_run(journey.run, journey.task, n_resamples=20)
    again = journey.task.evaluation.model_validate(as_json(found))
    assert again.headline() == found.headline()
    report = journey.task.report(found)
    assert all(len(row) == len(report.columns) for row in report.rows)
    content = json.loads((journey.run / "evaluation_test" / "results.json").read_text(encoding="utf-8"))
    assert content["part"] == "test"
    assert len(list((journey.run / "evaluation_test").iterdir())) > 1


def test_the_package_says_its_task_and_is_refused_by_others(journey: Journey) -> None:
    manifest = read_manifest(journey.package)
    assert manifest.task == journey.task.name
    assert all(manifest.section.network_input(role).channels for role in manifest.section.network_roles)
    assert manifest.metrics
    other = next(task_named(name) for name in TASKS if name != journey.task.name)
    with pytest.raises(PackageError, match=f"made for the task {journey.task.name}"):
        load_packaged(journey.package, other)


def test_the_loaded_package_predicts_what_the_run_predicts(journey: Journey) -> None:
    task, run = journey.task, journey.loaded()
    round_weights(run.module.network, "float16")
    expected = task.predict(run.module, run.data, "test", "cpu")
    found = task.predict(load_packaged(journey.package, task), run.data, "test", "cpu")
    assert len(found) == len(run.data.datasets["test"])
    for one, other in zip(expected, found, strict=True):
        # The same weights may sum up in another order where their memory is aligned otherwise.
        assert _numbers(one.model_dump()) == pytest.approx(_numbers(other.model_dump()), abs=1e-4)


def _numbers(content: Any) -> list[float]:
    if isinstance(content, dict):
        return [number for each in content.values() for number in _numbers(each)]
    if isinstance(content, list):
        return [number for each in content for number in _numbers(each)]
    return [float(content)] if isinstance(content, (int, float)) else []


def test_a_case_is_assessed_with_the_package(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    task, package = journey.task.name, str(journey.package)
    if not any(method.package_task == task for registry in REGISTRIES.values() for method in registry):
        with pytest.raises(InputError, match="no method here uses model packages of the task"):
            settings_for_package(Settings(), task, package)
        return
    settings = settings_for_package(Settings(working_spacing_mm=COARSE_MM), task, package)
    if settings.nodes.method is not None:
        monkeypatch.delenv("LNSTATION_NO_NODE_NETWORK")
    if settings.organs.method is None and settings.stations.method is None:
        # What comes before the step of the package is the same for all of them.
        check_methods(settings, patient())
        answer = judge_case(replace(parsed(), settings=settings)).assessment
    else:
        answer = assess(case_for_outlines(settings, monkeypatch), settings).assessment
    (step,) = (row for row in answer.provenance if row.model_package == "drawn")
    assert step.trained_on == read_manifest(journey.package).trained_on
    assert len(answer.stations) == len(anatomy.stations())


def case_for_outlines(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Case:
    """5 cm of the patient: what an untrained network outlines is all pieces."""
    case = patient()
    part = case.ct[:, :, case.ct.GetDepth() // 2 :][:, :, :14]
    if settings.organs.method is None:
        return replace(case, ct=part)
    monkeypatch.delenv("LNSTATION_NO_ORGAN_NETWORK")
    # A mask that is supplied comes before any network.
    return replace(case, ct=part, pet=None, nodes=None, tumor=None, organ_masks={}, organ_origins={})


def test_data_of_another_task_are_refused_with_the_way_out(journey: Journey, tmp_path: Path) -> None:
    other = next(name for name in TASKS if name != journey.task.name)
    flags = [str(flag) for flag in fit_flags(journey.prepared, tmp_path / "run", other)]
    result = CliRunner().invoke(app, ["fit", "--task", other, *flags])
    assert result.exit_code == 2
    assert f"was prepared for the task {journey.task.name}" in " ".join(result.output.split())


def test_a_task_from_outside_runs_an_experiment_and_draws_its_tables(tmp_path: Path) -> None:
    cohort, prepared, folder = write_toy_cohort(tmp_path / "cohort"), tmp_path / "prepared", tmp_path / "paper"
    call("prepare", "--task", TOY.name, *tables(cohort), "--folds", 3, "--out", prepared)
    folder.mkdir()
    small = {"model": {"network": "mobilevitv2", "network_arguments": {"width": 0.1}}}
    rows = {"title": "Toy", "task": TOY.name, "rows": {"small": {"title": "Small", **small}}, "tables": []}
    region = TOY.geometry().model_dump(mode="json")
    setting = {"title": "one epoch", "region": region, "folds": [0], "rows": ["small"]}
    setting["trainer"] = {"max_epochs": 1, "accelerator": "cpu"}
    (folder / "rows.yaml").write_text(yaml.safe_dump(rows), encoding="utf-8")
    (folder / "quick.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    call("experiment", folder, "--data", prepared, "--out", tmp_path / "results", "--setting", "quick")
    text = (tmp_path / "results" / "tables.md").read_text(encoding="utf-8")
    assert text.startswith("# Toy\nsmall: test accuracy ")


def test_an_unknown_task_is_named_with_those_there_are(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["prepare", "--task", "node_growth", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "There is no task 'node_growth': choose station_classification" in " ".join(result.output.split())


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="there is a task 'toy_patients' already"):
        register_task(TOY)
    with pytest.raises(InputError, match="There is no task"):
        task_named("nothing")
