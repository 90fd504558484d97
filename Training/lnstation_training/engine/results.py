"""Results of an experiment: ``ROW/fold_K.json``, read back together and drawn as tables by the task."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lnstation_training.engine.experiment_files import Rows, read_rows
from lnstation_training.engine.task import Task
from lnstation_training.engine.values import FoldResult
from LNStationLib.support.errors import InputError

TABLES_FILE = "tables.md"


def result_from_json(content: Mapping[str, Any], task: Task) -> FoldResult:
    """A result of a task from its JSON content.

    Raises:
        ValidationError: It is faulty.
    """
    evaluation = task.evaluation.model_validate(content.get("evaluation"))
    return FoldResult.model_validate({**content, "evaluation": evaluation})


def read_result(path: Path, task: Task) -> FoldResult:
    """Read ``fold_K.json``.

    Raises:
        InputError: It cannot be read, or is faulty.
    """
    try:
        return result_from_json(json.loads(path.read_bytes()), task)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a result of an experiment: move it away.") from error


def read_results(folder: Path, task: Task, rows: Rows | None = None) -> dict[str, list[FoldResult]]:
    """All results of a folder, by row, in the order of folds.

    Args:
        folder: Holds ``ROW/fold_K.json``.
        task: Of the experiment.
        rows: Say which stage of training a row is of; each stage may have a number of epochs of its own.

    Raises:
        InputError: There are none, or they are of different settings or cohorts.
    """
    results = [read_result(path, task) for path in sorted(folder.glob("*/fold_*.json"))]
    if not results:
        raise InputError(f"{folder} has no results: run the experiment first.")
    _check_alike(folder, results, {name: row.stage for name, row in rows.rows.items()} if rows else {})
    by_row: dict[str, list[FoldResult]] = {}
    for result in sorted(results, key=lambda each: each.fold):
        by_row.setdefault(result.row, []).append(result)
    return by_row


def _check_alike(folder: Path, results: Sequence[FoldResult], stages: Mapping[str, str]) -> None:
    found = [
        ("settings", {result.setting for result in results}),
        ("cohorts", {result.evaluation.cohort for result in results}),
    ]
    epochs: dict[str, set[str]] = {}
    for result in results:
        epochs.setdefault(stages.get(result.row, ""), set()).add(str(result.evaluation.epochs))
    for name, values in [*found, *(("numbers of epochs", each) for each in epochs.values())]:
        if len(values) > 1:
            raise InputError(f"{folder} mixes results of different {name}: {'; '.join(sorted(values))}.")


def write_tables(experiment_folder: Path, results_folder: Path, task: Task) -> Path:
    """Draw all tables of an experiment.

    Args:
        experiment_folder: Holds ``rows.yaml``.
        results_folder: Holds ``ROW/fold_K.json``.
        task: Of the experiment.

    Returns:
        The file written.

    Raises:
        InputError: There are no results, or they do not go together.
    """
    rows = read_rows(experiment_folder)
    text = task.result_tables(rows, read_results(results_folder, task, rows))
    path = results_folder / TABLES_FILE
    path.write_text(text, encoding="utf-8")
    return path
