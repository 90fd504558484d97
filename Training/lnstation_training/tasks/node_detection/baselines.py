"""The product's classical detectors on prepared patients: what streams of significant nodes must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lnstation_training.engine.values import Part
from lnstation_training.evaluation.detection import PatientHits, match
from lnstation_training.segmentation.appearance.base import mask_of
from lnstation_training.segmentation.patients import (
    CT,
    NODE_KINDS,
    NODES,
    ORGANS,
    PET,
    SIGNIFICANT,
    STATIONS,
    TUMOR_DISTANCE,
    Triple,
    distance_of,
    suv_of,
)
from lnstation_training.tasks.node_detection.data_module import NodeVolumes
from lnstation_training.tasks.node_detection.scoring import counted_nodes, only_significant
from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.imaging.grid import Grid
from LNStationLib.nodes.ct_blobs import SMALLEST_SHORT_AXIS_MM, CtBlobs
from LNStationLib.nodes.diameters import axial_diameters
from LNStationLib.nodes.pet_threshold import PetThresholdNodes, PetThresholdOptions
from LNStationLib.state.assessment import Midline
from LNStationLib.state.method import NoOptions
from LNStationLib.state.patient_state import PatientState, patient_with_stations
from LNStationLib.state.settings import Settings
from LNStationLib.support.progress import silent

Found = tuple[np.ndarray, dict[int, float]]
"""Number of each candidate ``[z, y, x]``, and a score by number: larger is surer."""


def blobs(state: PatientState) -> Found:
    """Blobs on CT, ranked by their short axis in mm."""
    labels = array_view(CtBlobs().run(state, NoOptions(), silent).labels)
    spacing = _spacing(state)
    scores = {
        number: float(axial_diameters((labels[box] == number).astype(np.float32), spacing).short_mm)
        for number, box in label_boxes(labels).items()
    }
    return labels, {number: short for number, short in scores.items() if short >= SMALLEST_SHORT_AXIS_MM}


def hot_spots(state: PatientState) -> Found:
    """PET above SUV 2.5 in stations, ranked by SUVmax."""
    labels = array_view(PetThresholdNodes().run(state, PetThresholdOptions(), silent).labels)
    pet = state.case.pet
    assert pet is not None
    suv = array_view(pet)
    return labels, {n: float(suv[box][labels[box] == n].max()) for n, box in label_boxes(labels).items()}


BASELINES: Mapping[str, Callable[[PatientState], Found]] = {"blob detector": blobs, "PET threshold": hot_spots}
"""By name in tables."""


def baseline_hits(
    data: NodeVolumes, part: Part, spacing_mm: Triple, methods: Sequence[str] = tuple(BASELINES)
) -> dict[str, list[PatientHits]]:
    """Every patient of a part by classical detectors, held to significant nodes."""
    found: dict[str, list[PatientHits]] = {name: [] for name in methods}
    for batch in data.loader(part):
        state, arrays = state_of(batch, spacing_mm), _arrays(batch)
        nodes, truth = counted_nodes(*arrays[:3], spacing_mm), arrays[0].astype(np.uint16)
        nodes, truth = only_significant(nodes, truth, arrays[1], arrays[3])
        for name in methods:
            labels, scores = BASELINES[name](state)
            kept = np.where(np.isin(labels, list(scores)), labels, 0).astype(np.uint16)
            found[name].append(match(kept, scores, truth, nodes))
    return found


def state_of(batch: Mapping[str, Any], spacing_mm: Triple) -> PatientState:
    """A prepared patient as the product's methods take one, all on one grid; the tumor is where its distance is 0."""
    hu = batch[CT][0, 0].cpu().numpy().astype(np.int16)
    grid = Grid(hu.shape, spacing_mm, (0.0, 0.0, 0.0))
    masks = {row.name: mask_of(batch[ORGANS][0, 0], (row.name,)).cpu().numpy() for row in anatomy.organs()}
    suv = np.nan_to_num(suv_of(batch[PET])[0, 0].cpu().numpy()).astype(np.float32)
    tumor = (distance_of(batch[TUMOR_DISTANCE])[0, 0] <= 0).cpu().numpy()
    case = Case(
        case_id=batch["patient"][0],
        ct=grid.image(hu),
        pet=grid.image(suv),
        tumor=grid.image(tumor) if tumor.any() else None,
        organ_masks={name: grid.image(mask) for name, mask in masks.items() if mask.any() and name != "body"},
    )
    stations = grid.image(batch[STATIONS][0, 0].cpu().numpy())
    return patient_with_stations(case, Settings(), stations, Midline(first_z_mm=0.0, step_mm=1.0, x_mm=[0.0]))


def _arrays(batch: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    numbers, kinds, stations, marks = (
        batch[name][0, 0].cpu().numpy() for name in (NODES, NODE_KINDS, STATIONS, SIGNIFICANT)
    )
    return numbers, kinds, stations, marks


def _spacing(state: PatientState) -> Triple:
    x, y, z = state.case.ct.GetSpacing()
    return z, y, x
