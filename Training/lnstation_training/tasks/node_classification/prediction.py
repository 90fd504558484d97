"""The answer of a trained network for nodes, and for stations from their nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.values import Part
from lnstation_training.tasks.node_classification.data_module import NodeDataModule
from lnstation_training.tasks.node_classification.dataset import NodeDataset
from lnstation_training.tasks.node_classification.lightning_module import NodeModule
from LNStationLib.models.package import Calibration
from LNStationLib.models.package.node_classification import STATION_RULES


class NodePrediction(BaseModel):
    """One node.

    Attributes:
        patient: Identifier.
        node: Value in the patient's node map.
        label: 1 metastatic, 0 not; ``None`` where it is not known.
        logit: Of metastasis, before calibration.
        station: Where it lies; ``None`` outside of all stations.
        station_positive: Pathology of the station, 0 or 1; ``None`` where it is not known.
        short_axis_mm: Short axis.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    node: int
    label: int | None
    logit: float
    station: str | None
    station_positive: int | None
    short_axis_mm: float


class StationPrediction(BaseModel):
    """One dissected station with nodes.

    Attributes:
        patient: Identifier.
        station: Station name.
        label: 1 metastatic by pathology, 0 not.
        n_nodes: Nodes that were judged.
        probabilities: Of metastasis by each rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    station: str
    label: int
    n_nodes: int
    probabilities: dict[str, float]


def predict(module: NodeModule, data: NodeDataModule, part: Part, device: str = "cpu") -> list[NodePrediction]:
    """Run a network over the labeled nodes of a part of the fold, in order."""
    data.setup()
    return _predicted(module, data, data.datasets[part], device)


def predict_all(module: NodeModule, data: NodeDataModule, part: Part, device: str = "cpu") -> list[NodePrediction]:
    """Run a network over all nodes of the patients of a part, labeled or not."""
    data.setup()
    return _predicted(module, data, data.nodes_of(part), device)


def _predicted(module: NodeModule, data: NodeDataModule, dataset: NodeDataset, device: str) -> list[NodePrediction]:
    module = module.to(device).eval()
    logits: list[float] = []
    with torch.inference_mode():
        for batch in data.in_order(dataset):
            logits += module(batch["patch"].to(device)).logits.float().cpu().tolist()
    return [
        NodePrediction(
            patient=sample.patient,
            node=sample.node,
            label=sample.label,
            logit=logit,
            station=sample.station,
            station_positive=sample.station_positive,
            short_axis_mm=sample.short_axis_mm,
        )
        for sample, logit in zip(dataset.samples, logits, strict=True)
    ]


def probabilities_of(nodes: Sequence[NodePrediction], calibration: Calibration | None) -> np.ndarray:
    """Probabilities in [0, 1], ``[n]``; the plain sigmoid without a calibration."""
    used = calibration or Calibration(slope=1.0, intercept=0.0, fitted_on="nothing")
    return np.array([used.probability(each.logit) for each in nodes])


def station_predictions(
    nodes: Sequence[NodePrediction], calibration: Calibration | None, rules: Mapping[str, Callable] = STATION_RULES
) -> list[StationPrediction]:
    """Dissected stations with nodes: what each rule makes of the probabilities of their nodes."""
    held: dict[tuple[str, str], list[float]] = {}
    label: dict[tuple[str, str], int] = {}
    for node, probability in zip(nodes, probabilities_of(nodes, calibration), strict=True):
        if node.station is not None and node.station_positive is not None:
            held.setdefault((node.patient, node.station), []).append(float(probability))
            label[node.patient, node.station] = node.station_positive
    return [
        StationPrediction(
            patient=patient,
            station=station,
            label=label[patient, station],
            n_nodes=len(found),
            probabilities={name: rule(found) for name, rule in rules.items()},
        )
        for (patient, station), found in held.items()
    ]
