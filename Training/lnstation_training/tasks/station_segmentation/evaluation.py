"""A run's stations held to the truth, patient by patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Part
from lnstation_training.segmentation.folder import spacing_of
from lnstation_training.segmentation.inference import precision_of
from lnstation_training.segmentation.patients import CT, NODES, ORGANS, STATIONS, open_patient
from lnstation_training.tasks.station_segmentation.comparators import comparator, without_islands
from lnstation_training.tasks.station_segmentation.data_module import StationVolumes
from lnstation_training.tasks.station_segmentation.lightning_module import StationSegmentationModule
from lnstation_training.tasks.station_segmentation.organ_channels import array_name, mean_organ_dice, members
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS as PAPER_ORGANS
from lnstation_training.tasks.station_segmentation.scores import PatientScores, StationEvaluation, patient_scores
from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.support.types import BoolArray, LabelArray

_LEVELS = 255


def evaluate(run: Run, part: Part = "test", device: str = "cpu") -> StationEvaluation:
    """Draw the stations of every patient of a part of the fold in the precision of the training, and score them.

    Args:
        run: With its best model.
        part: Which part.
        device: ``"cpu"`` or ``"cuda"``.
    """
    module, data = run.module, run.data
    data.setup()
    names = [sample.patient for sample in data.datasets[part].samples]
    with precision_of(run.precision, device):
        patients = predict_scores(module, data, part, device)
    return StationEvaluation(
        **run_facts(run, part),
        stations=list(data.station_names),
        organs=list(data.organs),
        organ_source=data.organ_source if data.organs else "none",
        organ_dice=_given(mean_organ_dice(data.folder, data.organ_source, names), data.organs),
        ranking=module.ranking(data.organs),
        patients=patients,
        comparators=dict(_compared(data, part, name) for name in data.comparators),
    )


def _given(dice: Mapping[str, float], organs: tuple[str, ...]) -> dict[str, float]:
    return {organ: dice[organ] for organ in organs if organ in dice}


def predict_scores(
    module: StationSegmentationModule, data: StationVolumes, part: Part, device: str = "cpu"
) -> list[PatientScores]:
    """Scores of every patient of a part by a network, in order."""
    data.setup()
    module = module.to(device).eval()
    found = []
    with torch.inference_mode():
        for batch in data.loader(part):
            on_device = {key: _moved(value, device) for key, value in batch.items()}
            labels = module.labels(data.with_organs(on_device)).cpu().numpy()
            found.append(_scored(batch["patient"][0], _values(data)[labels], data, part))
    return found


def _moved(value: Any, device: str) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _values(data: StationVolumes) -> LabelArray:
    """Value in the station table of every class."""
    return np.array([0, *(anatomy.station(name).label_value for name in data.station_names)], np.uint8)


def _scored(patient: str, found: LabelArray, data: StationVolumes, part: Part) -> PatientScores:
    (path,) = [sample.path for sample in data.datasets[part].samples if sample.patient == patient]
    file = open_patient(path)
    nodes = file.read(NODES).numpy() if NODES in file.names else None
    truth = file.read(STATIONS).numpy()
    return patient_scores(patient, found, truth, data.station_names, spacing_of(data.folder), nodes)


def _compared(data: StationVolumes, part: Part, name: str) -> tuple[str, list[PatientScores]]:
    """A comparator's title and scores; it gets all 22 organs as the network does, hard and without islands."""
    title, draw = comparator(name)
    scores = []
    for sample in data.datasets[part].samples:
        file = open_patient(sample.path)
        grid = Grid(file.shape, file.spacing_mm, (0.0, 0.0, 0.0))
        labels = draw(file.read(CT).numpy(), _hard_organs(data, file), grid)
        scores.append(_scored(sample.patient, labels, data, part))
    return title, scores


def _hard_organs(data: StationVolumes, file: Any) -> dict[str, BoolArray]:
    if data.organ_source == "true":
        labels = file.read(ORGANS).numpy()
        values = {organ: [anatomy.organ(name).label_value for name in members(organ)] for organ in PAPER_ORGANS}
        return {organ: np.isin(labels, each) for organ, each in values.items()}
    found = {organ: file.read(array_name(organ, data.organ_source)).numpy() >= _LEVELS / 2 for organ in PAPER_ORGANS}
    return {organ: without_islands(mask) for organ, mask in found.items()}
