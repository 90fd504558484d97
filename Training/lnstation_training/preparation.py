"""From a cohort's images to regions on disk, once: what training reads again and again."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lnstation_training.cohort import CohortPatient
from LNStationLib import __version__, anatomy
from LNStationLib.case import Case
from LNStationLib.case_input.request import CaseRequest
from LNStationLib.case_loading import load_case
from LNStationLib.errors import InputError, OutputError
from LNStationLib.imaging.reading import read_image
from LNStationLib.metastasis.station_groups import STATIONS
from LNStationLib.metastasis.station_region import RegionSpec, station_region
from LNStationLib.nodes.find import find_nodes
from LNStationLib.progress import Progress, silent
from LNStationLib.settings import Settings

PREPARED_FILE, SAMPLES_FILE, REGIONS = "prepared.json", "samples.csv", "regions"


@dataclass(frozen=True)
class Sample:
    """One station of one patient, as a row of ``samples.csv``.

    Attributes:
        patient: Identifier of the patient.
        station: Station name.
        row: Index along the first axis of the patient's arrays.
        label: 1 metastatic, 0 not, ``None`` where the station was not dissected.
        nodes_taken: Nodes that were examined; ``None`` where it was not dissected.
        nodes_positive: How many of them were metastatic; ``None`` likewise.
        has_node: Whether a visible node reaches into the station.
        short_axis_mm: Largest short axis of its nodes; ``None`` where it has none.
    """

    patient: str
    station: str
    row: int
    label: int | None
    nodes_taken: int | None
    nodes_positive: int | None
    has_node: bool
    short_axis_mm: float | None


def prepare(
    patients: Sequence[CohortPatient],
    folder: Path,
    spec: RegionSpec | None = None,
    stations: Sequence[str] = STATIONS,
    progress: Progress = silent,
) -> list[Sample]:
    """Cut out the regions of all stations of all patients.

    A patient whose arrays are there already is kept, so that an interrupted run goes on where it stopped.

    Args:
        patients: The cohort.
        folder: Of prepared data; made where it does not exist.
        spec: Geometry and scaling of a region.
        stations: Stations to cut out; unlabeled ones too, since predictions may be wanted.
        progress: Told the running patient.

    Returns:
        All samples, in the order of patients and of ``stations``.

    Raises:
        InputError: An image cannot be used, or ``folder`` holds regions of another geometry.
        OutputError: The disk is full, or the folder cannot be written.
    """
    spec = spec or RegionSpec()
    try:
        (folder / REGIONS).mkdir(parents=True, exist_ok=True)
        _claim(folder, spec, stations)
        samples: list[Sample] = []
        for number, patient in enumerate(patients):
            progress(f"patient {patient.patient}", number / len(patients))
            samples += _patient_samples(patient, folder, spec, stations)
        write_samples(folder / SAMPLES_FILE, samples)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror}; free space and run it again.") from error
    progress("done", 1.0)
    return samples


def _claim(folder: Path, spec: RegionSpec, stations: Sequence[str]) -> None:
    """Write what decides the regions, or hold it against what is there."""
    content = {"lnstation_version": __version__, "region": spec.model_dump(mode="json"), "stations": list(stations)}
    path = folder / PREPARED_FILE
    if not path.exists():
        _write_bytes(path, json.dumps(content, indent=1).encode() + b"\n")
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    if {**found, "lnstation_version": __version__} != content:
        raise InputError(f"{folder} holds regions of another geometry or of other stations: choose another folder.")


def read_spec(folder: Path) -> RegionSpec:
    """Geometry of prepared regions.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    try:
        return RegionSpec.model_validate(json.loads((folder / PREPARED_FILE).read_text(encoding="utf-8"))["region"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error


def _patient_samples(patient: CohortPatient, folder: Path, spec: RegionSpec, stations: Sequence[str]) -> list[Sample]:
    """Samples of a patient; cut out unless they are there. The list of stations found is written last."""
    listing = folder / REGIONS / f"{patient.patient}.json"
    digest = _digest(patient)
    if listing.exists():
        found = json.loads(listing.read_text(encoding="utf-8"))
        if found["digest"] == digest:
            return [_sample(patient, row, entry) for row, entry in enumerate(found["stations"])]
    entries, ct, nodes = _cut_out(patient, spec, stations)
    _save(folder / REGIONS / f"{patient.patient}_ct.npy", ct)
    _save(folder / REGIONS / f"{patient.patient}_nodes.npy", nodes)
    _write_bytes(listing, json.dumps({"digest": digest, "stations": entries}).encode() + b"\n")
    return [_sample(patient, row, entry) for row, entry in enumerate(entries)]


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
    station_map = read_image(patient.stations, f"stations {patient.stations.name}")
    sizes = _short_axes(case, station_map)
    entries, ct, nodes = [], [], []
    for name in stations:
        region = station_region(case.ct, station_map, case.nodes, anatomy.station(name).label_value, spec)
        if region is None:
            continue
        ct.append(region.array[0].astype(np.float16))
        nodes.append(region.array[1].astype(np.uint8))
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
    found = find_nodes(case, on_ct, lambda point: "L", Settings(nodes="supplied")).findings
    sizes: dict[str, float] = {}
    for node in found:
        if node.station is not None:
            sizes[node.station] = max(node.short_axis_mm, sizes.get(node.station, 0.0))
    return sizes


def _save(path: Path, array: np.ndarray) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        np.save(file, array)
    os.replace(temporary, path)


def _write_bytes(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write ``samples.csv``; ``None`` is an empty cell."""
    names = [field.name for field in fields(Sample)]
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for sample in samples:
            row = asdict(sample)
            row["has_node"] = int(sample.has_node)
            writer.writerow(row)
    os.replace(temporary, path)


def read_samples(folder: Path) -> list[Sample]:
    """Read the samples of prepared data.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    try:
        with (folder / SAMPLES_FILE).open(newline="", encoding="utf-8") as file:
            return [_read_sample(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error


def _read_sample(row: dict[str, str]) -> Sample:
    def whole(cell: str) -> int | None:
        return int(cell) if cell else None

    return Sample(
        patient=row["patient"],
        station=row["station"],
        row=int(row["row"]),
        label=whole(row["label"]),
        nodes_taken=whole(row["nodes_taken"]),
        nodes_positive=whole(row["nodes_positive"]),
        has_node=row["has_node"] == "1",
        short_axis_mm=float(row["short_axis_mm"]) if row["short_axis_mm"] else None,
    )
