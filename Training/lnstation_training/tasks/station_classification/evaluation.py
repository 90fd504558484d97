"""From a trained run to figures: predictions of a part, calibration on validation data, results JSON, plots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.runs import load_run
from lnstation_training.evaluation.calibration import fit_calibration
from lnstation_training.tasks.station_classification.attention_reach import mean_ceiling
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.dataset import load_region
from lnstation_training.tasks.station_classification.prediction import Part, Prediction, PredictionArrays, predict
from lnstation_training.tasks.station_classification.samples import read_info
from lnstation_training.tasks.station_classification.summary import Summary, as_json, summarize
from LNStationLib.models.package import Calibration
from LNStationLib.support.atomic_files import write_atomically


class PartCounts(BaseModel):
    """How much data a part of a fold holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patients: int
    stations: int
    positive: int


class RunEvaluation(BaseModel):
    """One run, evaluated.

    Attributes:
        cohort: Title of the cohort.
        synthetic: True where its patients are made up.
        fold: Number of the fold.
        seed: Of the training.
        part: Which part was evaluated.
        network: Registered name.
        parameters: Number of trained parameters.
        n_groups: Station groups.
        counts: Of every part of the fold.
        epochs: Epochs asked for.
        calibration: Fitted on the fold's validation part; ``None`` where it cannot be.
        summary: All figures; probabilities are calibrated.
        attention_ceiling: Mean part of the attention that could lie inside nodes at all; ``None`` where not computed.
        samples: The predictions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cohort: str
    synthetic: bool
    fold: int
    seed: int
    part: Part
    network: str
    parameters: int
    n_groups: int
    counts: dict[str, PartCounts]
    epochs: int
    calibration: Calibration | None
    summary: Summary
    attention_ceiling: float | None = None
    samples: list[Prediction]


def validation_calibration(validation: Sequence[Prediction], fold: int) -> Calibration | None:
    """Platt scaling fitted on a fold's validation part and on nothing else."""
    arrays = PredictionArrays(validation)
    words = f"validation part of fold {fold}: {len(set(arrays.patients))} patients, {len(validation)} stations"
    return fit_calibration(arrays.labels, arrays.logits, words)


def evaluate_run(run: Path, part: Part = "test", device: str = "cpu", n_resamples: int = 1000) -> RunEvaluation:
    """Evaluate the best model of a run.

    Args:
        run: Folder of ``fit``.
        part: Which part of its fold; ``"test"`` unless one knows why not.
        device: ``"cpu"`` or ``"cuda"``.
        n_resamples: Of the bootstrap.

    Raises:
        InputError: The folder holds no trained model, or its data are gone.
    """
    task, data, config = load_run(run)
    data.setup()
    validation = predict(task, data, "validation", device)
    predictions = validation if part == "validation" else predict(task, data, part, device)
    calibration, info = validation_calibration(validation, data.fold), read_info(data.folder)
    return RunEvaluation(
        cohort=info.title,
        synthetic=info.synthetic,
        fold=data.fold,
        seed=int(config["seed_everything"]),
        part=part,
        network=config["model"]["network"],
        parameters=sum(each.numel() for each in task.network.parameters() if each.requires_grad),
        n_groups=data.n_groups,
        counts=part_counts(data.datasets),
        epochs=int(config["trainer"]["max_epochs"]),
        calibration=calibration,
        summary=summarize(predictions, data.n_groups, calibration, n_resamples),
        attention_ceiling=mean_ceiling(task.network, _node_masks(data, part)),
        samples=predictions,
    )


def _node_masks(data: StationDataModule, part: Part) -> torch.Tensor:
    samples = data.datasets[part].samples
    return torch.from_numpy(np.stack([load_region(data.folder, each.patient, each.row)[1:] for each in samples]))


def part_counts(datasets: Any) -> dict[str, PartCounts]:
    """Patients, labeled stations and positive ones of every part."""
    return {
        part: PartCounts(
            patients=len({sample.patient for sample in dataset.samples}),
            stations=len(dataset.samples),
            positive=sum(sample.label == 1 for sample in dataset.samples),
        )
        for part, dataset in datasets.items()
    }


def calibrated_logits(predictions: Sequence[Prediction], calibration: Calibration | None) -> np.ndarray:
    """Logits after calibration: what makes predictions of different folds comparable."""
    logits = PredictionArrays(predictions).logits
    return logits if calibration is None else calibration.slope * logits + calibration.intercept


def write_json(path: Path, content: BaseModel) -> None:
    """Write whole or not at all."""
    text = json.dumps(as_json(content), indent=1) + "\n"
    write_atomically(path, text)
