"""The answer of a trained network for every labeled station of a part of a fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.values import Part
from lnstation_training.tasks.station_classification.channels import node_mask_of
from lnstation_training.tasks.station_classification.data_module import StationDataModule
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
        attention_inside: Part of the attention inside nodes, in [0, 1]; ``None`` without a node in the station or
            without attention in the network.
        router: Part of the tokens that went to each expert, mean over layers; empty without a router.
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
    dataset = data.datasets[part]
    sizes = [sample.short_axis_mm for sample in dataset.samples]
    module = module.to(device).eval()
    found: list[Prediction] = []
    with torch.inference_mode():
        for batch in data.loader(part):
            output = module(batch["region"].to(device), batch["group"].to(device), with_attention=True)
            found += _predictions(batch, output, module, sizes[len(found) :])
    return found


def _predictions(
    batch: dict[str, Any], output: StationOutput, module: StationModule, sizes: Iterable[float | None]
) -> list[Prediction]:
    count = len(batch["label"])
    inside: list[float | None] = [None] * count
    if output.attention is not None:
        mask = node_mask_of(batch["region"])
        fractions = attention_inside(output.attention.float().cpu(), mask, module.loss.margin.reduction)
        with_node = mask.flatten(1).amax(1) > 0
        inside = [float(f) if node else None for f, node in zip(fractions, with_node, strict=True)]
    router = router_fractions(output.router_logits, count)
    return [
        Prediction(
            patient=batch["patient"][row],
            station=batch["station"][row],
            group=int(batch["group"][row]),
            label=int(batch["label"][row]),
            logit=float(output.logits[row]),
            attention_inside=inside[row],
            router=router[row],
            short_axis_mm=size,
        )
        for row, size in zip(range(count), sizes, strict=False)
    ]


def router_fractions(router_logits: Sequence[torch.Tensor], count: int) -> list[list[float]]:
    """Fraction of each sample's tokens that goes to each expert, mean over layers.

    Args:
        router_logits: One ``[B, tokens, experts]`` a layer; none without a router.
        count: B.
    """
    if not router_logits:
        return [[] for _ in range(count)]
    experts = router_logits[0].shape[-1]
    layers = [
        torch.nn.functional.one_hot(logits.argmax(-1), experts).float().mean(dim=1).cpu() for logits in router_logits
    ]
    return [[float(part) for part in row] for row in torch.stack(layers).mean(dim=0)]
