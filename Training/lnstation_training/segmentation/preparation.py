"""From a cohort's images to volumes on a network's grid, once: CT, organ masks and station maps of real patients."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.prepare import each_patient
from lnstation_training.segmentation.classes import paint_order
from lnstation_training.segmentation.folder import VolumeGeometry, VolumeSample, claim_volumes
from lnstation_training.segmentation.patients import (
    CT,
    NODE_KINDS,
    NODES,
    ORGANS,
    PET,
    SIGNIFICANT,
    SMALL_NODE,
    STATIONS,
    TUMOR_DISTANCE,
    VISIBLE_NODE,
    PatientVolume,
    distance_codes,
    patient_path,
    pet_codes,
    write_patient,
)
from lnstation_training.segmentation.significance import significant_codes
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import crop, label_boxes
from LNStationLib.imaging.grid import Grid, resample_to_grid, scaled_grid, working_grid
from LNStationLib.imaging.reading import read_image
from LNStationLib.nodes.measurement import measure_diameters
from LNStationLib.nodes.supplied import SuppliedNodes
from LNStationLib.organs.supplied import mask_on_grid
from LNStationLib.phantom.nodes.node import VISIBLE_MM
from LNStationLib.sampling.pet_and_tumor import pet_on_grid, tumor_distance_mm
from LNStationLib.sampling.volume import volume_hu
from LNStationLib.state.method import NoOptions
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import LabelArray

logger = logging.getLogger(__name__)


def prepare_volumes(
    task: str,
    cohort: Sequence[CohortPatient],
    folder: Path,
    info: CohortInfo,
    geometry: VolumeGeometry,
    progress: Progress,
    workers: int,
) -> list[VolumeSample]:
    """Resample every patient of a cohort; those that are there already are kept.

    Args:
        task: That the volumes are first wanted for.
        cohort: Patients with organ masks (a label map, or a folder as TotalSegmentator writes it) or station maps.
        folder: Where.
        info: What the cohort is.
        geometry: Grid of the volumes.
        progress: Told after each patient.
        workers: Processes; never changes the result.

    Raises:
        CohortError: Images of patients cannot be used; all are listed, and the others are done.
        InputError: ``folder`` holds volumes of other settings.
        OutputError: It cannot be written.
    """
    claim_volumes(folder, task, info, geometry)
    make = partial(_made, folder=folder, geometry=geometry, synthetic=info.synthetic)
    paths = each_patient(cohort, make, workers, progress)
    return [VolumeSample(patient.patient, path) for patient, path in zip(cohort, paths, strict=True)]


def _made(patient: CohortPatient, folder: Path, geometry: VolumeGeometry, synthetic: bool) -> Path | InputError:
    """A patient's file; an error is an answer here, so that it passes between processes."""
    path = patient_path(folder, patient.patient)
    if path.exists():
        return path
    try:
        return write_patient(folder, patient_volume(patient, geometry, synthetic))
    except InputError as error:
        return InputError(str(error))


def patient_volume(patient: CohortPatient, geometry: VolumeGeometry, synthetic: bool = False) -> PatientVolume:
    """A real patient on the network's grid, LPS.

    Raises:
        InputError: An image cannot be used.
    """
    case = load_case(_request_of(patient))
    grid = scaled_grid(working_grid(case.ct, min(geometry.spacing_mm)), geometry.spacing_mm)
    organs, annotated = painted_masks(case, grid)
    arrays: dict[str, np.ndarray] = {
        CT: np.clip(volume_hu(case.ct, grid), -32768, 32767).astype(np.int16),
        ORGANS: organs,
    }
    if patient.stations is not None:
        image = read_image(patient.stations, f"stations {patient.stations.name}", logger.warning)
        arrays[STATIONS] = resample_to_grid(image, grid, labels=True).astype(np.uint8)
    if case.nodes is not None:
        arrays |= node_arrays(case, grid)
    arrays |= pet_and_tumor_arrays(case, grid)
    if patient.node_significance and NODES in arrays:
        distance = None if case.tumor is None else tumor_distance_mm(case.tumor, grid)
        arrays[SIGNIFICANT] = significant_codes(arrays[NODES], patient.node_significance, distance)
    return PatientVolume(patient.patient, arrays, grid.spacing_mm, annotated, synthetic)


def _request_of(patient: CohortPatient) -> CaseRequest:
    """PET and tumor are read where significant nodes are known: no other task looks at them."""
    request = CaseRequest(ct=patient.ct, organs=patient.organs, nodes=patient.nodes, case_id=patient.patient)
    if not patient.node_significance:
        return request
    return replace(request, pet=patient.pet, pet_units=patient.pet_units, tumor=patient.tumor)


def pet_and_tumor_arrays(case: Case, grid: Grid) -> dict[str, np.ndarray]:
    """``pet`` and ``tumor_distance`` of a case on the network's grid, as far as it has them."""
    arrays = {}
    if case.pet is not None:
        arrays[PET] = pet_codes(pet_on_grid(case.pet, grid))
    if case.tumor is not None:
        arrays[TUMOR_DISTANCE] = distance_codes(tumor_distance_mm(case.tumor, grid))
    return arrays


def node_arrays(case: Case, grid: Grid) -> dict[str, np.ndarray]:
    """Numbers and kinds of a case's nodes on the network's grid; a node's kind follows from its short axis on the CT.

    A node that a label map of 8 bits has no number for shares the last one.
    """
    labels = SuppliedNodes().run(PatientState(case, Settings()), NoOptions(), silent).labels
    numbers = np.minimum(resample_to_grid(labels, grid, labels=True), np.iinfo(np.uint8).max).astype(np.uint8)
    values = array_view(labels)
    kinds = np.zeros(np.iinfo(np.uint8).max + 1, np.uint8)
    for number, box in label_boxes(values).items():
        short_mm = measure_diameters(values[box] == number, crop(case.ct, box)).short_mm
        kinds[min(number, len(kinds) - 1)] = VISIBLE_NODE if short_mm >= VISIBLE_MM else SMALL_NODE
    return {NODES: numbers, NODE_KINDS: kinds[numbers]}


def painted_masks(case: Case, grid: Grid) -> tuple[LabelArray, tuple[str, ...]]:
    """A case's masks in one map with the values of the organ table, and the organs that were drawn.

    Wholes are painted before their parts, in the order of the table's priorities.
    """
    labels = np.zeros(grid.shape, np.uint8)
    drawn = []
    for row in paint_order():
        image = case.organ_masks.get(row.name)
        if image is not None:
            labels[mask_on_grid(image, grid)] = row.label_value
            drawn.append(row.name)
    return labels, tuple(drawn)
