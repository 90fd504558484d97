"""A trained network's answers, by station and by patient, with all that they are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch.utils.data import DataLoader

from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_patches.data_module import StationPatchData, StationPatchDataset
from lnstation_training.tasks.station_patches.lightning_module import StationPatchModule
from lnstation_training.tasks.station_patches.samples import PatientRecord, StationRecord
from LNStationLib.staging import lung_n_category
from LNStationLib.staging.rules import Rules
from LNStationLib.support.types import Side

_PREDICTING = 64
"""Patches at a time where no gradients are kept."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StationPrediction(_Strict):
    """One station.

    Attributes:
        patient: Identifier.
        station: Its name.
        label: 1 metastatic, 0 not, ``None`` where unknown.
        logit: Of metastasis, before calibration.
        suv_max: Highest SUV in it; ``None`` where PET covers none of it.
        lesion_overlap: See ``StationRecord``.
    """

    patient: str
    station: str
    label: int | None
    logit: float
    suv_max: float | None
    lesion_overlap: float


class PatientPrediction(_Strict):
    """One patient.

    Attributes:
        patient: Identifier.
        side: Of the tumor.
        stage: N category, 0 to 3; ``None`` where unknown.
        by_network: The network's; ``None`` of a network that judges stations alone.
        probabilities: Of N0 to N3 by the network; empty likewise.
        stations: All stations, labeled or not.
    """

    patient: str
    side: Side
    stage: int | None
    by_network: int | None
    probabilities: list[float]
    stations: list[StationPrediction]

    def by_rules(self, positive: Iterable[str], rules: Rules) -> int:
        """N category, 0 to 3, of positive stations."""
        return int(lung_n_category(positive, self.side, rules).category[1])


def station_prediction(patient: str, station: StationRecord, logit: float) -> StationPrediction:
    """A station with its network's answer."""
    return StationPrediction(
        patient=patient,
        station=station.station,
        label=station.label,
        logit=logit,
        suv_max=station.suv_max,
        lesion_overlap=station.lesion_overlap,
    )


def predict(
    module: StationPatchModule, data: StationPatchData, part: Part, device: str = "cpu"
) -> list[StationPrediction]:
    """Run a network over the labeled stations of a part of the fold, in order."""
    data.setup()
    return _predicted(module, data.datasets[part], device)


def predict_patients(
    module: StationPatchModule, data: StationPatchData, part: Part, device: str = "cpu"
) -> list[PatientPrediction]:
    """Run a network over all stations of the patients of a part."""
    data.setup()
    found: dict[str, list[StationPrediction]] = {}
    for each in _predicted(module, data.every_station(part), device):
        found.setdefault(each.patient, []).append(each)
    return [unstaged(record, found[record.patient]) for record in data.records_of(part)]


def unstaged(record: PatientRecord, stations: Sequence[StationPrediction]) -> PatientPrediction:
    """A patient whose N category rules will make."""
    return PatientPrediction(
        patient=record.patient,
        side=record.side,
        stage=record.stage,
        by_network=None,
        probabilities=[],
        stations=list(stations),
    )


def _predicted(module: StationPatchModule, dataset: StationPatchDataset, device: str) -> list[StationPrediction]:
    module = module.to(device).eval()
    logits: list[float] = []
    with torch.inference_mode():
        for batch in DataLoader(dataset, _PREDICTING, collate_fn=dataset.collate):
            answer = module(batch["patch"].to(device), batch["station"].to(device))
            logits += answer.logits.float().cpu().tolist()
    return [
        station_prediction(sample.patient, sample.record, logit)
        for sample, logit in zip(dataset.samples, logits, strict=True)
    ]
