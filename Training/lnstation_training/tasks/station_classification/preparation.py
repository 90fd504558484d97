"""From a cohort's images to regions on disk, once: what training reads again and again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.prepare import each_patient
from lnstation_training.engine.prepared import claim_folder
from lnstation_training.tasks.station_classification.samples import (
    CT_KIND,
    NODES_KIND,
    REGIONS,
    SAMPLES_FILE,
    STATION_KIND,
    STORED,
    StationSample,
    write_samples,
)
from LNStationLib import anatomy
from LNStationLib.anatomy.station_groups import STATIONS
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.imaging.reading import read_image
from LNStationLib.nodes.find import find_nodes
from LNStationLib.sampling.station_region import RegionCut, RegionSpec, region_cuts
from LNStationLib.state.assessment import Midline
from LNStationLib.state.patient_state import patient_with_stations
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.atomic_files import atomic_file, write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, silent

logger = logging.getLogger(__name__)

TASK_NAME = "station_classification"
_STORED = "regions with all that lies in them"
"""What arrays hold; another wording has every patient cut out again."""


def prepare(
    patients: Sequence[CohortPatient],
    folder: Path,
    info: CohortInfo,
    spec: RegionSpec | None = None,
    stations: Sequence[str] = STATIONS,
    progress: Progress = silent,
    workers: int = 1,
) -> list[StationSample]:
    """Cut out the regions of all stations of all patients.

    A patient whose arrays exist already is kept, so that an interrupted run resumes where it stopped.

    Args:
        patients: The cohort.
        folder: Of prepared data; made where it does not exist.
        info: What the cohort is.
        spec: Geometry and scaling of a region.
        stations: Stations to cut out, unlabeled ones too, since predictions may be wanted.
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
        claim_folder(folder, TASK_NAME, info, spec, {"stations": list(stations)})
        cut = partial(_entries, folder=folder, spec=spec, stations=stations)
        listings = each_patient(patients, cut, workers, progress)
        samples = [
            _sample(patient, entry) for patient, entries in zip(patients, listings, strict=True) for entry in entries
        ]
        write_samples(folder / SAMPLES_FILE, samples)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror}; free space and run it again.") from error
    progress("done", 1.0)
    return samples


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
        entries, arrays = _cut_out(patient, spec, stations)
    except InputError as error:
        return InputError(str(error))
    for kind, array in arrays.items():
        _save(folder / REGIONS / f"{patient.patient}_{kind}.npy", array)
    write_atomically(listing, json.dumps({"digest": digest, "stations": entries}).encode() + b"\n")
    return entries


def _digest(patient: CohortPatient) -> str:
    """Tells whether a patient's images are those that were cut out: paths, sizes and times of change."""
    parts = [_STORED]
    for path in (patient.ct, patient.stations, patient.nodes):
        status = path.stat() if path else None
        parts.append(f"{path}:{status.st_size}:{status.st_mtime_ns}" if status else "none")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _sample(patient: CohortPatient, entry: dict) -> StationSample:
    station = entry["station"]
    found = patient.dissections.get(station)
    return StationSample(
        patient=patient.patient,
        label=patient.label(station),
        nodes_taken=found.nodes_taken if found else None,
        nodes_positive=found.nodes_positive if found else None,
        **entry,
    )


def _cut_out(
    patient: CohortPatient, spec: RegionSpec, stations: Sequence[str]
) -> tuple[list[dict], dict[str, np.ndarray]]:
    """A row for every station, and the arrays ``[region, z, y, x]`` by the kinds of ``STORED``."""
    if patient.stations is None:
        raise InputError("has no station label map.")
    case = load_case(CaseRequest(ct=patient.ct, nodes=patient.nodes, case_id=patient.patient))
    station_map = read_image(patient.stations, f"stations {patient.stations.name}", logger.warning)
    sizes = _short_axes(case, station_map)
    entries: list[dict] = []
    every: list[RegionCut] = []
    for name in stations:
        value = anatomy.station(name).label_value
        cuts = [cut for cut in region_cuts(case.ct, station_map, case.nodes, value, spec) if cut.station.any()]
        if not cuts:
            continue
        place = {"station": name, "row": len(every), "n_regions": len(cuts)}
        has_node = any(cut.seen(spec).has_node for cut in cuts)
        entries.append({**place, "has_node": has_node, "short_axis_mm": sizes.get(name)})
        every += cuts
    if not entries:
        raise InputError(f"{patient.stations} holds none of the stations {', '.join(stations)}.")
    return entries, _stored(every)


def _stored(cuts: Sequence[RegionCut]) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {
        CT_KIND: [cut.ct.astype(np.float16) for cut in cuts],
        NODES_KIND: [(cut.nodes > 0).astype(np.uint8) for cut in cuts],
        STATION_KIND: [cut.station.astype(np.uint8) for cut in cuts],
    }
    return {kind: np.stack(found[kind]) for kind in STORED}


def _short_axes(case: Case, station_map: sitk.Image) -> dict[str, float]:
    """Largest short axis of the nodes of every station that has one, for the size criterion to compare with."""
    if case.nodes is None:
        return {}
    on_ct = sitk.Resample(station_map, case.ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    # Nodes' sides are not used, so any midline will do.
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
