"""Candidates of a patient of prepared data, held to the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from lnstation_training.evaluation.detection import PatientHits, TrueNode, match
from lnstation_training.segmentation.patients import (
    NODE_KINDS,
    NODES,
    SIGNIFICANT,
    SMALL_NODE,
    STATIONS,
    UNKNOWN_DISTANCE,
    VISIBLE_NODE,
)
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
    probability: np.ndarray,
    spacing_mm: tuple[float, float, float],
    probable: float,
    significant: bool = False,
) -> PatientDetections:
    """Hold what a network says of one patient's region to the truth.

    Args:
        batch: The patient, a batch of one, with ``nodes``, ``node_kinds`` and ``stations``, and ``significant``
            where that is asked for.
        probability: Of a node, ``[z, y, x]``.
        spacing_mm: Voxel size along z, y, x.
        probable: A voxel from this probability on belongs to a candidate.
        significant: Whether significant nodes count, and a hit on any other visible node is false, rather than all
            visible nodes.
    """
    numbers, kinds, stations = (batch[name][0, 0].cpu().numpy() for name in (NODES, NODE_KINDS, STATIONS))
    found = find_instances(probability, spacing_mm, probable)
    nodes, truth = counted_nodes(numbers, kinds, stations, spacing_mm), numbers.astype(np.uint16)
    if significant:
        nodes, truth = only_significant(nodes, truth, kinds, batch[SIGNIFICANT][0, 0].cpu().numpy())
    hits = match(found.labels, found.scores, truth, nodes)
    return PatientDetections(patient=batch["patient"][0], hits=hits)


def only_significant(
    nodes: Sequence[TrueNode], truth: np.ndarray, kinds: np.ndarray, marks: np.ndarray
) -> tuple[list[TrueNode], np.ndarray]:
    """Significant nodes with their distance to the tumor, and a truth in which other visible nodes are background.

    Args:
        nodes: Visible ones.
        truth: Number of every node, ``[z, y, x]``.
        kinds: Of every voxel.
        marks: The array ``significant``.
    """
    counted = []
    for node in nodes:
        code = int(marks[truth == node.number].max(initial=0))
        if code:
            distance = None if code == UNKNOWN_DISTANCE else float(code - 1)
            counted.append(node.model_copy(update={"distance_mm": distance}))
    return counted, np.where((marks > 0) | (kinds == SMALL_NODE), truth, 0).astype(truth.dtype)


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
