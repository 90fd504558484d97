"""A run's figures: predictions of a part, calibrated on validation data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, Part
from lnstation_training.evaluation.calibration import fit_calibration
from lnstation_training.tasks.station_classification.attention_reach import mean_ceiling
from lnstation_training.tasks.station_classification.channels import node_mask_of
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.dataset import StationDataset
from lnstation_training.tasks.station_classification.prediction import Prediction, PredictionArrays, predict
from lnstation_training.tasks.station_classification.routing import StationRouting, station_routing
from lnstation_training.tasks.station_classification.summary import Summary, summarize
from LNStationLib.models.package import Calibration


class PartCounts(BaseModel):
    """How much data a part of a fold holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patients: int
    stations: int
    positive: int


class RunEvaluation(Evaluation):
    """One run, evaluated.

    Attributes:
        n_groups: Station groups.
        counts: Of every part of the fold.
        calibration: Fitted on the fold's validation part; ``None`` where it cannot be.
        summary: All figures; probabilities are calibrated.
        attention_ceiling: Mean part of the attention that could lie inside nodes at all; ``None`` where not computed.
        routing: Of all stations of the part; ``None`` without one expert for each group.
        samples: The predictions.
    """

    n_groups: int
    counts: dict[str, PartCounts]
    calibration: Calibration | None
    summary: Summary
    attention_ceiling: float | None = None
    routing: StationRouting | None = None
    samples: list[Prediction]

    def headline(self) -> str:
        """AUC over all stations."""
        auc = self.summary.metric("auc").value
        return "no AUC" if auc is None else f"{self.part} AUC {auc:.3f}"


def validation_calibration(validation: Sequence[Prediction], fold: int) -> Calibration | None:
    """Platt scaling fitted on a fold's validation part and on nothing else."""
    return calibration_on(validation, f"validation part of fold {fold}")


def calibration_on(predictions: Sequence[Prediction], words: str) -> Calibration | None:
    """Platt scaling fitted on predictions; the words, which say of what, get their counts."""
    arrays = PredictionArrays(predictions)
    counted = f"{words}: {len(set(arrays.patients))} patients, {len(predictions)} stations"
    return fit_calibration(arrays.labels, arrays.logits, counted)


def evaluate(run: Run, part: Part = "test", device: str = "cpu", n_resamples: int = 1000) -> RunEvaluation:
    """Evaluate a run.

    Args:
        run: With its best model.
        part: Which part of its fold.
        device: ``"cpu"`` or ``"cuda"``.
        n_resamples: Of the bootstrap.
    """
    module, data = run.module, run.data
    data.setup()
    validation = predict(module, data, "validation", device)
    predictions = validation if part == "validation" else predict(module, data, part, device)
    calibration = validation_calibration(validation, data.fold)
    return RunEvaluation(
        **run_facts(run, part),
        n_groups=data.n_groups,
        counts=part_counts(data.datasets),
        calibration=calibration,
        summary=summarize(predictions, data.n_groups, calibration, n_resamples),
        attention_ceiling=mean_ceiling(module.network, _node_masks(data, part)),
        routing=station_routing(module, data, part, predictions, device),
        samples=predictions,
    )


def _node_masks(data: StationDataModule, part: Part) -> torch.Tensor:
    dataset: StationDataset = data.datasets[part]
    return torch.cat([node_mask_of(dataset.regions(sample)) for sample in dataset.samples])


def part_counts(datasets: Mapping[str, StationDataset]) -> dict[str, PartCounts]:
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
