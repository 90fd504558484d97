"""From a cohort's images to regions on disk, once: what training reads again and again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lnstation_training.cohort import MOST_ERRORS, CohortError, CohortPatient
from lnstation_training.samples import PREPARED_FILE, REGIONS, SAMPLES_FILE, CohortInfo, Sample, write_samples
from LNStationLib import __version__, anatomy
from LNStationLib.anatomy.station_groups import STATIONS
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.reading import read_image
from LNStationLib.nodes.find import find_nodes
from LNStationLib.sampling.station_region import RegionSpec, station_region
from LNStationLib.state.assessment import Midline
from LNStationLib.state.patient_state import patient_with_stations
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.atomic_files import atomic_file, write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.processes import fresh_processes
from LNStationLib.support.progress import Progress, silent

logger = logging.getLogger(__name__)


def prepare(
    patients: Sequence[CohortPatient],
    folder: Path,
    info: CohortInfo,
    spec: RegionSpec | None = None,
    stations: Sequence[str] = STATIONS,
    progress: Progress = silent,
    workers: int = 1,
) -> list[Sample]:
    """Cut out the regions of all stations of all patients.

    A patient whose arrays are there already is kept, so that an interrupted run goes on where it stopped.

    Args:
        patients: The cohort.
        folder: Of prepared data; made where it does not exist.
        info: What the cohort is.
        spec: Geometry and scaling of a region.
        stations: Stations to cut out; unlabeled ones too, since predictions may be wanted.
        progress: Told after each patient.
        workers: Processes; never changes the result.

    Returns:
        All samples, in the order of patients and of ``stations``.

    Raises:
        CohortError: Images of patients cannot be used; all are listed, and the others are done.
        InputError: ``folder`` holds regions of another geometry.
        OutputError: The disk is full, or the folder cannot be written.
    """
    spec = spec or RegionSpec()
    try:
        (folder / REGIONS).mkdir(parents=True, exist_ok=True)
        _claim(folder, info, spec, stations)
        listings = _all_listings(
            patients, partial(_entries, folder=folder, spec=spec, stations=stations), workers, progress
        )
        samples = [
            _sample(patient, row, entry)
            for patient, entries in zip(patients, listings, strict=True)
            for row, entry in enumerate(entries)
        ]
        write_samples(folder / SAMPLES_FILE, samples)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror}; free space and run it again.") from error
    progress("done", 1.0)
    return samples


def _all_listings(
    patients: Sequence[CohortPatient],
    entries: Callable[[CohortPatient], list[dict] | InputError],
    workers: int,
    progress: Progress,
) -> list[list[dict]]:
    """What was cut out of every patient, in order; faulty patients are collected and told together."""
    found: list[list[dict]] = []
    faults: list[str] = []
    with contextlib.ExitStack() as stack:
        answers: Iterator[list[dict] | InputError] = map(entries, patients)
        if workers > 1:
            answers = stack.enter_context(fresh_processes(workers)).map(entries, patients)
        for number, (patient, answer) in enumerate(zip(patients, answers, strict=True), start=1):
            if isinstance(answer, InputError):
                faults.append(f"patient {patient.patient}: {answer}")
            else:
                found.append(answer)
            progress(f"{number} of {len(patients)} patients", number / len(patients))
    if faults:
        more = [f"... and {len(faults) - MOST_ERRORS} more"] if len(faults) > MOST_ERRORS else []
        raise CohortError("\n".join([*faults[:MOST_ERRORS], *more]))
    return found


def _claim(folder: Path, info: CohortInfo, spec: RegionSpec, stations: Sequence[str]) -> None:
    """Write what decides the regions and what the cohort is; refuse regions of another geometry."""
    content = {
        "lnstation_version": __version__,
        "cohort": info.model_dump(mode="json"),
        "region": spec.model_dump(mode="json"),
        "stations": list(stations),
    }
    path = folder / PREPARED_FILE
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if any(found.get(key) != content[key] for key in ("region", "stations")):
            raise InputError(
                f"{folder} holds regions of another geometry or of other stations: choose another folder."
            )
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def _entries(
    patient: CohortPatient, folder: Path, spec: RegionSpec, stations: Sequence[str]
) -> list[dict] | InputError:
    """Stations cut out of a patient, now or earlier; the list of them is written last.

    An error is an answer here, so that it passes between processes and the other patients are still done.
    """
    listing = folder / REGIONS / f"{patient.patient}.json"
    digest = _digest(patient)
    if listing.exists():
        found = json.loads(listing.read_text(encoding="utf-8"))
        if found["digest"] == digest:
            return list(found["stations"])
    try:
        entries, ct, nodes = _cut_out(patient, spec, stations)
    except InputError as error:
        return InputError(str(error))
    _save(folder / REGIONS / f"{patient.patient}_ct.npy", ct)
    _save(folder / REGIONS / f"{patient.patient}_nodes.npy", nodes)
    write_atomically(listing, json.dumps({"digest": digest, "stations": entries}).encode() + b"\n")
    return entries


def _digest(patient: CohortPatient) -> str:
    """What tells whether a patient's images are those that were cut out: paths, sizes and times of change."""
    parts = []
    for path in (patient.ct, patient.stations, patient.nodes):
        status = path.stat() if path else None
        parts.append(f"{path}:{status.st_size}:{status.st_mtime_ns}" if status else "none")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _sample(patient: CohortPatient, row: int, entry: dict) -> Sample:
    station = entry["station"]
    found = patient.dissections.get(station)
    return Sample(
        patient=patient.patient,
        station=station,
        row=row,
        label=patient.label(station),
        nodes_taken=found.nodes_taken if found else None,
        nodes_positive=found.nodes_positive if found else None,
        has_node=entry["has_node"],
        short_axis_mm=entry["short_axis_mm"],
    )


def _cut_out(
    patient: CohortPatient, spec: RegionSpec, stations: Sequence[str]
) -> tuple[list[dict], np.ndarray, np.ndarray]:
    case = load_case(CaseRequest(ct=patient.ct, nodes=patient.nodes, case_id=patient.patient))
    station_map = read_image(patient.stations, f"stations {patient.stations.name}", logger.warning)
    sizes = _short_axes(case, station_map)
    entries, ct, nodes = [], [], []
    for name in stations:
        region = station_region(case.ct, station_map, case.nodes, anatomy.station(name).label_value, spec)
        if region is None:
            continue
        ct.append(region.ct.astype(np.float16))
        nodes.append((region.nodes > 0).astype(np.uint8))
        entries.append({"station": name, "has_node": region.has_node, "short_axis_mm": sizes.get(name)})
    if not entries:
        raise InputError(f"{patient.stations} holds none of the stations {', '.join(stations)}.")
    return entries, np.stack(ct), np.stack(nodes)


def _short_axes(case: Case, station_map: sitk.Image) -> dict[str, float]:
    """Largest short axis of the nodes of every station that has one, for the size criterion to compare with."""
    if case.nodes is None:
        return {}
    on_ct = sitk.Resample(station_map, case.ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    # Sides of nodes are not asked for, so any will do.
    anywhere = Midline(first_z_mm=0.0, step_mm=1.0, x_mm=[0.0])
    state = patient_with_stations(case, Settings(nodes=StepSettings(method="supplied")), on_ct, anywhere)
    found = find_nodes(state).findings
    sizes: dict[str, float] = {}
    for node in found:
        if node.station is not None:
            sizes[node.station] = max(node.short_axis_mm, sizes.get(node.station, 0.0))
    return sizes


def _save(path: Path, array: np.ndarray) -> None:
    with atomic_file(path) as unfinished, unfinished.open("wb") as file:
        np.save(file, array)
