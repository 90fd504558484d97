"""A trained network's N category and stations of every patient."""

from __future__ import annotations

import torch
from torch.utils.data import DataLoader

from lnstation_training.engine.values import Part
from lnstation_training.tasks.n_staging.data_module import PatientData, PatientDataset
from lnstation_training.tasks.n_staging.lightning_module import StagingModule
from lnstation_training.tasks.station_patches.prediction import PatientPrediction, station_prediction
from lnstation_training.tasks.station_patches.samples import STATIONS, PatientRecord
from LNStationLib.networks.output import StageOutput

_PREDICTING = 4
"""Patients at a time: as many patches as 64 of stations alone."""


def predict(module: StagingModule, data: PatientData, part: Part, device: str = "cpu") -> list[PatientPrediction]:
    """Run a network over the patients of a part of whom something is known, in order."""
    data.setup()
    return _predicted(module, data.datasets[part], device)


def predict_patients(
    module: StagingModule, data: PatientData, part: Part, device: str = "cpu"
) -> list[PatientPrediction]:
    """Run a network over all patients of a part."""
    data.setup()
    return _predicted(module, data.everyone(part), device)


def _predicted(module: StagingModule, dataset: PatientDataset, device: str) -> list[PatientPrediction]:
    module = module.to(device).eval()
    found: list[PatientPrediction] = []
    with torch.inference_mode():
        for batch in DataLoader(dataset, _PREDICTING, collate_fn=dataset.collate):
            answer = module(batch["patches"].to(device), batch["told"].to(device))
            records = [sample.record for sample in dataset.samples[len(found) : len(found) + len(batch["patient"])]]
            found += [_patient(record, answer, row) for row, record in enumerate(records)]
    return found


def _patient(record: PatientRecord, answer: StageOutput, row: int) -> PatientPrediction:
    probabilities = answer.logits[row].float().softmax(dim=0).cpu().tolist()
    logits = answer.station_logits[row].float().cpu().tolist()
    return PatientPrediction(
        patient=record.patient,
        side=record.side,
        stage=record.stage,
        by_network=max(range(len(probabilities)), key=probabilities.__getitem__),
        probabilities=probabilities,
        stations=[
            station_prediction(record.patient, each, logits[STATIONS.index(each.station)]) for each in record.stations
        ],
    )
