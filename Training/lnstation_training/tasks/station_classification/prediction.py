"""The answer of a trained network for every labeled station of a part of a fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch.utils.data import DataLoader

from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_classification.answers import deciding_regions, router_fractions
from lnstation_training.tasks.station_classification.channels import node_mask_of
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.dataset import StationDataset
from lnstation_training.tasks.station_classification.lightning_module import StationModule
from lnstation_training.tasks.station_classification.losses import attention_inside
from LNStationLib.networks.output import StationOutput


class Prediction(BaseModel):
    """One labeled station.

    Attributes:
        patient: Identifier.
        station: Station name.
        group: Index of its station group.
        label: 1 metastatic, 0 not.
        logit: Of metastasis, before calibration.
        attention_inside: Part of the attention inside nodes, in [0, 1], of the region that decides; ``None`` without
            a node in it or without attention in the network.
        router: Part of the tokens that went to each expert, mean over layers and regions; empty without a router.
        short_axis_mm: Largest short axis of the station's nodes; ``None`` without one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    station: str
    group: int
    label: int
    logit: float
    attention_inside: float | None = None
    router: list[float] = []
    short_axis_mm: float | None = None


class PredictionArrays:
    """Predictions as arrays of equal length.

    Attributes:
        labels: int, 0 or 1.
        logits: float.
        groups: int.
        patients: str.
    """

    def __init__(self, predictions: Sequence[Prediction]) -> None:
        self.labels = np.array([each.label for each in predictions], dtype=int)
        self.logits = np.array([each.logit for each in predictions], dtype=float)
        self.groups = np.array([each.group for each in predictions], dtype=int)
        self.patients = np.array([each.patient for each in predictions], dtype=object)


def predict(module: StationModule, data: StationDataModule, part: Part, device: str = "cpu") -> list[Prediction]:
    """Run a network over a part of the fold, in order.

    Args:
        module: With trained weights.
        data: Its fold.
        part: Which part.
        device: ``"cpu"`` or ``"cuda"``.
    """
    data.setup()
    return predict_dataset(module, data.datasets[part], data.batch_size, device)


def predict_dataset(
    module: StationModule, dataset: StationDataset, batch_size: int, device: str = "cpu"
) -> list[Prediction]:
    """Run a network over all stations of a dataset, in order."""
    sizes = [sample.short_axis_mm for sample in dataset.samples]
    module = module.to(device).eval()
    found: list[Prediction] = []
    with torch.inference_mode():
        for batch in DataLoader(dataset, batch_size, collate_fn=dataset.collate):
            group = batch["group"][batch["owner"]]
            output = module(batch["region"].to(device), group.to(device), with_attention=True)
            found += _predictions(batch, output, module, sizes[len(found) :])
    return found


def _predictions(
    batch: dict[str, Any], output: StationOutput, module: StationModule, sizes: Iterable[float | None]
) -> list[Prediction]:
    """One answer a station: logit and attention of the region that decides, tokens of all its regions."""
    count, owner, logits = len(batch["label"]), batch["owner"], output.logits.float().cpu()
    inside = _attention_inside(batch, output, module)
    router = router_fractions(output.router_logits, len(owner))
    return [
        Prediction(
            patient=batch["patient"][row],
            station=batch["station"][row],
            group=int(batch["group"][row]),
            label=int(batch["label"][row]),
            logit=float(logits[region]),
            attention_inside=inside[region],
            router=[float(part) for part in np.mean([router[each] for each in (owner == row).nonzero()], axis=0)],
            short_axis_mm=size,
        )
        for row, region, size in zip(range(count), deciding_regions(logits, owner, count), sizes, strict=False)
    ]


def _attention_inside(batch: dict[str, Any], output: StationOutput, module: StationModule) -> list[float | None]:
    """Of every region; ``None`` without a node in it or without attention in the network."""
    if output.attention is None:
        return [None] * len(batch["owner"])
    mask = node_mask_of(batch["region"])
    fractions = attention_inside(output.attention.float().cpu(), mask, module.loss.margin.reduction)
    with_node = mask.flatten(1).amax(1) > 0
    return [float(part) if node else None for part, node in zip(fractions, with_node, strict=True)]
