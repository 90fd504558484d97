"""From a cohort's images to volumes on a network's grid, once: CT, organ masks and station maps of real patients."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.prepare import each_patient
from lnstation_training.segmentation.classes import paint_order
from lnstation_training.segmentation.folder import VolumeGeometry, VolumeSample, claim_volumes
from lnstation_training.segmentation.patients import CT, ORGANS, STATIONS, PatientVolume, patient_path, write_patient
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.grid import Grid, resample_to_grid, scaled_grid, working_grid
from LNStationLib.imaging.reading import read_image
from LNStationLib.organs.supplied import mask_on_grid
from LNStationLib.sampling.volume import volume_hu
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress
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
    case = load_case(CaseRequest(ct=patient.ct, organs=patient.organs, case_id=patient.patient))
    grid = scaled_grid(working_grid(case.ct, min(geometry.spacing_mm)), geometry.spacing_mm)
    organs, annotated = painted_masks(case, grid)
    arrays: dict[str, np.ndarray] = {
        CT: np.clip(volume_hu(case.ct, grid), -32768, 32767).astype(np.int16),
        ORGANS: organs,
    }
    if patient.stations is not None:
        image = read_image(patient.stations, f"stations {patient.stations.name}", logger.warning)
        arrays[STATIONS] = resample_to_grid(image, grid, labels=True).astype(np.uint8)
    return PatientVolume(patient.patient, arrays, grid.spacing_mm, annotated, synthetic)


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
