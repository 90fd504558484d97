"""Candidates of a patient of prepared data, held to the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from lnstation_training.evaluation.detection import PatientHits, TrueNode, match
from lnstation_training.segmentation.patients import NODE_KINDS, NODES, STATIONS, VISIBLE_NODE
from LNStationLib import anatomy
from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.nodes.diameters import axial_diameters
from LNStationLib.nodes.from_network.instances import find_instances


class PatientDetections(BaseModel):
    """One patient.

    Attributes:
        patient: Identifier.
        hits: Its candidates and nodes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    hits: PatientHits


def detections_of(
    batch: Mapping[str, Any],
    probability: Tensor,
    spacing_mm: tuple[float, float, float],
    probable: float,
) -> PatientDetections:
    """Hold what a network says of one patient's region to the truth.

    Args:
        batch: The patient, a batch of one, with ``nodes``, ``node_kinds`` and ``stations``.
        probability: Of a node, ``[z, y, x]``.
        spacing_mm: Voxel size along z, y, x.
        probable: A voxel from this probability on belongs to a candidate.
    """
    numbers, kinds, stations = (batch[name][0, 0].cpu().numpy() for name in (NODES, NODE_KINDS, STATIONS))
    found = find_instances(probability.cpu().numpy(), spacing_mm, probable)
    nodes = counted_nodes(numbers, kinds, stations, spacing_mm)
    truth = numbers.astype(np.uint16)
    hits = match(found.labels, found.scores, truth, nodes)
    return PatientDetections(patient=batch["patient"][0], hits=hits)


def counted_nodes(
    numbers: np.ndarray, kinds: np.ndarray, stations: np.ndarray, spacing_mm: tuple[float, float, float]
) -> list[TrueNode]:
    """Visible nodes with their short axis and station, measured on the grid ``[z, y, x]``."""
    nodes = []
    for number, box in label_boxes(numbers).items():
        mask = numbers[box] == number
        if (kinds[box][mask] == VISIBLE_NODE).mean() > 0.5:
            short = axial_diameters(mask.astype(np.float32), spacing_mm).short_mm
            nodes.append(TrueNode(number=number, short_axis_mm=float(short), station=_station(stations[box][mask])))
    return nodes


def _station(values: np.ndarray) -> str | None:
    """Station of most of a node's voxels; ``None`` outside all."""
    inside = values[values > 0]
    if inside.size == 0:
        return None
    most = int(np.bincount(inside).argmax())
    return next((row.name for row in anatomy.stations() if row.label_value == most), None)
