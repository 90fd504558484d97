"""From a cohort's PET/CT to volumes around the stations on disk, and a record of every patient."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from skimage.segmentation import expand_labels

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.prepare import each_patient
from lnstation_training.engine.prepared import claim_folder
from lnstation_training.tasks.station_patches.lesions import hot_voxels, lesion_overlaps
from lnstation_training.tasks.station_patches.samples import (
    TARGETS,
    VOLUMES,
    PatchGeometry,
    PatientRecord,
    StationRecord,
    Target,
    channels_file,
    stations_file,
    write_records,
)
from LNStationLib import anatomy
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, grown_mm, label_boxes, like, spacing_zyx
from LNStationLib.imaging.masks import mask_on
from LNStationLib.imaging.reading import read_image
from LNStationLib.metastasis.station_uptake import station_uptakes
from LNStationLib.sampling.station_patch import LEAST_COVERED, Index, PetCtVolume, pet_ct_volume
from LNStationLib.support.atomic_files import atomic_file, write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress
from LNStationLib.support.types import BoolArray

logger = logging.getLogger(__name__)

_FORMAT = "labels of both truths"
"""Of a record; records of another are made again."""
_NAMES = {row.label_value: row.name for row in anatomy.stations()}


def prepare(
    patients: Sequence[CohortPatient],
    folder: Path,
    task_name: str,
    info: CohortInfo,
    geometry: PatchGeometry,
    progress: Progress,
    workers: int,
) -> list[PatientRecord]:
    """Put all patients on the grid of the patches; see ``engine.task.Task.prepare``.

    A patient who is there already is kept, so that an interrupted run resumes where it stopped.
    """
    try:
        (folder / VOLUMES).mkdir(parents=True, exist_ok=True)
        claim_folder(folder, task_name, info, geometry)
        records = each_patient(patients, partial(_record, folder=folder, geometry=geometry), workers, progress)
        known = patients_with_stations(records, geometry.with_stations)
        records = [each if each.patient in known else _without_labels(each) for each in records]
        write_records(folder, records)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror}; free space and run it again.") from error
    progress("done", 1.0)
    return records


def patients_with_stations(records: Sequence[PatientRecord], part: float) -> set[str]:
    """Patients whose stations stay known: of those with an N category a part, by a hash of the identifier."""
    staged = sorted((each.patient for each in records if each.stage is not None), key=_shuffled)
    kept = set(staged[: round(part * len(staged))])
    return kept | {each.patient for each in records if each.stage is None}


def _shuffled(patient: str) -> str:
    return hashlib.sha256(patient.encode()).hexdigest()


def _without_labels(record: PatientRecord) -> PatientRecord:
    nothing = {"label": None, "labels": dict.fromkeys(TARGETS)}
    unknown = [station.model_copy(update=nothing) for station in record.stations]
    return record.model_copy(update={"stations": unknown})


def _record(patient: CohortPatient, folder: Path, geometry: PatchGeometry) -> PatientRecord | InputError:
    """A patient made now or earlier. An error is an answer, so that it passes between processes."""
    path, digest = folder / VOLUMES / f"{patient.patient}.json", _digest(patient)
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["digest"] == digest:
            return PatientRecord.model_validate(found["record"])
    try:
        record, volume = _made(patient, geometry)
    except InputError as error:
        return InputError(str(error))
    _save(channels_file(folder, patient.patient), volume.channels.astype(np.float16))
    _save(stations_file(folder, patient.patient), volume.stations)
    content = {"digest": digest, "record": record.model_dump(mode="json")}
    write_atomically(path, json.dumps(content) + "\n")
    return record


def _save(path: Path, array: np.ndarray) -> None:
    with atomic_file(path) as unfinished, unfinished.open("wb") as file:
        np.save(file, array)


def _digest(patient: CohortPatient) -> str:
    """Changes with a patient's images and labels, and with what a record holds."""
    stations = sorted((name, each.positive) for name, each in patient.dissections.items())
    parts = [_FORMAT, f"{stations} {patient.clinical_stations} {patient.n_category} {patient.clinical_n_category}"]
    parts.append(str(patient.tumor_side))
    for path in (patient.ct, patient.pet, patient.stations, patient.lesions):
        status = path.stat() if path else None
        parts.append(f"{path}:{status.st_size}:{status.st_mtime_ns}" if status else "none")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _made(patient: CohortPatient, geometry: PatchGeometry) -> tuple[PatientRecord, PetCtVolume]:
    if patient.pet is None or patient.stations is None or patient.tumor_side is None:
        raise InputError("needs PET, a station map and the side of the tumor.")
    request = CaseRequest(patient.ct, patient.pet, patient.pet_units, case_id=patient.patient)
    case = load_case(request)
    assert case.pet is not None
    stations = read_image(patient.stations, f"stations {patient.stations.name}", logger.warning)
    stations = grown_stations(sitk.Cast(stations, sitk.sitkUInt8), geometry.grow_mm)
    volume = pet_ct_volume(case.ct, case.pet, stations, geometry)
    if volume is None:
        raise InputError(f"{patient.stations.name} has no station.")
    lesions = _lesions(patient, volume, geometry)
    return _described(patient, volume, case.pet, lesions, geometry), volume


def _lesions(patient: CohortPatient, volume: PetCtVolume, geometry: PatchGeometry) -> BoolArray:
    """Those of the table, else what is hot."""
    if patient.lesions is None:
        return hot_voxels(volume.channels[1] * geometry.suv_of_one)
    given = read_image(patient.lesions, f"lesions {patient.lesions.name}", logger.warning)
    return mask_on(given, volume.grid.image(volume.stations))


def _described(
    patient: CohortPatient, volume: PetCtVolume, pet: sitk.Image, lesions: BoolArray, geometry: PatchGeometry
) -> PatientRecord:
    overlaps = lesion_overlaps(lesions, volume.stations, volume.grid.voxel_volume_ml)
    uptakes = station_uptakes(pet, volume.grid.image(volume.stations), None).by_station
    boxes = label_boxes(volume.stations)
    stations, left_out = [], []
    for value, center in volume.centers(geometry.spacing_mm).items():
        name = _NAMES[value]
        if volume.covered[value] < LEAST_COVERED:
            left_out.append(name)
            continue
        suv_max = uptakes[name].suv_max if name in uptakes else None
        low, high = _ends(boxes[value])
        labels: dict[Target, int | None] = {
            "clinical": patient.clinical_label(name),
            "pathology": patient.label(name),
        }
        stations.append(
            StationRecord(
                station=name,
                label=labels[geometry.target],
                labels=labels,
                center=center,
                low=low,
                high=high,
                suv_max=suv_max,
                lesion_overlap=overlaps.get(value, 0.0),
            )
        )
    if not stations:
        raise InputError("PET covers no station.")
    assert patient.tumor_side is not None
    stages = _stages(patient)
    return PatientRecord(
        patient=patient.patient,
        side=patient.tumor_side,
        stage=stages[geometry.target],
        stages=stages,
        stations=stations,
        left_out=left_out,
    )


def _stages(patient: CohortPatient) -> dict[Target, int | None]:
    given: dict[Target, str | None] = {"clinical": patient.clinical_n_category, "pathology": patient.n_category}
    return {target: None if category is None else int(category[1]) for target, category in given.items()}


def _ends(box: Box) -> tuple[Index, Index]:
    (z, y, x), (c, b, a) = ((part.start for part in box), (part.stop - 1 for part in box))
    return (z, y, x), (c, b, a)


def grown_stations(stations: sitk.Image, by_mm: float) -> sitk.Image:
    """Stations grown into what is none, the nearer one first; each voxel of a station stays.

    Args:
        stations: uint8 label map.
        by_mm: How far; 0 leaves them.
    """
    if not by_mm:
        return stations
    labels = array_view(stations)
    box = bounding_box(labels)
    if box is None:
        return stations
    wide = grown_mm(box, by_mm, spacing_zyx(stations), labels.shape)
    result = np.array(labels)
    result[wide] = expand_labels(labels[wide], by_mm, spacing=spacing_zyx(stations))
    return like(result, stations)
