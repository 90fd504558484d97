"""From a trained run to figures, by its task; results as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lnstation_training.engine.loading import load_run
from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from lnstation_training.engine.task import Task
from lnstation_training.engine.values import Evaluation, Part
from LNStationLib.support.atomic_files import write_atomically

_DIGITS = 9
"""Significant digits of a number in a JSON file: as many as single precision has."""


def evaluate_run(
    folder: Path, task: Task, part: Part = "test", device: str = "cpu", n_resamples: int = 1000
) -> Evaluation:
    """Evaluate the best model of a run.

    Args:
        folder: Of ``fit``.
        task: Of the run.
        part: Which part of its fold; ``"test"`` unless one knows why not.
        device: ``"cpu"`` or ``"cuda"``.
        n_resamples: Of the bootstrap.

    Raises:
        InputError: The folder holds no trained model, or its data are gone.
    """
    return task.evaluate(load_run(folder, task), part, device, n_resamples)


def run_facts(run: Run, part: Part) -> dict[str, Any]:
    """What every evaluation says of its run; the fields of ``Evaluation``."""
    info = read_info(run.data.folder)
    return {
        "cohort": info.title,
        "synthetic": info.synthetic,
        "fold": run.data.fold,
        "seed": run.seed,
        "part": part,
        "network": run.network_name,
        "parameters": run.parameters,
        "epochs": run.epochs,
    }


def write_json(path: Path, content: BaseModel) -> None:
    """Write whole or not at all."""
    write_atomically(path, json.dumps(as_json(content), indent=1) + "\n")


def as_json(content: BaseModel) -> dict[str, Any]:
    """Plain data, numbers to nine significant digits."""
    rounded: dict[str, Any] = _rounded(content.model_dump(mode="json"))
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, (list, tuple)) else value
