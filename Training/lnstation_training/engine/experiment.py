"""Rows of a table times folds: each is trained and evaluated once; a stopped experiment is resumed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lnstation_training.engine.epoch_callbacks import EpochProgress, read_history
from lnstation_training.engine.evaluate import evaluate_run, write_json
from lnstation_training.engine.experiment_files import (
    BACKBONE,
    Row,
    Setting,
    Stage,
    read_rows,
    read_setting,
    setting_geometry,
)
from lnstation_training.engine.fit import LOGS, METRICS_FILE, fit
from lnstation_training.engine.module import TrainingDivergedError
from lnstation_training.engine.prepared import read_geometry
from lnstation_training.engine.results import read_result
from lnstation_training.engine.task import Task
from lnstation_training.engine.values import FoldResult
from LNStationLib.support.errors import InputError
from LNStationLib.support.processes import spread
from LNStationLib.support.progress import Progress, portion, silent

_Outcome = FoldResult | TrainingDivergedError
_RUN_OF = "run-of:"
"""``model: {anchors: run-of:anchor}`` in ``rows.yaml`` stands for the run of another row on the same fold."""


@dataclass(frozen=True)
class Experiment:
    """An experiment that is wanted.

    Attributes:
        task: Of all rows.
        folder: Holds ``rows.yaml`` and the settings.
        setting: Name of a setting, the file's without ``.yaml``.
        data: Prepared cohort.
        out: Gets ``ROW/fold_K.json``.
        runs: Gets checkpoints and logs.
        rows: Rows to run; empty for the setting's.
        folds: Folds to run; empty for the setting's.
        workers: Runs at a time, each in a process of its own.
        threads: Threads of a run; ``None`` lets torch choose.
        trainer: Arguments of the trainer that take the setting's place (``accelerator``, ``devices``, ...).
        row_tasks: By row, the task of those that have one of their own.
        backbone: Weights of a backbone, for rows that start from them.
    """

    task: Task
    folder: Path
    setting: str
    data: Path
    out: Path
    runs: Path
    rows: Sequence[str] = ()
    folds: Sequence[int] = ()
    workers: int = 1
    threads: int | None = None
    trainer: Mapping[str, Any] = field(default_factory=dict)
    row_tasks: Mapping[str, Task] = field(default_factory=dict)
    backbone: Path | None = None


@dataclass(frozen=True)
class Job:
    """One row on one fold."""

    experiment: Experiment
    setting_title: str
    row: str
    fold: int
    config: Mapping[str, Any]

    @property
    def task(self) -> Task:
        """Of the row."""
        return self.experiment.row_tasks.get(self.row, self.experiment.task)

    @property
    def title(self) -> str:
        """Row and fold, for people."""
        return f"{self.row}, fold {self.fold}"

    @property
    def start(self) -> str | None:
        """Row whose weights this run starts from, or ``BACKBONE``."""
        row: str | None = self.config.get("start_from")
        return row

    @property
    def result(self) -> Path:
        """Where its figures go."""
        return self.experiment.out / self.row / f"fold_{self.fold}.json"

    @property
    def run(self) -> Path:
        """Where its checkpoints go."""
        return self.run_of(self.row)

    @property
    def start_weights(self) -> Path | None:
        """Run or file whose weights this one starts from."""
        if self.start == BACKBONE:
            return self.experiment.backbone
        return None if self.start is None else self.run_of(self.start)

    @property
    def needed_runs(self) -> set[Path]:
        """Runs that must be finished before this one begins."""
        rows = {self.start, *_named_rows(self.config["model"])} - {None, BACKBONE}
        return {self.run_of(row) for row in rows if row is not None}

    def run_of(self, row: str) -> Path:
        """Where the checkpoints of a row on this fold go."""
        return self.experiment.runs / row / f"fold_{self.fold}"


def plan(experiment: Experiment) -> list[Job]:
    """All runs of an experiment, fold by fold, so that every row has a first fold early.

    Those that others start from come before all.

    Raises:
        InputError: Unknown rows or setting, or data of another geometry.
    """
    rows, setting = read_rows(experiment.folder), read_setting(experiment.folder, experiment.setting)
    names = list(experiment.rows) or setting.rows
    named = [row for name in names if name in rows.rows for row in _named_rows(rows.rows[name].model)]
    unknown = [name for name in [*names, *setting.start_from.values(), *named] if name not in rows.rows]
    if unknown:
        raise InputError(f"unknown rows {', '.join(unknown)}; there are {', '.join(rows.rows)}.")
    strange = sorted(set(setting.stages) - {row.stage for row in rows.rows.values()})
    if strange:
        raise InputError(f"setting {experiment.setting} has the stage {strange[0]}, and no row is of it.")
    _check_geometry(experiment, setting)
    starts = {*(_start(rows.rows[name], name, setting) for name in names), *named} - {None}
    if BACKBONE in starts and experiment.backbone is None:
        raise InputError("a row starts from the weights of a backbone: give their file, made by train backbone.")
    starts -= {BACKBONE}
    names = [*sorted(filter(None, starts - set(names))), *names]
    folds = list(experiment.folds) or setting.folds
    jobs = [
        Job(experiment, setting.title, name, fold, _config(rows.rows[name], name, setting, experiment.trainer))
        for fold in folds
        for name in names
    ]
    return sorted(jobs, key=lambda job: job.row not in starts)


def _check_geometry(experiment: Experiment, setting: Setting) -> None:
    wanted = setting_geometry(setting, experiment.task.geometry)
    found = read_geometry(experiment.data, experiment.task.geometry)
    different = [
        f"{name} {_in_brief(getattr(found, name))} instead of {_in_brief(getattr(wanted, name))}"
        for name in type(wanted).model_fields
        if getattr(found, name) != getattr(wanted, name)
    ]
    if different:
        raise InputError(
            f"{experiment.data} has {', '.join(different)}, as the setting {experiment.setting} wants: prepare it "
            f"with --setting {experiment.folder / experiment.setting}.yaml."
        )


def _in_brief(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _start(row: Row, name: str, setting: Setting) -> str | None:
    start = row.start_from or setting.start_from.get(row.model["network"])
    return None if start == name else start


def _named_row(value: Any) -> str | None:
    """The row whose run a value of a model's settings stands for."""
    return value.removeprefix(_RUN_OF) if isinstance(value, str) and value.startswith(_RUN_OF) else None


def _named_rows(model: Mapping[str, Any]) -> list[str]:
    """Rows whose runs a row's model needs."""
    return [row for row in map(_named_row, model.values()) if row is not None]


def _config(row: Row, name: str, setting: Setting, trainer: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a run; a row's take the place of its stage's, and those of the setting's."""
    stage = setting.stages.get(row.stage, Stage())
    model = {**setting.model, **stage.model, **row.model}
    own = row.model.get("network_arguments", {})
    model["network_arguments"] = {**setting.network_arguments.get(model["network"], {}), **own}
    config = {
        "seed_everything": setting.seed,
        "model": model,
        "data": {"seed": setting.seed, **setting.data, **stage.data, **row.data},
        "trainer": {**setting.trainer, **stage.trainer, **trainer},
    }
    if setting.keep != "best":
        config["keep"] = setting.keep
    start = _start(row, name, setting)
    return config if start is None else {**config, "start_from": start}


def run_experiment(experiment: Experiment, progress: Progress = silent) -> int:
    """Run what is missing of an experiment.

    Args:
        experiment: What is wanted.
        progress: Told after every run and, with one worker, after every epoch.

    Returns:
        How many runs were made now.

    Raises:
        InputError: See ``plan``; or a result in the folder was made with other settings.
        TrainingDivergedError: The loss of some runs was no number; all others are done, but for those that start from
            one of these.
    """
    jobs = plan(experiment)
    missing = [job for job in jobs if not _is_done(job)]
    done = len(jobs) - len(missing)
    progress(f"{done} of {len(jobs)} runs are done", done / len(jobs))
    diverged = []
    for job, outcome in _in_order(missing, done, len(jobs), progress):
        done += 1
        if isinstance(outcome, TrainingDivergedError):
            diverged.append(f"{job.title}: {outcome}")
            progress(f"{job.title} came to no result ({done} of {len(jobs)})", done / len(jobs))
            continue
        told = f"{job.title}: {outcome.evaluation.headline()}, {outcome.seconds:.0f} s"
        progress(f"{told} ({done} of {len(jobs)})", done / len(jobs))
    if diverged:
        raise TrainingDivergedError("Some runs came to no result; the others are done. " + " ".join(diverged))
    return len(missing)


def _is_done(job: Job) -> bool:
    if not job.result.exists():
        return False
    if read_result(job.result, job.task).config != _plain(job.config):
        raise InputError(f"{job.result} was made with other settings: move it away, or choose another --out.")
    return True


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from JSON: lists for tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(config))
    return plain


def _in_order(jobs: Sequence[Job], done: int, whole: int, progress: Progress) -> Iterator[tuple[Job, _Outcome]]:
    """Those that others start from are finished before the others begin; without their weights those are left out."""
    starts = {run for job in jobs for run in job.needed_runs}
    first = [job for job in jobs if job.run in starts]
    diverged: set[Path] = set()
    for job, outcome in _outcomes(first, done, whole, progress):
        if isinstance(outcome, TrainingDivergedError):
            diverged.add(job.run)
        yield job, outcome
    others = [job for job in jobs if job not in first and not job.needed_runs & diverged]
    yield from _outcomes(others, done + len(first), whole, progress)


def _outcomes(jobs: Sequence[Job], done: int, whole: int, progress: Progress) -> Iterator[tuple[Job, _Outcome]]:
    if not jobs:
        return
    workers = jobs[0].experiment.workers
    if workers == 1:
        for number, job in enumerate(jobs, start=done):
            yield job, _outcome(job, portion(progress, number / whole, (number + 1) / whole))
        return
    yield from spread(_outcome, jobs, workers)


def _outcome(job: Job, progress: Progress = silent) -> _Outcome:
    """A loss that is no number ends its own run alone."""
    try:
        return run_job(job, progress)
    except TrainingDivergedError as error:
        return error


def run_job(job: Job, progress: Progress = silent) -> FoldResult:
    """Train, evaluate and write one row on one fold."""
    task, threads, config = job.task, job.experiment.threads, _plain(job.config)
    _limit_threads(threads)

    def told(step: str, fraction: float) -> None:
        progress(f"{job.title}: {step}", fraction)

    start = time.monotonic()
    cli = fit(_fit_arguments(job, config), task, [EpochProgress(told, task.monitor)])
    evaluation = evaluate_run(job.run, task, "test", cli.trainer.strategy.root_device.type)
    result = FoldResult(
        row=job.row,
        fold=job.fold,
        seed=config["seed_everything"],
        setting=job.setting_title,
        config=config,
        seconds=time.monotonic() - start,
        threads=threads,
        evaluation=evaluation,
        history=read_history(job.run / LOGS / METRICS_FILE),
    )
    job.result.parent.mkdir(parents=True, exist_ok=True)
    write_json(job.result, result)
    return result


def _limit_threads(threads: int | None) -> None:
    """Of this process and those it starts; ``None`` lets torch choose."""
    if threads is not None:
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)


def _fit_arguments(job: Job, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run with its paths."""
    rows = {key: _named_row(value) for key, value in config["model"].items()}
    runs = {key: str(job.run_of(row)) for key, row in rows.items() if row is not None}
    return {
        **config,
        "model": {**config["model"], **runs},
        "out": str(job.run),
        "start_from": None if job.start_weights is None else str(job.start_weights),
        "data": {**config["data"], "folder": str(job.experiment.data), "fold": job.fold},
        "trainer": {"enable_progress_bar": False, "enable_model_summary": False, **config["trainer"]},
    }
