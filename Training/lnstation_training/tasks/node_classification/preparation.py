"""From a cohort's images to patches of nodes on disk, once: what training reads again and again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cc3d
import numpy as np
import SimpleITK as sitk

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.prepare import each_patient
from lnstation_training.engine.prepared import claim_folder
from lnstation_training.tasks.node_classification.samples import (
    PATCHES,
    SAMPLES_FILE,
    Exclusion,
    NodeGeometry,
    NodeSample,
    write_samples,
)
from LNStationLib import anatomy
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import crop, label_boxes
from LNStationLib.imaging.reading import read_image
from LNStationLib.nodes.measurement import measure_diameters
from LNStationLib.sampling.node_patch import NodePatchSpec, node_boxes, node_patch
from LNStationLib.support.atomic_files import atomic_file, write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress

logger = logging.getLogger(__name__)

TASK_NAME = "node_classification"
_LEAST_INSIDE = 0.5
"""Part of a patch that the image must cover: with less, most of what the network sees is not there."""
_SHARED_WITH = 0.25
"""Part of a node in a further station from which it lies in that too: less may be how a border was drawn."""


@dataclass(frozen=True)
class _Entry:
    """A node that was cut out, as its patient's listing keeps it."""

    node: int
    stations: list[str]
    short_axis_mm: float
    part_inside: float


def prepare(
    patients: Sequence[CohortPatient],
    folder: Path,
    info: CohortInfo,
    geometry: NodeGeometry,
    progress: Progress,
    workers: int,
) -> list[NodeSample]:
    """Cut out the patches of all nodes of all patients; see ``engine.task.Task.prepare``.

    A patient whose array exists already is kept, so that an interrupted run resumes where it stopped.
    """
    try:
        (folder / PATCHES).mkdir(parents=True, exist_ok=True)
        claim_folder(folder, TASK_NAME, info, geometry)
        cut = partial(_entries, folder=folder, spec=geometry.patch)
        listings = each_patient(patients, cut, workers, progress)
        labeled = labeled_patients(patients, geometry.labeled_patients)
        samples = [
            _sample(patient, row, entry, geometry, patient.patient in labeled)
            for patient, entries in zip(patients, listings, strict=True)
            for row, entry in enumerate(entries)
        ]
        write_samples(folder / SAMPLES_FILE, samples)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror}; free space and run it again.") from error
    empty = sum(not entries for entries in listings)
    if empty:
        words = "%d of %d patients have no node mask, or one without nodes, and give no sample."
        logger.warning(words, empty, len(patients))
    progress("done", 1.0)
    return samples


def labeled_patients(patients: Sequence[CohortPatient], part: float) -> set[str]:
    """The patients whose nodes keep their status: a part of those that have any, by a hash of their identifiers.

    So a larger cohort keeps the choice of a smaller one, as far as it goes.
    """
    with_status = sorted((each.patient for each in patients if each.node_status), key=_shuffled)
    return set(with_status[: max(round(part * len(with_status)), 1)])


def _shuffled(patient: str) -> str:
    return hashlib.sha256(patient.encode()).hexdigest()


def _entries(patient: CohortPatient, folder: Path, spec: NodePatchSpec) -> list[_Entry] | InputError:
    """Nodes cut out of a patient, now or earlier; the list of them is written last.

    An error is an answer here, so that it passes between processes and the other patients are still done.
    """
    listing = folder / PATCHES / f"{patient.patient}.json"
    digest = _digest(patient)
    if listing.exists():
        found = json.loads(listing.read_text(encoding="utf-8"))
        if found["digest"] == digest:
            return [_Entry(**entry) for entry in found["nodes"]]
    try:
        entries, patches = _cut_out(patient, spec)
    except InputError as error:
        return InputError(str(error))
    with atomic_file(folder / PATCHES / f"{patient.patient}.npy") as unfinished, unfinished.open("wb") as file:
        np.save(file, patches)
    content = {"digest": digest, "nodes": [entry.__dict__ for entry in entries]}
    write_atomically(listing, json.dumps(content).encode() + b"\n")
    return entries


def _digest(patient: CohortPatient) -> str:
    """Tells whether a patient's images are those that were cut out: paths, sizes and times of change."""
    parts = [f"{sorted(patient.node_status)} {sorted(patient.node_stations.items())}"]
    for path in (patient.ct, patient.stations, patient.nodes):
        status = path.stat() if path else None
        parts.append(f"{path}:{status.st_size}:{status.st_mtime_ns}" if status else "none")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _cut_out(patient: CohortPatient, spec: NodePatchSpec) -> tuple[list[_Entry], np.ndarray]:
    if patient.nodes is None:
        if patient.node_status or patient.node_stations:
            raise InputError("the table of nodes names its nodes, and it has no node mask.")
        return [], np.zeros((0, 2, *spec.size), np.float16)
    case = load_case(CaseRequest(ct=patient.ct, nodes=patient.nodes, case_id=patient.patient))
    nodes = _instances(patient, sitk.Image(case.ct.GetSize(), sitk.sitkUInt8) if case.nodes is None else case.nodes)
    boxes = node_boxes(nodes)
    lost = sorted({*patient.node_status, *patient.node_stations} - set(boxes))
    if lost:
        raise InputError(f"the table of nodes names node {lost[0]}, which {patient.nodes.name} does not hold.")
    stations = None
    if patient.stations is not None:
        read = read_image(patient.stations, f"stations {patient.stations.name}", logger.warning)
        stations = sitk.Resample(read, nodes, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    entries, patches = [], []
    for value, voxels in label_boxes(array_view(nodes)).items():
        patch = node_patch(case.ct, boxes[value], spec)
        patches.append(patch.values.astype(np.float16))
        mask = array_view(nodes)[voxels] == value
        held = None if stations is None else array_view(stations)[voxels][mask]
        named = patient.node_stations.get(value)
        short_axis = measure_diameters(mask, crop(nodes, voxels)).short_mm
        entries.append(
            _Entry(value, [named] if named else _stations_of(held), short_axis, round(patch.part_inside, 4))
        )
    empty = np.zeros((0, 2, *spec.size), np.float16)
    return entries, np.stack(patches) if patches else empty


def _instances(patient: CohortPatient, nodes: sitk.Image) -> sitk.Image:
    """The node map with a value for each node.

    Raises:
        InputError: A mask of one value has several nodes, and the table of nodes names nodes by value.
    """
    values = array_view(nodes)
    if int(values.max()) != 1:
        return nodes
    parts, count = cc3d.connected_components(values != 0, connectivity=26, return_N=True)
    if count > 1 and (patient.node_status or patient.node_stations):
        raise InputError(
            f"its node mask has one value for {count} nodes, so that the table of nodes cannot tell them apart: give "
            "a map with a value for each node."
        )
    instances = sitk.GetImageFromArray(parts.astype(np.uint16))
    instances.CopyInformation(nodes)
    return instances


def _stations_of(inside: np.ndarray | None) -> list[str]:
    """Stations that hold a part of a node that matters, the largest part first; empty outside of all stations.

    Args:
        inside: Station labels of the node's voxels; ``None`` without a station map.
    """
    if inside is None:
        return []
    counts = {row.name: int((inside == row.label_value).sum()) for row in anatomy.stations()}
    held = sorted(((count, name) for name, count in counts.items() if count), reverse=True)
    return [name for number, (count, name) in enumerate(held) if number == 0 or count >= _SHARED_WITH * inside.size]


def _sample(patient: CohortPatient, row: int, entry: _Entry, geometry: NodeGeometry, labeled: bool) -> NodeSample:
    status = patient.node_status.get(entry.node)
    known = None if status is None else int(status)
    positive = _station_positive(patient, entry.stations)
    excluded = _exclusion(entry, geometry, known, positive)
    return NodeSample(
        patient=patient.patient,
        node=entry.node,
        row=row,
        label=known if labeled and not excluded else None,
        truth=None if labeled else known,
        station=entry.stations[0] if entry.stations else None,
        station_positive=positive,
        short_axis_mm=round(entry.short_axis_mm, 3),
        part_inside=entry.part_inside,
        excluded=excluded,
    )


def _station_positive(patient: CohortPatient, stations: Sequence[str]) -> int | None:
    """Pathology of the stations that a node lies in, where they agree and all were dissected."""
    found = {patient.label(station) for station in stations}
    return found.pop() if len(found) == 1 else None


def _exclusion(entry: _Entry, geometry: NodeGeometry, known: int | None, positive: int | None) -> Exclusion:
    if entry.short_axis_mm < geometry.min_short_axis_mm:
        return "too_small"
    if entry.part_inside < _LEAST_INSIDE:
        return "beyond_image"
    return "contradicts_pathology" if known == 1 and positive == 0 else ""
